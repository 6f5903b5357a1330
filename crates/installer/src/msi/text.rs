//! Text on its way into a database: what its codepage lacks is refused, what Formatted text would eat is escaped.

use container::msidb::codepage::encode_1252;

use crate::format::BuildError;

/// Refuses text that codepage 1252 cannot express; `field` is the manifest's key.
pub(super) fn expressible(field: &'static str, text: &str) -> Result<(), BuildError> {
    match encode_1252(text) {
        Ok(_) => Ok(()),
        Err(lacking) => Err(BuildError::Product {
            field,
            problem: format!("cannot be in an MSI: {lacking}"),
            hint: Some("an MSI's text is Western European (codepage 1252); leave that character out"),
        }),
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

    #[test]
    fn a_refusal_names_field_and_character() {
        let error = expressible("product.name", "Agent 日本").unwrap_err();
        assert_eq!(
            error.to_string(),
            "product.name cannot be in an MSI: '日' (U+65E5) does not exist in codepage 1252"
        );
    }
}
