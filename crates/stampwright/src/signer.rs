//! Who signs: a key with its certificates, wherever they are kept, and what goes into a signature.

use std::path::Path;

use container::digest::Digest;
use installer::format::Format;
use installer::formats;
use installer::signature::{Imprint, SignImprint, SignatureBytes, SignatureError, SignatureForm};
use installer::{Finding, Kind};
use signing::cms::SignError;
use signing::cms::authenticode::{self, Opus};
use signing::cms::package;
use signing::key::command::CommandKey;
use signing::key::file::FileKey;
use signing::key::pkcs11::{TokenKey, Uri};
use signing::key::{PrivateKey, pkcs12};
use signing::openpgp::{self, OpenPgpError};
use signing::timestamp::{Authority, Timestamper};
use signing::{Identity, Passphrase, Purpose};

use crate::error::{Error, Result};
use crate::input::{self, OpenKey};
use crate::signature;

/// An OpenPGP signature with an RSA key of 4096 bits is shorter.
const MAX_OPENPGP_BYTES: usize = 1024;

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
    /// Environment variables that a command does not get: they have secrets in them.
    pub hidden_env: &'a [&'a str],
    /// Seconds since 1970: when it signs, and what certificates are held against.
    pub now: u64,
}

/// Who signs.
#[derive(Debug)]
enum Who {
    /// A key with its certificates: every format.
    Certificates(Box<Identity>),
    /// A key of an OpenPGP key block: rpms only.
    OpenPgp(Box<openpgp::Signer<'static>>),
}

/// A key with its certificates, and what goes into a signature.
#[derive(Debug)]
pub struct Signer {
    who: Who,
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
        let who = who(options)?;
        let certificates = match &who {
            Who::Certificates(identity) => identity.certificates().iter().map(|one| one.der().to_vec()).collect(),
            Who::OpenPgp(_) => Vec::new(),
        };
        Ok(Self { who, certificates, opus, authority, now })
    }

    /// Checks that this one may sign installers of a format, now.
    pub(crate) fn check(&self, format: &dyn Format) -> Result<()> {
        let purpose = match format.signature_form() {
            Some(SignatureForm::Authenticode) => Purpose::Authenticode,
            Some(SignatureForm::Xar) => Purpose::Package,
            Some(SignatureForm::OpenPgp) => Purpose::OpenPgp,
            None => {
                let message = format!("a {} has no signature inside the file", format.kind().extension());
                return Err(
                    Error::wrong(message).hint("sign the repository that serves it: apt checks that, not the file")
                );
            }
        };
        let kind = format.kind().extension();
        if purpose != Purpose::Authenticode && self.opus != Opus::default() {
            let message =
                format!("--description and --url are for msi only: a {kind}'s signature has no place for them");
            return Err(Error::usage(message));
        }
        if purpose == Purpose::OpenPgp && self.authority.is_some() {
            return Err(Error::usage("--timestamp is not for rpm: an OpenPGP signature has no place for one"));
        }
        match &self.who {
            Who::Certificates(identity) => {
                identity.check(purpose, self.now)?;
                if purpose == Purpose::OpenPgp {
                    openpgp::Signer::from_identity(identity)?;
                }
                Ok(())
            }
            Who::OpenPgp(_) if purpose == Purpose::OpenPgp => Ok(()),
            Who::OpenPgp(_) => {
                let message = format!("an OpenPGP key signs rpms, and a {kind} needs a certificate");
                Err(Error::wrong(message).hint("--format rpm builds the rpm alone"))
            }
        }
    }

    /// What is to be warned of before this one signs installers of a format: without a timestamp, a signature ends with its certificate, and
    /// that is within 30 days.
    #[must_use]
    pub fn ending(&self, kind: Kind) -> Option<Finding> {
        let form = formats::by_kind(kind).and_then(Format::signature_form)?;
        match &self.who {
            // An OpenPGP signature knows no certificate and no timestamp.
            Who::Certificates(identity) if form != SignatureForm::OpenPgp && self.authority.is_none() => {
                let leaf = identity.certificates().get(..1)?;
                signature::ending(&signing::verify::untimestamped(leaf, self.now)?)
            }
            Who::Certificates(_) | Who::OpenPgp(_) => None,
        }
    }

    /// How many bytes a signature makes an installer longer, at most.
    #[must_use]
    pub(crate) fn max_growth_bytes(&self) -> u64 {
        (self.max_cms_len() + self.rsa_len()) as u64 * 2
    }

    /// Signs the digest of an executable.
    pub(crate) fn sign_image(&self, sha256: &Digest) -> Result<Vec<u8>> {
        let digest: &[u8; 32] = sha256[..].try_into().map_err(|_| Error::wrong("the digest is none of SHA-256"))?;
        match &self.who {
            Who::Certificates(identity) => authenticode::sign_image(identity, digest, &self.opus, self.timestamper())
                .map_err(|error| {
                    let failed = if error.is_machine() { Error::machine(&error) } else { Error::wrong(&error) };
                    match error.hint() {
                        Some(hint) => failed.hint(hint),
                        None => failed,
                    }
                }),
            Who::OpenPgp(_) => Err(Error::wrong("an OpenPGP key signs rpms, and an executable needs a certificate")),
        }
    }

    fn timestamper(&self) -> Option<&dyn Timestamper> {
        self.authority.as_ref().map(|authority| authority as &dyn Timestamper)
    }

    /// The OpenPGP public key block that a device or a repository needs of this signer, in ASCII armor: for `rpm --import`.
    ///
    /// # Errors
    /// The key is one that rpm cannot use, or the user ID is none.
    pub fn openpgp_public_key(&self, user_id: &str) -> Result<String> {
        match &self.who {
            Who::Certificates(identity) => Ok(openpgp::Signer::from_identity(identity)?.public_key(user_id)?),
            Who::OpenPgp(signer) => Ok(signer.public_key(user_id)?),
        }
    }

    /// The fingerprint of that key, forty hexadecimal digits in capitals, as rpm, dnf and GnuPG show it.
    ///
    /// # Errors
    /// The key is one that rpm cannot use.
    pub fn openpgp_fingerprint(&self) -> Result<String> {
        let fingerprint = match &self.who {
            Who::Certificates(identity) => openpgp::Signer::from_identity(identity)?.fingerprint(),
            Who::OpenPgp(signer) => signer.fingerprint(),
        };
        Ok(fingerprint.to_ascii_uppercase())
    }

    fn openpgp(
        &self,
        signer: &openpgp::Signer<'_>,
        header: &[u8],
    ) -> std::result::Result<SignatureBytes, SignatureError> {
        let packet = signer.sign(header, self.now).map_err(|error| not_openpgp(&error))?;
        Ok(SignatureBytes { cms: packet, rsa: None })
    }

    fn xar(&self, identity: &Identity, sha1: &[u8; 20]) -> std::result::Result<SignatureBytes, SignError> {
        let rsa = package::sign_rsa(identity, sha1)?;
        let cms = package::sign(identity, sha1, self.now, self.timestamper())?;
        Ok(SignatureBytes { cms, rsa: Some(rsa) })
    }
}

impl SignImprint for Signer {
    fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    fn rsa_len(&self) -> usize {
        match &self.who {
            Who::Certificates(identity) => package::rsa_len(identity),
            Who::OpenPgp(signer) => usize::from(signer.is_rsa()),
        }
    }

    fn max_cms_len(&self) -> usize {
        match &self.who {
            Who::Certificates(identity) => package::max_cms_len(identity, self.authority.is_some()),
            Who::OpenPgp(_) => MAX_OPENPGP_BYTES,
        }
    }

    fn sign_imprint(&self, imprint: &Imprint) -> Result<SignatureBytes, SignatureError> {
        match (&self.who, imprint) {
            (Who::Certificates(identity), Imprint::Msi { sha256 }) => {
                let cms = authenticode::sign(identity, sha256, &self.opus, self.timestamper());
                Ok(SignatureBytes { cms: cms.map_err(|error| not_signed(&error))?, rsa: None })
            }
            (Who::Certificates(identity), Imprint::Toc { sha1 }) => {
                self.xar(identity, sha1).map_err(|error| not_signed(&error))
            }
            (Who::Certificates(identity), Imprint::Header { bytes }) => {
                let signer = openpgp::Signer::from_identity(identity).map_err(|error| not_openpgp(&error))?;
                self.openpgp(&signer, bytes)
            }
            (Who::OpenPgp(signer), Imprint::Header { bytes }) => self.openpgp(signer, bytes),
            (Who::OpenPgp(_), _) => Err(SignatureError::wrong("an OpenPGP key signs rpms only")),
        }
    }
}

fn not_signed(error: &SignError) -> SignatureError {
    SignatureError { message: error.to_string(), hint: error.hint(), is_machine: error.is_machine() }
}

fn not_openpgp(error: &OpenPgpError) -> SignatureError {
    SignatureError { message: error.to_string(), hint: error.hint(), is_machine: error.is_machine() }
}

fn who(options: SignerOptions<'_>) -> Result<Who> {
    let SignerOptions { key, certificates, passphrase, open_key, hidden_env, .. } = options;
    if let Some(path) = certificates
        && let Some(keyring) = input::openpgp_keys(path)?
    {
        let key = private_key(key, passphrase, open_key, hidden_env)?;
        return Ok(Who::OpenPgp(Box::new(openpgp::Signer::from_keyring(key, &keyring)?)));
    }
    if let KeyPlace::Pkcs12(path) = key {
        let bytes = input::private_key(path, open_key)?;
        let (key, mut inside) =
            pkcs12::open(&bytes, passphrase.as_ref()).map_err(|error| Error::from(error).about(path))?;
        if let Some(path) = certificates {
            inside.extend(input::certificates(path)?);
        }
        return Ok(Who::Certificates(Box::new(Identity::new(Box::new(key), inside)?)));
    }
    let given = given(certificates)?;
    let key = private_key(key, passphrase, open_key, hidden_env)?;
    Ok(Who::Certificates(Box::new(Identity::new(key, input::certificates(given)?)?)))
}

pub(crate) fn private_key(
    key: KeyPlace<'_>,
    passphrase: Option<Passphrase>,
    open_key: OpenKey,
    hidden_env: &[&str],
) -> Result<Box<dyn PrivateKey>> {
    Ok(match key {
        KeyPlace::Pkcs12(path) => {
            let bytes = input::private_key(path, open_key)?;
            let (key, _) = pkcs12::open(&bytes, passphrase.as_ref()).map_err(|error| Error::from(error).about(path))?;
            Box::new(key)
        }
        KeyPlace::File(path) => {
            let bytes = input::private_key(path, open_key)?;
            Box::new(FileKey::read(&bytes, passphrase.as_ref()).map_err(|error| Error::from(error).about(path))?)
        }
        KeyPlace::Pkcs11(uri) => {
            let uri = Uri::parse(uri).map_err(Error::usage)?;
            let pin = match (&uri.pin_source, passphrase) {
                (Some(path), None) => Some(input::passphrase(path, open_key)?),
                (_, passphrase) => passphrase,
            };
            Box::new(TokenKey::open(&uri, pin.as_ref())?)
        }
        KeyPlace::Command(command) => Box::new(CommandKey::new(command).map_err(Error::usage)?.without_env(hidden_env)),
    })
}

fn given(certificates: Option<&Path>) -> Result<&Path> {
    certificates.ok_or_else(|| Error::usage("the signer's certificates are needed: --certs FILE, the leaf first"))
}
