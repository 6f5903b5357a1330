//! What a source file names of its own crate: the paths in its text, read as the language reads them.
//!
//! This is no parser of Rust. It knows comments and literals (which name nothing), `mod`, `use` and paths, and that is enough to say
//! which file leans on which: after a `use` every name stands for the path that it was bound to.

use std::collections::BTreeMap;

/// A path from the crate's root: `["cfb", "read", "Reader"]`.
pub(super) type Path = Vec<String>;

/// A word, `::` or a sign, and its line (from 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token<'a> {
    text: &'a str,
    line: usize,
}

/// What one file says of its crate.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Every path into the crate, with its line (from 1).
    pub(super) paths: Vec<(Path, usize)>,
    /// The names that `use` and `mod` bind in it, and what they stand for.
    pub(super) bound: BTreeMap<String, Path>,
    /// It declares modules and names what lies in them, and holds nothing of its own.
    pub(super) is_signpost: bool,
}

/// A path as it stands in the text, seen from the module `here`.
struct Raw<'a> {
    here: Path,
    words: Vec<&'a str>,
    /// The name that a `use` gives it.
    alias: Option<&'a str>,
    line: usize,
}

/// Reads the text of the file that is the module `module`.
pub(super) fn names(text: &str, module: &[String]) -> Names {
    let tokens = tokens(text);
    let mut walk =
        Walk { tokens: &tokens, here: module.to_vec(), open: Vec::new(), raw: Vec::new(), bound: BTreeMap::new() };
    walk.run();
    let Walk { raw, mut bound, .. } = walk;
    for used in raw.iter().filter(|raw| raw.alias.is_some()) {
        if let (Some(path), Some(alias)) = (absolute(used, &bound), used.alias) {
            bound.insert(alias.to_owned(), path);
        }
    }
    let paths = raw.iter().filter_map(|raw| Some((absolute(raw, &bound)?, raw.line))).collect();
    Names { paths, bound, is_signpost: is_signpost(&tokens) }
}

/// Whether the text names another crate: a path that starts with it, or a `use` of it.
pub(super) fn names_crate(text: &str, name: &str) -> bool {
    let tokens = tokens(text);
    let word = |index: usize| tokens.get(index).map_or("", |token| token.text);
    tokens.iter().enumerate().filter(|(_, token)| token.text == name).any(|(index, _)| {
        let before = index.checked_sub(1).map_or("", word);
        match before {
            // `::name` starts at the crates, and `a::name` is another's.
            "::" => !index.checked_sub(2).is_some_and(|before| is_word(word(before))) && word(index + 1) == "::",
            "." | "mod" => false,
            "use" | "crate" => true,
            _ => word(index + 1) == "::",
        }
    })
}

/// The path from the crate's root; nothing for a path into another crate, or of a local name.
fn absolute(raw: &Raw, bound: &BTreeMap<String, Path>) -> Option<Path> {
    let (first, mut rest) = raw.words.split_first()?;
    let mut path = match *first {
        "crate" => Path::new(),
        "self" => raw.here.clone(),
        "super" => above(&raw.here),
        name => bound.get(name)?.clone(),
    };
    while let Some(("super", after)) = rest.split_first().map(|(word, after)| (*word, after)) {
        path = above(&path);
        rest = after;
    }
    path.extend(rest.iter().map(|word| (*word).to_owned()));
    Some(path)
}

fn above(module: &[String]) -> Path {
    module.split_last().map_or_else(Path::new, |(_, above)| above.to_vec())
}

struct Walk<'a> {
    tokens: &'a [Token<'a>],
    here: Path,
    /// For each open brace, whether it opened a module.
    open: Vec<bool>,
    raw: Vec<Raw<'a>>,
    bound: BTreeMap<String, Path>,
}

impl<'a> Walk<'a> {
    fn text(&self, index: usize) -> &'a str {
        self.tokens.get(index).map_or("", |token| token.text)
    }

    fn run(&mut self) {
        let mut index = 0;
        while let Some(token) = self.tokens.get(index) {
            let before = index.checked_sub(1).map_or("", |before| self.text(before));
            index = match token.text {
                "mod" if is_word(self.text(index + 1)) => self.module(index),
                "use" if before != "::" => self.import(index + 1, &[]),
                "{" => {
                    self.open.push(false);
                    index + 1
                }
                "}" => {
                    if self.open.pop() == Some(true) {
                        self.here.pop();
                    }
                    index + 1
                }
                // `pub(in crate::a)` says who may see, and leans on nothing.
                _ if is_word(token.text) && !matches!(before, "::" | "." | "in") => self.path(index),
                _ => index + 1,
            };
        }
    }

    /// `mod name;` or `mod name {`; gives where to go on.
    fn module(&mut self, index: usize) -> usize {
        let name = self.text(index + 1).to_owned();
        match self.text(index + 2) {
            "{" => {
                self.here.push(name);
                self.open.push(true);
            }
            _ => {
                let path = self.here.iter().cloned().chain([name.clone()]).collect();
                self.bound.insert(name, path);
            }
        }
        index + 3
    }

    /// A path in an expression or a type: words with `::` between them.
    fn path(&mut self, index: usize) -> usize {
        let (words, after) = self.words(index);
        if words.len() > 1 {
            self.keep(words, None, index);
        }
        after
    }

    fn words(&self, mut index: usize) -> (Vec<&'a str>, usize) {
        let mut words = vec![self.text(index)];
        while self.text(index + 1) == "::" && is_word(self.text(index + 2)) {
            words.push(self.text(index + 2));
            index += 2;
        }
        (words, index + 1)
    }

    /// One tree of a `use`, after `stem`; gives where to go on.
    fn import(&mut self, mut index: usize, stem: &[&'a str]) -> usize {
        let mut words = stem.to_vec();
        loop {
            match self.text(index) {
                "{" => {
                    index += 1;
                    while !matches!(self.text(index), "}" | "") {
                        index = self.import(index, &words);
                        index += usize::from(self.text(index) == ",");
                    }
                    return index + 1;
                }
                "::" => index += 1,
                "as" => {
                    self.keep(words, Some(self.text(index + 1)), index);
                    return index + 2;
                }
                "*" => {
                    self.keep(words, None, index);
                    return index + 1;
                }
                "self" if !words.is_empty() => index += 1,
                word if is_word(word) => {
                    words.push(word);
                    index += 1;
                }
                _ => {
                    let last = words.last().copied();
                    self.keep(words, last, index.saturating_sub(1));
                    return index;
                }
            }
        }
    }

    fn keep(&mut self, words: Vec<&'a str>, alias: Option<&'a str>, index: usize) {
        let line = self.tokens.get(index).map_or(0, |token| token.line);
        // A `use` inside a block or an inline module binds there only; that the whole file knows the name does no harm.
        self.raw.push(Raw { here: self.here.clone(), words, alias, line });
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

/// Whether the file's items are `mod` and `use` and nothing else, its own tests apart.
fn is_signpost(tokens: &[Token]) -> bool {
    let text = |index: usize| tokens.get(index).map_or("", |token| token.text);
    let mut index = 0;
    while index < tokens.len() {
        index = match text(index) {
            "#" => closed(tokens, index + 1 + usize::from(text(index + 1) == "!")),
            "pub" if text(index + 1) == "(" => closed(tokens, index + 1),
            "pub" => index + 1,
            "mod" if text(index + 2) == ";" => index + 3,
            "mod" if text(index + 1) == "tests" => closed(tokens, index + 2),
            "use" => index + tokens.iter().skip(index).take_while(|token| token.text != ";").count() + 1,
            _ => return false,
        };
    }
    true
}

/// Behind the bracket that closes the one at `index`.
fn closed(tokens: &[Token], index: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(index) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// Words, `::` and signs; comments, strings, characters and lifetimes are left out.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (length, is_token) = match first {
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), false),
            '/' if rest.starts_with("/*") => (comment(rest), false),
            '"' => (string(rest), false),
            '\'' => (quoted(rest), false),
            ':' if rest.starts_with("::") => (2, true),
            letter if letter.is_alphanumeric() || letter == '_' => match raw_string(rest) {
                Some(length) => (length, false),
                None => (word(rest), true),
            },
            other => (other.len_utf8(), !other.is_whitespace()),
        };
        let (piece, after) = rest.split_at(length.min(rest.len()));
        if is_token {
            tokens.push(Token { text: piece, line });
        }
        line += piece.matches('\n').count();
        rest = after;
    }
    tokens
}

fn word(text: &str) -> usize {
    text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len())
}

/// The length of a block comment, others inside it included.
fn comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth = depth.saturating_sub(1);
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of a string with escapes.
fn string(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of `r"…"`, `b"…"`, `br#"…"#` and the like, if that is what the text starts with.
fn raw_string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r"]
        .into_iter()
        .find(|prefix| text.strip_prefix(*prefix).is_some_and(|rest| rest.starts_with(['"', '#', '\''])))?;
    let rest = text.get(prefix.len()..)?;
    if rest.starts_with('\'') {
        return (prefix == "b").then(|| prefix.len() + quoted(rest));
    }
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let body = rest.get(hashes..)?.strip_prefix('"')?;
    if prefix.ends_with('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        let length = body.find(&end).map_or(body.len(), |at| at + end.len());
        return Some(prefix.len() + hashes + 1 + length);
    }
    Some(prefix.len() + string(rest))
}

/// The length of a character or a lifetime.
fn quoted(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    match letters.next().map(|(_, letter)| letter) {
        Some('\\') => {
            letters.next();
            letters.find(|(_, letter)| *letter == '\'').map_or(text.len(), |(at, _)| at + 1)
        }
        Some(_) if letters.next().is_some_and(|(_, letter)| letter == '\'') => {
            text.char_indices().nth(2).map_or(text.len(), |(at, _)| at + 1)
        }
        _ => 1 + text.get(1..).map_or(0, word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths_of(text: &str, module: &[&str]) -> Vec<String> {
        let module: Path = module.iter().map(|word| (*word).to_owned()).collect();
        names(text, &module).paths.iter().map(|(path, line)| format!("{line} {}", path.join("::"))).collect()
    }

    #[test]
    fn imports_are_read_as_trees() {
        let text =
            "use crate::{a, b::{self, C as D}};\nuse super::x::*;\nuse std::io::{self, Read};\nuse self::child::E;";
        assert_eq!(paths_of(text, &["one", "two"]), ["1 a", "1 b", "1 b::C", "2 one::x", "4 one::two::child::E"]);
    }

    #[test]
    fn a_name_stands_for_what_it_was_bound_to() {
        let text = "use crate::cfb;\nmod child;\nfn f() -> cfb::Reader {\n    child::g(crate::h::I::new(), x.y, std::io::z())\n}";
        assert_eq!(paths_of(text, &["m"]), ["1 cfb", "3 cfb::Reader", "4 m::child::g", "4 h::I::new"]);
    }

    #[test]
    fn an_inline_module_is_a_floor_of_its_own() {
        let text = "mod tests {\n    use super::*;\n    use super::super::up::F;\n}\nuse super::up::G;";
        assert_eq!(paths_of(text, &["a", "b"]), ["2 a::b", "3 a::up::F", "5 a::up::G"]);
    }

    #[test]
    fn comments_and_literals_name_nothing() {
        let text = concat!(
            "// crate::a::b\n/* crate::c /* crate::d */ crate::e */\n",
            "const S: &str = \"crate::f::g \\\" crate::h\";\n",
            "const R: &str = r#\"crate::i \" crate::j\"#; const B: &[u8] = b\"crate::k\";\n",
            "const C: [char; 3] = ['\"', '\\'', 'x'];\nfn f<'a>(x: &'a str) -> crate::l::M<'a> { r#type(b'\"') }\n",
        );
        assert_eq!(paths_of(text, &[]), ["6 l::M"]);
    }

    #[test]
    fn who_may_see_is_not_who_is_needed() {
        assert!(paths_of("pub(in crate::pkg) fn f() {}\npub(crate) struct S;", &["pkg", "a"]).is_empty());
    }

    #[test]
    fn a_crate_is_named_by_paths_and_imports() {
        for text in ["use tar::Builder;", "let x = tar::f();", "extern crate tar;", "use {a, tar::B};", "x(::tar::f())"]
        {
            assert!(names_crate(text, "tar"), "{text}");
        }
        for text in [
            "mod tar;",
            "use crate::tar::B;",
            "a.tar",
            "// tar::Builder",
            "\"tar::B\"",
            "super::tar::f()",
            "let tar = 1;",
        ] {
            assert!(!names_crate(text, "tar"), "{text}");
        }
    }

    #[test]
    fn a_signpost_holds_nothing_of_its_own() {
        let signpost = "//! Tour.\n#![allow(x)]\nmod a;\npub(crate) mod b;\npub use a::{B, C};\n#[cfg(test)]\nmod tests { fn f() {} }";
        assert!(names(signpost, &[]).is_signpost);
        assert!(!names(&format!("{signpost}\nconst LIMIT: u8 = 1;"), &[]).is_signpost);
        assert!(!names("mod a { fn f() {} }", &[]).is_signpost);
    }
}
