//! The issuer keys of the service: one that mints, and those that are listed beside it.

use serde::Deserialize;
use serde_json::Value;
use stampwright::issuer::Issuer;
use stampwright::{Error, IssuerKeys, Result};

/// The keys. They do not print.
pub(crate) struct Issuers {
    minting: Issuer,
    jwks: String,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Issuers {
    /// The key that mints, as PEM; others that are listed only, as PEM or as JSON Web Key Sets of public keys.
    ///
    /// # Errors
    /// One of them is no key, or they are too many.
    pub(crate) fn new(minting: &[u8], listed: &[impl AsRef<[u8]>]) -> Result<Self> {
        let minting = Issuer::from_pem(minting)?;
        let mut keys = keys_of(&minting.jwks())?;
        for other in listed.iter().map(AsRef::as_ref) {
            let set = if other.trim_ascii_start().starts_with(b"{") {
                IssuerKeys::parse(other)?;
                String::from_utf8_lossy(other).into_owned()
            } else {
                Issuer::from_pem(other)?.jwks()
            };
            // A key that is listed twice is one key.
            let id = |key: &Value| key.get("kid").cloned();
            let new: Vec<Value> =
                keys_of(&set)?.into_iter().filter(|new| keys.iter().all(|key| id(key) != id(new))).collect();
            keys.extend(new);
        }
        let jwks = serde_json::json!({ "keys": keys }).to_string();
        // Read as an agent reads it.
        IssuerKeys::parse(jwks.as_bytes())?;
        Ok(Self { minting, jwks })
    }

    /// The public keys: a JSON Web Key Set (RFC 7517 §5), the minting key first.
    #[must_use]
    pub(crate) fn jwks(&self) -> &str {
        &self.jwks
    }

    /// The key that mints.
    #[must_use]
    pub(crate) const fn minting(&self) -> &Issuer {
        &self.minting
    }
}

fn keys_of(jwks: &str) -> Result<Vec<Value>> {
    let set: Set =
        serde_json::from_str(jwks).map_err(|_| Error::wrong("the issuer keys are not a JSON Web Key Set"))?;
    Ok(set.keys)
}
