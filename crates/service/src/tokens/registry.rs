//! Minting, and the tokens that are known.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use stampwright::{Claims, Entropy, IssuerKeys, Token};

use super::issuers::{Issuers, MintClaims, NotMinted};
use super::minted::{Kept, Minted, TokenRequest};
use crate::keys::{Caller, CallerError, Scope};
use crate::ledger::{
    Added, Filter, Ledger, LedgerError, Once, Origin, Page, TokenRecord, TokenRow, TokenStatus, UseReport,
};
use crate::sealed::{Purpose, SealedError, SealingKeys};

/// How long the answer to a request with an `Idempotency-Key` is kept, in seconds.
const ANSWER_LIFE_SECS: u64 = 86_400;
/// The longest name of a device, in bytes.
const MAX_DEVICE_BYTES: usize = 256;

/// The tokens of the service.
#[derive(Clone)]
pub(crate) struct Tokens {
    ledger: Ledger,
    sealing: Arc<SealingKeys>,
    issuers: Option<Arc<Issuers>>,
}

/// A base that is being served, as far as minting has to know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServedBase<'a> {
    /// Its product's name.
    pub(crate) product: &'a str,
    /// What it is called in an error: its file name.
    pub(crate) name: &'a str,
    /// The issuer keys in it.
    pub(crate) keys: Option<&'a IssuerKeys>,
}

/// What became of a request for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MintOutcome {
    /// It was minted.
    New(Minted),
    /// The same request came before: its token.
    Before(Minted),
    /// Another request had this `Idempotency-Key`.
    OtherRequest,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// The service has no issuer key.
    #[error("this service mints no tokens: it has no issuer key")]
    NoIssuer,
    /// An installer of this product would not trust the token.
    #[error(
        "the base {base} lists the issuer keys {listed}, expected {key} among them: its agents would refuse the token"
    )]
    NotListed {
        /// The base's name.
        base: String,
        /// The keys' ids in it.
        listed: String,
        /// The minting key's id.
        key: String,
    },
    /// No base of this product is served.
    #[error("no base of the product \"{0}\" is served")]
    Product(String),
    /// A member of the request is wrong.
    #[error("{member}: it is {found}, expected {expected}")]
    Member {
        /// Which.
        member: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// There is no such token, or it is another tenant's: which of both is not said.
    #[error("there is no token with this id")]
    Unknown,
    /// It cannot be used; never [`TokenStatus::Valid`].
    #[error("the token is {}", .0.name())]
    Refused(TokenStatus),
    /// Only tokens that were minted here are kept.
    #[error("the token was not minted here, so it is not kept: send the token itself")]
    NotKept,
    /// The caller may not do this.
    #[error(transparent)]
    Caller(#[from] CallerError),
    /// The issuer refuses what is asked for, or there is no randomness.
    #[error(transparent)]
    Issuer(#[from] stampwright::Error),
    /// The issuer's key does not answer in time.
    #[error("the issuer's key does not answer in time")]
    Busy {
        /// When it is worth another try.
        again_in_secs: u64,
    },
    /// The ledger does not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What was kept cannot be opened.
    #[error(transparent)]
    Sealed(#[from] SealedError),
}

impl From<NotMinted> for TokenError {
    fn from(error: NotMinted) -> Self {
        match error {
            NotMinted::Busy { again_in_secs } => Self::Busy { again_in_secs },
            NotMinted::Refused(error) => Self::Issuer(error),
        }
    }
}

type Result<T> = std::result::Result<T, TokenError>;

impl Tokens {
    /// Over a ledger, with keys for what is kept, and for minting if the service is to be an issuer.
    #[must_use]
    pub(crate) const fn new(ledger: Ledger, sealing: Arc<SealingKeys>, issuers: Option<Arc<Issuers>>) -> Self {
        Self { ledger, sealing, issuers }
    }

    /// The public keys of the issuer, as a JSON Web Key Set; an empty one where there is no issuer.
    #[must_use]
    pub(crate) fn jwks(&self) -> &str {
        self.issuers.as_ref().map_or(r#"{"keys":[]}"#, |issuers| issuers.jwks())
    }

    /// Mints a token. `served` are the bases that are being served now. `idempotency_key` is the header's value, if there is one.
    pub(crate) async fn mint(
        &self,
        caller: &Caller,
        request: &TokenRequest,
        served: &[ServedBase<'_>],
        idempotency_key: Option<&str>,
        now: u64,
        entropy: &dyn Entropy,
    ) -> Result<MintOutcome> {
        caller.may(Scope::Tokens)?;
        caller.may_for(Some(&request.tenant))?;
        let issuers = self.issuers.as_ref().ok_or(TokenError::NoIssuer)?;
        check(request)?;
        check_served(request, served, issuers.minting().key_id())?;

        let digest = digest(request);
        if let Some(name) = idempotency_key {
            match self.ledger.answered(&caller.key_id, name, digest, now).await? {
                Added::New => {}
                before => return self.repeated(before, caller, name, now).await,
            }
        }
        let mut random = [0; 16];
        entropy.fill(&mut random)?;
        let id = URL_SAFE_NO_PAD.encode(random);
        let expires = now.saturating_add(request.life_secs);
        let claims = MintClaims {
            tenant: request.tenant.clone(),
            product: request.product.clone(),
            id: id.clone(),
            issued: now,
            expires,
            serial: request.serial.clone(),
        };
        let (token, claims) = issuers.mint(claims).await?;
        let record = TokenRecord {
            origin: Origin::Minted,
            uses: request.uses,
            ..record(&token, Some(&claims), caller.tenant.as_deref(), &caller.key_id, now)
        };
        let sealed = self.sealing.seal(Purpose::Token(&id), token.expose().as_bytes(), entropy)?;
        let minted = Minted { id, token, expires };
        let once = match idempotency_key {
            None => None,
            Some(name) => {
                let kept = serde_json::to_vec(&Kept::of(&minted)).map_err(stampwright::Error::machine)?;
                let response = self.sealing.seal(Purpose::Answer(&caller.key_id, name), &kept, entropy)?;
                let (by_key, name) = (caller.key_id.clone(), name.to_owned());
                Some(Once { by_key, name, request: digest, response, expires: now.saturating_add(ANSWER_LIFE_SECS) })
            }
        };
        match (self.ledger.add_token(record, sealed, once).await?, idempotency_key) {
            (Added::New, _) => Ok(MintOutcome::New(minted)),
            // Somebody else was faster with the same request.
            (before, Some(name)) => self.repeated(before, caller, name, now).await,
            (_, None) => Ok(MintOutcome::OtherRequest),
        }
    }

    /// The token of the first request, if it can still be used.
    async fn repeated(&self, before: Added, caller: &Caller, name: &str, now: u64) -> Result<MintOutcome> {
        let Added::Before(answer) = before else { return Ok(MintOutcome::OtherRequest) };
        let kept = self.sealing.open(Purpose::Answer(&caller.key_id, name), &answer)?;
        let Ok(Kept { id, expires }) = serde_json::from_slice(&kept) else { return Ok(MintOutcome::OtherRequest) };
        let token = self.kept(caller, &id, now).await?;
        Ok(MintOutcome::Before(Minted { id, token, expires }))
    }

    /// A token that was minted here, by its id: what `token_id` in a request names.
    pub(crate) async fn kept(&self, caller: &Caller, id: &str, now: u64) -> Result<Token> {
        let row = self.row(caller, id).await?;
        match row.status(now) {
            TokenStatus::Valid => {}
            status => return Err(TokenError::Refused(status)),
        }
        let sealed = self.ledger.sealed_token(id).await?.ok_or(TokenError::NotKept)?;
        let bytes = self.sealing.open(Purpose::Token(id), &sealed)?;
        Token::parse(&bytes).map_err(|_| TokenError::Sealed(SealedError::Changed))
    }

    /// The token with this id, if the caller may see it.
    pub(crate) async fn get(&self, caller: &Caller, id: &str) -> Result<TokenRow> {
        caller.may(Scope::Read)?;
        self.row(caller, id).await
    }

    /// Tokens, newest first: those of the caller's tenant, where he has one.
    pub(crate) async fn list(&self, caller: &Caller, mut filter: Filter) -> Result<Page<TokenRow>> {
        caller.may(Scope::Read)?;
        if let Some(own) = &caller.tenant {
            if filter.tenant.as_ref().is_some_and(|asked| asked != own) {
                return Err(CallerError::OtherTenant(caller.key_id.clone()).into());
            }
            filter.tenant = Some(own.clone());
        }
        Ok(self.ledger.tokens(filter).await?)
    }

    /// Revokes a token.
    pub(crate) async fn revoke(&self, caller: &Caller, id: &str, now: u64) -> Result<()> {
        caller.may(Scope::Tokens)?;
        self.row(caller, id).await?;
        self.ledger.revoke_token(id, now).await?;
        Ok(())
    }

    /// Writes down that a device has used a token: what an enrollment server reports.
    pub(crate) async fn report_use(&self, caller: &Caller, id: &str, device: &str, now: u64) -> Result<UseReport> {
        caller.may(Scope::Tokens)?;
        if device.is_empty() || device.len() > MAX_DEVICE_BYTES || device.chars().any(char::is_control) {
            let found = format!("{} bytes, or has control characters", device.len());
            return Err(TokenError::Member { member: "device", found, expected: "1 to 256 bytes of text" });
        }
        self.row(caller, id).await?;
        self.ledger.report_use(id, device, now).await?.ok_or(TokenError::Unknown)
    }

    async fn row(&self, caller: &Caller, id: &str) -> Result<TokenRow> {
        let row = self.ledger.token(id).await?.ok_or(TokenError::Unknown)?;
        // Another tenant's token is as good as none.
        caller.may_for(row.record.tenant.as_deref()).map_err(|_| TokenError::Unknown)?;
        Ok(row)
    }

    /// What the ledger writes down of a token that a base has accepted, whoever minted it.
    ///
    /// # Errors
    /// The caller's key is for another tenant than the token. A token that names no tenant is the caller's own tenant's.
    pub(crate) fn of_request(caller: &Caller, token: &Token, claims: Option<&Claims>, now: u64) -> Result<TokenRecord> {
        if let Some(claims) = claims {
            caller.may_for(Some(&claims.tenant))?;
        }
        Ok(record(token, claims, caller.tenant.as_deref(), &caller.key_id, now))
    }
}

fn record(token: &Token, claims: Option<&Claims>, tenant: Option<&str>, by_key: &str, now: u64) -> TokenRecord {
    let fingerprint = token.fingerprint();
    TokenRecord {
        id: claims.map_or_else(|| TokenRecord::opaque_id(&fingerprint), |claims| claims.id.clone()),
        origin: Origin::Seen,
        tenant: claims.map(|claims| claims.tenant.clone()).or_else(|| tenant.map(str::to_owned)),
        product: claims.map(|claims| claims.product.clone()),
        serial: claims.and_then(|claims| claims.serial.clone()),
        issuer_key: claims.map(|claims| claims.key_id.clone()),
        fingerprint,
        created: now,
        expires: claims.map(|claims| claims.expires),
        uses: None,
        by_key: by_key.to_owned(),
    }
}

fn check(request: &TokenRequest) -> Result<()> {
    if !(TokenRequest::MIN_LIFE_SECS..=TokenRequest::MAX_LIFE_SECS).contains(&request.life_secs) {
        let found = format!("{} seconds", request.life_secs);
        return Err(TokenError::Member { member: "expires", found, expected: "two hours to ten years" });
    }
    if request.uses == Some(0) {
        return Err(TokenError::Member { member: "uses", found: "0".to_owned(), expected: "at least 1" });
    }
    Ok(())
}

/// Every base of the product that lists keys must list the one that mints.
fn check_served(request: &TokenRequest, served: &[ServedBase<'_>], key: &str) -> Result<()> {
    let mut is_served = false;
    for base in served.iter().filter(|base| base.product == request.product) {
        is_served = true;
        let Some(keys) = base.keys.filter(|keys| keys.ids().all(|id| id != key)) else { continue };
        let listed = keys.ids().collect::<Vec<_>>().join(", ");
        return Err(TokenError::NotListed { base: base.name.to_owned(), listed, key: key.to_owned() });
    }
    if is_served { Ok(()) } else { Err(TokenError::Product(request.product.clone())) }
}

/// Of everything that the request says, with its lengths.
fn digest(request: &TokenRequest) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update("token");
    for text in [Some(&request.tenant), Some(&request.product), request.serial.as_ref()] {
        digest.update(text.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
        digest.update(text.map_or("", String::as_str));
    }
    digest.update(request.life_secs.to_be_bytes());
    digest.update(request.uses.unwrap_or_default().to_be_bytes());
    digest.finalize().into()
}
