//! Whether a listed issuer has signed a token, and for this product.
//!
//! ```text
//!   header.claims.signature ──kid──▶ the listed key ──the key's kind──▶ signature over "header.claims" ──▶ claims
//! ```
//!
//! (RFC 7515 §3.1 and §5.2, RFC 7517 §5, RFC 8037, RFC 7518 §3.4.) Nothing of the claims is read before the signature is known to be right.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey, VerificationAlgorithm};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

/// The most bytes that a set of issuer keys has.
pub(crate) const KEYS_MAX_BYTES: u64 = 65_536;
/// The fields of a header. Others, `crit` first of all, ask for something that is not done here.
const HEADER: [&str; 3] = ["alg", "kid", "typ"];
/// The claims of a token (docs/agent-contract.md).
const CLAIMS: [&str; 7] = ["tenant", "product", "jti", "iat", "exp", "serial", "least_agent"];

/// What a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claims {
    /// Whose devices enroll with it.
    pub(crate) tenant: String,
    /// Its id.
    pub(crate) id: String,
    /// The first second at which it is no longer valid.
    pub(crate) expires: u64,
    /// The one device that may use it.
    pub(crate) serial: Option<String>,
    /// The oldest agent that may use it.
    pub(crate) least_agent: Option<[u32; 3]>,
}

/// Checks that one of `keys`, a JSON Web Key Set, has signed `token`, and that it is for the product of that name.
pub(crate) fn verify(token: &str, keys: &[u8], product: &str) -> Result<Claims, &'static str> {
    const PARTS: &str = "it does not have three parts";
    let (signed, signature) = token.rsplit_once('.').ok_or(PARTS)?;
    let (header, claims) = signed.split_once('.').ok_or(PARTS)?;
    let Members(header) = object(header).ok_or("its header is not a JSON object")?;
    let field = |name: &str| header.get(name).and_then(Value::as_str);
    if header.keys().any(|name| !HEADER.contains(&name.as_str())) || field("typ").is_some_and(|typ| typ != "JWT") {
        return Err("its header has something in it that is not known");
    }
    let key = Key::find(keys, field("kid").ok_or("it does not name the key that signed it")?)?;
    // The key decides which algorithm is right, never the token.
    if field("alg") != Some(key.name) {
        return Err("its algorithm is not that of the issuer's key");
    }
    let signature = fixed::<64>(signature).ok_or("its signature does not have 64 bytes")?;
    let public = UnparsedPublicKey::new(key.algorithm, &key.bytes);
    public.verify(signed.as_bytes(), &signature).map_err(|_| "its signature does not verify under the issuer's key")?;
    let Members(claims) = object(claims).ok_or("its claims are not a JSON object")?;
    read_claims(&claims, product)
}

fn read_claims(claims: &BTreeMap<String, Value>, product: &str) -> Result<Claims, &'static str> {
    if claims.keys().any(|name| !CLAIMS.contains(&name.as_str())) {
        return Err("it has a claim that is not known");
    }
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("product").ok_or("it does not say which product it is for")? != product {
        return Err("it is for another product");
    }
    let serial = match claims.get("serial") {
        None => None,
        Some(serial) => Some(serial.as_str().ok_or("its serial number is not text")?.to_owned()),
    };
    let least_agent = match claims.get("least_agent") {
        None => None,
        Some(least) => Some(least.as_str().and_then(version).ok_or("its oldest agent is not three numbers")?),
    };
    Ok(Claims {
        tenant: text("tenant").ok_or("it does not say whose devices enroll with it")?.to_owned(),
        id: text("jti").ok_or("it has no id")?.to_owned(),
        expires: claims.get("exp").and_then(Value::as_u64).ok_or("it does not say when it expires")?,
        serial,
        least_agent,
    })
}

fn version(text: &str) -> Option<[u32; 3]> {
    let numbers: Vec<u32> = text.split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

/// A public key that tokens may be signed with.
struct Key {
    name: &'static str,
    algorithm: &'static dyn VerificationAlgorithm,
    bytes: Vec<u8>,
}

impl Key {
    /// The one key of that id.
    fn find(keys: &[u8], id: &str) -> Result<Self, &'static str> {
        const KEYS: &str = "the product's issuer keys are not a JSON Web Key Set";
        let set: Value = serde_json::from_slice(keys).map_err(|_| KEYS)?;
        let list = set.get("keys").and_then(Value::as_array).ok_or(KEYS)?;
        let mut found = list.iter().filter(|key| key.get("kid").and_then(Value::as_str) == Some(id));
        let key = found.next().ok_or("it is signed with a key that is not one of the issuer's")?;
        if found.next().is_some() {
            return Err("two of the issuer's keys have the id of its key");
        }
        Self::of(key).ok_or("the issuer's key cannot be used")
    }

    fn of(key: &Value) -> Option<Self> {
        let field = |name: &str| key.get(name).and_then(Value::as_str);
        match (field("kty")?, field("crv")?) {
            ("OKP", "Ed25519") => {
                Some(Self { name: "EdDSA", algorithm: &ED25519, bytes: fixed::<32>(field("x")?)?.to_vec() })
            }
            ("EC", "P-256") => {
                let (x, y) = (fixed::<32>(field("x")?)?, fixed::<32>(field("y")?)?);
                // An uncompressed point (SEC 1 §2.3.3).
                let bytes = [&[4_u8][..], &x, &y].concat();
                Some(Self { name: "ES256", algorithm: &ECDSA_P256_SHA256_FIXED, bytes })
            }
            _ => None,
        }
    }
}

/// So many bytes in base64url without padding.
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
pub(crate) mod tests;
