//! `POST /v1/links` and what becomes of them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, Request, StatusCode, header};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::caller::Caller;
use super::extract::Segment;
use super::handout::Handout;
use super::installers::{Wish, once};
use super::json::{answer, body, parse};
use super::list::{self, ListQuery};
use super::problem::{Problem, Result, Type};
use super::time::rfc3339;
use crate::app::App;
use crate::edge::{self, SystemEntropy};
use crate::keys::Scope;
use crate::ledger::{Added, LinkRefusal, LinkRow, NewLink, Once};
use crate::links;
use crate::sealed::Purpose;

/// The most uses of a link.
const MAX_USES: u64 = 100_000;

/// `POST /v1/links`.
///
/// # Errors
/// See the document of the interface.
pub(crate) async fn post(State(app): State<Arc<App>>, caller: Caller, request: Request<Body>) -> Result<Response> {
    caller.may(Scope::Links)?;
    let headers = request.headers().clone();
    let body = body(request).await?;
    let wish: Wish = parse(&body)?;
    let now = edge::now();
    let uses = wish.uses.unwrap_or(1);
    if !(1..=MAX_USES).contains(&uses) {
        return Err(Problem::new(Type::BadRequest, format!("uses must be 1 to {MAX_USES}")));
    }
    let expires =
        wish.expires.map_or_else(|| now.saturating_add(app.config().links.expires), |expires| expires.from(now));
    if expires <= now {
        return Err(Problem::new(Type::BadRequest, "expires must be in the future"));
    }
    let once = once("links", &headers, &caller, &body, now)?;
    let token = wish.token(&app, &caller).await?;
    // Stamped once now: what could not be stamped later is told now, and the link's page can say how long the file is.
    let handout = Handout::new(&app, wish.entry(&app)?, token.clone(), caller.key(), now).await?;
    // A link is of no use after its token.
    let expires = handout.token().expires.map_or(expires, |token| token.min(expires));
    let secret = links::Secret::new().map_err(|error| Problem::of(Type::Internal, &error))?;
    let (installer, record, by_key) = (handout.installer(), handout.token(), caller.id());
    let wanted = links::Wanted { secret: &secret, installer, token: record, by_key, uses, now, expires };
    let link = links::new_link(&app, &wanted, &token)?;
    let document = Document {
        id: link.id.clone(),
        url: links::url(&app, &secret),
        expires: rfc3339(expires),
        uses,
        file_name: installer.file_name.clone(),
        size: installer.size,
        etag: installer.etag.clone(),
    };
    let document = write_down(&app, &caller, link, document, once).await?;
    let mut response = answer(StatusCode::CREATED, &document);
    if let Ok(place) = HeaderValue::from_str(&format!("/v1/links/{}", document.id)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// A new link as it is shown, this once.
#[derive(Serialize, Deserialize)]
struct Document {
    id: String,
    url: String,
    expires: String,
    uses: u64,
    file_name: String,
    size: u64,
    etag: String,
}

/// Writes a link down; gives what is to be shown, which is the first answer where the request came before.
async fn write_down(
    app: &App,
    caller: &Caller,
    link: NewLink,
    document: Document,
    mut once: Option<Once>,
) -> Result<Document> {
    let mut name = String::new();
    if let Some(once) = &mut once {
        let unwritten = |_| Problem::new(Type::Internal, "the answer cannot be written");
        let text = Zeroizing::new(serde_json::to_vec(&document).map_err(unwritten)?);
        let sealed = app.sealing.seal(Purpose::Answer(caller.id(), &once.name), &text, &SystemEntropy);
        once.response = sealed.map_err(|error| Problem::of(Type::Internal, &error))?;
        name.clone_from(&once.name);
    }
    match app.ledger.add_link(link, once).await? {
        Added::New => Ok(document),
        Added::Before(sealed) => {
            let unread = || Problem::new(Type::Internal, "the first answer cannot be read");
            let text = app.sealing.open(Purpose::Answer(caller.id(), &name), &sealed).map_err(|_| unread())?;
            // The name was used for something else than a link.
            let first: Document = serde_json::from_slice(&text).map_err(|_| unread())?;
            let now = edge::now();
            let row = app.ledger.link_by_id(&first.id, now).await?;
            match row.map_or(Some(LinkRefusal::Unknown), |row| row.refusal(now)) {
                Some(refusal) => Err(Problem::link(refusal)),
                None => Ok(first),
            }
        }
        Added::OtherRequest => {
            Err(Problem::new(Type::IdempotencyMismatch, "the Idempotency-Key came with another request before"))
        }
        Added::Refused(status) => Err(Problem::token(status)),
        Added::OtherToken => Err(Problem::other_token()),
    }
}

/// `GET /v1/links`.
///
/// # Errors
/// See the document of the interface.
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller, query: ListQuery) -> Result<Response> {
    caller.may(Scope::Read)?;
    let now = edge::now();
    let wanted = query.read(&["tenant", "token_id", "since"], &caller)?;
    let page = app.ledger.links(wanted.filter, now).await?;
    let rows: Vec<Row> = page.rows.iter().map(|row| Row::new(row, now)).collect();
    Ok(list::json(&rows, query.next(page.next.as_deref())))
}

/// `GET /v1/links/{id}`.
///
/// # Errors
/// There is no such link, or it is another tenant's.
pub(crate) async fn one(State(app): State<Arc<App>>, caller: Caller, Segment(id): Segment) -> Result<Response> {
    caller.may(Scope::Read)?;
    let (row, now) = (visible(&app, &caller, &id).await?, edge::now());
    Ok(answer(StatusCode::OK, &Row::new(&row, now)))
}

/// `POST /v1/links/{id}/revoke`.
///
/// # Errors
/// There is no such link, or it is another tenant's.
pub(crate) async fn revoke(State(app): State<Arc<App>>, caller: Caller, Segment(id): Segment) -> Result<StatusCode> {
    caller.may(Scope::Links)?;
    visible(&app, &caller, &id).await?;
    app.ledger.revoke_link(&id, edge::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn visible(app: &App, caller: &Caller, id: &str) -> Result<LinkRow> {
    let row = app.ledger.link_by_id(id, edge::now()).await?.ok_or_else(|| Problem::not_found("link"))?;
    caller.may_see(row.tenant.as_deref(), "link")?;
    Ok(row)
}

/// A link as clients see it: never its secret, which is told once.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    status: &'static str,
    tenant: Option<&'a str>,
    token_id: &'a str,
    base: String,
    product: &'a str,
    platform: &'a str,
    arch: &'a str,
    file_name: &'a str,
    size: u64,
    uses: u64,
    uses_left: u64,
    created: String,
    expires: String,
    revoked: Option<String>,
    by_key: &'a str,
}

impl<'a> Row<'a> {
    fn new(row: &'a LinkRow, now: u64) -> Self {
        let status = match row.refusal(now) {
            None => "valid",
            Some(LinkRefusal::Unknown | LinkRefusal::UsedUp) => "used_up",
            Some(LinkRefusal::Expired) => "expired",
            Some(LinkRefusal::Revoked) => "revoked",
            Some(LinkRefusal::Token(_)) => "token_refused",
        };
        Self {
            id: &row.id,
            status,
            tenant: row.tenant.as_deref(),
            token_id: &row.token,
            base: crate::store::hex(&row.installer.base),
            product: &row.installer.product,
            platform: &row.installer.platform,
            arch: &row.installer.arch,
            file_name: &row.installer.file_name,
            size: row.installer.size,
            uses: row.uses,
            uses_left: row.uses_left,
            created: rfc3339(row.created),
            expires: rfc3339(row.expires),
            revoked: row.revoked.map(rfc3339),
            by_key: &row.by_key,
        }
    }
}
