//! What can be wrong with a manifest, with file, line and key.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One thing that is wrong with a manifest: `stampwright.toml:7: product.version: "1.4" …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestProblem {
    /// The line, counted from 1.
    pub line: usize,
    /// Who has set the key instead, where it is not the line that counts: `--set` or the name of a variable.
    pub(crate) origin: Option<String>,
    /// The key with its tables, e.g. `product.version`; empty where the text is not TOML at all.
    pub key: String,
    /// What was found and what was expected.
    pub message: String,
    /// The next step, when there is one.
    pub hint: Option<&'static str>,
}

impl ManifestProblem {
    /// Where to look: `stampwright.toml:7`, or who has set the key.
    #[must_use]
    pub fn place(&self, file: &Path) -> String {
        match &self.origin {
            Some(origin) => origin.clone(),
            None => format!("{}:{}", file.display(), self.line),
        }
    }

    /// Key and message.
    #[must_use]
    pub fn sentence(&self) -> String {
        if self.key.is_empty() { self.message.clone() } else { format!("{}: {}", self.key, self.message) }
    }
}

/// Everything that is wrong with a manifest.
#[derive(Debug, thiserror::Error)]
pub struct ManifestError {
    /// The manifest's path.
    pub file: PathBuf,
    /// Each problem, in the order of the file.
    pub problems: Vec<ManifestProblem>,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{}: {}", problem.place(&self.file), problem.sentence())?;
            if let Some(hint) = problem.hint {
                write!(f, "\n  hint: {hint}")?;
            }
        }
        Ok(())
    }
}

/// Collects problems while a manifest is checked, so that a person sees all of them at once.
#[derive(Debug)]
pub(crate) struct Problems<'a> {
    text: &'a str,
    found: Vec<ManifestProblem>,
    /// Keys that were set from outside, and by whom.
    origins: Vec<(String, String)>,
}

impl<'a> Problems<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, found: Vec::new(), origins: Vec::new() }
    }

    /// What is wrong with this key from here on is said of who has set it.
    pub(super) fn set_by(&mut self, key: &str, origin: &str) {
        self.origins.push((key.to_owned(), origin.to_owned()));
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The line of a byte offset, counted from 1.
    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }

    pub(crate) fn add(&mut self, span: Range<usize>, key: impl Into<String>, message: impl Into<String>) {
        self.hinted(span, key, message, None);
    }

    pub(crate) fn hinted(
        &mut self,
        span: Range<usize>,
        key: impl Into<String>,
        message: impl Into<String>,
        hint: Option<&'static str>,
    ) {
        let (line, key) = (self.line(span.start), key.into());
        let origin = self.origins.iter().rev().find(|(set, _)| *set == key).map(|(_, origin)| origin.clone());
        self.found.push(ManifestProblem { line, origin, key, message: message.into(), hint });
    }

    pub(crate) fn finish<T>(mut self, file: &Path, value: Option<T>) -> Result<T, ManifestError> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => {
                self.found.sort_by_key(|problem| problem.line);
                Err(ManifestError { file: file.to_path_buf(), problems: self.found })
            }
        }
    }
}
