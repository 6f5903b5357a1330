//! Text on its way into a database: which codepage it gets; what Formatted text would eat is escaped.

use container::msidb::Codepage;

use crate::format::BuildError;

use super::tables::{Field, Tables};

/// The codepages of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Codepages {
    /// That of the tables: the ANSI one that has every character of the package, else UTF-8.
    pub(super) strings: Codepage,
    /// That of the summary information, always an ANSI one: Windows Installer refuses UTF-8 there, and only there.
    pub(super) summary: Codepage,
}

impl Codepages {
    /// The codepages for tables, and for a summary information with these texts.
    pub(super) fn choose(tables: &Tables, summary: &[&str]) -> Self {
        let cells = tables.used().flat_map(|table| table.rows.iter().flatten());
        let texts: Vec<&str> = cells
            .filter_map(|field| match field {
                Field::Text(text) => Some(text.as_str()),
                Field::Null | Field::Int(_) | Field::Binary(_) => None,
            })
            .collect();
        let summary = summary.iter().copied();
        match Codepage::for_texts(texts.into_iter().chain(summary.clone())) {
            Some(page) => Self { strings: page, summary: page },
            None => Self {
                strings: Codepage::UTF_8,
                summary: Codepage::for_texts(summary).unwrap_or(Codepage::WINDOWS_1252),
            },
        }
    }
}

/// Text for a Formatted column: `[x]` is a property and `{…}` a condition there, so the four are escaped ("Formatted":
/// `[\c]` is the character c).
pub(super) fn formatted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '[' | ']' | '{' | '}') {
            out.extend(['[', '\\', c, ']']);
        } else {
            out.push(c);
        }
    }
    out
}

/// A text column of which the reference does not say whether it is formatted: brackets are refused there.
pub(super) fn plain(field: &'static str, text: &str) -> Result<(), BuildError> {
    if text.contains(['[', ']', '{', '}']) {
        let problem = "must not have any of [ ] { } for an MSI: Windows Installer may take them for a property".into();
        return Err(BuildError::Product { field, problem, hint: None });
    }
    Ok(())
}

/// Arguments as one command line, so that the C runtime splits them as they were ("Parsing C command-line
/// arguments": backslashes count only before a quote).
pub(super) fn command_line(arguments: &[String]) -> String {
    arguments.iter().map(|argument| quoted(argument)).collect::<Vec<_>>().join(" ")
}

fn quoted(argument: &str) -> String {
    if !argument.is_empty() && !argument.contains([' ', '\t', '"']) {
        return argument.to_owned();
    }
    let mut out = String::from("\"");
    let mut backslashes = 0;
    for c in argument.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                out.extend(std::iter::repeat_n('\\', backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        out.push(c);
    }
    out.extend(std::iter::repeat_n('\\', backslashes));
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formatted_text_comes_out_as_it_was() {
        assert_eq!(formatted("a [b] {c}"), r"a [\[]b[\]] [\{]c[\}]");
    }

    #[test]
    fn arguments_survive_the_c_runtime() {
        let list = ["--service", "a b", r#"say "hi""#, r"C:\x y\", "", r"C:\x"].map(str::to_owned);
        assert_eq!(command_line(&list), r#"--service "a b" "say \"hi\"" "C:\x y\\" "" C:\x"#);
    }
}
