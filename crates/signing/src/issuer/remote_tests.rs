//! A card that mints, beside the same key in a file.

use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};

use super::{Algorithm, Claims, IssuerKey, RemoteIssuerError, RemoteIssuerKey};
use crate::algorithm::KeyKind;
use crate::key::{KeyError, PrivateKey};

#[derive(Debug)]
struct Card {
    key: SigningKey,
    der: bool,
}

impl PrivateKey for Card {
    fn public_key(&self) -> Option<Vec<u8>> {
        None
    }

    fn sign(&self, kind: KeyKind, digest: &[u8; 32]) -> Result<Vec<u8>, KeyError> {
        assert_eq!(kind, KeyKind::P256);
        let signature: Signature = self.key.sign_prehash(digest).unwrap();
        Ok(if self.der { signature.to_der().as_bytes().to_vec() } else { signature.to_bytes().to_vec() })
    }

    fn sign_sha1(&self, _: &[u8; 20]) -> Result<Option<Vec<u8>>, KeyError> {
        Ok(None)
    }
}

const CLAIMS: Claims<'_> = Claims {
    tenant: "acme",
    product: "Agent",
    id: "t-1",
    issued: 1_800_000_000,
    expires: 1_800_007_200,
    serial: None,
    least_agent: None,
};

fn card(secret: u8, der: bool) -> Card {
    Card { key: SigningKey::from_slice(&[secret; 32]).unwrap(), der }
}

fn public(secret: u8) -> String {
    card(secret, false).key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap()
}

#[test]
fn a_card_mints_what_the_same_key_in_a_file_does() {
    let file = IssuerKey::generate(Algorithm::Es256, &[7; 32]).unwrap();
    for der in [false, true] {
        let remote = RemoteIssuerKey::new(Box::new(card(7, der)), &public(7)).unwrap();
        assert_eq!((remote.id(), remote.jwks()), (file.id(), file.jwks()));
        // Both sign deterministically (RFC 6979), so the tokens are the same letter for letter.
        assert_eq!(*remote.mint(&CLAIMS).unwrap(), *file.mint(&CLAIMS).unwrap());
    }
}

#[test]
fn another_key_or_no_key_is_told() {
    let remote = RemoteIssuerKey::new(Box::new(card(8, false)), &public(7)).unwrap();
    assert!(matches!(remote.mint(&CLAIMS), Err(RemoteIssuerError::OtherKey)));
    for text in ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        let refused = RemoteIssuerKey::new(Box::new(card(7, false)), text);
        assert!(matches!(refused, Err(RemoteIssuerError::NotPublic)));
    }
    let invisible = Claims { tenant: "ac\u{202E}me", ..CLAIMS };
    let remote = RemoteIssuerKey::new(Box::new(card(7, false)), &public(7)).unwrap();
    assert!(matches!(remote.mint(&invisible), Err(RemoteIssuerError::Issuer(_))));
}
