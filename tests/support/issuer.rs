//! An issuer of tokens: ES256 by the `p256` crate, JSON by hand.

use std::fmt::Write as _;

use installer::Token;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};

pub struct Issuer {
    key: SigningKey,
    id: &'static str,
}

impl Issuer {
    pub fn new(seed: u8, id: &'static str) -> Self {
        Self { key: SigningKey::from_slice(&[seed; 32]).unwrap(), id }
    }

    /// Its public key as a JSON Web Key Set.
    pub fn jwks(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_encoded_point(false);
        let (x, y) = (base64url(point.x().unwrap()), base64url(point.y().unwrap()));
        let id = self.id;
        format!("{{\"keys\":[{{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"{id}\",\"x\":\"{x}\",\"y\":\"{y}\"}}]}}")
            .into_bytes()
    }

    /// A token of a product with a time of expiry, in seconds since 1970.
    pub fn token_for(&self, product: &str, expires: u64) -> Token {
        let claims = format!("{{\"tenant\":\"acme\",\"product\":\"{product}\",\"jti\":\"t-1\",");
        self.sign(&format!("{claims}\"iat\":1600000000,\"exp\":{expires}}}"))
    }

    /// A token for the small product. `padding` is white space in the claims, to make it longer.
    pub fn token(&self, tenant: &str, padding: usize) -> Token {
        let mut claims = format!("{{\"tenant\":\"{tenant}\",\"product\":\"Example Agent\",\"jti\":\"t-1\",");
        write!(claims, "\"iat\":1700000000,\"exp\":4000000000{}}}", " ".repeat(padding)).unwrap();
        self.sign(&claims)
    }

    fn sign(&self, claims: &str) -> Token {
        let header = format!("{{\"alg\":\"ES256\",\"kid\":\"{}\",\"typ\":\"JWT\"}}", self.id);
        let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
        let signature: Signature = self.key.sign(message.as_bytes());
        Token::parse(format!("{message}.{}", base64url(&signature.to_bytes())).as_bytes()).unwrap()
    }
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let n = three.iter().chain(&[0, 0]).take(3).fold(0_u32, |n, &byte| n << 8 | u32::from(byte));
        text.extend((0..=three.len()).map(|place| char::from(ALPHABET[(n >> (18 - 6 * place) & 0x3F) as usize])));
    }
    text
}
