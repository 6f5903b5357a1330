//! Judges a signature of a document.

use container::digest::Algorithm;

use super::key::Key;
use super::keyring::Keyring;
use super::signature::Signature;
use crate::time::date;

/// A signature of a binary document.
const BINARY: u8 = 0x00;
/// How far a signer's clock may be ahead of ours; Sequoia, which newer rpm uses, allows as much.
const CLOCK_SECS: u64 = 30 * 60;

/// A good signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Good {
    /// The fingerprint of the key, in hexadecimal digits.
    pub fingerprint: String,
    /// Whose the key says that it is.
    pub user_id: String,
    /// When it was made, in seconds since 1970.
    pub time: u64,
}

/// Why a signature is not good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// It is of another type.
    #[error("the signature is of type {0:#04x}, must be 0x00, of a binary document")]
    Kind(u8),
    /// It says no time.
    #[error("the signature does not say when it was made")]
    NoTime,
    /// Its digest is not to be trusted.
    #[error("the signature's digest is {0}, must be SHA-256 or longer")]
    Digest(&'static str),
    /// None of the keys has made it, by what it says.
    #[error("the signature is by the key {0}, which is not among the given ones")]
    NoKey(String),
    /// The key must not sign.
    #[error("the key {0} is not for signing, by what its block says, or it was revoked")]
    NotForSigning(String),
    /// It is older than its key.
    #[error("the signature was made at {}, before its key ({})", date(*.time), date(*.created))]
    BeforeKey {
        /// The signature's time.
        time: u64,
        /// The key's.
        created: u64,
    },
    /// It is from the future.
    #[error("the signature was made at {}, and it is {}", date(*.time), date(*.now))]
    Future {
        /// The signature's time.
        time: u64,
        /// The time now.
        now: u64,
    },
    /// The key was no longer valid.
    #[error("the signature was made at {}, when its key had expired ({})", date(*.time), date(*.expired))]
    KeyExpired {
        /// The signature's time.
        time: u64,
        /// The end of the key's validity.
        expired: u64,
    },
    /// It is no longer valid itself.
    #[error("the signature has expired at {}", date(*.0))]
    Expired(u64),
    /// The document is another, or the signature is damaged.
    #[error("the signature does not fit what it is over")]
    Bad,
}

impl Keyring {
    /// Checks a signature of `document` at a moment (seconds since 1970).
    pub fn check(&self, signature: &Signature, document: &[u8], now: u64) -> Result<Good, CheckError> {
        if signature.kind != BINARY {
            return Err(CheckError::Kind(signature.kind));
        }
        let time = signature.facts.created.ok_or(CheckError::NoTime)?;
        let algorithm = match signature.digest {
            Some(Algorithm::Sha1) => return Err(CheckError::Digest("SHA-1")),
            Some(algorithm) => algorithm,
            None => return Err(CheckError::Digest("unknown")),
        };
        let key = self.issuer(signature)?;
        if !key.verifies(signature, algorithm, &[document]) {
            return Err(CheckError::Bad);
        }
        if !key.may_sign() {
            return Err(CheckError::NotForSigning(key.fingerprint()));
        }
        if time < key.created {
            return Err(CheckError::BeforeKey { time, created: key.created });
        }
        signature.check_time(time, now)?;
        if let Some(expired) = key.expires().filter(|expires| time >= *expires) {
            return Err(CheckError::KeyExpired { time, expired });
        }
        Ok(Good { fingerprint: key.fingerprint(), user_id: key.user_id.clone(), time })
    }

    /// The key that a signature says that made it.
    fn issuer(&self, signature: &Signature) -> Result<&Key, CheckError> {
        let facts = &signature.facts;
        let fits = |key: &&Key| match (facts.issuer_fingerprint, facts.issuer) {
            (Some(fingerprint), _) => key.fingerprint == fingerprint,
            (None, Some(id)) => key.key_id() == id,
            (None, None) => false,
        };
        let named = || signature.issuer().unwrap_or_else(|| "unknown".to_owned());
        self.keys().iter().find(fits).ok_or_else(|| CheckError::NoKey(named()))
    }
}

impl Signature {
    /// What is asked of a signature's own time, made at `time`, whoever vouches for its key.
    pub(crate) fn check_time(&self, time: u64, now: u64) -> Result<(), CheckError> {
        if time > now.saturating_add(CLOCK_SECS) {
            return Err(CheckError::Future { time, now });
        }
        let expires = self.facts.expires_after.filter(|after| *after > 0).map(|after| time + u64::from(after));
        match expires.filter(|expires| now >= *expires) {
            Some(expired) => Err(CheckError::Expired(expired)),
            None => Ok(()),
        }
    }
}
