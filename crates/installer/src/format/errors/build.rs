//! Why a base could not be built.

use std::io;
use std::path::{Path, PathBuf};

use container::Malformed;

use crate::payload::PayloadError;
use crate::template::TemplateError;

/// Why a base could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The product has something that this format cannot express.
    #[error("{field} {problem}")]
    Product {
        /// The manifest's key, e.g. `product.name`.
        field: &'static str,
        /// What is wrong with it, as the rest of a sentence.
        problem: String,
        /// The next step, when there is one.
        hint: Option<&'static str>,
    },
    /// The payload does not hold together.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// A template does not fit its values.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A source is malformed where the format has to understand it.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The result would be larger than the format can be.
    #[error("{what} is {found} bytes, must be at most {limit}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its size.
        found: u64,
        /// The format's limit.
        limit: u64,
    },
    /// A source could not be read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The base could not be written.
    #[error("{verb}: {source}")]
    Write {
        /// What was being done, e.g. `write data.tar`.
        verb: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

impl BuildError {
    /// A destination of the product's is a place of the installer's own.
    pub(crate) fn own_place(destination: &str, whose: &str) -> Self {
        Self::Product {
            field: "file.destination",
            problem: format!("\"/{destination}\" is where {whose}"),
            hint: Some("choose another name"),
        }
    }

    /// What a reader says of a source.
    pub(crate) fn source(path: &Path) -> impl FnOnce(container::Error) -> Self {
        let path = path.to_path_buf();
        move |error| match error {
            container::Error::Io { source, .. } => Self::Read { path, source },
            container::Error::Malformed(malformed) => Self::Malformed(malformed),
        }
    }

    /// An I/O error of the output, with what was being done.
    pub fn write(verb: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { verb, source }
    }
}
