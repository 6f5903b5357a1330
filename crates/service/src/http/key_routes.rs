//! `/v1/keys`: who may call. For administrators' keys alone.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{Request, StatusCode};
use serde::{Deserialize, Serialize};

use super::caller::Caller;
use super::extract::{NoQuery, Segment};
use super::json::{answer, body, parse};
use super::problem::{Problem, Result, Type};
use super::time::{Expiry, rfc3339};
use crate::app::App;
use crate::edge::{self, SystemEntropy};
use crate::keys::{NewApiKey, Scope, Scopes};
use crate::ledger::ApiKeyRow;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    name: String,
    scopes: Vec<String>,
    tenant: Option<String>,
    expires: Option<Expiry>,
}

/// `POST /v1/keys`: the key is shown this once.
///
/// # Errors
/// See the document of the interface.
pub(crate) async fn post(State(app): State<Arc<App>>, caller: Caller, request: Request<Body>) -> Result<Response> {
    caller.may(Scope::Admin)?;
    caller.may_for(None)?;
    let wish: Wish = parse(&body(request).await?)?;
    let now = edge::now();
    let wrong = |problem: String| Problem::new(Type::BadRequest, problem);
    if wish.name.is_empty() || wish.name.len() > 100 || wish.name.chars().any(char::is_control) {
        return Err(wrong("name must have 1 to 100 characters, and none that controls".to_owned()));
    }
    let scopes = Scopes::parse(&wish.scopes.join(","))
        .map_err(|_| wrong("scopes must be of stamp, links, tokens, bases, read and admin".to_owned()))?;
    if wish.scopes.is_empty() {
        return Err(wrong("scopes must name at least one".to_owned()));
    }
    let is_text = |tenant: &str| (1..=200).contains(&tenant.len()) && !tenant.chars().any(char::is_control);
    if wish.tenant.as_deref().is_some_and(|tenant| !is_text(tenant)) {
        return Err(wrong("tenant must have 1 to 200 bytes, and none that controls".to_owned()));
    }
    let expires = wish.expires.map(|expires| expires.from(now));
    if expires.is_some_and(|expires| expires <= now) {
        return Err(wrong("expires must be in the future".to_owned()));
    }
    let made = NewApiKey::generate(&wish.name, scopes, wish.tenant, expires, now, &SystemEntropy);
    let NewApiKey { key, row } = made.map_err(|error| Problem::of(Type::Internal, &error))?;
    if !app.ledger.add_api_key(row.clone()).await? {
        return Err(Problem::new(Type::Conflict, "a key with this id is there; ask again"));
    }
    tracing::info!(key = caller.id(), made = row.id, "a key was made");
    #[derive(Serialize)]
    struct Document<'a> {
        key: &'a str,
        #[serde(flatten)]
        row: Row<'a>,
    }
    Ok(answer(StatusCode::CREATED, &Document { key: key.expose(), row: Row::from(&row) }))
}

/// `GET /v1/keys`.
///
/// # Errors
/// The key may not.
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller, _: NoQuery) -> Result<Response> {
    caller.may(Scope::Admin)?;
    caller.may_for(None)?;
    let keys = app.ledger.api_keys().await?;
    Ok(answer(StatusCode::OK, &keys.iter().map(Row::from).collect::<Vec<_>>()))
}

/// `POST /v1/keys/{id}/revoke`.
///
/// # Errors
/// There is no such key.
pub(crate) async fn revoke(State(app): State<Arc<App>>, caller: Caller, Segment(id): Segment) -> Result<StatusCode> {
    caller.may(Scope::Admin)?;
    caller.may_for(None)?;
    if !app.ledger.revoke_api_key(&id, edge::now()).await? {
        return Err(Problem::not_found("key"));
    }
    tracing::info!(key = caller.id(), revoked = id, "a key was revoked");
    Ok(StatusCode::NO_CONTENT)
}

/// A key as clients see it.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    name: &'a str,
    scopes: Vec<String>,
    tenant: Option<&'a str>,
    created: String,
    expires: Option<String>,
    revoked: Option<String>,
}

impl<'a> From<&'a ApiKeyRow> for Row<'a> {
    fn from(row: &'a ApiKeyRow) -> Self {
        Self {
            id: &row.id,
            name: &row.name,
            scopes: row.scopes.to_string().split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            tenant: row.tenant.as_deref(),
            created: rfc3339(row.created),
            expires: row.expires.map(rfc3339),
            revoked: row.revoked.map(rfc3339),
        }
    }
}
