//! Who signs, and with what.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use stampwright::input::{self, OpenKey};
use stampwright::sign::FileCommand;
use stampwright::{Error, KeyPlace, Passphrase, Result, Signer, SignerOptions, SigningMethod};

use crate::env;

/// Who signs, and with what: the same for every command that signs.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Signing")]
pub struct SigningArgs {
    /// The signer's certificates, PEM or DER, the leaf first
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub certs: Option<PathBuf>,
    /// The private key: PEM or DER, PKCS #8 (also encrypted), PKCS #1 or SEC 1
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, group = "signer", requires = "certs")]
    pub key: Option<PathBuf>,
    /// The private key and its certificates in one PKCS #12 file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, group = "signer")]
    pub pkcs12: Option<PathBuf>,
    /// The private key on a PKCS #11 token (RFC 7512): pkcs11:token=T;object=O?module-path=LIBRARY
    #[arg(long, value_name = "URI", group = "signer", requires = "certs")]
    pub pkcs11: Option<String>,
    /// A command that gets a SHA-256 digest (32 bytes) on standard input and answers its signature; run without a shell
    #[arg(long, value_name = "COMMAND", group = "signer", requires = "certs")]
    pub sign_command: Option<String>,
    /// A command that signs a whole file: reads {in} and writes {out}, or signs {out} in place; run without a shell
    #[arg(long, value_name = "COMMAND", group = "signer")]
    pub sign_file_command: Option<String>,
    /// The file with the key's password or the token's PIN
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "key_password_env")]
    pub key_password_file: Option<PathBuf>,
    /// The environment variable with the key's password or the token's PIN
    #[arg(long, value_name = "NAME")]
    pub key_password_env: Option<String>,
    /// Take a private key or a password file that others can read
    #[arg(long)]
    pub allow_open_key: bool,
    /// A timestamp authority (RFC 3161), http only
    #[arg(long, value_name = "URL", requires = "signer")]
    pub timestamp: Option<String>,
    /// The name that Windows shows for the installer (msi)
    #[arg(long, value_name = "TEXT", requires = "signer")]
    pub description: Option<String>,
    /// The address that Windows shows for the installer (msi)
    #[arg(long, value_name = "URL", requires = "signer")]
    pub url: Option<String>,
}

impl SigningArgs {
    /// The files that are read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.certs, &self.key, &self.pkcs12, &self.key_password_file].into_iter().filter_map(Option::as_deref)
    }

    /// Who signs. `None`: no signature was asked for. A command that signs gets no variable with a secret in it: neither the `secrets` nor
    /// the one with this key's password.
    pub fn method<'a>(&'a self, secrets: impl IntoIterator<Item = &'a str>) -> Result<Option<SigningMethod>> {
        let hidden: Vec<&str> = secrets.into_iter().chain(self.key_password_env.as_deref()).collect();
        if let Some(command) = &self.sign_file_command {
            if self.certs.is_some() || self.timestamp.is_some() || self.description.is_some() || self.url.is_some() {
                return Err(Error::usage(
                    "--sign-file-command signs by itself: give certificates, timestamp and texts to the command",
                ));
            }
            return Ok(Some(SigningMethod::Command(FileCommand::parse(command, &hidden)?)));
        }
        let key = match (&self.key, &self.pkcs12, &self.pkcs11, &self.sign_command) {
            (Some(path), ..) => KeyPlace::File(path),
            (_, Some(path), ..) => KeyPlace::Pkcs12(path),
            (_, _, Some(uri), _) => KeyPlace::Pkcs11(uri),
            (.., Some(command)) => KeyPlace::Command(command),
            (None, None, None, None) if self.certs.is_none() => return Ok(None),
            (None, None, None, None) => {
                return Err(Error::usage("a key is needed: --key, --pkcs12, --pkcs11 or --sign-command"));
            }
        };
        let timestamp = match &self.timestamp {
            Some(url) => Some((url.as_str(), env::random()?)),
            None => None,
        };
        let signer = Signer::open(SignerOptions {
            key,
            certificates: self.certs.as_deref(),
            passphrase: self.passphrase()?,
            open_key: self.open_key(),
            timestamp,
            description: self.description.as_deref(),
            url: self.url.as_deref(),
            now: env::now(),
            hidden_env: &hidden,
        })?;
        Ok(Some(SigningMethod::Key(Box::new(signer))))
    }

    /// What becomes of a private key that others can read.
    pub const fn open_key(&self) -> OpenKey {
        if self.allow_open_key { OpenKey::Allow } else { OpenKey::Refuse }
    }

    fn passphrase(&self) -> Result<Option<Passphrase>> {
        match (&self.key_password_file, &self.key_password_env) {
            (Some(path), _) => input::passphrase(path, self.open_key()).map(Some),
            (None, Some(name)) => env::passphrase(name).map(Some),
            (None, None) => Ok(None),
        }
    }
}
