//! The tree as the rules see it: text files, and what is wrong with them.

use std::fmt;
use std::fs;
use std::path::Path;

use xshell::{Shell, cmd};

use crate::failure::{AtPath, Result};

/// A text file of the tree.
pub(super) struct Source {
    /// Its path from the top of the tree.
    pub(super) path: String,
    pub(super) text: String,
}

/// A broken rule and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) path: String,
    /// From 1; 0 for the file as a whole.
    pub(super) line: usize,
    what: String,
}

impl Complaint {
    pub(super) fn new(source: &Source, line: usize, what: impl Into<String>) -> Self {
        Self { path: source.path.clone(), line, what: what.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// Every text file that git has or would take.
pub(super) fn tree(sh: &Shell) -> Result<Vec<Source>> {
    let list = cmd!(sh, "git ls-files --cached --others --exclude-standard").quiet().read()?;
    let top = sh.current_dir();
    let mut tree = Vec::new();
    for path in list.lines() {
        let full = top.join(path);
        // Deleted but not yet committed, or a link to a folder.
        if full.is_file() {
            let bytes = fs::read(&full).at("read", &full)?;
            tree.extend(String::from_utf8(bytes).ok().map(|text| Source { path: path.to_owned(), text }));
        }
    }
    Ok(tree)
}

pub(super) fn is_rust(source: &Source) -> bool {
    Path::new(&source.path).extension().is_some_and(|extension| extension == "rs")
}

/// Makes a tree of (path, text) for the tests of the rules.
#[cfg(test)]
pub(super) fn tree_of(files: &[(&str, &str)]) -> Vec<Source> {
    files.iter().map(|(path, text)| Source { path: (*path).to_owned(), text: (*text).to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_names_its_place() {
        let source = &tree_of(&[("a.rs", "")])[0];
        assert_eq!(Complaint::new(source, 7, "is wrong").to_string(), "a.rs:7: is wrong");
        assert_eq!(Complaint::new(source, 0, "is wrong").to_string(), "a.rs: is wrong");
    }
}
