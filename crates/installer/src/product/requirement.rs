//! What an rpm requires, as a person writes it.

use super::definition::RpmCompare;

/// A name, and where there is one a comparison and a version, as a spec file has them.
pub(super) fn parse(text: &str) -> Option<(String, Option<(RpmCompare, String)>)> {
    let plain = |text: &str, also: &[u8]| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || also.contains(&b))
    };
    let mut words = text.split(' ');
    let name = words.next().filter(|name| plain(name, b"+-._()/:"))?;
    let compare = match words.next() {
        None => return Some((name.to_owned(), None)),
        Some("<") => RpmCompare::Less,
        Some("<=") => RpmCompare::AtMost,
        Some("=") => RpmCompare::Equal,
        Some(">=") => RpmCompare::AtLeast,
        Some(">") => RpmCompare::More,
        Some(_) => return None,
    };
    let version = words.next().filter(|version| plain(version, b"+-._~^:"))?;
    words.next().is_none().then(|| (name.to_owned(), Some((compare, version.to_owned()))))
}
