//! Why an agent is refused.

use std::fmt;
use std::io;
use std::path::PathBuf;

use container::{Malformed, Problem};

use super::broken::BrokenSeal;
use crate::product::{Arch, Platform};

/// An agent that is refused: `agent bin/node is not a Windows executable: it is a Linux executable`.
#[derive(Debug, thiserror::Error)]
#[error("agent {} {problem}", path.display())]
pub struct AgentError {
    /// The agent's path.
    pub path: PathBuf,
    /// Why.
    pub problem: AgentProblem,
}

/// Why an agent is refused, as what follows `agent PATH`.
#[derive(Debug, thiserror::Error)]
pub enum AgentProblem {
    /// Its first bytes are of another kind of file.
    #[error("is not a {platform} executable: it is {found}")]
    NotForPlatform {
        /// The platform that the manifest says.
        platform: Platform,
        /// What it is.
        found: &'static str,
    },
    /// Its headers are wrong.
    #[error("is damaged: {0}")]
    Malformed(Malformed),
    /// It is a library, a driver, an object file.
    #[error("is not a program: it is {found}")]
    NotAProgram {
        /// What it is.
        found: &'static str,
    },
    /// It is for other processors.
    #[error("is for {}, the manifest says {expected}", Processors(found, others))]
    Architecture {
        /// What the manifest says.
        expected: Arch,
        /// What it is for, of the processors that have a name here.
        found: Vec<Arch>,
        /// The names of other processors that it is for (as well).
        others: Vec<String>,
    },
    /// Its dynamic linker is not there where it is going to be installed.
    #[error(
        "needs the dynamic linker {interpreter}, which Debian does not have: systemd could not start it (status 203/EXEC)"
    )]
    Interpreter {
        /// The path in the program.
        interpreter: String,
    },
    /// It has no code signature.
    #[error("has no code signature")]
    Unsigned,
    /// It has an ad hoc code signature, which names no signer.
    #[error("has an ad hoc code signature, which names no signer: linkers add one by themselves")]
    AdHoc,
    /// Its code signature cannot be read.
    #[error("has a code signature that cannot be read: {0}")]
    SignatureUnreadable(Malformed),
    /// Its code signature names a digest algorithm that is not computed here.
    #[error(
        "has a code signature that is not checked: its digest algorithm is {0}, must be SHA-1, SHA-256, SHA-384 or SHA-512"
    )]
    SignatureNotChecked(String),
    /// Its code signature says things that do not fit together.
    #[error("has a code signature that does not hold: {0}")]
    Signature(&'static str),
    /// A digest was computed and is not the one that was signed.
    #[error("was changed after it was signed: {0}")]
    Changed(&'static str),
    /// The same, of a place in the file.
    #[error("was changed after it was signed: {0}")]
    ChangedAt(Malformed),
    /// Its application folder is wrong.
    #[error("is not a usable application: {file}: {what}")]
    App {
        /// The file, from the application's folder.
        file: String,
        /// What is wrong.
        what: &'static str,
    },
    /// A file of its application folder that tells of others cannot be parsed.
    #[error("is not a usable application: {file}: {problem}")]
    AppFile {
        /// The file, from the application's folder.
        file: String,
        /// What is wrong.
        problem: Problem,
    },
    /// Its application folder is not the one that was signed.
    #[error("has a broken seal: {0}")]
    Seal(BrokenSeal),
    /// It cannot be read.
    #[error("cannot be used: {verb}: {source}")]
    Read {
        /// What was being done.
        verb: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

impl AgentProblem {
    /// The next step, when there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unsigned | Self::AdHoc => Some("sign it first, or pass --allow-unsigned-agent"),
            Self::Changed(_) | Self::ChangedAt(_) => Some("the file was changed after it was signed; get it again"),
            Self::SignatureNotChecked(_) => Some("have it signed anew, over SHA-256"),
            Self::Interpreter { .. } => Some("build it for glibc, or link it statically"),
            Self::Seal(broken) if broken.is_litter() => Some(
                "delete what was added: an archiver or the Finder has put it there, and the signature does not cover it",
            ),
            Self::Seal(_) => Some("the application was changed after it was signed; get it again"),
            Self::Architecture { expected: Arch::X64 | Arch::Arm64, found, .. } if found.len() == 2 => {
                Some("write arch = \"universal\" in the manifest")
            }
            Self::NotForPlatform { platform: Platform::Macos, .. } => {
                Some("give the Mach-O executable or the signed .app folder")
            }
            _ => None,
        }
    }

    /// A file of an application that is damaged.
    pub(super) fn in_file(file: &str, wrong: Malformed) -> Self {
        Self::AppFile { file: file.to_owned(), problem: wrong.problem }
    }

    /// Whether a code signature is there and does not hold, cannot be read, or is not checked.
    #[must_use]
    pub const fn is_about_signature(&self) -> bool {
        matches!(
            self,
            Self::SignatureUnreadable(_)
                | Self::SignatureNotChecked(_)
                | Self::Signature(_)
                | Self::Changed(_)
                | Self::ChangedAt(_)
        )
    }

    /// The same problem, found while the signature was read or compared with the file.
    pub(super) fn in_signature(error: container::Error) -> Self {
        match error {
            container::Error::Malformed(malformed @ Malformed { problem: Problem::Mismatch { .. }, .. }) => {
                Self::ChangedAt(malformed)
            }
            container::Error::Malformed(malformed) => Self::SignatureUnreadable(malformed),
            container::Error::Io { verb, source } => Self::Read { verb, source },
        }
    }
}

impl From<container::Error> for AgentProblem {
    fn from(error: container::Error) -> Self {
        match error {
            container::Error::Malformed(malformed) => Self::Malformed(malformed),
            container::Error::Io { verb, source } => Self::Read { verb, source },
        }
    }
}

/// Processors in words: `x64 and arm64`, `x86 (32-bit)`.
struct Processors<'a>(&'a [Arch], &'a [String]);

impl fmt::Display for Processors<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.iter().map(Arch::to_string).chain(self.1.iter().cloned()).collect();
        f.write_str(&names.join(" and "))
    }
}
