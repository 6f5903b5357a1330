//! Windows-1252, both ways, and which codepages a database may have.
//!
//! Every encoder around writes `?` for what it cannot express, and an installer then shows, or does, something else
//! than was asked. So encoding refuses, and names the character.

use std::borrow::Cow;

/// The codepage of a database or of a summary information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codepage {
    /// 0: ASCII in every codepage.
    Neutral,
    /// 1252, the one Windows Installer takes everywhere.
    Windows1252,
    /// 65001. Windows Installer refuses it in a database; some tools write it.
    Utf8,
}

impl Codepage {
    /// The codepage with this number, if this reader knows it.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Neutral),
            1252 => Some(Self::Windows1252),
            65001 => Some(Self::Utf8),
            _ => None,
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Neutral => 0,
            Self::Windows1252 => 1252,
            Self::Utf8 => 65001,
        }
    }

    /// Bytes as text. Nothing is refused: what has no meaning becomes U+FFFD.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Neutral | Self::Windows1252 => decode_1252(bytes),
            Self::Utf8 => String::from_utf8_lossy(bytes),
        }
    }
}

/// A character that Windows-1252 does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{character:?} (U+{:04X}) does not exist in codepage 1252", u32::from(*.character))]
pub struct Inexpressible {
    /// The character.
    pub character: char,
}

/// 0x80..=0x9F, where Windows-1252 differs from Latin-1 (Unicode's CP1252.TXT). The five bytes without a character
/// map to the control of the same number, as `MultiByteToWideChar` does.
const UPPER: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', //
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// `text` in Windows-1252, or the first character that it does not have.
pub fn encode_1252(text: &str) -> Result<Vec<u8>, Inexpressible> {
    text.chars().map(encode_char).collect()
}

fn encode_char(character: char) -> Result<u8, Inexpressible> {
    match u32::from(character) {
        n @ (0..=0x7f | 0xa0..=0xff) => u8::try_from(n).ok(),
        0x80..=0x9f => None,
        _ => UPPER.iter().position(|c| *c == character).and_then(|at| u8::try_from(0x80 + at).ok()),
    }
    .ok_or(Inexpressible { character })
}

/// Windows-1252 bytes as text; every byte has a meaning.
#[must_use]
pub fn decode_1252(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(bytes.iter().map(|b| decode_byte(*b)).collect()),
    }
}

fn decode_byte(byte: u8) -> char {
    match byte {
        0x80..=0x9f => UPPER.get(usize::from(byte - 0x80)).copied().unwrap_or(char::REPLACEMENT_CHARACTER),
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defined_byte_comes_back() {
        let defined: Vec<u8> = (0..=255).filter(|b| ![0x81, 0x8d, 0x8f, 0x90, 0x9d].contains(b)).collect();
        let text = decode_1252(&defined);
        assert_eq!(encode_1252(&text).unwrap(), defined);
        assert!(text.contains("€") && text.contains("é") && text.contains("Ÿ"));
    }

    #[test]
    fn what_it_lacks_is_refused_by_name() {
        let e = encode_1252("żółć").unwrap_err();
        assert_eq!(e.to_string(), "'ż' (U+017C) does not exist in codepage 1252");
        assert!(encode_1252("\u{81}").is_err());
        assert!(encode_1252("日本").is_err());
    }
}
