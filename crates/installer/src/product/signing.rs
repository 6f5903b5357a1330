//! Who signs the installers of one format, by reference: files, addresses and names of variables, never a key or a password itself.

use std::path::Path;

use super::check::Checker;
use super::definition::{Signing, SigningReferences};
use super::manifest::{At, Manifest, SigningSection};

impl Checker<'_, '_> {
    pub(super) fn signing(&mut self, manifest: &Manifest) -> Signing {
        let mut of = |table: &str, section: Option<&SigningSection>| {
            let section = section?;
            match references(section, self.folder) {
                Ok(references) => Some(references),
                Err((at, must)) => {
                    self.wrong(&format!("{table}.signing"), at, must, None);
                    None
                }
            }
        };
        Signing {
            windows: of("windows", manifest.windows.as_ref().and_then(|section| section.signing.as_ref())),
            macos: of("macos", manifest.macos.as_ref().and_then(|section| section.signing.as_ref())),
            rpm: of("rpm", manifest.rpm.signing.as_ref()),
        }
    }
}

/// What a section refers to, or what is wrong with it.
fn references<'s>(
    section: &'s SigningSection,
    folder: &Path,
) -> Result<SigningReferences, (&'s At<String>, &'static str)> {
    let keys = [&section.key, &section.pkcs12, &section.pkcs11, &section.sign_command, &section.sign_file_command];
    let mut keys = keys.into_iter().flatten();
    match (keys.next(), keys.next()) {
        (Some(_), Some(second)) => return Err((second, "is a second signer; there must be one")),
        (None, _) => {
            if let Some(at) =
                section.certs.as_ref().or(section.timestamp.as_ref()).or(section.key_password_file.as_ref())
            {
                return Err((at, "needs a signer: key, pkcs12, pkcs11, sign-command or sign-file-command"));
            }
        }
        (Some(first), None) => {
            let is_whole = section.pkcs12.is_some() || section.sign_file_command.is_some();
            if section.certs.is_none() && !is_whole {
                return Err((first, "needs certs beside it"));
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
