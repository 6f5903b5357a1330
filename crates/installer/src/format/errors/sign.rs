//! Why an installer was not signed, or got no place for a token beside its signature.

use std::io;

use container::Malformed;

use super::ReadError;
use crate::claims::ClaimsError;
use crate::signature::SignatureError;

/// Why an installer was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignFileError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The format has no signature in the file.
    #[error("the format has no signature inside the file")]
    NoSignature,
    /// It is signed already.
    #[error("the installer is signed already")]
    Signed,
    /// Its structure does not take a signature.
    #[error("{what}")]
    Refused {
        /// What is in the way, as a sentence.
        what: String,
    },
    /// The signer did not sign.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The result could not be written.
    #[error("{verb}: {source}")]
    Write {
        /// What was being done.
        verb: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

impl SignFileError {
    /// The next step, when there is one.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Signed => Some("give --replace to leave its signatures behind, all of them"),
            Self::NoSignature => Some("sign the repository that serves it: apt checks that, not the file"),
            Self::Signature(error) => error.hint,
            _ => None,
        }
    }
}

impl From<container::Error> for SignFileError {
    fn from(error: container::Error) -> Self {
        Self::Read(error.into())
    }
}

impl From<Malformed> for SignFileError {
    fn from(malformed: Malformed) -> Self {
        Self::Read(ReadError::Malformed(malformed))
    }
}

/// Why a signed installer got no slot.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The format has no signature in the file.
    #[error("the format has no signature inside the file that could be preserved")]
    NoSignature,
    /// It is not signed.
    #[error("the installer is not signed, so there is no signature to preserve")]
    Unsigned,
    /// There is a slot already.
    #[error("the installer is prepared already: it has a slot")]
    Prepared,
    /// There is a token already, in the part that is signed.
    #[error("the installer is stamped already (token {0})")]
    Stamped(String),
    /// It carries no issuer keys.
    #[error(
        "no issuer keys are in the signed part of the installer, so nothing could tell a forged token in the slot from a real one"
    )]
    NoIssuerKeys,
    /// It carries issuer keys, and others were given.
    #[error("the installer has issuer keys in its signed part, and others were given")]
    KeysTwice,
    /// Its issuer keys, or those that were asserted, are not a set of public keys.
    #[error(transparent)]
    IssuerKeys(ClaimsError),
    /// What was prepared does not read back. Nothing is handed out.
    #[error("the prepared installer does not read back: {0}")]
    ReadBack(&'static str),
    /// The signature is not over what is there.
    #[error("the signature is not valid: {0}")]
    Invalid(String),
    /// Its structure does not take a slot.
    #[error("{what}")]
    Refused {
        /// What is in the way, as a sentence.
        what: String,
    },
    /// The result could not be written.
    #[error("{verb}: {source}")]
    Write {
        /// What was being done.
        verb: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

impl PrepareError {
    /// The next step, when there is one.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoSignature => Some(
                "a deb is signed in its repository, not in the file: stamp the base, and let the repository sign its index of the stamped files",
            ),
            Self::Unsigned => Some("sign the base first, or stamp it as it is: an unsigned base needs no slot"),
            Self::Prepared => Some("stamp it: each stamp overwrites the slot"),
            Self::Stamped(_) => Some("prepare the signed base, not a stamp of it"),
            Self::NoIssuerKeys => Some(
                "build the base with --issuer-keys; for an installer of another tool whose agent has the keys inside, give --issuer-keys F --keys-pinned-in-agent",
            ),
            Self::KeysTwice => Some("leave --issuer-keys out: the keys in the signed part count"),
            _ => None,
        }
    }
}

impl From<container::Error> for PrepareError {
    fn from(error: container::Error) -> Self {
        Self::Read(error.into())
    }
}

impl From<Malformed> for PrepareError {
    fn from(malformed: Malformed) -> Self {
        Self::Read(ReadError::Malformed(malformed))
    }
}
