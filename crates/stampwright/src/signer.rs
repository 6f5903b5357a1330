//! Who signs: a key with its certificates, wherever they are kept, and what goes into a signature.

use std::path::Path;

use installer::format::Format;
use installer::seal::{Imprint, SealError, Sealed, Sealer, SignatureForm};
use signing::cms::SignError;
use signing::cms::authenticode::{self, Opus};
use signing::cms::package;
use signing::key::command::CommandKey;
use signing::key::file::FileKey;
use signing::key::pkcs11::{TokenKey, Uri};
use signing::key::{PrivateKey, pkcs12};
use signing::timestamp::{Authority, TimestampError, Timestamper};
use signing::{Identity, Passphrase, Purpose};

use crate::error::{Error, Result};
use crate::input::{self, OpenKey};

/// Where a private key is.
#[derive(Debug, Clone, Copy)]
pub enum KeyPlace<'a> {
    /// In a file: PEM or DER, PKCS #8 (also encrypted), PKCS #1 or SEC 1.
    File(&'a Path),
    /// In a PKCS #12 file, with its certificates.
    Pkcs12(&'a Path),
    /// On a PKCS #11 token, as an RFC 7512 URI.
    Pkcs11(&'a str),
    /// Behind a command that gets a SHA-256 digest and answers its signature.
    Command(&'a str),
}

/// What a signer is made of.
#[derive(Debug)]
pub struct SignerOptions<'a> {
    /// The key.
    pub key: KeyPlace<'a>,
    /// The certificates, the leaf first; a PKCS #12 file has its own and may lack those of the authority.
    pub certificates: Option<&'a Path>,
    /// The key's password or the token's PIN.
    pub passphrase: Option<Passphrase>,
    /// Whether a key that others can read is taken.
    pub open_key: OpenKey,
    /// A timestamp authority (RFC 3161), http only, and 16 random bytes for the nonces.
    pub timestamp: Option<(&'a str, [u8; 16])>,
    /// The name that Windows shows for the installer (msi).
    pub description: Option<&'a str>,
    /// The address that Windows shows for the installer (msi).
    pub url: Option<&'a str>,
    /// Seconds since 1970: when it signs, and what certificates are held against.
    pub now: u64,
}

/// A key with its certificates, and what goes into a signature.
#[derive(Debug)]
pub struct Signer {
    identity: Identity,
    certificates: Vec<Vec<u8>>,
    opus: Opus,
    authority: Option<Authority>,
    now: u64,
}

impl Signer {
    /// Opens the key and puts it together with its certificates.
    ///
    /// # Errors
    /// The key cannot be opened, others can read it, or none of the certificates is its own.
    pub fn open(options: SignerOptions<'_>) -> Result<Self> {
        let authority = options.timestamp.map(|(url, random)| Authority::new(url, random));
        let authority = authority.transpose().map_err(Error::usage)?;
        let opus = Opus { description: options.description.map(str::to_owned), url: options.url.map(str::to_owned) };
        let now = options.now;
        let identity = identity(options)?;
        let certificates = identity.certificates().iter().map(|certificate| certificate.der().to_vec()).collect();
        Ok(Self { identity, certificates, opus, authority, now })
    }

    /// Checks that this one may sign installers of a format, now.
    pub(crate) fn check(&self, format: &dyn Format) -> Result<()> {
        let purpose = match format.signature_form() {
            Some(SignatureForm::Authenticode) => Purpose::Authenticode,
            Some(SignatureForm::Xar) => Purpose::Package,
            None => {
                let message = format!("a {} has no signature inside the file", format.kind().extension());
                return Err(
                    Error::wrong(message).hint("sign the repository that serves it: apt checks that, not the file")
                );
            }
        };
        if purpose == Purpose::Package && self.opus != Opus::default() {
            return Err(Error::usage(
                "--description and --url are for msi only: a pkg's signature has no place for them",
            ));
        }
        Ok(self.identity.check(purpose, self.now)?)
    }

    /// How many bytes a signature makes an installer longer, at most.
    #[must_use]
    pub fn max_growth_bytes(&self) -> u64 {
        (self.most_cms_len() + self.rsa_len()) as u64 * 2
    }

    fn timestamper(&self) -> Option<&dyn Timestamper> {
        self.authority.as_ref().map(|authority| authority as &dyn Timestamper)
    }

    fn sign(&self, imprint: &Imprint) -> Result<Sealed, SignError> {
        match imprint {
            Imprint::Msi { sha256 } => {
                let cms = authenticode::sign(&self.identity, sha256, &self.opus, self.timestamper())?;
                Ok(Sealed { cms, rsa: None })
            }
            Imprint::Toc { sha1 } => {
                let rsa = package::sign_rsa(&self.identity, sha1)?;
                let cms = package::sign(&self.identity, sha1, self.now, self.timestamper())?;
                Ok(Sealed { cms, rsa: Some(rsa) })
            }
        }
    }
}

impl Sealer for Signer {
    fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    fn rsa_len(&self) -> usize {
        package::rsa_len(&self.identity)
    }

    fn most_cms_len(&self) -> usize {
        package::most_cms_len(&self.identity, self.authority.is_some())
    }

    fn seal(&self, imprint: &Imprint) -> Result<Sealed, SealError> {
        self.sign(imprint).map_err(|error| SealError {
            message: error.to_string(),
            hint: error.hint(),
            is_machine: matches!(error, SignError::Timestamp(TimestampError::Http { .. })),
        })
    }
}

fn identity(options: SignerOptions<'_>) -> Result<Identity> {
    let SignerOptions { key, certificates, passphrase, open_key, .. } = options;
    let (key, certificates) = match key {
        KeyPlace::Pkcs12(path) => {
            let bytes = input::private_key(path, open_key)?;
            let (key, mut inside) =
                pkcs12::open(&bytes, passphrase.as_ref()).map_err(|error| Error::from(error).about(path))?;
            if let Some(path) = certificates {
                inside.extend(input::certificates(path)?);
            }
            (Box::new(key) as Box<dyn PrivateKey>, inside)
        }
        KeyPlace::File(path) => {
            let given = given(certificates)?;
            let bytes = input::private_key(path, open_key)?;
            let key = FileKey::read(&bytes, passphrase.as_ref()).map_err(|error| Error::from(error).about(path))?;
            (Box::new(key) as Box<dyn PrivateKey>, input::certificates(given)?)
        }
        KeyPlace::Pkcs11(uri) => {
            let given = given(certificates)?;
            let uri = Uri::parse(uri).map_err(Error::usage)?;
            let pin = match (&uri.pin_source, passphrase) {
                (Some(path), None) => Some(input::passphrase(path)?),
                (_, passphrase) => passphrase,
            };
            (Box::new(TokenKey::open(&uri, pin.as_ref())?) as Box<dyn PrivateKey>, input::certificates(given)?)
        }
        KeyPlace::Command(command) => {
            let given = given(certificates)?;
            let key = CommandKey::new(command).map_err(Error::usage)?;
            (Box::new(key) as Box<dyn PrivateKey>, input::certificates(given)?)
        }
    };
    Ok(Identity::new(key, certificates)?)
}

fn given(certificates: Option<&Path>) -> Result<&Path> {
    certificates.ok_or_else(|| Error::usage("the signer's certificates are needed: --certs FILE, the leaf first"))
}
