//! What opens a key: never printed, wiped when it is dropped.

use std::fmt;

use zeroize::Zeroizing;

/// A passphrase or a PIN.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// From a file's or a variable's bytes; one line ending at the end is removed. `None`: it is not UTF-8.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        std::str::from_utf8(line).ok().map(|text| Self(Zeroizing::new(text.to_owned())))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("passphrase(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_ending_goes_and_nothing_prints() {
        let passphrase = Passphrase::new(b"open sesame\r\n").unwrap();
        assert_eq!(passphrase.expose(), "open sesame");
        assert_eq!(format!("{passphrase:?}"), "passphrase(not shown)");
        assert!(Passphrase::new(&[0xff]).is_none());
    }
}
