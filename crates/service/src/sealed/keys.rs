//! The keys, sealing and opening.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest as _, Sha256};
use stampwright::{Entropy, Error, Result};
use zeroize::Zeroizing;

use crate::keys::write_secret;
use crate::ledger::SealedBytes;

/// The only layout so far.
const VERSION: u8 = 1;
/// Bytes of a key's name.
const NAME_BYTES: usize = 4;
/// Bytes of a nonce: enough to draw them at random.
const NONCE_BYTES: usize = 24;
/// The most keys: one that seals, and old ones that only open.
const MAX_KEYS: usize = 16;

/// What a secret is, and whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose<'a> {
    /// The token with this id.
    Token(&'a str),
    /// The token of the link with this id.
    Link(&'a str),
    /// The answer to the request of this API key with this `Idempotency-Key`.
    Answer(&'a str, &'a str),
}

impl Purpose<'_> {
    fn bytes(self) -> Vec<u8> {
        let (kind, first, second) = match self {
            Self::Token(id) => ("token", id, ""),
            Self::Link(id) => ("link", id, ""),
            Self::Answer(key, name) => ("answer", key, name),
        };
        // Lengths between them: no two purposes have the same bytes.
        format!("{kind} {} {first} {second}", first.len()).into_bytes()
    }
}

/// Why a sealed secret cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SealedError {
    /// It was sealed with a key that is not here.
    #[error("the sealed secret was encrypted with a key that is not given")]
    OtherKey,
    /// It was changed, cut, or belongs to another row.
    #[error("the sealed secret does not open: it was changed, or belongs to another row")]
    Changed,
    /// The cipher refused, which it does for no secret that is kept here.
    #[error("the secret cannot be encrypted")]
    Refused,
}

/// The keys: the first one seals, all of them open. They do not print.
pub(crate) struct SealingKeys(Vec<Key>);

struct Key {
    name: [u8; NAME_BYTES],
    cipher: XChaCha20Poly1305,
}

impl Key {
    fn new(bytes: &[u8; 32]) -> Self {
        let mut name = [0; NAME_BYTES];
        name.iter_mut().zip(Sha256::digest(Sha256::digest(bytes))).for_each(|(to, from)| *to = from);
        Self { name, cipher: XChaCha20Poly1305::new(bytes.into()) }
    }
}

impl SealingKeys {
    /// Reads keys: each on a line of its own, 32 bytes in base64url.
    ///
    /// # Errors
    /// A line is no key; there is none, or too many. Nothing of the text is part of the error.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut keys = Vec::new();
        for (number, line) in text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()) {
            let bytes = URL_SAFE_NO_PAD.decode(line).map(Zeroizing::new).ok();
            let key: Option<Zeroizing<[u8; 32]>> =
                bytes.and_then(|bytes| bytes.as_slice().try_into().ok()).map(Zeroizing::new);
            let wrong = || Error::wrong(format!("sealing keys: line {} is not 32 bytes in base64url", number + 1));
            keys.push(Key::new(&*key.ok_or_else(wrong)?));
        }
        if keys.is_empty() || keys.len() > MAX_KEYS {
            let problem = format!("sealing keys: there are {}, expected 1 to {MAX_KEYS}", keys.len());
            return Err(Error::wrong(problem));
        }
        Ok(Self(keys))
    }

    /// Reads keys from a file that only its owner can read; makes it with one key if it is not there.
    pub(crate) fn of_file(path: &Path, entropy: &dyn Entropy) -> Result<Self> {
        if !path.exists() {
            let mut key = Zeroizing::new([0; 32]);
            entropy.fill(key.as_mut_slice())?;
            let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(key.as_slice()));
            // Under a name of its own first: of two that start at once, both read what one of them wrote, whole.
            let pending = path.with_extension(format!("{:016x}", u64::from_le_bytes(first_eight(entropy)?)));
            write_secret(&pending, text.as_bytes())?;
            let linked = fs::hard_link(&pending, path);
            fs::remove_file(&pending).map_err(Error::io("remove", &pending))?;
            match linked {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(Error::io("create", path)(error)),
                _ => {}
            }
        }
        let about = fs::metadata(path).map_err(Error::io("read", path))?;
        if about.mode() & 0o077 != 0 {
            let problem =
                format!("the mode is {:03o}, expected 600: others can read the sealing keys", about.mode() & 0o777);
            return Err(Error::wrong(problem).about(path).hint(format!("chmod 600 {}", path.display())));
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(Error::io("read", path))?);
        Self::parse(&text).map_err(|error| error.about(path))
    }

    /// Encrypts a secret.
    ///
    /// # Errors
    /// There is no randomness.
    pub(crate) fn seal(&self, purpose: Purpose<'_>, secret: &[u8], entropy: &dyn Entropy) -> Result<SealedBytes> {
        let refused = || Error::machine(SealedError::Refused);
        let key = self.0.first().ok_or_else(refused)?;
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce)?;
        let payload = Payload { msg: secret, aad: &purpose.bytes() };
        let body = key.cipher.encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| refused())?;
        Ok(SealedBytes([&[VERSION][..], &key.name, &nonce, &body].concat()))
    }

    /// Decrypts a secret that was sealed for the same purpose.
    pub(crate) fn open(&self, purpose: Purpose<'_>, sealed: &SealedBytes) -> Result<Zeroizing<Vec<u8>>, SealedError> {
        let rest = sealed.0.strip_prefix(&[VERSION]).ok_or(SealedError::Changed)?;
        let (name, rest) = rest.split_first_chunk::<NAME_BYTES>().ok_or(SealedError::Changed)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(SealedError::Changed)?;
        let aad = purpose.bytes();
        let mut keys = self.0.iter().filter(|key| key.name == *name).peekable();
        keys.peek().ok_or(SealedError::OtherKey)?;
        let opened =
            keys.find_map(|key| key.cipher.decrypt(XNonce::from_slice(nonce), Payload { msg: body, aad: &aad }).ok());
        opened.map(Zeroizing::new).ok_or(SealedError::Changed)
    }
}

fn first_eight(entropy: &dyn Entropy) -> Result<[u8; 8]> {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sealing keys (not shown)", self.0.len())
    }
}
