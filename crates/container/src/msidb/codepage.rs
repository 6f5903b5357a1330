//! Code pages: which numbers a database may have, and text to bytes and back.
//!
//! The tables are those of `encoding_rs`, found by number with `codepage`. They are the Encoding Standard's, made for web pages, and
//! differ from Windows' in a few places of 936 and 950; [`Codepage::encode`] leaves those out (compared, character by character, with the
//! tables `c_*.nls` that Wine takes from Microsoft's: the other twelve agree).
//!
//! Every encoder around writes `?` for what it cannot express, and an installer then shows, or does, something else than was asked. So
//! encoding refuses, and names the character.

use std::borrow::Cow;
use std::fmt;

use encoding_rs::{EncoderResult, Encoding, UTF_8, WINDOWS_1252};

/// The codepage of a database or of a summary information.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Codepage(u16);

impl Codepage {
    /// 0: no codepage is stated. Text should be ASCII; Windows reads the rest by the codepage of the computer.
    pub(crate) const NEUTRAL: Self = Self(0);
    /// 1252, Western European.
    pub const WINDOWS_1252: Self = Self(1252);
    /// 65001. Windows Installer takes it for the strings of a database, and not for a summary information.
    pub const UTF_8: Self = Self(65001);
    /// The code pages that Windows can have as its ANSI codepage, in the order in which a text's page is chosen: Western European first,
    /// those with two bytes for a character last.
    pub(crate) const ANSI: [Self; 14] = [
        Self(1252),
        Self(1250),
        Self(1251),
        Self(1253),
        Self(1254),
        Self(1257),
        Self(1255),
        Self(1256),
        Self(1258),
        Self(874),
        Self(932),
        Self(936),
        Self(949),
        Self(950),
    ];

    /// The codepage with this number. One that nothing is known of has a number all the same: its ASCII can be read.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        u16::try_from(number).ok().map(Self)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0 as u32
    }

    /// Whether its characters are known here.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.encoding().is_some()
    }

    /// Whether Windows can have it as its ANSI codepage.
    #[must_use]
    pub fn is_ansi(self) -> bool {
        Self::ANSI.contains(&self)
    }

    /// Whether a character can have several bytes.
    #[must_use]
    pub const fn is_multi_byte(self) -> bool {
        matches!(self.0, 932 | 936 | 949 | 950 | 951 | 1361 | 20932 | 20936 | 20949 | 51936 | 51949 | 54936 | 65001)
    }

    /// The first ANSI codepage that has every character of all these texts.
    #[must_use]
    pub fn for_texts<'t>(texts: impl Iterator<Item = &'t str> + Clone) -> Option<Self> {
        Self::ANSI.into_iter().find(|page| texts.clone().all(|text| text.is_ascii() || page.encode(text).is_ok()))
    }

    /// Bytes as text. Nothing is refused: what has no meaning becomes U+FFFD.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        if bytes.is_ascii()
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            return Cow::Borrowed(text);
        }
        match self.encoding() {
            // Not `decode`: that looks for a byte order mark, and would then take another encoding.
            Some(encoding) => encoding.decode_without_bom_handling(bytes).0,
            None => {
                let ascii = |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { char::REPLACEMENT_CHARACTER };
                Cow::Owned(bytes.iter().map(ascii).collect())
            }
        }
    }

    /// `text` in this codepage, or the first character that it does not have, or that Windows reads as another one.
    pub fn encode(self, text: &str) -> Result<Vec<u8>, Inexpressible> {
        if text.is_ascii() {
            return Ok(text.as_bytes().to_vec());
        }
        let mut out = Vec::with_capacity(text.len());
        for character in text.chars() {
            self.encode_char(character, &mut out).ok_or(Inexpressible { character, codepage: self })?;
        }
        Ok(out)
    }

    fn encode_char(self, character: char, out: &mut Vec<u8>) -> Option<()> {
        if character.is_ascii() {
            out.extend(u8::try_from(character));
            return Some(());
        }
        // The controls U+0080..U+009F stand where a page has no character.
        if self == Self::NEUTRAL || character.is_control() {
            return None;
        }
        let encoding = self.encoding()?;
        let (mut source, mut bytes) = ([0; 4], [0; 8]);
        let source = character.encode_utf8(&mut source);
        let (result, _, written) =
            encoding.new_encoder().encode_from_utf8_without_replacement(source, &mut bytes, true);
        let encoded = bytes.get(..written).filter(|_| result == EncoderResult::InputEmpty)?;
        // Some encoders take what looks similar: U+00A5 becomes a backslash in 932.
        let comes_back = encoding.decode_without_bom_handling(encoded).0 == *source;
        if !comes_back || self.is_read_otherwise(encoded) {
            return None;
        }
        out.extend_from_slice(encoded);
        Some(())
    }

    /// Whether Windows has no character, or another one, at a place where the Encoding Standard has one.
    fn is_read_otherwise(self, encoded: &[u8]) -> bool {
        let [lead, trail] = *encoded else { return false };
        match self.0 {
            936 => matches!((lead, trail), (0xa6, 0xd9..) | (0xa8, 0xbc | 0xbf) | (0xa9, 0x89..=0x95) | (0xfe, _)),
            950 => matches!(
                (lead, trail),
                (0xa3, 0xc0..=0xe0) | (0xc6, 0xa1..) | (0xc7..=0xc8, _) | (0xf9, 0xfe) | (0xfa.., _)
            ),
            _ => false,
        }
    }

    fn encoding(self) -> Option<&'static Encoding> {
        match self {
            Self::NEUTRAL => Some(WINDOWS_1252),
            Self::UTF_8 => Some(UTF_8),
            // A database's strings are bytes; these two are no encodings of bytes.
            Self(1200 | 1201) => None,
            Self(number) => codepage::to_encoding(number).filter(|encoding| encoding.is_ascii_compatible()),
        }
    }
}

impl fmt::Debug for Codepage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Codepage({})", self.0)
    }
}

impl fmt::Display for Codepage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A character that a codepage does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{character:?} (U+{:04X}) does not exist in codepage {codepage}", u32::from(*.character))]
pub struct Inexpressible {
    /// The character.
    pub(crate) character: char,
    /// The codepage.
    pub codepage: Codepage,
}

#[cfg(test)]
mod tests;
