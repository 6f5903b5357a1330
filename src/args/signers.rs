//! Who signs which format: the one of the command line, else those of the manifest.

use installer::formats::FORMATS;
use stampwright::{Error, Kind, Product, Result, SignatureForm, SigningMethod, SigningReferences};

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
        let (signers, problems) = Self::survey(args, product, kinds, token_env);
        problems.into_iter().next().map_or(Ok(signers), Err)
    }

    /// The same with everything that keeps one from signing, not only the first thing.
    pub fn survey(
        args: &SigningArgs,
        product: &Product,
        kinds: &[Kind],
        token_env: Option<&str>,
    ) -> (Self, Vec<Error>) {
        let references = [&product.signing().windows, &product.signing().macos, &product.signing().rpm];
        let passwords = references.into_iter().flatten().filter_map(|one| one.key_password_env.as_deref());
        // The token, and the password of every key: a command that signs for one format has no business with another one's.
        let secrets: Vec<&str> = token_env.into_iter().chain(passwords).collect();
        let all = match args.method(secrets.iter().copied()) {
            Ok(all) => all,
            Err(error) => return (Self { all: None, some: Vec::new() }, vec![error]),
        };
        let (mut some, mut problems) = (Vec::new(), Vec::new());
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
                match found.method(secrets.iter().copied()) {
                    Ok(method) => some.extend(method.map(|method| (kind, method))),
                    Err(error) => problems.push(error),
                }
            }
        }
        (Self { all, some }, problems)
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
