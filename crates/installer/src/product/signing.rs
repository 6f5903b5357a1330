//! Who signs the installers of one format, by reference: files, addresses and names of variables, never a key or a password itself.

use std::path::Path;

use super::check::Checker;
use super::definition::{Signing, SigningReferences};
use super::manifest::{At, Manifest, SigningSection};

impl Checker<'_, '_> {
    pub(super) fn signing(&mut self, manifest: &Manifest) -> Signing {
        let mut of = |table: &str, section: Option<&At<SigningSection>>| {
            let (section, key) = (section?, format!("{table}.signing"));
            match references(section.get_ref(), self.folder) {
                Ok(references) => return Some(references),
                Err(SignerProblem::At(at, must)) => self.wrong(&key, at, must, None),
                Err(SignerProblem::Missing) => self.problems.hinted(
                    section.span(),
                    key,
                    "names no signer, and the installers would not be signed: must have key, pkcs12, pkcs11, sign-command or sign-file-command",
                    Some("remove the table where nothing is to be signed"),
                ),
            }
            None
        };
        Signing {
            windows: of("windows", manifest.windows.as_ref().and_then(|section| section.signing.as_ref())),
            macos: of("macos", manifest.macos.as_ref().and_then(|section| section.signing.as_ref())),
            rpm: of("rpm", manifest.rpm.signing.as_ref()),
        }
    }
}

/// What is wrong with a section.
enum SignerProblem<'s> {
    /// There is nothing to sign with.
    Missing,
    /// A value, and what it must be.
    At(&'s At<String>, &'static str),
}

/// What a section refers to.
fn references<'s>(section: &'s SigningSection, folder: &Path) -> Result<SigningReferences, SignerProblem<'s>> {
    let keys = [&section.key, &section.pkcs12, &section.pkcs11, &section.sign_command, &section.sign_file_command];
    let mut keys = keys.into_iter().flatten();
    match (keys.next(), keys.next()) {
        (Some(_), Some(second)) => {
            return Err(SignerProblem::At(second, "is a second signer; there must be one"));
        }
        (None, _) => return Err(SignerProblem::Missing),
        (Some(first), None) => {
            let is_whole = section.pkcs12.is_some() || section.sign_file_command.is_some();
            if section.certs.is_none() && !is_whole {
                return Err(SignerProblem::At(first, "needs certs beside it"));
            }
        }
    }
    let path = |at: &Option<At<String>>| at.as_ref().map(|at| folder.join(at.get_ref()));
    let text = |at: &Option<At<String>>| at.as_ref().map(|at| at.get_ref().clone());
    Ok(SigningReferences {
        certs: path(&section.certs),
        key: path(&section.key),
        pkcs12: path(&section.pkcs12),
        pkcs11: text(&section.pkcs11),
        sign_command: text(&section.sign_command),
        sign_file_command: text(&section.sign_file_command),
        key_password_file: path(&section.key_password_file),
        key_password_env: text(&section.key_password_env),
        timestamp: text(&section.timestamp),
        description: text(&section.description),
        url: text(&section.url),
    })
}
