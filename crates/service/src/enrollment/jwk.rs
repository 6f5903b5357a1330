//! A device's public key: a JWK of P-256 (RFC 7517, RFC 7518 §6.2.1) and its thumbprint (RFC 7638).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The key as it stands in a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
}

/// A key that verifies.
pub(super) struct DevicePublicKey {
    key: VerifyingKey,
    /// The thumbprint.
    pub(super) id: String,
    /// The JWK, as it is kept.
    pub(super) text: String,
}

impl Jwk {
    /// The key; none if it is no point of the curve.
    pub(super) fn key(&self) -> Option<DevicePublicKey> {
        if (self.kty.as_str(), self.crv.as_str()) != ("EC", "P-256") {
            return None;
        }
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32);
        let point = [&[4_u8][..], &bytes(&self.x)?, &bytes(&self.y)?].concat();
        let key = VerifyingKey::from_sec1_bytes(&point).ok()?;
        let text = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, self.x, self.y);
        Some(DevicePublicKey { key, id: URL_SAFE_NO_PAD.encode(Sha256::digest(&text)), text })
    }
}

impl DevicePublicKey {
    /// The key that the ledger has.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<Jwk>(text).ok()?.key()
    }

    /// Is this the signature of the message: r and s, 64 bytes?
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.key.verify(message, &signature).is_ok())
    }
}
