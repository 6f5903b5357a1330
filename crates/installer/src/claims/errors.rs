//! What is wrong with a signed token or the keys of its issuer.

use crate::epoch::Civil;

/// Why a token, or a set of issuer keys, is not what it must be. Never has a token in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// It is not a signed token.
    #[error("the token is not signed: it {0}")]
    NotSigned(&'static str),
    /// It is signed with something that is not accepted.
    #[error("the token's algorithm is {0}, must be EdDSA or ES256")]
    Algorithm(String),
    /// Part of it is wrong.
    #[error("the token's {part} {problem}")]
    Part {
        /// Which part, e.g. `claim exp`.
        part: String,
        /// What is wrong with it, as the rest of a sentence.
        problem: &'static str,
    },
    /// It names a key that is not listed.
    #[error("the token is signed by the issuer key {found}, which is not one of the keys that were given: {listed}")]
    UnknownKey {
        /// The key's id.
        found: String,
        /// The ids that are listed.
        listed: String,
    },
    /// The signature does not fit the token's content and the key.
    #[error("the token's signature does not verify under the issuer key {0}")]
    Signature(String),
    /// It is over.
    #[error("the token {id} expired at {}", Civil::from_secs(*expires))]
    Expired {
        /// The token's id.
        id: String,
        /// When.
        expires: u64,
    },
    /// It is over before anybody can have installed what it is in.
    #[error("the token {id} expires within the hour, at {}", Civil::from_secs(*expires))]
    ExpiresSoon {
        /// The token's id.
        id: String,
        /// When.
        expires: u64,
    },
    /// It is for another product.
    #[error("the token {id} is for the product \"{found}\", must be for \"{expected}\"")]
    OtherProduct {
        /// The token's id.
        id: String,
        /// The product that it is for.
        found: String,
        /// The product that it was given for.
        expected: String,
    },
    /// The issuer keys are not a set of public keys.
    #[error("the issuer keys {0}")]
    Keys(String),
}

impl ClaimsError {
    /// The next step, when there is one.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Expired { .. } | Self::ExpiresSoon { .. } => Some("mint a new one: stampwright token mint"),
            Self::OtherProduct { .. } => Some("a token's product is the product's name, as inspect shows it"),
            Self::NotSigned(_) => Some("where issuer keys are given, only tokens of stampwright token mint are taken"),
            _ => None,
        }
    }
}
