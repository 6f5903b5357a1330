//! The issuer keys of the service: one that mints, and those that are listed beside it.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use stampwright::issuer::{Issuer, IssuerError, NewClaims};
use stampwright::{Claims, Error, ErrorKind, IssuerKeys, Result, Token};
use tokio::sync::Semaphore;

/// So many signatures are asked of a key that is elsewhere at once.
const AT_ONCE: usize = 4;

/// The keys. They do not print.
pub(crate) struct Issuers {
    minting: Issuer,
    jwks: String,
    free: Arc<Semaphore>,
    patience: Duration,
}

/// What a token is to say, for a thread of its own.
pub(crate) struct MintClaims {
    /// Whose devices enroll with it.
    pub(crate) tenant: String,
    /// The product's name.
    pub(crate) product: String,
    /// The token's id.
    pub(crate) id: String,
    /// When it is minted.
    pub(crate) issued: u64,
    /// When it is over.
    pub(crate) expires: u64,
    /// The one device that may use it.
    pub(crate) serial: Option<String>,
}

/// Why there is no token.
#[derive(Debug)]
pub(crate) enum NotMinted {
    /// The key does not answer in time; it may later.
    Busy {
        /// When it is worth another try.
        again_in_secs: u64,
    },
    /// The issuer refuses what is asked for, or its key is not what it should be.
    Refused(Error),
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Issuers {
    /// The key that mints; others that are listed only, as PEM or as JSON Web Key Sets of public keys. `patience` is how long a key that is elsewhere may take.
    ///
    /// # Errors
    /// One of them is no key, or they are too many.
    pub(crate) fn new(minting: Issuer, listed: &[impl AsRef<[u8]>], patience: Duration) -> Result<Self> {
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
        Ok(Self { minting, jwks, free: Arc::new(Semaphore::new(AT_ONCE)), patience })
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

    /// Mints a token. A key that is elsewhere is asked on a thread of its own, and waited for so long and no longer.
    pub(crate) async fn mint(self: &Arc<Self>, claims: MintClaims) -> Result<(Token, Claims), NotMinted> {
        if !self.minting.is_elsewhere() {
            return claims.mint(&self.minting).map_err(NotMinted::Refused);
        }
        let issuers = self.clone();
        let busy = NotMinted::Busy { again_in_secs: self.patience.as_secs().max(1) };
        let sign = async move {
            let permit = issuers.free.clone().acquire_owned().await;
            let issuers = issuers.clone();
            // The permit stays with the thread: a signature whose request has gone still keeps the key busy.
            tokio::task::spawn_blocking(move || {
                let _permit = permit;
                claims.mint(&issuers.minting)
            })
            .await
        };
        match tokio::time::timeout(self.patience, sign).await {
            Err(_) => Err(busy),
            Ok(Err(_)) => Err(NotMinted::Refused(Error::machine("the issuer's key failed"))),
            Ok(Ok(Ok(minted))) => Ok(minted),
            // What the request asks for.
            Ok(Ok(Err(error))) if error.cause::<IssuerError>().is_some() => Err(NotMinted::Refused(error)),
            Ok(Ok(Err(error))) if error.kind() == ErrorKind::Machine => {
                tracing::error!(error = %error, "the issuer's key failed");
                Err(busy)
            }
            // Whatever else is wrong is wrong here.
            Ok(Ok(Err(error))) => Err(NotMinted::Refused(Error::machine(error))),
        }
    }
}

impl MintClaims {
    fn mint(&self, issuer: &Issuer) -> Result<(Token, Claims)> {
        issuer.mint(&NewClaims {
            tenant: &self.tenant,
            product: &self.product,
            id: &self.id,
            issued: self.issued,
            expires: self.expires,
            serial: self.serial.as_deref(),
            least_agent: None,
        })
    }
}

fn keys_of(jwks: &str) -> Result<Vec<Value>> {
    let set: Set =
        serde_json::from_str(jwks).map_err(|_| Error::wrong("the issuer keys are not a JSON Web Key Set"))?;
    Ok(set.keys)
}
