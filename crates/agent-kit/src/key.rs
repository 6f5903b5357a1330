//! The device's own key: P-256, made here, never shown, and the device's identity once it is enrolled.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::durable;
use crate::error::{Error, Result};

/// A PKCS#8 document of a P-256 key is about 140 bytes long.
const MAX_BYTES: u64 = 1024;

/// A device's key.
pub(crate) struct DeviceKey {
    pair: EcdsaKeyPair,
    x: String,
    y: String,
    thumbprint: String,
}

impl DeviceKey {
    /// The key in that file, or a new one that is on the disk before this returns.
    pub(crate) fn load_or_create(path: &Path) -> Result<Self> {
        if let Some(key) = Self::load(path)? {
            return Ok(key);
        }
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let made = made.map_err(|_| Error::Key("the system gives no randomness"))?;
        let made = Zeroizing::new(made.as_ref().to_vec());
        durable::write(path, &made)?;
        Self::from_pkcs8(path, &made)
    }

    /// The key in that file; nothing when it is not there.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>> {
        let bytes = durable::read(path, MAX_BYTES)?.map(Zeroizing::new);
        bytes.map(|bytes| Self::from_pkcs8(path, &bytes)).transpose()
    }

    fn from_pkcs8(path: &Path, bytes: &[u8]) -> Result<Self> {
        let not_a_key = || Error::State { path: path.to_owned(), reason: "is not a P-256 key" };
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes, &SystemRandom::new());
        let pair = pair.map_err(|_| not_a_key())?;
        // An uncompressed point: 4, x, y (SEC 1 §2.3.3).
        let point = pair.public_key().as_ref();
        let (x, y) = point.strip_prefix(&[4]).filter(|rest| rest.len() == 64).ok_or_else(not_a_key)?.split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        // RFC 7638 §3: the required members in the order of their names, without spaces.
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()));
        Ok(Self { pair, x, y, thumbprint })
    }

    /// The RFC 7638 thumbprint: the key's name.
    pub(crate) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The public half (RFC 7517).
    pub(crate) fn jwk(&self) -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": self.x, "y": self.y })
    }

    /// ECDSA with SHA-256, as the 64 bytes r and s (RFC 7518 §3.4), in base64url.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        Ok(signature.map_err(|_| Error::Key("it cannot sign"))?.as_ref().to_vec())
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key({})", self.thumbprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_verifies() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.key");
        let made = DeviceKey::load_or_create(&path).unwrap();
        let found = DeviceKey::load_or_create(&path).unwrap();
        assert_eq!(made.thumbprint(), found.thumbprint());
        let signature = found.sign(b"message").unwrap();
        let algorithm = &ring::signature::ECDSA_P256_SHA256_FIXED;
        let public = ring::signature::UnparsedPublicKey::new(algorithm, made.pair.public_key().as_ref());
        public.verify(b"message", &signature).unwrap();
        assert!(!format!("{made:?}").contains(&made.x));
    }

    #[test]
    fn a_damaged_key_is_an_error_and_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.key");
        std::fs::write(&path, [0; 40]).unwrap();
        assert!(DeviceKey::load_or_create(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), [0; 40]);
    }
}
