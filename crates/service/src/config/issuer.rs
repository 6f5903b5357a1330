//! `[issuer]`: whose key mints tokens, and where it is.

use std::path::PathBuf;

use serde::Deserialize;
use stampwright::{Error, Result};

use super::duration::duration;

/// The issuer.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Issuer {
    /// Private keys as `stampwright token keygen` writes them, or JSON Web Key Sets of public ones: the first one mints, the others are listed. With a key
    /// that is elsewhere all of them are listed. Default: a key in the data folder that the first start makes.
    pub(crate) keys: Vec<PathBuf>,
    /// The key that mints is on a PKCS #11 token, as an RFC 7512 URI.
    pub(crate) pkcs11: Option<String>,
    /// It is behind a command that gets a SHA-256 digest and answers its signature.
    pub(crate) command: Option<String>,
    /// The public half of such a key: PEM, P-256.
    pub(crate) public_key: Option<PathBuf>,
    /// A file with the token's PIN.
    pub(crate) passphrase_file: Option<PathBuf>,
    /// How long such a key may take before the client is told to come back.
    #[serde(deserialize_with = "duration")]
    pub(crate) timeout: u64,
}

impl Default for Issuer {
    fn default() -> Self {
        Self { keys: Vec::new(), pkcs11: None, command: None, public_key: None, passphrase_file: None, timeout: 20 }
    }
}

impl Issuer {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.keys.iter_mut().chain(&mut self.public_key).chain(&mut self.passphrase_file)
    }

    pub(super) fn check(&self) -> Result<()> {
        let is_elsewhere = self.pkcs11.is_some() || self.command.is_some();
        if self.pkcs11.is_some() && self.command.is_some() {
            return Err(Error::usage("[issuer] must have pkcs11 or command, not both"));
        }
        if is_elsewhere != self.public_key.is_some() {
            let message = "[issuer] pkcs11 or command needs public-key, and public-key one of them";
            return Err(Error::usage(message).hint("openssl ec -in KEY -pubout writes it"));
        }
        if self.timeout == 0 {
            return Err(Error::usage("issuer.timeout must be at least 1s"));
        }
        Ok(())
    }
}
