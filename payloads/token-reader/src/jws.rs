//! Whether a listed issuer has signed a token, and for this product.
//!
//! ```text
//!   header.claims.signature ──kid──▶ the listed key ──the key's algorithm──▶ signature over "header.claims" ──▶ claim product
//! ```
//!
//! (RFC 7515 §3.1 and §5.2, RFC 7517 §5, RFC 8037, RFC 7518 §3.4.)
//!
//! Nothing of the claims is read before the signature is known to be right. `exp` is not looked at: a device's clock may be wrong, so the agent,
//! which can ask the server for the time, and the server decide about it.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use crate::Refusal;

/// The most bytes that a set of issuer keys has.
pub const KEYS_MOST_BYTES: usize = 65_536;
/// The fields of a header. Others, `crit` first of all, ask for something that is not done here.
const HEADER: [&str; 3] = ["alg", "kid", "typ"];
const SIGNATURE: Refusal = Refusal::Wrong("the token's signature does not verify under the issuer's key");

/// Checks that one of `keys`, a JSON Web Key Set, has signed `token`, and that it is for the product of that name.
pub fn verify(token: &str, keys: &[u8], product: &str) -> Result<(), Refusal> {
    const PARTS: Refusal = Refusal::Wrong("the token does not have three parts");
    let (signed, signature) = token.rsplit_once('.').ok_or(PARTS)?;
    let (header, claims) = signed.split_once('.').ok_or(PARTS)?;
    let Members(header) = object(header).ok_or(Refusal::Wrong("the token's header is not a JSON object"))?;
    let field = |name: &str| header.get(name).and_then(Value::as_str);
    if header.keys().any(|name| !HEADER.contains(&name.as_str())) || field("typ").is_some_and(|typ| typ != "JWT") {
        return Err(Refusal::Wrong("the token's header has something in it that is not known"));
    }
    let id = field("kid").ok_or(Refusal::Wrong("the token does not name the key that signed it"))?;
    let key = Key::find(keys, id)?;
    // The key decides which algorithm is right, never the token.
    if field("alg") != Some(key.algorithm()) {
        return Err(Refusal::Wrong("the token's algorithm is not that of the issuer's key"));
    }
    if !fixed::<64>(signature).is_some_and(|signature| key.has_signed(signed.as_bytes(), &signature)) {
        return Err(SIGNATURE);
    }
    let Members(claims) = object(claims).ok_or(Refusal::Wrong("the token's claims are not a JSON object"))?;
    match claims.get("product").and_then(Value::as_str) {
        Some(found) if found == product => Ok(()),
        Some(_) => Err(Refusal::Wrong("the token is for another product")),
        None => Err(Refusal::Wrong("the token does not say which product it is for")),
    }
}

/// A public key that tokens may be signed with.
enum Key {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
}

impl Key {
    /// The one key of that id.
    fn find(keys: &[u8], id: &str) -> Result<Self, Refusal> {
        const KEYS: Refusal = Refusal::Wrong("the package's issuer keys are not a JSON Web Key Set");
        if keys.len() > KEYS_MOST_BYTES {
            return Err(KEYS);
        }
        let set: Value = serde_json::from_slice(keys).map_err(|_| KEYS)?;
        let list = set.get("keys").and_then(Value::as_array).ok_or(KEYS)?;
        let mut found = list.iter().filter(|key| key.get("kid").and_then(Value::as_str) == Some(id));
        let key =
            found.next().ok_or(Refusal::Wrong("the token is signed with a key that is not one of the issuer's"))?;
        if found.next().is_some() {
            return Err(Refusal::Wrong("two of the package's issuer keys have the id of the token's"));
        }
        Self::of(key).ok_or(Refusal::Wrong("the issuer's key cannot be used"))
    }

    fn of(key: &Value) -> Option<Self> {
        let field = |name: &str| key.get(name).and_then(Value::as_str);
        match (field("kty")?, field("crv")?) {
            ("OKP", "Ed25519") => {
                ed25519_dalek::VerifyingKey::from_bytes(&fixed::<32>(field("x")?)?).ok().map(Self::Ed25519)
            }
            ("EC", "P-256") => {
                let (x, y) = (fixed::<32>(field("x")?)?, fixed::<32>(field("y")?)?);
                // An uncompressed point (SEC 1 §2.3.3).
                let point = [&[4_u8][..], &x, &y].concat();
                p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok().map(Self::P256)
            }
            _ => None,
        }
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
        }
    }

    fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        match self {
            // Strict: a key or a point of small order would let one signature fit many messages.
            Self::Ed25519(key) => key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok(),
            Self::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        }
    }
}

/// So many bytes in base64url without padding. Spare bits must be zero, so that there is one way to write them.
fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// A JSON object in base64url without padding.
fn object(text: &str) -> Option<Members> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// What is in a JSON object. Of two members with one name readers take one or the other, so there must not be two.
struct Members(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name comes twice"));
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

#[cfg(test)]
mod tests;
