//! How the program ends when it does not end well: a sentence, perhaps a hint, and the exit status of the contract.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use installer::agent::{AgentError, AgentProblem};
use installer::claims::ClaimsError;
use installer::format::{BuildError, PrepareError, ReadError, SealFileError, StampError};
use installer::payload::PayloadError;
use installer::product::ManifestError;
use installer::token::TokenError;
use kit::KitError;

/// What went wrong, for a person and for a script.
#[derive(Debug)]
pub struct Failure {
    status: Status,
    message: String,
    hint: Option<String>,
}

/// The exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The input was read and is wrong, or a verification found an error.
    Wrong = 1,
    /// The command line asks for something that makes no sense.
    Usage = 2,
    /// The machine failed.
    Machine = 3,
}

impl Failure {
    pub fn wrong(message: impl Display) -> Self {
        Self { status: Status::Wrong, message: message.to_string(), hint: None }
    }

    pub fn usage(message: impl Display) -> Self {
        Self { status: Status::Usage, message: message.to_string(), hint: None }
    }

    pub fn machine(message: impl Display) -> Self {
        Self::with(Status::Machine, message)
    }

    /// The system refused something: `write dist/x.deb: No space left on device`.
    pub fn io<'a>(verb: &'a str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |error| {
            let message = format!("{verb} {}: {}", path.display(), plain(&error));
            Self { status: Status::Machine, message, hint: None }
        }
    }

    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Says which file it is about.
    pub fn about(mut self, path: &Path) -> Self {
        self.message = format!("{}: {}", path.display(), self.message);
        self
    }

    /// Prints the sentence and gives the status.
    pub fn report(&self) -> ExitCode {
        // A failed verification has said everything already.
        if !self.message.is_empty() {
            eprintln!("error: {}", self.message);
        }
        if let Some(hint) = &self.hint {
            eprintln!("  hint: {hint}");
        }
        ExitCode::from(self.status as u8)
    }

    fn with(status: Status, message: impl Display) -> Self {
        Self { status, message: message.to_string(), hint: None }
    }
}

/// The system's sentence without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.clone(), |(sentence, _)| sentence.to_owned())
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::wrong(error)
    }
}

impl From<ClaimsError> for Failure {
    fn from(error: ClaimsError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self { status: Status::Wrong, message: error.to_string(), hint }
    }
}

impl From<ManifestError> for Failure {
    fn from(error: ManifestError) -> Self {
        Self::wrong(error)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let status = match &error {
            ReadError::Malformed(_) | ReadError::Token { .. } => Status::Wrong,
            ReadError::Io { .. } | ReadError::Sink { .. } => Status::Machine,
        };
        Self::with(status, error)
    }
}

impl From<StampError> for Failure {
    fn from(error: StampError) -> Self {
        if let StampError::Read(error) = error {
            return error.into();
        }
        let status = match &error {
            StampError::Seal(error) if error.is_machine => Status::Machine,
            _ => Status::Wrong,
        };
        let hint = error.hint().map(str::to_owned);
        Self { status, message: error.to_string(), hint }
    }
}

impl From<SealFileError> for Failure {
    fn from(error: SealFileError) -> Self {
        if let SealFileError::Read(error) = error {
            return error.into();
        }
        let status = match &error {
            SealFileError::Write { .. } => Status::Machine,
            SealFileError::Seal(error) if error.is_machine => Status::Machine,
            _ => Status::Wrong,
        };
        let hint = error.hint().map(str::to_owned);
        Self { status, message: error.to_string(), hint }
    }
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        let hint = error.hint().map(str::to_owned);
        let status = match error {
            PrepareError::Read(error) => return error.into(),
            PrepareError::Write { .. } => Status::Machine,
            _ => Status::Wrong,
        };
        Self { status, message: error.to_string(), hint }
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let status = match &error {
            BuildError::Read { .. } | BuildError::Write { .. } => Status::Machine,
            BuildError::Payload(PayloadError::Read { .. }) => Status::Machine,
            _ => Status::Wrong,
        };
        let hint = match &error {
            BuildError::Product { hint, .. } => hint.map(str::to_owned),
            _ => None,
        };
        Self { status, message: error.to_string(), hint }
    }
}

impl From<KitError> for Failure {
    fn from(error: KitError) -> Self {
        let hint = error.hint().map(str::to_owned);
        let status = match error {
            KitError::Read(error) => return error.into(),
            KitError::Write { .. } => Status::Machine,
            _ => Status::Wrong,
        };
        Self { status, message: error.to_string(), hint }
    }
}

impl From<AgentError> for Failure {
    fn from(error: AgentError) -> Self {
        let status = match &error.problem {
            AgentProblem::Read { .. } => Status::Machine,
            _ => Status::Wrong,
        };
        let hint = error.problem.hint().map(str::to_owned);
        Self { status, message: error.to_string(), hint }
    }
}
