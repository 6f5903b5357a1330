//! `POST /v1/installers`: one token in, one installer out. `GET /v1/installers`: what was handed out.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use stampwright::Token;
use zeroize::Zeroizing;

use super::caller::Caller;
use super::extract::Segment;
use super::handout::{Asked, Handout, queue_of, to_its_end};
use super::json::{self, TokenText};
use super::list::{self, ListQuery};
use super::problem::{Problem, Result, Type};
use super::time::rfc3339;
use crate::app::App;
use crate::connection::Queue;
use crate::edge;
use crate::keys::{self, Scope};
use crate::ledger::{
    Begun, Claimed, LinkRefusal, NewLink, NewSession, Once, Outcome, SealedBytes, StampBegun, StampEnd, StampId,
    StampRow,
};
use crate::links;
use crate::store::{Entry, Selection, SelectionError};

/// The media type of a plan.
pub(crate) const PLAN: &str = "application/vnd.stampwright.splice+json";

/// W3C's header for what a response's time went into.
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Which installer, and the token for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    base: Option<String>,
    product: Option<String>,
    platform: Option<String>,
    arch: Option<String>,
    format: Option<String>,
    version: Option<String>,
    token: Option<TokenText>,
    token_id: Option<String>,
    /// For links: how many times. Default: once.
    pub(crate) uses: Option<u64>,
    /// For links: until when.
    pub(crate) expires: Option<super::time::Expiry>,
}

impl Wish {
    /// What a request asks of its document before a base or the ledger does, for `fuzzed`.
    #[cfg(feature = "fuzzing")]
    pub(super) fn read(&self) {
        let _ = self.token.as_ref().map(|token| token.parse().is_ok());
        let ends = self.expires.map(|expires| [0, u64::MAX].map(|now| expires.from(now)));
        assert!(ends.is_none_or(|[at_first, at_last]| at_first <= at_last), "an end comes before itself");
    }

    /// The base that is meant.
    ///
    /// # Errors
    /// None is, or several are.
    pub(crate) fn entry(&self, app: &App) -> Result<Arc<Entry>> {
        let selection = Selection {
            base: self.base.clone(),
            product: self.product.clone(),
            platform: self.platform.clone(),
            arch: self.arch.clone(),
            format: self.format.clone(),
            version: self.version.clone(),
        };
        app.store.select(&selection).map_err(|error| match error {
            SelectionError::Incomplete => Problem::new(Type::BadRequest, error),
            SelectionError::Several(_) | SelectionError::None => {
                Problem::new(Type::NoBase, error).hint("GET /v1/bases lists them")
            }
        })
    }

    /// The token that is meant: the one in the request, or one that is kept here.
    ///
    /// # Errors
    /// There is none, or two.
    pub(crate) async fn token(&self, app: &App, caller: &Caller) -> Result<Token> {
        match (&self.token, &self.token_id) {
            (Some(token), None) => token.parse(),
            (None, Some(id)) => Ok(app.tokens.kept(caller.key(), id, edge::now()).await?),
            _ => Err(Problem::new(Type::BadRequest, "the request must have either token or token_id")),
        }
    }
}

/// `POST /v1/installers`.
///
/// # Errors
/// See the document of the interface.
pub(crate) async fn post(State(app): State<Arc<App>>, caller: Caller, request: Request<Body>) -> Result<Response> {
    caller.may(Scope::Stamp)?;
    let (headers, queue) =
        (request.headers().clone(), queue_of(request.extensions(), request.version(), request.method()));
    let body = json::body(request).await?;
    to_its_end(async move { handed_out(&app, &caller, &headers, queue, &body).await }).await
}

async fn handed_out(
    app: &Arc<App>,
    caller: &Caller,
    headers: &HeaderMap,
    queue: Option<Queue>,
    body: &[u8],
) -> Result<Response> {
    let wish: Wish = json::parse(body)?;
    if wish.uses.is_some() || wish.expires.is_some() {
        return Err(Problem::new(Type::BadRequest, "uses and expires are for links: POST /v1/links"));
    }
    let token = wish.token(app, caller).await?;
    let sealed_from = token.clone();
    let (now, entry) = (edge::now(), wish.entry(app)?);
    let permit = app.usage().download(caller.id(), edge::now_ms());
    let permit = permit
        .ok_or_else(|| Problem::new(Type::TooManyRequests, "the key has as many downloads as it may").retry_after(5))?;
    let once = once("installers", headers, caller, body, now)?;
    let handout = Handout::new(app, entry.clone(), token, caller.key(), now).await?;
    let wants_plan = accepts(headers, PLAN);

    let begin = std::time::Instant::now();
    let (handout, row, link) = if let Some(once) = once {
        let row = app.ledger.begin_stamp(handout.row(caller.id(), now), Some(once)).await?;
        match row {
            StampBegun::Begun(begun) => (handout, started(begun)?, None),
            StampBegun::OtherRequest => {
                return Err(Problem::new(
                    Type::IdempotencyMismatch,
                    "the Idempotency-Key came with another request before",
                ));
            }
            StampBegun::Again(id) => (again(app, entry, sealed_from, caller.key(), id).await?, id, None),
        }
    } else if wants_plan {
        match app.ledger.begin_stamp(handout.row(caller.id(), now), None).await? {
            StampBegun::Begun(begun) => (handout, started(begun)?, None),
            StampBegun::Again(_) | StampBegun::OtherRequest => {
                return Err(Problem::new(Type::Internal, "the ledger has answered something else"));
            }
        }
    } else {
        let (id, resumable) = begin_resumable(app, &handout, &sealed_from, caller, now).await?;
        (handout, id, Some(resumable))
    };
    let written_in = begin.elapsed();
    app.metrics.written(written_in);
    if wants_plan {
        return plan(app, &handout, row).await;
    }
    let asked = Asked { headers, queue, takes_ranges: false };
    let mut response = handout.send(&asked, row, Some(permit)).await?;
    response.headers_mut().insert("stampwright-installer-id", HeaderValue::from(row.0));
    // Milliseconds (Server Timing, section 2.2): what the disk or the database took of the time to the first byte.
    let timing = format!("ledger;dur={:.3}", written_in.as_secs_f64() * 1000.0);
    response.headers_mut().extend(HeaderValue::from_str(&timing).map(|value| (SERVER_TIMING, value)));
    if let Some(Resumable { url, cookie }) = link {
        response.headers_mut().insert(header::CONTENT_LOCATION, url);
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Writes the row of a download down, and the link that resumes it.
async fn begin_resumable(
    app: &App,
    handout: &Handout,
    token: &Token,
    caller: &Caller,
    now: u64,
) -> Result<(StampId, Resumable)> {
    let (link, session, resumable) = resumable(app, handout, token, caller, now)?;
    match app.ledger.begin_resumable(link, session, handout.row(caller.id(), now)).await? {
        Claimed::Open(id) => Ok((id, resumable)),
        Claimed::Refused(LinkRefusal::Token(status)) => Err(Problem::token(status)),
        Claimed::Refused(_) => Err(Problem::other_token()),
    }
}

/// What names the link that resumes a download.
struct Resumable {
    url: HeaderValue,
    cookie: HeaderValue,
}

/// A link without uses for this one download, and the session in which it can be resumed.
fn resumable(
    app: &App,
    handout: &Handout,
    token: &Token,
    caller: &Caller,
    now: u64,
) -> Result<(NewLink, NewSession, Resumable)> {
    let session_secs = app.config().links.session;
    let secret = links::Secret::new().map_err(|error| Problem::of(Type::Internal, &error))?;
    let cookie = links::Secret::new().map_err(|error| Problem::of(Type::Internal, &error))?;
    let link = links::new_link(
        app,
        &links::Wanted {
            secret: &secret,
            installer: handout.installer(),
            token: handout.token(),
            by_key: caller.id(),
            uses: 0,
            now,
            expires: now.saturating_add(session_secs),
        },
        token,
    )?;
    let wrong = |_| Problem::new(Type::Internal, "a header cannot be written");
    let url = HeaderValue::from_str(&links::url(app, &secret)).map_err(wrong)?;
    let value = links::cookie(app, &link.id, &cookie, session_secs);
    let session = NewSession { hash: cookie.hash(), expires: now.saturating_add(session_secs) };
    let mut cookie = HeaderValue::from_str(&value).map_err(wrong)?;
    cookie.set_sensitive(true);
    Ok((link, session, Resumable { url, cookie }))
}

/// The same installer as the first time, byte for byte.
async fn again(app: &Arc<App>, entry: Arc<Entry>, token: Token, by: &keys::Caller, id: StampId) -> Result<Handout> {
    let gone = || Problem::new(Type::IdempotencyMismatch, "the base that the first request got is no longer served");
    let first = app.ledger.stamp(id).await?.ok_or_else(gone)?;
    let entry = if entry.base().sha256().is_ok_and(|digest| digest == first.installer.base) {
        entry
    } else {
        app.store.get(&first.installer.base).ok_or_else(gone)?
    };
    Handout::new(app, entry, token, by, first.at).await
}

/// The row's number, if the installer may be handed out.
fn started(begun: Begun) -> Result<StampId> {
    match begun {
        Begun::Started(id) => Ok(id),
        Begun::Refused(status) => Err(Problem::token(status)),
        Begun::OtherToken => Err(Problem::other_token()),
    }
}

/// The plan instead of the installer: everything but the base, for who has that beside him.
async fn plan(app: &App, handout: &Handout, row: StampId) -> Result<Response> {
    let text = plan_text(app, handout);
    let (outcome, sent, reached) = match &text {
        Ok(text) => (Outcome::Done, text.len() as u64, handout.installer().size),
        Err(_) => (Outcome::Failed, 0, 0),
    };
    app.ledger.end_stamp(row, StampEnd { at: edge::now(), outcome, sent, reached }).await?;
    let mut response = (StatusCode::OK, Bytes::from_owner(text?)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PLAN));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("stampwright-installer-id", HeaderValue::from(row.0));
    Ok(response)
}

/// The token is in it, so it is wiped.
fn plan_text(app: &App, handout: &Handout) -> Result<Zeroizing<Vec<u8>>> {
    #[derive(Serialize)]
    struct Document<'a> {
        #[serde(flatten)]
        plan: stampwright::Plan,
        base_url: String,
        file_name: &'a str,
        media_type: &'static str,
    }
    let plan = handout.stamp().plan().map_err(|error| Problem::of(Type::Internal, &error))?;
    let document = Document {
        base_url: format!("{}/v1/bases/{}", app.address, handout.base()),
        file_name: &handout.installer().file_name,
        media_type: handout.stamp().base().kind().media_type(),
        plan,
    };
    let text = serde_json::to_vec(&document).map_err(|_| Problem::new(Type::Internal, "the plan cannot be written"))?;
    Ok(Zeroizing::new(text))
}

/// Whether a request's `Accept` names a media type.
#[must_use]
pub(crate) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| {
        let mut parts = one.split(';');
        let is_it = parts.next().is_some_and(|name| name.trim().eq_ignore_ascii_case(media_type));
        is_it && !parts.any(|part| matches!(part.trim(), "q=0" | "q=0.0"))
    })
}

/// A request that is to count once, if its header says so.
///
/// # Errors
/// The header is empty or longer than 255 characters.
pub(crate) fn once(route: &str, headers: &HeaderMap, caller: &Caller, body: &[u8], now: u64) -> Result<Option<Once>> {
    let Some(name) = idempotency_name(headers)? else { return Ok(None) };
    Ok(Some(Once {
        by_key: caller.id().to_owned(),
        name,
        // The route as well: one name for two routes is another request.
        request: Sha256::new().chain_update(route).chain_update([0]).chain_update(body).finalize().into(),
        response: SealedBytes(Vec::new()),
        expires: now.saturating_add(ONCE_SECS),
    }))
}

/// The value of a request's `Idempotency-Key`.
///
/// # Errors
/// It is empty or longer than 255 characters.
pub(crate) fn idempotency_name(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let name = value.to_str().ok().filter(|name| (1..=255).contains(&name.len())).map(str::to_owned);
    name.map(Some).ok_or_else(|| Problem::new(Type::BadRequest, "the Idempotency-Key must have 1 to 255 characters"))
}

/// How long an `Idempotency-Key` is remembered.
const ONCE_SECS: u64 = 86_400;

/// `GET /v1/installers`: the ledger, newest first, as JSON or CSV.
///
/// # Errors
/// See the document of the interface.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    query: ListQuery,
) -> Result<Response> {
    caller.may(Scope::Read)?;
    let wanted = query.read(&["tenant", "token_id", "link", "since", "format"], &caller)?;
    let is_csv = accepts(&headers, "text/csv") || wanted.is_csv;
    let page = app.ledger.stamps(wanted.filter).await?;
    let rows: Vec<Row> = page.rows.iter().map(Row::from).collect();
    let next = query.next(page.next.as_deref());
    if is_csv { list::csv(&rows, next) } else { Ok(list::json(&rows, next)) }
}

/// `GET /v1/installers/{id}`.
///
/// # Errors
/// There is no such row, or it is another tenant's.
pub(crate) async fn one(State(app): State<Arc<App>>, caller: Caller, Segment(id): Segment) -> Result<Response> {
    caller.may(Scope::Read)?;
    let missing = || Problem::not_found("installer");
    let id = id.parse().map_err(|_| missing())?;
    let row = app.ledger.stamp(StampId(id)).await?.ok_or_else(missing)?;
    caller.may_see(row.tenant.as_deref(), "installer")?;
    Ok(json::answer(StatusCode::OK, &Row::from(&row)))
}

/// A row of the ledger as clients see it.
#[derive(Serialize)]
struct Row {
    id: String,
    at: String,
    by_key: String,
    tenant: Option<String>,
    token_id: String,
    token_fingerprint: String,
    base: String,
    product: String,
    platform: String,
    arch: String,
    file_name: String,
    size: u64,
    etag: String,
    link: Option<String>,
    outcome: &'static str,
    bytes: u64,
    ended: Option<String>,
}

impl From<&StampRow> for Row {
    fn from(row: &StampRow) -> Self {
        let installer = &row.installer;
        Self {
            id: row.id.0.to_string(),
            at: rfc3339(row.at),
            by_key: row.by_key.clone(),
            tenant: row.tenant.clone(),
            token_id: row.token.clone(),
            token_fingerprint: row.fingerprint.clone(),
            base: crate::store::hex(&installer.base),
            product: installer.product.clone(),
            platform: installer.platform.clone(),
            arch: installer.arch.clone(),
            file_name: installer.file_name.clone(),
            size: installer.size,
            etag: installer.etag.clone(),
            link: row.link.clone(),
            outcome: row.outcome.name(),
            bytes: row.bytes,
            ended: row.ended.map(rfc3339),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_for_who_names_it() {
        let accept = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, value.parse().unwrap());
            accepts(&headers, PLAN)
        };
        assert!(accept(PLAN) && accept("text/html, Application/vnd.stampwright.splice+json;q=0.9"));
        assert!(!accept("*/*") && !accept("application/*") && !accept(&format!("{PLAN};q=0")));
    }
}
