//! Versions: what a product's is, and what each format can say of it.
//!
//! | | a release | four numbers | a calendar's | before a release |
//! |---|---|---|---|---|
//! | typed | `1.4.2` | `1.4.2.2924` | `2024.11.8` | `1.5.0~rc1`, `1.5.0-beta.2` |
//! | deb (deb-version(7)) | `1.4.2` | `1.4.2.2924` | `2024.11.8` | `1.5.0~rc1`, `1.5.0~beta.2` |
//! | macOS | `1.4.2` | `1.4.2.2924` | `2024.11.8` | `macos.version` |
//! | Windows ("ProductVersion property": three numbers, up to 255.255.65535) | `1.4.2` | `windows.version` | `windows.version` | `windows.version` |
//!
//! Windows Installer ignores a fourth number, so two releases that differ in it alone would be one to it; nothing is cut off silently.

use std::fmt;

/// The most digits of a number.
const MAX_DIGITS: usize = 9;
/// The most characters of what stands before a release.
const MAX_PRE_LEN: usize = 32;

/// A version of three or four numbers, and what release it comes before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    numbers: Vec<u32>,
    /// `rc1` of `1.5.0~rc1`, and whatever sign stood before it.
    pre: Option<(char, String)>,
}

impl Version {
    /// Reads `1.4.2`, `1.4.2.2924`, `1.5.0~rc1` or `1.5.0-beta.2`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (numbers, pre) = match text.split_once(['-', '~']) {
            None => (text, None),
            Some((numbers, pre)) => {
                let sign = if text.contains('~') { '~' } else { '-' };
                let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
                if pre.len() > MAX_PRE_LEN || !pre.split('.').all(part) {
                    return None;
                }
                (numbers, Some((sign, pre.to_owned())))
            }
        };
        let numbers: Option<Vec<u32>> = numbers.split('.').map(number).collect();
        let numbers = numbers.filter(|numbers| matches!(numbers.len(), 3 | 4))?;
        Some(Self { numbers, pre })
    }

    /// Reads what an application calls its version (CFBundleShortVersionString): `1.4.2`, and as often `1.0` or `12`.
    #[must_use]
    pub(crate) fn of_application(text: &str) -> Option<String> {
        let numbers: Option<Vec<u32>> = text.split('.').map(number).collect();
        numbers.filter(|numbers| matches!(numbers.len(), 1..=4)).map(|_| text.to_owned())
    }

    /// Whether it is a release, not something before one.
    #[must_use]
    pub(crate) const fn is_release(&self) -> bool {
        self.pre.is_none()
    }

    /// As Debian orders it: what comes before a release stands behind a tilde, which sorts before nothing at all.
    #[must_use]
    pub fn debian(&self) -> String {
        match &self.pre {
            None => self.numbers(),
            Some((_, pre)) => format!("{}~{pre}", self.numbers()),
        }
    }

    /// As Windows Installer compares it; `None` where it cannot.
    #[must_use]
    pub fn windows(&self) -> Option<String> {
        match self.numbers.as_slice() {
            [0, 0, 0] => None,
            [0..=255, 0..=255, 0..=65_535] if self.is_release() => Some(self.numbers()),
            _ => None,
        }
    }

    /// As macOS shows and compares it (CFBundleShortVersionString); `None` where it cannot.
    #[must_use]
    pub fn macos(&self) -> Option<String> {
        self.is_release().then(|| self.numbers())
    }

    fn numbers(&self) -> String {
        self.numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
    }
}

/// Digits without leading zeros, which would make two spellings of one version.
fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain && (1..=MAX_DIGITS).contains(&text.len()) { text.parse().ok() } else { None }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.numbers())?;
        match &self.pre {
            None => Ok(()),
            Some((sign, pre)) => write!(f, "{sign}{pre}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_says_what_it_can() {
        for (text, debian, windows, macos) in [
            ("1.4.2", "1.4.2", Some("1.4.2"), Some("1.4.2")),
            ("255.255.65535", "255.255.65535", Some("255.255.65535"), Some("255.255.65535")),
            ("256.0.0", "256.0.0", None, Some("256.0.0")),
            ("0.0.0", "0.0.0", None, Some("0.0.0")),
            ("2024.11.8", "2024.11.8", None, Some("2024.11.8")),
            ("1.4.2.2924", "1.4.2.2924", None, Some("1.4.2.2924")),
            ("1.5.0~rc1", "1.5.0~rc1", None, None),
            ("1.5.0-beta.2", "1.5.0~beta.2", None, None),
        ] {
            let version = Version::parse(text).unwrap();
            assert_eq!(version.to_string(), text);
            assert_eq!(version.debian(), debian);
            assert_eq!(version.windows().as_deref(), windows, "{text}");
            assert_eq!(version.macos().as_deref(), macos, "{text}");
        }
        for wrong in [
            "",
            "1",
            "1.2",
            "1.2.3.4.5",
            "01.0.0",
            "1.2.x",
            "+1.0.0",
            "1..2",
            "1.2.3-",
            "1.2.3~a b",
            "1.2.3-a-b",
            "1.2.3+1",
            "1234567890.0.0",
        ] {
            assert_eq!(Version::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_application_has_one_to_four_numbers() {
        for text in ["12", "1.0", "1.4.2", "1.4.2.2924"] {
            assert_eq!(Version::of_application(text).as_deref(), Some(text));
        }
        for wrong in ["", "1.", "1.2.3.4.5", "1.0b1", "1.5.0~rc1", "01"] {
            assert_eq!(Version::of_application(wrong), None, "{wrong}");
        }
    }
}
