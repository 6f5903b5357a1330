//! Whose package it is.

use crate::report::Severity;

/// Who has built a package, and so which rules it is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    /// This tool: every rule.
    Stampwright,
    /// Another one: the rules of Windows Installer. What it takes all the same is a warning.
    Other,
}

impl Maker {
    /// How bad it is to break a rule that Windows Installer does not enforce.
    pub(super) const fn severity(self) -> Severity {
        match self {
            Self::Stampwright => Severity::Error,
            Self::Other => Severity::Warning,
        }
    }
}
