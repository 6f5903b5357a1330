//! What a caller hears while work goes on. Nothing in this crate prints: a program shows this to people, a server logs it or not.

use std::path::Path;

use installer::format::Progress;
use installer::{Finding, Report};

use crate::error::Result;

/// Hears what goes on. `()` hears nothing.
pub trait Observer: Sync + Send {
    /// Something has happened.
    fn notice(&self, event: &Event<'_>);
}

/// What can happen.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Work begins that may take a while; [`Event::Ended`] follows, whatever happens.
    Began {
        /// What is being done, as in `building dist/Agent.msi`.
        work: &'a str,
        /// How much there is to do.
        total: u64,
        /// Of what.
        unit: Unit,
    },
    /// So much more of it is done.
    Advanced(u64),
    /// It is over.
    Ended,
    /// A file or folder is in its place.
    Made {
        /// What became of it, as in `built` or `made`.
        verb: &'static str,
        /// Where it is.
        path: &'a Path,
    },
    /// Somebody should know this.
    Note(&'a str),
    /// One of many mistakes in an input; the error that follows says how many there are.
    Mistake {
        /// In what.
        place: &'a Path,
        /// Which.
        message: &'a str,
    },
    /// What a verification on the way has found of something that is fit for use, and not everywhere or not for ever.
    Warned {
        /// The file.
        path: &'a Path,
        /// What was found.
        finding: &'a Finding,
    },
    /// What a verification on the way has found.
    Verified {
        /// The file, or the place where it will be.
        path: &'a Path,
        /// The findings.
        report: &'a Report,
    },
}

/// What work is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Installers.
    Installers,
}

impl Observer for () {
    fn notice(&self, _: &Event<'_>) {}
}

/// Gives random bytes, for identifiers and keys.
pub trait Entropy: Sync + Send {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]) -> Result<()>;
}

impl<F: Fn(&mut [u8]) -> Result<()> + Sync + Send> Entropy for F {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        self(bytes)
    }
}

/// Work under way.
pub(crate) struct Activity<'o> {
    observer: &'o dyn Observer,
}

impl<'o> Activity<'o> {
    pub(crate) fn new(observer: &'o dyn Observer, work: &str, total: u64, unit: Unit) -> Self {
        observer.notice(&Event::Began { work, total, unit });
        Self { observer }
    }
}

impl Progress for Activity<'_> {
    fn advance(&self, amount: u64) {
        self.observer.notice(&Event::Advanced(amount));
    }
}

impl Drop for Activity<'_> {
    /// Says so; nothing else hangs on it.
    fn drop(&mut self) {
        self.observer.notice(&Event::Ended);
    }
}
