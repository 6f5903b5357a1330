//! Who signs: what was typed becomes a key with its certificates, or a command, and [`installer`] gets a [`Sealer`].

use std::fs::File;
use std::io::Read;
use std::path::Path;

use container::at::FileAt;
use installer::format::StampError;
use installer::seal::{Imprint, SealError, Sealed, Sealer};
use installer::splice::Splice;
use installer::stamp::Base;
use installer::{AcceptedToken, Kind};
use signing::cms::SignError;
use signing::cms::authenticode::{self, Opus};
use signing::cms::package;
use signing::key::command::{CommandKey, Words};
use signing::key::file::FileKey;
use signing::key::pkcs11::{TokenKey, Uri};
use signing::key::{KeyError, PrivateKey, pkcs12};
use signing::timestamp::{Authority, TimestampError, Timestamper};
use signing::{Certificate, Identity, IdentityError, Passphrase, Purpose};
use zeroize::Zeroizing;

use crate::commands::sign::SigningArgs;
use crate::doors;
use crate::failure::Failure;

/// No key, certificate or password file is this long.
const FILE_LIMIT_BYTES: u64 = 1 << 20;

/// How a file gets its signature.
pub enum Way {
    /// We make it.
    Seal(Box<Signer>),
    /// A command makes it, of the whole file.
    Command(Words),
}

impl Way {
    /// The key, unless it is a command for whole files.
    pub fn signer(way: Option<&Self>) -> Option<&Signer> {
        match way {
            Some(Self::Seal(signer)) => Some(signer),
            Some(Self::Command(_)) | None => None,
        }
    }

    /// What was typed. `None`: no signature was asked for.
    pub fn of(args: &SigningArgs) -> Result<Option<Self>, Failure> {
        if let Some(command) = &args.sign_file_command {
            if args.certs.is_some() || args.timestamp.is_some() || args.description.is_some() || args.url.is_some() {
                return Err(Failure::usage(
                    "--sign-file-command signs by itself: give certificates, timestamp and texts to the command",
                ));
            }
            let words = Words::parse(command).map_err(|error| Failure::usage(error.to_string()))?;
            if !words.has("{out}") {
                return Err(Failure::usage("--sign-file-command needs {out}, the file that it signs")
                    .hint("with {in} it reads that and writes {out}; without, {out} is there and is signed in place"));
            }
            return Ok(Some(Self::Command(words)));
        }
        if !args.is_asked() {
            return Ok(None);
        }
        Ok(Some(Self::Seal(Box::new(Signer::new(args)?))))
    }
}

/// A key with its certificates, and what goes into the signature.
#[derive(Debug)]
pub struct Signer {
    identity: Identity,
    certificates: Vec<Vec<u8>>,
    opus: Opus,
    authority: Option<Authority>,
    now: u64,
}

impl Signer {
    fn new(args: &SigningArgs) -> Result<Self, Failure> {
        let authority = match &args.timestamp {
            Some(url) => {
                Some(Authority::new(url, doors::random()?).map_err(|error| Failure::usage(error.to_string()))?)
            }
            None => None,
        };
        let identity = identity(args)?;
        let certificates = identity.certificates().iter().map(|certificate| certificate.der().to_vec()).collect();
        let opus = Opus { description: args.description.clone(), url: args.url.clone() };
        Ok(Self { identity, certificates, opus, authority, now: doors::now() })
    }

    /// Checks that this one may sign installers of a kind, today.
    pub fn check(&self, kind: Kind) -> Result<(), Failure> {
        let purpose = match kind {
            Kind::Msi => Purpose::Authenticode,
            Kind::Pkg => Purpose::Package,
            Kind::Deb => {
                return Err(Failure::wrong("a deb has no signature inside the file")
                    .hint("sign the repository that serves it: apt checks that, not the file"));
            }
        };
        if kind == Kind::Pkg && self.opus != Opus::default() {
            return Err(Failure::usage(
                "--description and --url are for msi only: a pkg's signature has no place for them",
            ));
        }
        Ok(self.identity.check(purpose, self.now)?)
    }

    /// How much longer a signature makes an installer, at most.
    pub fn most_bytes(&self) -> u64 {
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

/// A stamp of a base, signed by `signer` if there is one. A signed base needs `resign`: its signature is left behind.
pub fn stamp(base: &Base<FileAt>, token: &AcceptedToken, signer: Option<&Signer>) -> Result<Splice, StampError> {
    match signer {
        None => base.stamp(token),
        Some(signer) => base.stamp_sealed(token, signer),
    }
}

/// Checks that a base may be signed anew: that it is not signed, or that this was asked for.
pub fn check_base(base: &Base<FileAt>, signer: Option<&Signer>, resign: bool) -> Result<(), Failure> {
    let Some(signer) = signer else { return Ok(()) };
    signer.check(base.format().kind())?;
    if !resign && base.is_signed() {
        return Err(StampError::Signed.into());
    }
    Ok(())
}

/// The key and its certificates.
fn identity(args: &SigningArgs) -> Result<Identity, Failure> {
    let passphrase = passphrase(args)?;
    if let Some(path) = &args.pkcs12 {
        let bytes = secret_file(path, args.allow_open_key)?;
        let (key, mut certificates) =
            pkcs12::open(&bytes, passphrase.as_ref()).map_err(|error| Failure::from(error).about(path))?;
        // A PKCS #12 file often lacks the authority's certificates.
        if let Some(path) = &args.certs {
            certificates.extend(self::certificates(path)?);
        }
        return Ok(Identity::new(Box::new(key), certificates)?);
    }
    let certs = args.certs.as_ref();
    let certs =
        certs.ok_or_else(|| Failure::usage("the signer's certificates are needed: --certs FILE, the leaf first"))?;
    let key: Box<dyn PrivateKey> = match (&args.key, &args.pkcs11, &args.sign_command) {
        (Some(path), _, _) => {
            let bytes = secret_file(path, args.allow_open_key)?;
            Box::new(FileKey::read(&bytes, passphrase.as_ref()).map_err(|error| Failure::from(error).about(path))?)
        }
        (_, Some(uri), _) => {
            let uri = Uri::parse(uri).map_err(|error| Failure::usage(error.to_string()))?;
            let pin = match (&uri.pin_source, passphrase) {
                (Some(path), None) => Some(passphrase_of(&limited(path)?, path)?),
                (_, passphrase) => passphrase,
            };
            Box::new(TokenKey::open(&uri, pin.as_ref())?)
        }
        (_, _, Some(command)) => Box::new(CommandKey::new(command).map_err(|error| Failure::usage(error.to_string()))?),
        (None, None, None) => {
            return Err(Failure::usage("a key is needed: --key, --pkcs12, --pkcs11 or --sign-command"));
        }
    };
    Ok(Identity::new(key, certificates(certs)?)?)
}

fn passphrase(args: &SigningArgs) -> Result<Option<Passphrase>, Failure> {
    match (&args.key_password_file, &args.key_password_env) {
        (Some(path), _) => passphrase_of(&limited(path)?, path).map(Some),
        (None, Some(name)) => {
            let value = doors::variable(name)
                .ok_or_else(|| Failure::wrong(format!("the environment has no variable {name}")))?;
            let value = Zeroizing::new(value.into_encoded_bytes());
            passphrase_of(&value, Path::new(name)).map(Some)
        }
        (None, None) => Ok(None),
    }
}

fn passphrase_of(bytes: &[u8], place: &Path) -> Result<Passphrase, Failure> {
    Passphrase::new(bytes).ok_or_else(|| Failure::wrong("the password is not UTF-8").about(place))
}

/// Certificates from a file, in PEM or DER.
pub fn certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    Certificate::read_all(&limited(path)?).map_err(|error| Failure::wrong(error).about(path))
}

/// A small file, wiped from memory when it is dropped.
fn limited(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    read(File::open(path).map_err(Failure::io("open", path))?, path)
}

fn read(file: File, path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // The whole room at once: growing would leave copies behind.
    let len = file.metadata().map_or(0, |metadata| metadata.len()).min(FILE_LIMIT_BYTES);
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(len).unwrap_or(0) + 1));
    file.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut bytes).map_err(Failure::io("read", path))?;
    if bytes.len() as u64 > FILE_LIMIT_BYTES {
        return Err(Failure::wrong("is longer than 1 MiB; this is no key or certificate").about(path));
    }
    Ok(bytes)
}

/// A file with a private key in it, which others must not be able to read.
pub fn secret_file(path: &Path, allow_open: bool) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let file = File::open(path).map_err(Failure::io("open", path))?;
    if !allow_open && is_open(&file).map_err(Failure::io("open", path))? {
        return Err(Failure::wrong("others can read this private key")
            .about(path)
            .hint("chmod 600 it; --allow-open-key if that is how it must be"));
    }
    read(file, path)
}

#[cfg(unix)]
fn is_open(file: &File) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open(_: &File) -> std::io::Result<bool> {
    Ok(false)
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let failure = Self::wrong(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Key(error) => error.into(),
            error => Self::wrong(error),
        }
    }
}
