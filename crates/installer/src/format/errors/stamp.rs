//! Why a base did not take a token.

use container::Malformed;

use super::ReadError;
use crate::claims::ClaimsError;
use crate::signature::SignatureError;
use crate::splice::SpliceError;

/// Why a base did not take a token.
#[derive(Debug, thiserror::Error)]
pub enum StampError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It has a token already.
    #[error("the installer is already stamped (token {0})")]
    AlreadyStamped(String),
    /// It was not built by this tool, or of a product without tokens: this is missing.
    #[error("it is not a base that Stampwright built: {0} is missing")]
    NotOurs(&'static str),
    /// It was not built by this tool, or by a version whose layout this one does not know.
    #[error("{what} is {found}, must be {expected}")]
    NotABase {
        /// What shows it.
        what: &'static str,
        /// What was found.
        found: String,
        /// What a base of ours has.
        expected: &'static str,
    },
    /// It is signed, and a token would break the signature.
    #[error("the base is signed, and a token in it would make the signature invalid")]
    Signed,
    /// It is signed, and not as this tool signs: nothing of it could be kept.
    #[error("the base is signed, and {0}")]
    SignedElsewhere(Box<StampError>),
    /// The format has no signature in the file.
    #[error("the format has no signature inside the file")]
    NoSignature,
    /// It is prepared, and its signature is to stay.
    #[error("the base is prepared: its slot takes a token without a new signature")]
    Prepared,
    /// The issuer keys in it are not a set of public keys.
    #[error("issuer keys in the base: {0}")]
    IssuerKeys(ClaimsError),
    /// The token was accepted for a base with another policy: other issuer keys, or another product.
    #[error("the token was accepted for another base, with other issuer keys or for another product")]
    AcceptedElsewhere,
    /// There is no issuer key to check a token for the slot with.
    #[error("no issuer keys are in the signed part of the prepared base")]
    NoIssuerKeys,
    /// The signer did not sign.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The stamped installer would be larger than the format can be.
    #[error("the stamped installer is {found} bytes, must be at most {limit}")]
    TooLarge {
        /// Its size.
        found: u64,
        /// The format's limit.
        limit: u64,
    },
    /// The stamp did not read back as what was stamped. Nothing is handed out.
    #[error("the stamp does not read back: {0}")]
    ReadBack(String),
    /// The patches do not fit the base.
    #[error(transparent)]
    Splice(#[from] SpliceError),
}

impl StampError {
    /// The next step, when there is one.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::IssuerKeys(why) => why.hint(),
            Self::AcceptedElsewhere => Some("let the base accept the token before it is stamped"),
            Self::AlreadyStamped(_) => Some("give --restamp to replace its token, or stamp the base"),
            Self::Signed => Some(
                "give --resign and a key to sign the stamp anew, or run stampwright prepare on the signed base once: its slot takes tokens without a key",
            ),
            Self::Prepared => Some("leave the signing flags out, or give the base that it was prepared from"),
            Self::NoIssuerKeys => {
                Some("give --prepared with the manifest that prepare wrote: it has the keys that were asserted")
            }
            Self::NotABase { .. } | Self::NotOurs(_) => Some("build the base with this version: stampwright build"),
            Self::SignedElsewhere(_) => Some(
                "another tool that signs lays the file out anew: stamp the unsigned base and sign the stamp, or run stampwright prepare on this one",
            ),
            Self::Signature(error) => error.hint,
            _ => None,
        }
    }
}

impl From<container::Error> for StampError {
    fn from(error: container::Error) -> Self {
        Self::Read(error.into())
    }
}

impl From<Malformed> for StampError {
    fn from(malformed: Malformed) -> Self {
        Self::Read(ReadError::Malformed(malformed))
    }
}
