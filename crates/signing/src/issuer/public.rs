//! The public half of an issuer's key: its thumbprint, and its JSON Web Key Set.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::PublicKey;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use sha2::{Digest, Sha256};

/// What an issuer signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA over P-256 with SHA-256: what hardware and older libraries have.
    Es256,
}

/// The public half.
pub(super) struct PublicHalf {
    algorithm: Algorithm,
    /// The coordinates in base64url: `x` alone, or `x` and `y`.
    x: String,
    y: Option<String>,
    id: String,
}

impl PublicHalf {
    pub(super) fn ed25519(key: &[u8; 32]) -> Self {
        Self::new(Algorithm::EdDsa, URL_SAFE_NO_PAD.encode(key), None)
    }

    /// `None`: the point at infinity, which is no key.
    pub(super) fn p256(key: &PublicKey) -> Option<Self> {
        let point = key.to_encoded_point(false);
        let (x, y) = (URL_SAFE_NO_PAD.encode(point.x()?), URL_SAFE_NO_PAD.encode(point.y()?));
        Some(Self::new(Algorithm::Es256, x, Some(y)))
    }

    fn new(algorithm: Algorithm, x: String, y: Option<String>) -> Self {
        // RFC 7638 §3: the required members alone, in the order of their names, without spaces.
        let members = match &y {
            None => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
            Some(y) => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
        };
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(members));
        Self { algorithm, x, y, id }
    }

    /// A JSON Web Key Set (RFC 7517 §5) of this key.
    pub(super) fn jwks(&self) -> String {
        let own = match &self.y {
            None => format!(r#""kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": "{}""#, self.x),
            Some(y) => format!(r#""kty": "EC", "crv": "P-256", "alg": "ES256", "x": "{}", "y": "{y}""#, self.x),
        };
        format!("{{\"keys\": [\n  {{\"kid\": \"{}\", \"use\": \"sig\", {own}}}\n]}}\n", self.id)
    }

    /// The thumbprint.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
