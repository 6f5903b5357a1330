//! Sizes and words.

use super::tree::{Complaint, Source, is_rust};

/// A longer file is two things in one room.
const MAX_LINES: usize = 500;
/// A longer function gets a hint: a table of data may be as long as its specification.
const MAX_FUNCTION_LINES: usize = 60;

/// Marks of unfinished work. Written in halves here, or this file would complain of itself.
const OPEN_ENDS: [&str; 4] =
    [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("FIX", "ME"), concat!("XX", "X:")];

/// Where packages come from is the machine's business, and so is where the tree lies.
const FOREIGN: [&str; 8] = [
    concat!("registry.", "npmjs"),
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("deb.", "debian.org"),
    concat!("snapshot.", "debian"),
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/."),
    concat!("/opt/", "wheels"),
];

/// Source files that are too long.
pub(super) fn long_files(tree: &[Source]) -> Vec<Complaint> {
    let lines = |source: &&Source| source.text.lines().count();
    let long = tree.iter().filter(|source| is_rust(source) && lines(source) > MAX_LINES);
    long.map(|source| Complaint::new(source, 0, format!("{} lines, at most {MAX_LINES}", lines(&source)))).collect()
}

/// Functions that are longer than feels right; rustfmt puts the closing brace under the first letter.
pub(super) fn long_functions(tree: &[Source]) -> Vec<Complaint> {
    let mut hints = Vec::new();
    for source in tree.iter().filter(|source| is_rust(source)) {
        let mut open: Option<(usize, usize)> = None;
        for (number, line) in source.text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            if is_function(line.trim_start()) && !line.trim_end().ends_with(['}', ';']) {
                open = Some((number, indent));
            } else if let Some((start, _)) = open.filter(|(_, depth)| line.trim() == "}" && *depth == indent) {
                let length = number - start + 1;
                if length > MAX_FUNCTION_LINES {
                    hints.push(Complaint::new(source, start + 1, format!("a function of {length} lines")));
                }
                open = None;
            }
        }
    }
    hints
}

fn is_function(line: &str) -> bool {
    let is_prefix = |word: &&str| word.starts_with("pub") || matches!(*word, "const" | "async" | "unsafe" | "extern");
    let mut words = line.split_whitespace().skip_while(is_prefix);
    words.next() == Some("fn")
}

/// Unfinished work.
pub(super) fn open_ends(tree: &[Source]) -> Vec<Complaint> {
    words(tree.iter().filter(|source| is_rust(source)), &OPEN_ENDS, "is unfinished work")
}

/// Words that tie the tree to one machine or registry. The lock files are cargo's.
pub(super) fn foreign_words(tree: &[Source]) -> Vec<Complaint> {
    words(tree.iter().filter(|source| !source.path.ends_with("Cargo.lock")), &FOREIGN, "has no place here")
}

fn words<'a>(sources: impl Iterator<Item = &'a Source>, words: &[&str], what: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in sources {
        for (number, line) in source.text.lines().enumerate() {
            let found = words.iter().filter(|word| line.contains(**word));
            complaints.extend(found.map(|word| Complaint::new(source, number + 1, format!("`{word}` {what}"))));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::super::tree::tree_of;
    use super::*;

    #[test]
    fn a_long_file_is_named() {
        let tree = tree_of(&[
            ("long.rs", &"x\n".repeat(501)),
            ("right.rs", &"x\n".repeat(500)),
            ("long.md", &"x\n".repeat(501)),
        ]);
        let found = long_files(&tree);
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["long.rs: 501 lines, at most 500"]);
    }

    #[test]
    fn a_long_function_gets_a_hint() {
        let long = format!("impl X {{\n    pub(crate) fn f() -> u8 {{\n{}    }}\n}}\n", "        g();\n".repeat(70));
        let right = format!("fn f() {{\n{}}}\n", "    g();\n".repeat(20));
        let tree = tree_of(&[("long.rs", &long), ("right.rs", &right.repeat(9))]);
        let hints: Vec<String> = long_functions(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(hints, ["long.rs:2: a function of 72 lines"]);
    }

    #[test]
    fn open_ends_and_foreign_words_are_found() {
        let tree =
            tree_of(&[("a.rs", concat!("fn f() {\n    to", "do!()\n}")), ("b.md", concat!("see /wo", "rk/here"))]);
        assert_eq!(open_ends(&tree).len(), 1);
        assert_eq!(foreign_words(&tree).len(), 1);
        assert_eq!(foreign_words(&tree)[0].line, 1);
    }
}
