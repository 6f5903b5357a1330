//! The tenant's enrollment token: checked once at the door, wiped when dropped, never printed.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// A tenant's enrollment token.
///
/// Printable ASCII from `[A-Za-z0-9._~+/=:-]`, 1 to [`Token::MAX_BYTES`] bytes: what every format can carry as it
/// is, without quoting, and what JWS, PASETO, UUIDs and hexadecimal or base64 secrets are made of. `Debug` and
/// `Display` show a length and a short fingerprint.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

/// Why some bytes are not a token. The bytes themselves are never part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is nothing.
    #[error("token is empty")]
    Empty,
    /// It is longer than any format has to carry.
    #[error("token is longer than {} bytes, the most that it may have", Token::MAX_BYTES)]
    TooLong {
        /// Its length in bytes, or at least this: no more of it may have been read.
        found: usize,
    },
    /// It was written as other text than ASCII, as Windows editors and PowerShell do.
    #[error("token is in {0}, must be plain ASCII without a byte order mark")]
    Encoding(&'static str),
    /// It has a byte that is not in the alphabet.
    #[error("token has {what} at byte {position}, must be printable ASCII from A-Z a-z 0-9 . _ ~ + / = : -")]
    Alphabet {
        /// Which byte, counted from 1.
        position: usize,
        /// What sort of byte that is.
        what: &'static str,
    },
}

impl Token {
    /// The longest token, in bytes.
    pub const MAX_BYTES: usize = 4096;

    /// Checks `bytes`. One final line ending is removed, because files end in one; anything else is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, TokenError> {
        let body = bytes.strip_suffix(b"\n").map_or(bytes, |rest| rest.strip_suffix(b"\r").unwrap_or(rest));
        if body.is_empty() {
            return Err(TokenError::Empty);
        }
        match body {
            [0xEF, 0xBB, 0xBF, ..] => return Err(TokenError::Encoding("UTF-8 with a byte order mark")),
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => return Err(TokenError::Encoding("UTF-16")),
            _ => {}
        }
        if body.len() > Self::MAX_BYTES {
            return Err(TokenError::TooLong { found: body.len() });
        }
        if let Some(at) = body.iter().position(|byte| !Self::allows(*byte)) {
            let what = body.get(at).map_or("a byte", |byte| describe(*byte));
            return Err(TokenError::Alphabet { position: at + 1, what });
        }
        Ok(Self(Zeroizing::new(body.iter().map(|byte| char::from(*byte)).collect())))
    }

    /// Whether a token may have this byte.
    #[must_use]
    pub(crate) const fn allows(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b':' | b'-')
    }

    /// The secret itself, for the writers that embed it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its length in bytes: 1 to 4096.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a token is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The first 16 hexadecimal digits of its SHA-256: enough to tell tokens apart, too little to be one.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.0.as_bytes());
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl PartialEq for Token {
    /// Takes the same time wherever the first difference is.
    fn eq(&self, other: &Self) -> bool {
        let same_length = self.0.len() == other.0.len();
        let differences = self.0.bytes().zip(other.0.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
        same_length && differences == 0
    }
}

impl Eq for Token {}

impl Zeroize for Token {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token(len {}, sha256 {}…)", self.len(), self.fingerprint())
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

const fn describe(byte: u8) -> &'static str {
    match byte {
        b' ' => "a space",
        b'\t' => "a tab",
        b'\r' | b'\n' => "a line ending",
        0 => "a NUL",
        1..=31 | 127 => "a control character",
        128.. => "a byte outside ASCII",
        _ => "a character that no token has",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_final_line_ending_is_removed_and_no_more() {
        assert_eq!(Token::parse(b"abc\n").unwrap().expose(), "abc");
        assert_eq!(Token::parse(b"abc\r\n").unwrap().expose(), "abc");
        assert_eq!(Token::parse(b"abc\n\n").unwrap_err(), TokenError::Alphabet { position: 4, what: "a line ending" });
        assert_eq!(
            Token::parse(b"abc ").unwrap_err().to_string().split(',').next(),
            Some("token has a space at byte 4")
        );
    }

    #[test]
    fn length_is_1_to_4096() {
        assert_eq!(Token::parse(b"").unwrap_err(), TokenError::Empty);
        assert_eq!(Token::parse(b"\n").unwrap_err(), TokenError::Empty);
        assert_eq!(Token::parse(&[b'a'; 4096]).unwrap().len(), 4096);
        assert_eq!(Token::parse(&[b'a'; 4097]).unwrap_err(), TokenError::TooLong { found: 4097 });
    }

    #[test]
    fn it_does_not_print_itself() {
        let token = Token::parse(b"very-secret").unwrap();
        for text in [format!("{token:?}"), format!("{token}")] {
            assert!(!text.contains("secret"), "{text}");
            assert!(text.contains("len 11"), "{text}");
        }
    }
}
