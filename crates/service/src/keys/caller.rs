//! Who calls: a key that was presented, looked up and compared.

use std::sync::{Arc, OnceLock};

use http::{HeaderMap, header};

use super::api_key::{ApiKey, ApiKeyError};
use super::scopes::{Scope, Scopes};
use crate::ledger::{ApiKeyRow, Ledger, LedgerError};

/// Who calls, and what he may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The public id of the key.
    pub(crate) key_id: String,
    /// What its owner calls the key.
    pub(crate) name: String,
    /// What it may do.
    pub(crate) scopes: Scopes,
    /// The only tenant that it may see and stamp for.
    pub(crate) tenant: Option<String>,
}

/// Why a caller is turned away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallerError {
    /// It is no key.
    #[error(transparent)]
    Form(#[from] ApiKeyError),
    /// The request has none.
    #[error("api key: the request has none")]
    Missing,
    /// There is no such key, or its secret is another: which of both is not said.
    #[error("api key: it is not known here")]
    Unknown,
    /// It was revoked.
    #[error("api key {0}: it was revoked")]
    Revoked(String),
    /// Its time is over.
    #[error("api key {0}: it has expired")]
    Expired(String),
    /// The key may not do this.
    #[error("api key {id}: it has the scopes \"{found}\", expected \"{}\"", expected.name())]
    Scope {
        /// Its id.
        id: String,
        /// What it may do.
        found: Scopes,
        /// What was asked for.
        expected: Scope,
    },
    /// The key is for one tenant, and this is another's.
    #[error("api key {0}: it is for another tenant")]
    OtherTenant(String),
    /// The ledger does not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Caller {
    /// Looks a key up at `now`.
    ///
    /// # Errors
    /// It is no key, not known, revoked or expired, or the ledger does not answer.
    pub(crate) async fn of_key(ledger: &Ledger, text: &str, now: u64) -> Result<Self, CallerError> {
        let key = ApiKey::parse(text)?;
        let found = ledger.api_key(key.id()).await?;
        // The same comparison for a key that is not there: the time does not say which ids there are.
        let hash = found.as_ref().map_or([0; 32], |row| row.hash);
        let is_right = key.has_hash(&hash);
        match found {
            Some(row) if is_right => Self::of_row(row, now),
            _ => Err(CallerError::Unknown),
        }
    }

    /// Looks up the key of a request: `Authorization: Bearer KEY`.
    ///
    /// # Errors
    /// There is none, or as for [`of_key`](Self::of_key).
    pub(crate) async fn of_headers(ledger: &Ledger, headers: &HeaderMap, now: u64) -> Result<Self, CallerError> {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, key) = value.and_then(|value| value.split_once(' ')).ok_or(CallerError::Missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(CallerError::Missing);
        }
        Self::of_key(ledger, key.trim(), now).await
    }

    /// Who has signed in on the page, by the id of his key.
    pub(crate) async fn of_key_id(ledger: &Ledger, id: &str, now: u64) -> Result<Self, CallerError> {
        Self::of_row(ledger.api_key(id).await?.ok_or(CallerError::Unknown)?, now)
    }

    fn of_row(row: ApiKeyRow, now: u64) -> Result<Self, CallerError> {
        if row.revoked.is_some() {
            return Err(CallerError::Revoked(row.id));
        }
        if row.expires.is_some_and(|expires| expires <= now) {
            return Err(CallerError::Expired(row.id));
        }
        Ok(Self { key_id: row.id, name: row.name, scopes: row.scopes, tenant: row.tenant })
    }

    /// Checks that it may do this.
    pub(crate) fn may(&self, scope: Scope) -> Result<(), CallerError> {
        if self.scopes.allow(scope) {
            return Ok(());
        }
        Err(CallerError::Scope { id: self.key_id.clone(), found: self.scopes, expected: scope })
    }

    /// Checks that it may act for a tenant. What has no tenant is not a tenant's.
    pub(crate) fn may_for(&self, tenant: Option<&str>) -> Result<(), CallerError> {
        match self.tenant.as_deref() {
            Some(own) if tenant != Some(own) => Err(CallerError::OtherTenant(self.key_id.clone())),
            _ => Ok(()),
        }
    }
    /// The tenant that a list is restricted to: the key's own, else the one that was asked for.
    pub(crate) fn tenant_of_list(&self, asked: Option<String>) -> Result<Option<String>, CallerError> {
        match (&self.tenant, asked) {
            (Some(own), Some(asked)) if *own != asked => Err(CallerError::OtherTenant(self.key_id.clone())),
            (Some(own), _) => Ok(Some(own.clone())),
            (None, asked) => Ok(asked),
        }
    }
}

/// Where the public id of a request's key is put down for the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallerId(pub Arc<OnceLock<String>>);
