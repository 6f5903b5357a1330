//! What goes wrong on the device itself. What a server or a network answers is a [`Cause`](crate::net::Cause).

use std::io;
use std::path::{Path, PathBuf};

/// What goes wrong on the device itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder.
    #[error("cannot {verb} {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The registry.
    #[error("cannot {verb} registry value {value}: {reason}")]
    Registry {
        /// What was tried.
        verb: &'static str,
        /// With which value.
        value: String,
        /// What the system says.
        reason: String,
    },
    /// A file of the agent's own state.
    #[error("{path}: {reason}", path = path.display())]
    State {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Another process of this agent has the state folder: its service, most often.
    #[error("{path}: another process of this agent is running", path = path.display())]
    Running {
        /// The file that it has locked.
        path: PathBuf,
    },
    /// The product, as it was compiled in.
    #[error("product: {0}")]
    Product(&'static str),
    /// The token.
    #[error("enrollment token: {0}")]
    Token(&'static str),
    /// A request or answer file.
    #[error("enrollment file: {0}")]
    File(&'static str),
    /// The system gives no randomness, or the key cannot be used.
    #[error("device key: {0}")]
    Key(&'static str),
    /// The queue is full of records that may not be dropped.
    #[error("queue: full of required records")]
    Full,
}

/// Ours.
pub type Result<T = ()> = std::result::Result<T, Error>;

/// Says with which path something failed.
pub(crate) trait AtPath<T> {
    /// `verb` as in "cannot read".
    fn at(self, verb: &'static str, path: &Path) -> Result<T>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, verb: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Io { verb, path: path.to_owned(), source })
    }
}
