//! Who calls: the key of a request, its scopes, its tenant, its limits.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::problem::{Problem, Result, Type};
use crate::app::App;
use crate::edge;
use crate::keys::{self, CallerError, CallerId, Scope};

/// The owner of a valid key.
#[derive(Debug, Clone)]
pub(crate) struct Caller(keys::Caller);

impl Caller {
    /// The key's public id.
    #[must_use]
    pub(crate) fn id(&self) -> &str {
        &self.0.key_id
    }

    /// The key, as the ledger knows it.
    #[must_use]
    pub(crate) const fn key(&self) -> &keys::Caller {
        &self.0
    }

    /// Demands a scope.
    ///
    /// # Errors
    /// The key has not got it.
    pub(crate) fn may(&self, scope: Scope) -> Result<()> {
        let refused = |_| Problem::new(Type::Forbidden, format!("the key has not got the scope {}", scope.name()));
        self.0.may(scope).map_err(refused)
    }

    /// Demands that something is this key's business.
    ///
    /// # Errors
    /// It belongs to another tenant, or to no tenant, and the key is restricted to one.
    pub(crate) fn may_for(&self, tenant: Option<&str>) -> Result<()> {
        self.0.may_for(tenant).map_err(|_| Problem::new(Type::Forbidden, "the key is for another tenant"))
    }

    /// The same, for things that another tenant's key must not even know of.
    ///
    /// # Errors
    /// It is another tenant's: there is no such thing then.
    pub(crate) fn may_see(&self, tenant: Option<&str>, what: &str) -> Result<()> {
        self.may_for(tenant).map_err(|_| Problem::not_found(what))
    }

    /// The tenant that a list is restricted to: the key's own, else the one that was asked for.
    ///
    /// # Errors
    /// Another tenant's rows were asked for.
    pub(crate) fn tenant_of_list(&self, asked: Option<String>) -> Result<Option<String>> {
        self.0.tenant_of_list(asked).map_err(|_| Problem::new(Type::Forbidden, "the key is for another tenant"))
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self> {
        let caller = keys::Caller::of_headers(&app.ledger, &parts.headers, edge::now()).await;
        let caller = caller.map_err(|error| match error {
            CallerError::Ledger(error) => error.into(),
            // Which of the reasons it is, is not said.
            _ => Problem::unauthorized(),
        })?;
        if let Some(CallerId(slot)) = parts.extensions.get() {
            // Set once; a request has one caller.
            let _ = slot.set(caller.key_id.clone());
        }
        app.usage().request(&caller.key_id, edge::now_ms()).map_err(|seconds| {
            Problem::new(Type::TooManyRequests, "the key has no requests left for now").retry_after(seconds)
        })?;
        Ok(Self(caller))
    }
}
