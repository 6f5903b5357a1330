//! Why an installer could not be read.

use std::io;
use std::path::PathBuf;

use container::Malformed;

use crate::token::TokenError;

/// Why an installer could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Its bytes are wrong.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The bytes of one of its parts are wrong, of which it may have several.
    #[error("{part}: {source}")]
    Part {
        /// Which: `cabinet agent.cab`.
        part: String,
        /// What is wrong, with the place in the part.
        source: Malformed,
    },
    /// It has something in the token's place that is not a token.
    #[error("{place}: {source}")]
    Token {
        /// Where.
        place: &'static str,
        /// What is wrong.
        source: TokenError,
    },
    /// It could not be read.
    #[error("{verb}: {source}")]
    Io {
        /// What was being done.
        verb: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// What was taken out could not be put down.
    #[error("write {}: {source}", path.display())]
    Sink {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl ReadError {
    /// Says in which part wrong bytes are.
    pub(crate) fn of_part(self, part: impl FnOnce() -> String) -> Self {
        match self {
            Self::Malformed(source) => Self::Part { part: part(), source },
            other => other,
        }
    }
}

impl From<container::Error> for ReadError {
    fn from(error: container::Error) -> Self {
        match error {
            container::Error::Malformed(malformed) => Self::Malformed(malformed),
            container::Error::Io { verb, source } => Self::Io { verb, source },
        }
    }
}
