//! The form of a key.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// What every key starts with.
const MARK: &str = "sw_";
/// Letters of the public id.
const ID_LETTERS: usize = 8;
/// Letters of 32 bytes in base 62: 62^43 > 2^256.
const SECRET_LETTERS: usize = 43;
/// Letters of a CRC-32 in base 62: 62^6 > 2^32.
const CHECK_LETTERS: usize = 6;
/// Letters of a whole key.
const KEY_LETTERS: usize = MARK.len() + ID_LETTERS + 1 + SECRET_LETTERS + CHECK_LETTERS;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An API key. It prints as its public id, and it is wiped when it is dropped.
pub(crate) struct ApiKey(Zeroizing<String>);

/// Why some text is no key. The text is never part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiKeyError {
    /// Another length, mark or letter.
    #[error("api key: the form is wrong, expected sw_, 8 letters or digits, _ and 49 letters or digits")]
    Form,
    /// It was mistyped or cut.
    #[error("api key: the check digits do not fit, it was mistyped or changed")]
    Check,
}

impl ApiKey {
    /// A key from random bytes: 6 for the id, 32 for the secret.
    #[must_use]
    pub(crate) fn generate(id: [u8; 6], secret: &Zeroizing<[u8; 32]>) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(KEY_LETTERS));
        text.push_str(MARK);
        push_base62(&mut text, &id, ID_LETTERS);
        text.push('_');
        push_base62(&mut text, secret.as_slice(), SECRET_LETTERS);
        let check = crc32fast::hash(text.as_bytes()).to_be_bytes();
        push_base62(&mut text, &check, CHECK_LETTERS);
        Self(text)
    }

    /// Reads a key. What is no key is told without a look-up.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiKeyError> {
        let is_letter = |byte: &u8| byte.is_ascii_alphanumeric();
        let rest = text.strip_prefix(MARK).ok_or(ApiKeyError::Form)?;
        let (id, secret) = rest.split_once('_').ok_or(ApiKeyError::Form)?;
        let letters = id.bytes().chain(secret.bytes()).all(|byte| is_letter(&byte));
        if !letters || id.len() != ID_LETTERS || secret.len() != SECRET_LETTERS + CHECK_LETTERS {
            return Err(ApiKeyError::Form);
        }
        let (body, check) = text.split_at(KEY_LETTERS - CHECK_LETTERS);
        let mut expected = String::with_capacity(CHECK_LETTERS);
        push_base62(&mut expected, &crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECK_LETTERS);
        if expected != check {
            return Err(ApiKeyError::Check);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The public part: for look-up and logs.
    #[must_use]
    pub(crate) fn id(&self) -> &str {
        self.0.get(MARK.len()..MARK.len() + ID_LETTERS).unwrap_or_default()
    }

    /// The SHA-256 of the whole key: what is stored.
    #[must_use]
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// Whether its hash is this one, in the same time wherever the first difference is.
    #[must_use]
    pub(crate) fn has_hash(&self, hash: &[u8; 32]) -> bool {
        self.hash().ct_eq(hash).into()
    }

    /// The key itself: shown once to who asked for it.
    #[must_use]
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "api key {} (not shown)", self.id())
    }
}

/// Appends a number in so many letters of base 62, the highest digit first. What does not fit is cut off at the top.
fn push_base62(text: &mut String, number: &[u8], letters: usize) {
    let mut number = Zeroizing::new(number.to_vec());
    let mut digits = Zeroizing::new(Vec::with_capacity(letters));
    for _ in 0..letters {
        let mut rest = 0_u32;
        for byte in number.iter_mut() {
            let value = rest * 256 + u32::from(*byte);
            // Below 256, because the rest is below 62.
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        digits.push(rest);
    }
    let letter = |digit: &u32| ALPHABET.get(*digit as usize).map(|letter| char::from(*letter));
    text.extend(digits.iter().rev().filter_map(letter));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(id: [u8; 6], secret: [u8; 32]) -> ApiKey {
        ApiKey::generate(id, &Zeroizing::new(secret))
    }

    #[test]
    fn the_form_is_the_documented_one() {
        let lowest = key([0; 6], [0; 32]);
        assert_eq!(lowest.expose().len(), 61);
        assert!(lowest.expose().starts_with("sw_00000000_0000000000000000000000000000000000000000000"));
        let highest = key([0xFF; 6], [0xFF; 32]);
        // 2^256 - 1 and the low eight digits of 2^48 - 1, by Python's integers.
        assert_eq!(highest.expose().get(..55), Some("sw_HvWXNAa7_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1"));
    }

    #[test]
    fn a_key_does_not_print() {
        let key = key([3; 6], [9; 32]);
        let secret = key.expose().get(12..).unwrap().to_owned();
        assert!(!format!("{key:?}").contains(&secret) && format!("{key:?}").contains(key.id()));
    }

    #[test]
    fn what_is_no_key_is_told() {
        let good = key([3; 6], [9; 32]);
        let form = |text: &str| ApiKey::parse(text).unwrap_err();
        for wrong in
            ["", "sw_", "sw_00000000_", "xx_00000000_0", "sw_é", &good.expose()[1..], &format!("{} ", good.expose())]
        {
            assert_eq!(form(wrong), ApiKeyError::Form, "{wrong}");
        }
        let cut = &good.expose()[..60];
        assert_eq!(form(cut), ApiKeyError::Form);
    }

    proptest! {
        #[test]
        fn keys_are_read_back(id: [u8; 6], secret: [u8; 32]) {
            let made = key(id, secret);
            let read = ApiKey::parse(made.expose()).unwrap();
            prop_assert!(read.has_hash(&made.hash()) && read.id() == made.id() && read.id().len() == 8);
        }

        #[test]
        fn any_mistyped_letter_is_told(secret: [u8; 32], at in 3_usize..61, letter in "[0-9A-Za-z]") {
            let made = key([1; 6], secret);
            let mut text = made.expose().to_owned();
            prop_assume!(at != 11 && text.get(at..=at) != Some(letter.as_str()));
            text.replace_range(at..=at, &letter);
            prop_assert_eq!(ApiKey::parse(&text).unwrap_err(), ApiKeyError::Check);
        }

        #[test]
        fn no_text_panics(text in ".{0,80}") {
            let _ = ApiKey::parse(&text);
        }
    }
}
