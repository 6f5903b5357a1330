//! The words of a product that end up in file names, registry keys, control fields and scripts.

/// Names of devices, which no file or folder on Windows can have, whatever its ending ("Naming Files, Paths, and Namespaces").
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
/// Devices that have a number: COM0 to COM9, LPT0 to LPT9; three of the digits also raised.
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

/// Whether Windows takes a name for a device's: by what stands before the first dot, without spaces at its end.
pub(crate) fn is_device_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let is_digit =
        |rest: &str| matches!(rest.chars().next(), Some('0'..='9' | '¹' | '²' | '³')) && rest.chars().count() == 1;
    DEVICES.contains(&stem.as_str())
        || NUMBERED_DEVICES.iter().any(|device| stem.strip_prefix(device).is_some_and(is_digit))
}

/// Why a text cannot be a folder of that name on every system, if it cannot.
pub(crate) fn folder_problem(text: &str) -> Option<&'static str> {
    if text.is_empty() || text.chars().count() > 64 {
        Some("must have 1 to 64 characters")
    } else if text.chars().any(|c| matches!(c, '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*')) {
        Some("must not have any of < > : \" / \\ | ? *")
    } else if text.chars().any(char::is_control) {
        Some("must not have a line ending, tab or other control character")
    } else if text.ends_with(['.', ' ']) || text.starts_with([' ', '.', '-']) {
        Some("must not start with a space, dot or hyphen, nor end in a space or dot")
    } else if is_device_name(text) {
        Some("must not be a device name of Windows")
    } else {
        None
    }
}

/// Why a text cannot be shown on one line, if it cannot.
pub(crate) fn line_problem(text: &str) -> Option<&'static str> {
    if text.trim().is_empty() {
        Some("is empty")
    } else if text != text.trim() {
        Some("must not start or end with white space")
    } else if text.chars().any(char::is_control) {
        Some("must not have a line ending, tab or other control character")
    } else if text.chars().count() > 200 {
        Some("must have at most 200 characters")
    } else {
        None
    }
}

/// Whether a text is a plain file name: letters, digits, `.`, `_`, `-`, no leading dot or hyphen.
pub(crate) fn is_file_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !text.starts_with(['.', '-'])
        && !text.ends_with('.')
}

/// Whether a text is a Debian package name (Policy §5.6.1).
pub(crate) fn is_package_name(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'.' | b'-'))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// Whether a text is a bundle id: at least two parts of letters, digits and hyphens.
pub(crate) fn is_bundle_id(text: &str) -> bool {
    text.len() <= 128
        && text.split('.').count() >= 2
        && text.split('.').all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !part.starts_with('-')
        })
}

/// A GUID as Windows Installer wants it, in braces and upper case; `None` where it is not one.
pub(crate) fn guid(text: &str) -> Option<String> {
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let groups: Vec<&str> = inner.split('-').collect();
    let right = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    right.then(|| format!("{{{}}}", inner.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_become_upper_case_with_braces() {
        let text = "6f1d2c3b-aaaa-bbbb-cccc-0123456789ab";
        assert_eq!(guid(text).unwrap(), "{6F1D2C3B-AAAA-BBBB-CCCC-0123456789AB}");
        assert_eq!(guid("{6f1d2c3b-aaaa-bbbb-cccc-0123456789a}"), None);
    }

    #[test]
    fn folders_are_folders_everywhere() {
        for right in ["Müller & Söhne [x] %h 'agent'", "COM10", "common", "console", "com"] {
            assert_eq!(folder_problem(right), None, "{right}");
        }
        for wrong in
            ["a/b", "a:b", "a\nb", "a.", " a", "nul", "COM1", "lpt9.txt", "com²", "con.d", "Aux .x", "", "a\"b"]
        {
            assert!(folder_problem(wrong).is_some(), "{wrong:?}");
        }
    }
}
