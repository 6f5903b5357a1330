//! Which names may become folders: on every system that the files may be copied to.

use unicode_normalization::UnicodeNormalization;

/// A folder's name, with the file's name after it, must fit every file system and archive.
const MAX_BYTES: usize = 120;
/// What Windows takes for a device, with any ending.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];
/// The manifest as JSON lines.
pub(super) const JSON_LINES: &str = "manifest.jsonl";
/// The manifest for a spreadsheet.
pub(super) const CSV: &str = "manifest.csv";
/// What lies beside the folders.
const OURS: [&str; 2] = [JSON_LINES, CSV];

/// What is wrong with a name, as the rest of a sentence. The name itself is never part of it: the columns of a list can
/// be swapped, and then it is a token.
pub(super) fn problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("is empty".to_owned());
    }
    if name.len() > MAX_BYTES {
        return Some(format!("is {} bytes, must be at most {MAX_BYTES}", name.len()));
    }
    if let Some((at, char)) = name.chars().enumerate().find(|(_, char)| is_forbidden(*char)) {
        let what = match char {
            _ if char.is_control() => "a control character".to_owned(),
            _ if is_invisible(char) => "a mark that cannot be seen".to_owned(),
            _ => format!("\"{char}\""),
        };
        return Some(format!("has {what} at character {}, which not every file system takes", at + 1));
    }
    if name.starts_with('.') || name.ends_with('.') {
        return Some("starts or ends with a dot".to_owned());
    }
    if name.starts_with(char::is_whitespace) || name.ends_with(char::is_whitespace) {
        return Some("starts or ends with a space".to_owned());
    }
    if let Some(problem) = formula(name) {
        return Some(problem);
    }
    let lower = name.to_lowercase();
    let stem = lower.split('.').next().unwrap_or(&lower).trim_end();
    let numbered = |device: &&str| stem.strip_prefix(*device).is_some_and(is_one_digit);
    if DEVICES.contains(&stem) || NUMBERED_DEVICES.iter().any(numbered) {
        return Some("is a device on Windows".to_owned());
    }
    if OURS.contains(&lower.as_str()) {
        return Some("is the name of the manifest".to_owned());
    }
    // Every compact JWS starts so: `{"` in base64url.
    (name.starts_with("eyJ") && name.matches('.').count() == 2).then(|| "has the form of a token".to_owned())
}

/// Spreadsheets run cells that start so, and the manifest is made to be opened in one.
pub(super) fn formula(cell: &str) -> Option<String> {
    // A full-width sign is the plain one to some programs.
    let first = cell.nfkc().next().filter(|char| matches!(char, '=' | '+' | '-' | '@'))?;
    Some(format!("starts with \"{first}\", which a spreadsheet takes for a formula"))
}

/// Names that differ only in case are one name on Windows and macOS, those that differ only in their normal form are one to people, and on macOS.
pub(super) fn folded(name: &str) -> String {
    name.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// A sign that not every file system takes, also where it is another one's full-width or small form.
fn is_forbidden(char: char) -> bool {
    let is_sign = |char: char| matches!(char, '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*');
    char.is_control() || is_invisible(char) || std::iter::once(char).nfkc().any(is_sign)
}

/// Marks of direction, joiners and others of the general category Cf, which make two names that look the same.
const fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{E0001}'..='\u{E007F}'
    )
}

fn is_one_digit(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|char| char.is_ascii_digit() || matches!(char, '¹' | '²' | '³')) && chars.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_are_good() {
        for name in ["PC-0001", "Büro Süd", "a", "console", "com", "com10", "anna@example.com", "1.2.3", "#7", "[x]"]
        {
            assert_eq!(problem(name), None, "{name}");
        }
    }

    #[test]
    fn each_bad_name_has_its_reason() {
        let long = "a".repeat(121);
        for (name, part) in [
            ("", "empty"),
            (long.as_str(), "121 bytes"),
            ("a/b", "\"/\" at character 2"),
            ("..", "dot"),
            (".hidden", "dot"),
            ("end.", "dot"),
            ("tab\there", "control character at character 4"),
            ("=1+1", "formula"),
            ("-rf", "formula"),
            ("CON", "device"),
            ("nul.txt", "device"),
            ("Lpt1", "device"),
            ("COM³", "device"),
            ("CONIN$", "device"),
            ("conout$.txt", "device"),
            ("a／b", "\"／\" at character 2"),
            ("＝1+1", "formula"),
            ("a\u{202E}b", "cannot be seen at character 2"),
            ("a\u{200D}", "cannot be seen"),
            ("Manifest.CSV", "manifest"),
            ("eyJhbGciOiJFZERTQSJ9.eyJhIjoxfQ.c2ln", "form of a token"),
        ] {
            let found = problem(name).unwrap_or_default();
            assert!(found.contains(part), "{name:?}: {found:?}");
        }
    }

    #[test]
    fn names_that_look_alike_are_one() {
        for (a, b) in [("Büro", "Bu\u{308}ro"), ("PC", "pc"), ("ＰＣ１", "pc1"), ("ﬁle", "FILE"), ("Å", "\u{212B}")]
        {
            assert_eq!(folded(a), folded(b), "{a} {b}");
        }
        assert_ne!(folded("Buro"), folded("Büro"));
    }

    #[test]
    fn a_problem_never_quotes_the_name() {
        let name = "very-secret-token/with-a-slash";
        assert!(!problem(name).unwrap().contains("secret"));
    }
}
