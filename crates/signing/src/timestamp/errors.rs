//! Why there is no timestamp.

use container::Malformed;

/// Why there is no timestamp.
#[derive(Debug, thiserror::Error)]
pub enum TimestampError {
    /// The address is not one of plain HTTP.
    #[error("the timestamp URL {0}")]
    Url(&'static str),
    /// The authority could not be asked.
    #[error("the timestamp authority {url}: {problem}")]
    Http {
        /// Its address.
        url: String,
        /// What happened.
        problem: String,
    },
    /// It refused.
    #[error("the timestamp authority refused: status {status}{text}")]
    Refused {
        /// PKIStatus (RFC 3161 §2.4.2).
        status: u8,
        /// What it says, after a comma.
        text: String,
    },
    /// Its answer cannot be read.
    #[error("the timestamp authority's answer: {0}")]
    Malformed(#[from] Malformed),
    /// Its answer is wrong.
    #[error("the timestamp {0}")]
    Wrong(String),
    /// Its answer names something that is not computed here.
    #[error("the timestamp {0}, which is not computed here")]
    NotChecked(String),
}

impl TimestampError {
    /// Whether the authority has failed, so that the same call may succeed later; else its address or its answer is wrong.
    #[must_use]
    pub(crate) const fn is_machine(&self) -> bool {
        matches!(self, Self::Http { .. } | Self::Refused { .. })
    }

    /// The next step, when there is one.
    #[must_use]
    pub(crate) const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Http { .. } | Self::Refused { .. } => {
                Some("check the address or sign again later; a signature without a timestamp ends with its certificate")
            }
            _ => None,
        }
    }
}
