//! `cargo xtask tidy`: the rules of the house that a compiler does not hold. Each rule is a function from the tree's text to
//! complaints; `cargo test` runs them all on the tree, and each on a small bad example.
//!
//! - who may import whom, between crates and inside the installer crate (`imports`)
//! - size of files, open ends, words that have no place in the tree (`text`)
//! - every crate takes the workspace's lints, every template is used, workflows call these commands only (`house`)

mod house;
mod imports;
mod text;

use std::fmt;
use std::fs;
use std::path::Path;

use xshell::{Shell, cmd};

use crate::failure::{AtPath, Failure, Result};

/// A text file of the tree.
pub(super) struct Source {
    /// Its path from the top of the tree.
    path: String,
    text: String,
}

/// From the tree to what is wrong with it.
type Rule = fn(&[Source]) -> Vec<Complaint>;

/// A broken rule and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    path: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    what: String,
}

impl Complaint {
    fn new(source: &Source, line: usize, what: impl Into<String>) -> Self {
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

/// Prints hints and complaints; complaints are a failure.
pub(crate) fn run(sh: &Shell) -> Result {
    let tree = tree(sh)?;
    for hint in text::long_functions(&tree) {
        println!("hint: {hint}");
    }
    let complaints = complaints(&tree);
    for complaint in &complaints {
        println!("{complaint}");
    }
    if complaints.is_empty() { Ok(()) } else { Err(Failure::Untidy(complaints.len())) }
}

fn complaints(tree: &[Source]) -> Vec<Complaint> {
    let rules: [Rule; 8] = [
        imports::between_crates,
        imports::inside_installer,
        text::long_files,
        text::open_ends,
        text::foreign_words,
        house::lints,
        house::templates,
        house::workflows,
    ];
    rules.iter().flat_map(|rule| rule(tree)).collect()
}

/// Every text file that git has or would take.
fn tree(sh: &Shell) -> Result<Vec<Source>> {
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

fn is_rust(source: &Source) -> bool {
    Path::new(&source.path).extension().is_some_and(|extension| extension == "rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a tree of (path, text) for the tests of the rules.
    pub(super) fn tree_of(files: &[(&str, &str)]) -> Vec<Source> {
        files.iter().map(|(path, text)| Source { path: (*path).to_owned(), text: (*text).to_owned() }).collect()
    }

    #[test]
    fn the_tree_is_tidy() {
        let sh = Shell::new().unwrap();
        sh.change_dir(crate::root());
        let complaints: Vec<String> = complaints(&tree(&sh).unwrap()).iter().map(ToString::to_string).collect();
        assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    }

    #[test]
    fn a_complaint_names_its_place() {
        let source = &tree_of(&[("a.rs", "")])[0];
        assert_eq!(Complaint::new(source, 7, "is wrong").to_string(), "a.rs:7: is wrong");
        assert_eq!(Complaint::new(source, 0, "is wrong").to_string(), "a.rs: is wrong");
    }
}
