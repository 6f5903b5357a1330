//! Private keys, wherever they are: in a file, on a card, behind a command.
//!
//! | module | where the key is | what it is asked |
//! |---|---|---|
//! | [`file`](mod@file) | PEM or DER: PKCS #8 (also encrypted), PKCS #1, SEC 1 | |
//! | [`pkcs12`] | a PKCS #12 file, with its certificates | |
//! | [`pkcs11`] | a card, a dongle, a network HSM, through its vendor's library | to sign a DigestInfo or a digest |
//! | [`command`] | anywhere: a cloud's key service | a program gets the digest and answers the signature |
//!
//! No key prints. Those in memory are wiped when they are dropped. What a key answers is checked with the leaf's public
//! key before it is used ([`crate::Identity`]), so that a key that is not the certificate's is found wherever it is.

pub mod command;
pub mod file;
pub mod pkcs11;
pub mod pkcs12;

use std::fmt::Debug;

use crate::algorithm::KeyKind;

/// A private key.
pub trait PrivateKey: Debug + Send + Sync {
    /// The SubjectPublicKeyInfo of its public half, where it can be known without signing.
    fn public_key(&self) -> Option<Vec<u8>>;

    /// Signs a SHA-256 digest. The certificate says of which kind the key is. RSA answers PKCS #1 v1.5; ECDSA answers
    /// DER or `r || s`; Ed25519 signs the digest as its message and answers `R || S`.
    fn sign(&self, kind: KeyKind, digest: &[u8; 32]) -> Result<Vec<u8>, KeyError>;

    /// Signs a SHA-1 digest with RSA PKCS #1 v1.5, as the plain signature of a pkg is made. `None`: this key signs SHA-256 only, or no
    /// longer signs SHA-1.
    fn sign_sha1(&self, digest: &[u8; 20]) -> Result<Option<Vec<u8>>, KeyError>;
}

impl<K: PrivateKey + ?Sized> PrivateKey for &K {
    fn public_key(&self) -> Option<Vec<u8>> {
        (**self).public_key()
    }

    fn sign(&self, kind: KeyKind, digest: &[u8; 32]) -> Result<Vec<u8>, KeyError> {
        (**self).sign(kind, digest)
    }

    fn sign_sha1(&self, digest: &[u8; 20]) -> Result<Option<Vec<u8>>, KeyError> {
        (**self).sign_sha1(digest)
    }
}

/// Why a key could not be read or did not sign.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is not a private key.
    #[error("{0}")]
    Format(&'static str),
    /// The key is of a kind that is not signed with.
    #[error("the key is {0}, must be RSA of 2048 to 4096 bits, or ECDSA over P-256 or P-384")]
    Kind(String),
    /// It is encrypted, and there is no passphrase.
    #[error("the key is encrypted and no password was given")]
    Locked,
    /// The passphrase does not open it.
    #[error("the password does not open the key, or the file is damaged")]
    Passphrase,
    /// The key's address is wrong.
    #[error("the PKCS #11 URI {0}")]
    Uri(String),
    /// The card has no such key, or does not take the PIN.
    #[error("PKCS #11: {0}")]
    Token(String),
    /// The card or its library failed.
    #[error("PKCS #11: {0}")]
    Device(String),
    /// The command is no command.
    #[error("the signing command {0}")]
    CommandLine(&'static str),
    /// The command could not be run, or failed.
    #[error("the signing command {program}: {problem}")]
    Command {
        /// Its first word.
        program: String,
        /// What happened.
        problem: String,
    },
    /// The arithmetic failed; the key is damaged.
    #[error("the key does not sign: it is damaged")]
    Damaged,
}

impl KeyError {
    /// Whether what signs has failed, so that the same call may succeed later; else the input is wrong.
    #[must_use]
    pub const fn is_machine(&self) -> bool {
        matches!(self, Self::Command { .. } | Self::Device(_))
    }

    /// The next step, when there is one.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Locked => Some("give --key-password-file or --key-password-env"),
            Self::Format(_) => Some("openssl pkcs8 -topk8 turns most keys into PKCS #8"),
            _ => None,
        }
    }
}
