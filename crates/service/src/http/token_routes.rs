//! `/v1/tokens`: minting, revoking, and what an enrollment server asks and reports.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, Request, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::caller::Caller;
use super::extract::Segment;
use super::installers::idempotency_name;
use super::json::{answer, body, parse};
use super::list::{self, ListQuery};
use super::problem::{Problem, Result, Type};
use super::time::{Expiry, rfc3339};
use crate::app::App;
use crate::edge::{self, SystemEntropy};
use crate::keys::Scope;
use crate::ledger::{Origin, TokenRow};
use crate::store::Entry;
use crate::tokens::{MintOutcome, ServedBase, TokenRequest};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    tenant: String,
    product: String,
    expires: Option<Expiry>,
    uses: Option<u64>,
    serial: Option<String>,
}

#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    token: &'a str,
    expires: String,
}

/// `POST /v1/tokens`: the token is shown this once.
///
/// # Errors
/// See the document of the interface.
pub(crate) async fn post(State(app): State<Arc<App>>, caller: Caller, request: Request<Body>) -> Result<Response> {
    // Before the body is read: who may not is told so, whatever he asks for.
    caller.may(Scope::Tokens)?;
    let name = idempotency_name(request.headers())?;
    let wish: Wish = parse(&body(request).await?)?;
    let now = edge::now();
    let life_secs =
        wish.expires.map_or(TokenRequest::DEFAULT_LIFE_SECS, |expires| expires.from(now).saturating_sub(now));
    let Wish { tenant, product, uses, serial, .. } = wish;
    let wanted = TokenRequest { tenant, product, life_secs, uses, serial };
    let entries = app.store.list();
    let served: Vec<ServedBase<'_>> = entries.iter().map(|entry| served(entry)).collect();
    let minted = app.tokens.mint(caller.key(), &wanted, &served, name.as_deref(), now, &SystemEntropy).await?;
    let minted = match minted {
        MintOutcome::New(minted) | MintOutcome::Before(minted) => minted,
        MintOutcome::OtherRequest => {
            return Err(Problem::new(
                Type::IdempotencyMismatch,
                "the Idempotency-Key came with another request before",
            ));
        }
    };
    let minted = Shown { id: &minted.id, token: minted.token.expose(), expires: rfc3339(minted.expires) };
    let mut response = answer(StatusCode::CREATED, &minted);
    if let Ok(place) = HeaderValue::from_str(&format!("/v1/tokens/{}", minted.id)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

fn served(entry: &Entry) -> ServedBase<'_> {
    let listed = entry.listed();
    ServedBase { product: &listed.product, name: &listed.file_name, keys: entry.base().policy().pinned() }
}

/// `GET /v1/tokens`.
///
/// # Errors
/// See the document of the interface.
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller, query: ListQuery) -> Result<Response> {
    let wanted = query.read(&["tenant", "since"], &caller)?;
    let page = app.tokens.list(caller.key(), wanted.filter).await?;
    let now = edge::now();
    let rows: Vec<Row> = page.rows.iter().map(|row| Row::new(row, now)).collect();
    Ok(list::json(&rows, query.next(page.next.as_deref())))
}

/// `GET /v1/tokens/{id}`.
///
/// # Errors
/// There is no such token, or it is another tenant's.
pub(crate) async fn one(State(app): State<Arc<App>>, caller: Caller, Segment(id): Segment) -> Result<Response> {
    let row = app.tokens.get(caller.key(), &id).await?;
    Ok(answer(StatusCode::OK, &Row::new(&row, edge::now())))
}

/// `GET /v1/tokens/{id}/status`.
///
/// # Errors
/// There is no such token, or it is another tenant's.
pub(crate) async fn status(State(app): State<Arc<App>>, caller: Caller, Segment(id): Segment) -> Result<Response> {
    caller.may(Scope::Read).or_else(|refused| caller.may(Scope::Tokens).map_err(|_| refused))?;
    let row = visible(&app, &caller, &id).await?;
    #[derive(Serialize)]
    struct Status<'a> {
        id: &'a str,
        status: &'static str,
        uses: Option<u64>,
        used: u64,
        expires: Option<String>,
    }
    let status = row.status(edge::now()).name();
    let expires = row.record.expires.map(rfc3339);
    Ok(answer(StatusCode::OK, &Status { id: &id, status, uses: row.record.uses, used: row.used, expires }))
}

/// `POST /v1/tokens/{id}/revoke`.
///
/// # Errors
/// There is no such token, or it is another tenant's.
pub(crate) async fn revoke(State(app): State<Arc<App>>, caller: Caller, Segment(id): Segment) -> Result<StatusCode> {
    app.tokens.revoke(caller.key(), &id, edge::now()).await?;
    tracing::info!(key = caller.id(), token = id, "a token was revoked");
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/tokens/{id}/uses`: the same device counts once.
///
/// # Errors
/// There is no such token, or it is another tenant's.
pub(crate) async fn report_use(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment,
    request: Request<Body>,
) -> Result<Response> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wish {
        device: String,
    }
    #[derive(Serialize)]
    struct Use {
        accepted: bool,
        first: bool,
        status: &'static str,
        used: u64,
        uses: Option<u64>,
    }
    caller.may(Scope::Tokens)?;
    let wish: Wish = parse(&body(request).await?)?;
    let report = app.tokens.report_use(caller.key(), &id, &wish.device, edge::now()).await?;
    let status = report.status.name();
    let answered =
        Use { accepted: report.accepted, first: report.is_new, status, used: report.used, uses: report.uses };
    Ok(answer(StatusCode::OK, &answered))
}

async fn visible(app: &App, caller: &Caller, id: &str) -> Result<TokenRow> {
    let row = app.ledger.token(id).await?.ok_or_else(|| Problem::not_found("token"))?;
    caller.may_see(row.record.tenant.as_deref(), "token")?;
    Ok(row)
}

/// A token as clients see it, never the token itself.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    origin: &'static str,
    status: &'static str,
    tenant: Option<&'a str>,
    product: Option<&'a str>,
    serial: Option<&'a str>,
    issuer_key: Option<&'a str>,
    fingerprint: &'a str,
    created: String,
    expires: Option<String>,
    uses: Option<u64>,
    used: u64,
    revoked: Option<String>,
    installers: u64,
    by_key: &'a str,
}

impl<'a> Row<'a> {
    fn new(row: &'a TokenRow, now: u64) -> Self {
        let record = &row.record;
        Self {
            id: &record.id,
            origin: match record.origin {
                Origin::Minted => "minted",
                Origin::Seen => "seen",
            },
            status: row.status(now).name(),
            tenant: record.tenant.as_deref(),
            product: record.product.as_deref(),
            serial: record.serial.as_deref(),
            issuer_key: record.issuer_key.as_deref(),
            fingerprint: &record.fingerprint,
            created: rfc3339(record.created),
            expires: record.expires.map(rfc3339),
            uses: record.uses,
            used: row.used,
            revoked: row.revoked.map(rfc3339),
            installers: row.installers,
            by_key: &record.by_key,
        }
    }
}
