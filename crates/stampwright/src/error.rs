//! What went wrong, for a person and for a program: a kind, a sentence, the place that it is about, perhaps the next step, and
//! the typed error of the crate below that caused it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use bucket::BucketError;
use installer::agent::{AgentError, AgentProblem};
use installer::claims::ClaimsError;
use installer::format::{BuildError, PrepareError, ReadError, SignFileError, StampError};
use installer::payload::PayloadError;
use installer::prepare;
use installer::product::ManifestError;
use installer::splice::SpliceError;
use installer::token::TokenError;
use kit::KitError;
use signing::issuer::RemoteIssuerError;
use signing::key::KeyError;
use signing::openpgp::OpenPgpError;
use signing::{CertificateError, IdentityError};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input was read and is wrong, or a verification found an error.
    Wrong,
    /// The call asks for something that makes no sense.
    Usage,
    /// The machine failed: a disk, a network, a service.
    Machine,
}

/// What went wrong.
///
/// `Display` gives one sentence in lower case, with the place in front of it: `Agent.msi: the installer is already stamped`.
/// A token or a key is never part of it.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    place: Option<PathBuf>,
    hint: Option<String>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Of any kind.
    pub fn new(kind: ErrorKind, message: impl fmt::Display) -> Self {
        Self(Box::new(Inner { kind, message: message.to_string(), place: None, hint: None, cause: None }))
    }

    /// The input is wrong.
    pub fn wrong(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Wrong, message)
    }

    /// The call makes no sense.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// The machine failed.
    pub fn machine(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Machine, message)
    }

    /// The system refused something: `write dist/x.deb: No space left on device`.
    pub fn io<'a>(verb: &'a str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |error| {
            let sentence = format!("{verb} {}: {}", path.display(), without_number(&error));
            Self::machine(sentence).caused_by(error)
        }
    }

    /// With the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.0.hint = Some(hint.to_string());
        self
    }

    /// Says which file it is about. A place that is known already stays in the sentence.
    #[must_use]
    pub fn about(mut self, place: &Path) -> Self {
        if self.0.place.is_some() {
            self.0.message = self.to_string();
        }
        self.0.place = Some(place.to_path_buf());
        self
    }

    /// Whose fault it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The sentence without its place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The file that it is about.
    #[must_use]
    pub fn place(&self) -> Option<&Path> {
        self.0.place.as_deref()
    }

    /// The next step, when there is one.
    #[must_use]
    pub fn next_step(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The typed error of a crate below that caused it, e.g. [`ClaimsError`] or [`StampError`].
    #[must_use]
    pub fn cause<E: StdError + 'static>(&self) -> Option<&E> {
        self.0.cause.as_deref().and_then(|cause| cause.downcast_ref())
    }

    fn caused_by(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Box::new(cause));
        self
    }

    /// The sentence, the hint and the typed error at once.
    fn typed(kind: ErrorKind, hint: Option<&str>, cause: impl StdError + Send + Sync + 'static) -> Self {
        let mut error = Self::new(kind, &cause).caused_by(cause);
        error.0.hint = hint.map(str::to_owned);
        error
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.place {
            Some(place) => write!(f, "{}: {}", place.display(), self.0.message),
            None => f.write_str(&self.0.message),
        }
    }
}

impl StdError for Error {}

/// The system's sentence without its number.
fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.clone(), |(sentence, _)| sentence.to_owned())
}

/// Errors that are always the input's fault and have no hint.
macro_rules! wrong {
    ($($type:ty),*) => {
        $(impl From<$type> for Error {
            fn from(error: $type) -> Self {
                Self::typed(ErrorKind::Wrong, None, error)
            }
        })*
    };
}

wrong!(ManifestError, prepare::PrepareRecordError, CertificateError, SpliceError, signing::issuer::IssuerError);

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        let hint = match error {
            TokenError::Encoding(_) => {
                Some("in PowerShell: Set-Content -NoNewline -Encoding ascii FILE TOKEN; its > writes UTF-16")
            }
            _ => None,
        };
        Self::typed(ErrorKind::Wrong, hint, error)
    }
}

impl From<ClaimsError> for Error {
    fn from(error: ClaimsError) -> Self {
        Self::typed(ErrorKind::Wrong, error.hint(), error)
    }
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        let kind = if error.is_machine() { ErrorKind::Machine } else { ErrorKind::Wrong };
        Self::typed(kind, error.hint(), error)
    }
}

impl From<BucketError> for Error {
    fn from(error: BucketError) -> Self {
        let kind = if error.is_machine() { ErrorKind::Machine } else { ErrorKind::Wrong };
        Self::typed(kind, error.hint(), error)
    }
}

impl From<RemoteIssuerError> for Error {
    fn from(error: RemoteIssuerError) -> Self {
        match error {
            RemoteIssuerError::Key(error) => error.into(),
            RemoteIssuerError::Issuer(error) => error.into(),
            error => Self::typed(ErrorKind::Wrong, None, error),
        }
    }
}

impl From<OpenPgpError> for Error {
    fn from(error: OpenPgpError) -> Self {
        match error {
            OpenPgpError::Key(error) => error.into(),
            error => Self::typed(ErrorKind::Wrong, error.hint(), error),
        }
    }
}

impl From<IdentityError> for Error {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Key(error) => error.into(),
            error => Self::typed(ErrorKind::Wrong, None, error),
        }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        let kind = match &error {
            ReadError::Malformed(_) | ReadError::Part { .. } | ReadError::Token { .. } => ErrorKind::Wrong,
            ReadError::Io { .. } | ReadError::Sink { .. } => ErrorKind::Machine,
        };
        Self::typed(kind, None, error)
    }
}

impl From<StampError> for Error {
    fn from(error: StampError) -> Self {
        let kind = match error {
            StampError::Read(error) => return error.into(),
            StampError::Signature(ref error) if error.is_machine => ErrorKind::Machine,
            _ => ErrorKind::Wrong,
        };
        Self::typed(kind, error.hint(), error)
    }
}

impl From<SignFileError> for Error {
    fn from(error: SignFileError) -> Self {
        let kind = match error {
            SignFileError::Read(error) => return error.into(),
            SignFileError::Write { .. } => ErrorKind::Machine,
            SignFileError::Signature(ref error) if error.is_machine => ErrorKind::Machine,
            _ => ErrorKind::Wrong,
        };
        Self::typed(kind, error.hint(), error)
    }
}

impl From<PrepareError> for Error {
    fn from(error: PrepareError) -> Self {
        let kind = match error {
            PrepareError::Read(error) => return error.into(),
            PrepareError::Write { .. } => ErrorKind::Machine,
            _ => ErrorKind::Wrong,
        };
        Self::typed(kind, error.hint(), error)
    }
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        let kind = match &error {
            BuildError::Read { .. } | BuildError::Write { .. } => ErrorKind::Machine,
            BuildError::Payload(PayloadError::Read { .. }) => ErrorKind::Machine,
            _ => ErrorKind::Wrong,
        };
        let hint = match &error {
            BuildError::Product { hint, .. } => *hint,
            _ => None,
        };
        Self::typed(kind, hint, error)
    }
}

impl From<KitError> for Error {
    fn from(error: KitError) -> Self {
        let kind = match error {
            KitError::Read(error) => return error.into(),
            KitError::Write { .. } => ErrorKind::Machine,
            _ => ErrorKind::Wrong,
        };
        Self::typed(kind, error.hint(), error)
    }
}

impl From<AgentError> for Error {
    fn from(error: AgentError) -> Self {
        let kind = match &error.problem {
            AgentProblem::Read { .. } => ErrorKind::Machine,
            _ => ErrorKind::Wrong,
        };
        let hint = error.problem.hint().map(str::to_owned);
        let error = Self::typed(kind, None, error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_stands_in_front_and_the_cause_is_kept() {
        let error = Error::from(TokenError::Empty).about(Path::new("a")).about(Path::new("b"));
        assert_eq!(error.to_string(), "b: a: token is empty");
        assert_eq!(error.cause::<TokenError>(), Some(&TokenError::Empty));
        assert_eq!(error.kind(), ErrorKind::Wrong);
        let refused = io::Error::from_raw_os_error(13);
        let error = Error::io("write", Path::new("x"))(refused);
        assert!(error.to_string().starts_with("write x: ") && !error.to_string().contains("os error"), "{error}");
    }
}
