//! Values from an installer on their way into documents.

/// The longest file name; the console shows it, and so does every log.
const MAX_NAME_BYTES: usize = 100;

/// One line of text: control characters, which neither XML nor a console's field can have, become spaces.
#[must_use]
pub(crate) fn plain(text: &str) -> String {
    let is_wrong = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}');
    text.chars().map(|c| if is_wrong(c) { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// Whether a file name can stand in a command line, a zip archive, an XML document and a web address as it is: letters, digits,
/// inner spaces and `._+()-`, up to 100 bytes.
#[must_use]
pub(crate) fn is_plain_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b" ._+()-".contains(&byte);
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name.bytes().all(allowed)
        && !name.starts_with(['.', '-', ' '])
        && !name.ends_with(['.', ' '])
}

/// Whether a version is numbers and dots.
#[must_use]
pub(crate) fn is_version(text: &str) -> bool {
    text.len() <= 50 && text.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether something can be a bundle id.
#[must_use]
pub(crate) fn is_identifier(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !text.is_empty() && text.len() <= 155 && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_is_known() {
        assert_eq!(plain("M & \"S\"\n[x]\té\u{2028}"), "M & \"S\" [x] é");
        assert!(is_plain_name("TheOneRMM-Agent (x64).msi"));
        for name in ["", "a\"b.msi", "%TEMP%.msi", "a&b.msi", "../a.msi", "-q.msi", "a`b.msi", ".a", "a ", "é.msi"] {
            assert!(!is_plain_name(name), "{name}");
        }
        assert!(is_version("1.4.2") && is_version("7"));
        assert!(["", "1.", ".1", "1.a", "1 .2"].iter().all(|text| !is_version(text)));
    }
}
