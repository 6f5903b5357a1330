//! An issuer whose private key is on a card, in a network HSM or behind a command.
//!
//! It signs ES256 (RFC 7518 §3.4): a card signs the digest of what is to be signed, as for installers. Ed25519 signs the text itself, which neither the
//! commands nor the cards of [`crate::key`] are given. What it answers is held against the public key before it leaves.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::PublicKey;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey as _;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::claims::{Claims, IssuerError};
use super::public::PublicHalf;
use crate::algorithm::KeyKind;
use crate::key::{KeyError, PrivateKey};

/// The private key of an issuer that is elsewhere.
pub struct RemoteIssuerKey {
    key: Box<dyn PrivateKey>,
    verifying: VerifyingKey,
    public: PublicHalf,
}

/// Why there is no token of it.
#[derive(Debug, thiserror::Error)]
pub enum RemoteIssuerError {
    /// What the token was to say is refused.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The key does not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The file is not the public half.
    #[error("is not a public key in PEM (SubjectPublicKeyInfo, P-256)")]
    NotPublic,
    /// It signs, but not as the public key says.
    #[error("what the issuer's key has signed does not verify under its public key")]
    OtherKey,
}

impl RemoteIssuerKey {
    /// A key, and its public half in PEM, as `openssl ec -pubout` writes it.
    pub fn new(key: Box<dyn PrivateKey>, public_pem: &str) -> Result<Self, RemoteIssuerError> {
        let public = PublicKey::from_public_key_pem(public_pem).map_err(|_| RemoteIssuerError::NotPublic)?;
        let half = PublicHalf::p256(&public).ok_or(RemoteIssuerError::NotPublic)?;
        Ok(Self { key, verifying: VerifyingKey::from(&public), public: half })
    }

    /// The public half as a JSON Web Key Set (RFC 7517 §5) of one key.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.public.jwks()
    }

    /// The key's id: its thumbprint.
    #[must_use]
    pub fn id(&self) -> &str {
        self.public.id()
    }

    /// A token that says this.
    pub fn mint(&self, claims: &Claims<'_>) -> Result<Zeroizing<String>, RemoteIssuerError> {
        claims.check()?;
        let header = format!(r#"{{"typ":"JWT","alg":"ES256","kid":"{}"}}"#, self.id());
        let claims = serde_json::to_string(claims).map_err(|_| IssuerError::Sign)?;
        let mut token =
            Zeroizing::new(format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims)));
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let answer = self.key.sign(KeyKind::P256, &digest)?;
        // r and s one after the other, or in DER.
        let signature = Signature::from_slice(&answer).or_else(|_| Signature::from_der(&answer));
        let signature = signature.map_err(|_| RemoteIssuerError::OtherKey)?;
        self.verifying.verify_prehash(&digest, &signature).map_err(|_| RemoteIssuerError::OtherKey)?;
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature.to_bytes()));
        Ok(token)
    }
}

impl fmt::Debug for RemoteIssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "issuer key {} ({:?})", self.id(), self.key)
    }
}
