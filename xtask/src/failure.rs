//! What can stop one of the project's commands, each with the next step where there is one.

use std::io;
use std::path::{Path, PathBuf};

/// The result of a command of the project.
pub(crate) type Result<T = ()> = std::result::Result<T, Failure>;

/// Why a command stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Another program could not be started, or said no.
    #[error("{0}")]
    Program(#[from] xshell::Error),
    /// A file could not be read or written.
    #[error("cannot {verb} {}: {source}", path.display())]
    File {
        /// What was tried.
        verb: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The machine lacks something that this user may not install.
    #[error("{what} is missing\nhint: run this, then try again:\n  {command}")]
    Missing {
        /// What is missing.
        what: String,
        /// The exact command that brings it.
        command: String,
    },
    /// A downloaded or built file is not the one that was asked for.
    #[error("{}: sha256 is {found}, must be {expected}", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// Its digest.
        found: String,
        /// The digest that is pinned.
        expected: String,
    },
    /// Another program answered something that cannot be right.
    #[error("{program}: {answer}")]
    Answer {
        /// The program.
        program: String,
        /// What is wrong with its answer.
        answer: String,
    },
    /// The tree breaks rules of the house.
    #[error("{0} of the house's rules are broken")]
    Untidy(usize),
}

/// Puts the path and the verb to an I/O error.
pub(crate) trait AtPath<T> {
    /// Names what was tried with which file.
    fn at(self, verb: &'static str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, verb: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|source| Failure::File { verb, path: path.as_ref().to_path_buf(), source })
    }
}

impl Failure {
    /// An answer of `program` that cannot be right.
    pub(crate) fn answer(program: impl Into<String>, answer: impl Into<String>) -> Self {
        Self::Answer { program: program.into(), answer: answer.into() }
    }
}
