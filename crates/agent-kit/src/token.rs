//! The enrollment token: found where the contract says, verified, never shown.

use std::fmt;
use std::path::Path;

use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

use crate::durable;
use crate::error::{Error, Result};
use crate::jws::{self, Claims};
use crate::slot::Slot;

/// The most bytes of a token.
const MAX_BYTES: usize = 4096;

/// A token that waits on the device.
pub(crate) struct Token {
    text: Zeroizing<String>,
    /// What it says of itself, where the product has issuer keys.
    pub(crate) claims: Option<Claims>,
}

impl Token {
    /// The token in its slot, its form checked and, where the product has issuer keys, its signature and product.
    ///
    /// `exp` is not looked at: the clock of a device may be wrong, and the server knows.
    pub(crate) fn find(slot: &Slot, issuer_keys: &Path, product: &str) -> Result<Option<Self>> {
        let Some(text) = slot.read()?.map(Zeroizing::new) else { return Ok(None) };
        if text.is_empty() || text.len() > MAX_BYTES {
            return Err(Error::Token("it must have 1 to 4096 bytes"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~+/=:-".contains(&byte)) {
            return Err(Error::Token("it has a byte that no token has"));
        }
        let claims = match durable::read(issuer_keys, jws::KEYS_MAX_BYTES)? {
            None => None,
            Some(keys) => Some(jws::verify(&text, &keys, product).map_err(Error::Token)?),
        };
        Ok(Some(Self { text, claims }))
    }

    /// Itself, for the server alone.
    pub(crate) fn secret(&self) -> &str {
        &self.text
    }

    /// The first 8 bytes of its SHA-256, in hex: what logs and files say instead of it.
    pub(crate) fn fingerprint(&self) -> String {
        hex(self.digest().get(..8).unwrap_or_default())
    }

    /// Its SHA-256, which the server keeps instead of it.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, self.text.as_bytes()).as_ref());
        bytes
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token(len {}, sha256 {}…)", self.text.len(), self.fingerprint())
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str) -> Result<Option<Token>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("enrollment-token");
        std::fs::write(&path, text).unwrap();
        Token::find(&Slot::File(path), &folder.path().join("none"), "Agent")
    }

    #[test]
    fn an_opaque_token_is_one_line_and_does_not_print() {
        let token = find("secret-token-1\n").unwrap().unwrap();
        assert_eq!(token.secret(), "secret-token-1");
        assert!(!format!("{token:?}").contains("secret"));
        assert!(find("").is_err());
        assert!(find("two\nlines").is_err());
        assert!(find("space d").is_err());
        assert!(find(&"x".repeat(4097)).is_err());
        assert!(find(&"x".repeat(4096)).unwrap().is_some());
        let folder = tempfile::tempdir().unwrap();
        let slot = Slot::File(folder.path().join("none"));
        assert!(Token::find(&slot, &folder.path().join("none"), "Agent").unwrap().is_none());
    }
}
