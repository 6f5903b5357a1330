//! Who signs which format: the one of the command line, else those of the manifest.

use installer::formats::FORMATS;
use stampwright::{Kind, Product, Result, SignatureForm, SigningMethod, SigningReferences};

use super::signing::SigningArgs;

/// Who signs.
#[derive(Debug)]
pub struct Signers {
    /// Whatever the format.
    all: Option<SigningMethod>,
    /// By format.
    some: Vec<(Kind, SigningMethod)>,
}

impl Signers {
    /// The command line's signer, else the manifest's for these formats (none: for all that the product has agents for).
    pub fn open(args: &SigningArgs, product: &Product, kinds: &[Kind], token_env: Option<&str>) -> Result<Self> {
        let references = [&product.signing().windows, &product.signing().macos, &product.signing().rpm];
        let passwords = references.into_iter().flatten().filter_map(|one| one.key_password_env.as_deref());
        // The token, and the password of every key: a command that signs for one format has no business with another one's.
        let secrets: Vec<&str> = token_env.into_iter().chain(passwords).collect();
        let all = args.method(secrets.iter().copied())?;
        let mut some = Vec::new();
        for format in FORMATS {
            let kind = format.kind();
            let has_agent = product.agents_for(kind.platform()).next().is_some();
            let is_made = has_agent && (kinds.is_empty() || kinds.contains(&kind));
            let references = match format.signature_form() {
                Some(SignatureForm::Authenticode) => &product.signing().windows,
                Some(SignatureForm::Xar) => &product.signing().macos,
                Some(SignatureForm::OpenPgp) => &product.signing().rpm,
                None => &None,
            };
            if let (true, true, Some(references)) = (all.is_none(), is_made, references) {
                let found = from_manifest(references, args.allow_open_key);
                let found = found.method(secrets.iter().copied())?;
                some.extend(found.map(|method| (kind, method)));
            }
        }
        Ok(Self { all, some })
    }

    /// Who signs installers of a format.
    pub fn of(&self, kind: Kind) -> Option<&SigningMethod> {
        let own = self.some.iter().find(|(found, _)| *found == kind).map(|(_, method)| method);
        self.all.as_ref().or(own)
    }
}

fn from_manifest(references: &SigningReferences, allow_open_key: bool) -> SigningArgs {
    let SigningReferences {
        certs,
        key,
        pkcs12,
        pkcs11,
        sign_command,
        sign_file_command,
        key_password_file,
        key_password_env,
        timestamp,
        description,
        url,
    } = references.clone();
    SigningArgs {
        certs,
        key,
        pkcs12,
        pkcs11,
        sign_command,
        sign_file_command,
        key_password_file,
        key_password_env,
        allow_open_key,
        timestamp,
        description,
        url,
    }
}
