//! What is wrong with the seal of an application.

use std::fmt;

/// What is named in an error; the rest is counted.
const MAX_NAMED: usize = 5;

/// How a path differs from its seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// A file has other content, or is another kind of thing.
    Changed,
    /// It is not there.
    Missing,
    /// It is there, and nothing seals it.
    Added,
    /// It is sealed as code, and has no signature in it.
    Unsigned,
    /// It is code, with a signature that holds, but other code than was sealed.
    OtherCode,
    /// Its own signature does not hold or cannot be read.
    BadCode,
}

/// A seal that does not hold: the first paths that differ, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrokenSeal {
    named: Vec<(String, Breach)>,
    more: usize,
}

impl BrokenSeal {
    pub(super) fn add(&mut self, path: String, breach: Breach) {
        if self.named.len() < MAX_NAMED {
            self.named.push((path, breach));
        } else {
            self.more += 1;
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// Whether all that is wrong is that macOS or an archiver has put something there.
    pub(super) fn is_litter(&self) -> bool {
        self.more == 0 && self.named.iter().all(|(path, breach)| *breach == Breach::Added && is_litter(path))
    }
}

/// AppleDouble files and what the Finder leaves.
fn is_litter(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.any(|part| part.starts_with("._") || matches!(part, "__MACOSX" | ".DS_Store"))
}

impl fmt::Display for BrokenSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (path, breach)) in self.named.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let what = match breach {
                Breach::Changed => "was changed",
                Breach::Missing => "is missing",
                Breach::Added => "was added",
                Breach::Unsigned => "is sealed as code and has no code signature",
                Breach::OtherCode => "is not the code that was sealed",
                Breach::BadCode => "has a code signature that does not hold or cannot be read",
            };
            write!(f, "{comma}{} {what}", path.escape_debug())?;
        }
        if self.more > 0 {
            write!(f, ", and {} more", self.more)?;
        }
        Ok(())
    }
}
