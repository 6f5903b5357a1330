//! Versions that every format can express.

use std::fmt;

/// A version of three numbers, e.g. `1.4.2`: what Windows Installer compares, Debian orders and macOS shows alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// At most 255, Windows Installer's limit (ProductVersion).
    pub major: u8,
    /// At most 255.
    pub minor: u8,
    /// At most 65535.
    pub patch: u16,
}

impl Version {
    /// Reads `MAJOR.MINOR.PATCH`; nothing else is a version that all formats can express.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut next = || {
            let part = parts.next()?;
            let plain = part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
            if plain { part.parse::<u16>().ok() } else { None }
        };
        let (major, minor, patch) = (next()?, next()?, next()?);
        if parts.next().is_some() {
            return None;
        }
        Some(Self { major: major.try_into().ok()?, minor: minor.try_into().ok()?, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_three_plain_numbers() {
        assert_eq!(Version::parse("1.4.2").unwrap().to_string(), "1.4.2");
        for wrong in ["", "1", "1.2", "1.2.3.4", "256.0.0", "0.256.0", "0.0.65536", "01.0.0", "1.2.x", "+1.0.0", "1..2"]
        {
            assert_eq!(Version::parse(wrong), None, "{wrong}");
        }
    }
}
