//! What is read from files: installers, manifests, keys, certificates.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

use container::read_at::FileAt;
use installer::product::Overrides;
use installer::{IssuerKeys, Product, Token};
use signing::openpgp::Keyring;
use signing::verify::Trust;
use signing::{Certificate, Passphrase};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// What armored OpenPGP starts with.
const OPENPGP_ARMOR: &[u8] = b"-----BEGIN PGP ";
/// What a manifest is called.
pub const MANIFEST: &str = "stampwright.toml";
/// No manifest is this long.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;
/// No key, certificate or password file is this long.
const MAX_KEY_BYTES: u64 = 1 << 20;

/// Opens an installer; what is no regular file is refused.
pub fn installer(path: &Path) -> Result<FileAt> {
    let file = File::open(path).map_err(|error| {
        let is_pattern = path.to_str().is_some_and(|name| name.contains(['*', '?']));
        match Error::io("open", path)(error) {
            error if is_pattern => {
                error.hint("patterns are the shell's: leave the quotation marks out, and give one file for each call")
            }
            error => error,
        }
    })?;
    let metadata = file.metadata().map_err(Error::io("open", path))?;
    if !metadata.is_file() {
        return Err(Error::wrong("not a regular file").about(path));
    }
    FileAt::new(file).map_err(Error::io("open", path))
}

/// The manifest of a folder, or of the nearest folder above it.
#[must_use]
pub fn find_manifest(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join(MANIFEST)).find(|path| path.is_file())
}

/// Reads and checks a product's manifest.
pub fn product(path: &Path) -> Result<Product> {
    product_with(path, &Overrides::NONE)
}

/// The same with what a call sets, and with its variables.
pub fn product_with(path: &Path, overrides: &Overrides<'_>) -> Result<Product> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| Error::io("open", path)(error).hint("stampwright init writes one"))?;
    file.take(MAX_MANIFEST_BYTES).read_to_string(&mut text).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Error::wrong("is not UTF-8 text").about(path).hint("a manifest is TOML"),
        _ => Error::io("read", path)(error),
    })?;
    Ok(Product::load_with(path, &text, overrides)?)
}

/// Reads a token from a stream; a longer one is not read to its end. `name` is where it comes from, for messages.
pub fn token(from: impl Read, name: &Path) -> Result<Token> {
    // One byte more than a token and its line ending can have, so that a longer one is seen to be too long.
    const MAX_BYTES: usize = Token::MAX_BYTES + 3;
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
    from.take(MAX_BYTES as u64).read_to_end(&mut bytes).map_err(Error::io("read", name))?;
    Token::parse(&bytes).map_err(|error| Error::from(error).about(name))
}

/// Reads a token from a file.
pub fn token_file(path: &Path) -> Result<Token> {
    token(File::open(path).map_err(Error::io("open", path))?, path)
}

/// Reads and checks an issuer's public keys.
pub fn issuer_keys(path: &Path) -> Result<IssuerKeys> {
    IssuerKeys::parse(&jwks(path)?).map_err(|error| Error::from(error).about(path))
}

/// Reads what may be an issuer's public keys (JWKS).
pub fn jwks(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Error::io("open", path))?;
    file.take(IssuerKeys::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(bytes)
}

/// Reads certificates, PEM or DER.
pub fn certificates(path: &Path) -> Result<Vec<Certificate>> {
    Certificate::read_all(&small(path)?).map_err(|error| Error::from(error).about(path))
}

/// Reads OpenPGP public keys. `None`: the file is something else.
pub(crate) fn openpgp_keys(path: &Path) -> Result<Option<Keyring>> {
    let bytes = small(path)?;
    let is_armored = bytes.windows(OPENPGP_ARMOR.len()).any(|window| window == OPENPGP_ARMOR);
    is_armored.then(|| Keyring::read(&bytes).map_err(|error| Error::wrong(error).about(path))).transpose()
}

/// Whom to trust: certificates, and the OpenPGP keys of rpms.
#[derive(Debug, Default)]
pub struct Roots {
    certificates: Vec<Certificate>,
    keys: Keyring,
}

impl Roots {
    /// The same at a moment, in seconds since 1970.
    #[must_use]
    pub fn at(&self, now: u64) -> Trust<'_> {
        Trust { roots: &self.certificates, keys: &self.keys, now }
    }
}

/// The certificates and OpenPGP keys of several files.
pub fn roots(paths: &[impl AsRef<Path>]) -> Result<Roots> {
    let mut roots = Roots::default();
    for path in paths {
        match openpgp_keys(path.as_ref())? {
            Some(keys) => roots.keys.extend(keys),
            None => roots.certificates.extend(certificates(path.as_ref())?),
        }
    }
    Ok(roots)
}

/// Reads a password, of a file that others must not be able to read.
pub fn passphrase(path: &Path, open: OpenKey) -> Result<Passphrase> {
    parse_passphrase(&secret(path, open, "password")?, path)
}

/// A password from its bytes; `place` is where they come from, for messages.
pub fn parse_passphrase(bytes: &[u8], place: &Path) -> Result<Passphrase> {
    Passphrase::new(bytes).ok_or_else(|| Error::wrong("the password is not UTF-8").about(place))
}

/// What becomes of a private key or a password that others can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OpenKey {
    /// It is refused.
    #[default]
    Refuse,
    /// It is taken.
    Allow,
}

/// Reads a file with a private key in it, which others must not be able to read. It is wiped from memory when it is dropped.
pub fn private_key(path: &Path, open: OpenKey) -> Result<Zeroizing<Vec<u8>>> {
    secret(path, open, "private key")
}

/// Reads a secret of this kind, which others must not be able to read.
pub(crate) fn secret(path: &Path, open: OpenKey, what: &str) -> Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    if open == OpenKey::Refuse && has_readers(&file.metadata().map_err(Error::io("open", path))?) {
        return Err(Error::wrong(format!("others can read this {what}"))
            .about(path)
            .hint("chmod 600 it; --allow-open-key if that is how it must be"));
    }
    read(file, path)
}

/// A small file, wiped from memory when it is dropped.
fn small(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    read(File::open(path).map_err(Error::io("open", path))?, path)
}

fn read(file: File, path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    // The whole room at once: growing would leave copies behind.
    let len = file.metadata().map_or(0, |metadata| metadata.len()).min(MAX_KEY_BYTES);
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(len).unwrap_or(0) + 1));
    file.take(MAX_KEY_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > MAX_KEY_BYTES {
        return Err(Error::wrong("is longer than 1 MiB; this is no key or certificate").about(path));
    }
    Ok(bytes)
}

/// Whether others than its owner can read a file. A pipe cannot be read by others.
#[must_use]
pub fn is_open(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && has_readers(&found))
}

#[cfg(unix)]
fn has_readers(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn has_readers(_: &Metadata) -> bool {
    false
}
