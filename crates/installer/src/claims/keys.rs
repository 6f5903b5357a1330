//! The public keys of an issuer: a JSON Web Key Set (RFC 7517 §5) of Ed25519 and P-256 keys, each with an id.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, Validation};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use super::claims_set::{Algorithm, Claims, Parts};
use super::errors::ClaimsError;
use super::json::Object;
use crate::token::Token;

/// A set of one key, for tests: the public key of RFC 8037 appendix A.
#[cfg(test)]
pub(crate) const SAMPLE_KEYS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"sample","alg":"EdDSA","use":"sig",
"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// Public keys, any of which may have signed a token.
#[derive(Clone)]
pub struct IssuerKeys {
    keys: Vec<Key>,
    /// Of the set as it was given.
    sha256: [u8; 32],
}

#[derive(Clone)]
struct Key {
    id: String,
    algorithm: Algorithm,
    public: DecodingKey,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Object>,
}

/// Members that only private and symmetric keys have (RFC 7518 §6).
const PRIVATE: [&str; 8] = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"];

impl IssuerKeys {
    /// What the set is called wherever an installer has or installs it.
    pub(crate) const FILE_NAME: &str = "issuer-keys.json";
    /// The longest set that is read, in bytes.
    pub const MAX_BYTES: usize = 65_536;
    /// The most keys that a set may have: one in use, one to come, and room.
    const MAX_KEYS: usize = 16;

    /// Reads a JSON Web Key Set. Strict: Ed25519 (`OKP`) and P-256 (`EC`) only, each with its own `kid`, public parts only.
    pub fn parse(jwks: &[u8]) -> Result<Self, ClaimsError> {
        let wrong = |problem: String| ClaimsError::Keys(problem);
        if jwks.len() > Self::MAX_BYTES {
            return Err(wrong(format!("are {} bytes, must be at most {}", jwks.len(), Self::MAX_BYTES)));
        }
        let set: Set = serde_json::from_slice(jwks).map_err(|error| {
            wrong(format!("are not a JSON Web Key Set (line {}, column {})", error.line(), error.column()))
        })?;
        if set.keys.is_empty() || set.keys.len() > Self::MAX_KEYS {
            return Err(wrong(format!("are {}, must be 1 to {}", set.keys.len(), Self::MAX_KEYS)));
        }
        let mut keys: Vec<Key> = Vec::with_capacity(set.keys.len());
        for (n, object) in set.keys.iter().enumerate() {
            let key =
                Key::from_object(object).map_err(|problem| wrong(format!("are wrong: key {} {problem}", n + 1)))?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(wrong(format!("are wrong: key {} has the kid of another key", n + 1)));
            }
            keys.push(key);
        }
        Ok(Self { keys, sha256: Sha256::digest(jwks).into() })
    }

    /// The keys' ids, in the order of the set.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.id.as_str())
    }

    /// The SHA-256 of the set as it was given.
    #[must_use]
    pub const fn digest(&self) -> [u8; 32] {
        self.sha256
    }

    /// What `token` says, if one of these keys has signed it and it says nothing that is not known here. Not its time and
    /// not its product: see [`Claims::check`].
    pub fn verify(&self, token: &Token) -> Result<Claims, ClaimsError> {
        let parts = Parts::from_token(token)?;
        let id = parts.key_id()?;
        let key = self.keys.iter().find(|key| key.id == id).ok_or_else(|| ClaimsError::UnknownKey {
            found: id.clone(),
            listed: self.ids().collect::<Vec<_>>().join(", "),
        })?;
        // The key decides which algorithm is right, never the token.
        if key.algorithm != parts.algorithm {
            return Err(ClaimsError::Signature(id));
        }
        let mut only_the_signature = Validation::new(key.algorithm.library_algorithm());
        only_the_signature.validate_exp = false;
        only_the_signature.validate_aud = false;
        only_the_signature.set_required_spec_claims::<&str>(&[]);
        jsonwebtoken::decode::<IgnoredAny>(token.expose(), &key.public, &only_the_signature)
            .map_err(|_| ClaimsError::Signature(id))?;
        parts.only_known()?;
        parts.claims()
    }
}

impl fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

impl Algorithm {
    const fn library_algorithm(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }
}

impl Key {
    fn from_object(object: &Object) -> Result<Self, String> {
        if let Some(name) = PRIVATE.iter().find(|name| object.has(name)) {
            return Err(format!("has a private part ({name}), must be a public key"));
        }
        let id = object.word("kid").map_err(|problem| format!("has a kid that {problem}"))?;
        let (algorithm, public) = match (object.text("kty"), object.text("crv")) {
            (Some("OKP"), Some("Ed25519")) => {
                let x = coordinate(object, "x")?;
                (Algorithm::EdDsa, DecodingKey::from_ed_der(&x))
            }
            (Some("EC"), Some("P-256")) => {
                let point = [&[4_u8][..], &coordinate(object, "x")?, &coordinate(object, "y")?].concat();
                (Algorithm::Es256, DecodingKey::from_ec_der(&point))
            }
            _ => return Err("is of another kind than OKP with Ed25519 and EC with P-256".to_owned()),
        };
        if object.has("alg") && object.text("alg") != Some(algorithm.name()) {
            return Err(format!("has another alg than {}", algorithm.name()));
        }
        if object.has("use") && object.text("use") != Some("sig") {
            return Err("has another use than sig".to_owned());
        }
        if object.has("key_ops") && !object.lists("key_ops", "verify") {
            return Err("has key_ops without verify".to_owned());
        }
        // The library reads a key when it is used: an empty signature is refused by a good key, and a bad key is an error.
        jsonwebtoken::crypto::verify("", b"", &public, algorithm.library_algorithm())
            .map_err(|_| "is not a point of its curve".to_owned())?;
        Ok(Self { id, algorithm, public })
    }
}

/// A field element of both curves: 32 bytes in base64url.
fn coordinate(object: &Object, name: &str) -> Result<[u8; 32], String> {
    let text = object.text(name).ok_or_else(|| format!("has no {name}"))?;
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("has an {name} that is not base64url"))?;
    <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| format!("has an {name} of {} bytes, must be 32", bytes.len()))
}
