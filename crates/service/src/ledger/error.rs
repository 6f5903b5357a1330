//! Why the ledger could not answer. What it refuses (a link that is used up, a token that is revoked) is an answer, not an error.

use std::path::PathBuf;

/// A result of the ledger.
pub(crate) type Result<T, E = LedgerError> = std::result::Result<T, E>;

/// What is wrong with the database. Nothing that was written into it is part of an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LedgerError {
    /// It cannot be opened.
    #[error("ledger {}: {problem}", path.display())]
    Open {
        /// The file, or the folder that it should lie in.
        path: PathBuf,
        /// What the system or the database said.
        problem: String,
    },
    /// The folder's file system has no shared memory, as on network shares.
    #[error(
        "ledger {}: the journal mode is {found}, expected wal: the file system of this folder cannot hold a write-ahead log",
        path.display()
    )]
    NoWriteAheadLog {
        /// The database.
        path: PathBuf,
        /// What it has instead.
        found: String,
    },
    /// A newer version of this program has changed it.
    #[error("ledger: the schema has version {found}, must be at most {known}")]
    Schema {
        /// Its version.
        found: i64,
        /// The newest one that is known here.
        known: i64,
    },
    /// The address of a database is wrong.
    #[error("ledger: the database URL {0}")]
    Url(&'static str),
    /// There is no connection, or it broke. Whether the last change was made is not known then.
    #[error("ledger: the database cannot be reached: {0}")]
    Unavailable(String),
    /// No space is left; nothing was written.
    #[error("ledger: no space left for the database")]
    Full,
    /// More waits than can be held, or another process has locked the database for too long. Nothing was written.
    #[error("ledger: the database is busy")]
    Busy,
    /// A text has a NUL character, which PostgreSQL cannot hold. Nothing was written.
    #[error("ledger: a text has a NUL character")]
    Nul,
    /// The database refused a statement.
    #[error("ledger: the database answers: {0}")]
    Database(String),
    /// A row holds something that this program does not write.
    #[error("ledger: a row has {found}, expected {expected}")]
    Row {
        /// What stands there.
        found: &'static str,
        /// What should.
        expected: &'static str,
    },
}

impl LedgerError {
    /// Whether it may pass by itself: worth another try, and `503` over HTTP.
    #[must_use]
    pub(crate) const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full | Self::Busy)
    }

    /// What an operator can do about it.
    #[must_use]
    pub(crate) const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoWriteAheadLog { .. } => Some("use a folder on a local disk, or set journal = \"delete\""),
            Self::Schema { .. } => {
                Some("run the version of the program that the database was last used with, or a newer one")
            }
            Self::Full => Some("free space on the disk of the data folder"),
            _ => None,
        }
    }
}
