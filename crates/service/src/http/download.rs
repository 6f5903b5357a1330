//! `GET /d/{secret}`: a link, followed.
//!
//! | who | gets | takes |
//! |---|---|---|
//! | HEAD | the installer's size, type and name, from the link's row | nothing |
//! | a browser, a scanner that looks like one, a preview, a prefetch | a page with a button | nothing |
//! | `Range: bytes=0-0` | the first byte, which is that of the base | nothing |
//! | within a session: the cookie, or `If-Range` with the entity tag | the installer or a range of it | nothing |
//! | the button (POST); a program (`Accept` without `text/html`), or `?direct` | the installer, and a session | one use |
//!
//! The entity tag proves a session, so only a response that has taken a use shows it: what only looks is answered without a stamp.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use sha2::{Digest, Sha256};
use stampwright::Token;

use super::extract::Segment;
use super::handout::{Asked, Handout, queue_of, to_its_end};
use super::installers::accepts;
use super::page;
use super::problem::{Problem, Result, Type};
use super::range::is_probe;
use crate::app::App;
use crate::edge;
use crate::keys::{Caller, Scope, Scopes};
use crate::ledger::{Claimed, LinkRow, NewSession, Resumed, SessionProof, StampId};
use crate::links::{self, Secret};
use crate::sealed::Purpose;
use crate::store::Entry;

/// A link, followed.
///
/// # Errors
/// There is no such link, or it gives nothing any more.
pub(crate) async fn follow(State(app): State<Arc<App>>, Segment(secret): Segment, request: Request<Body>) -> Response {
    let is_browser = accepts(request.headers(), "text/html");
    match to_its_end(async move { followed(&app, &secret, request).await }).await {
        Ok(response) => response,
        // A person gets a page that says it, with the same status.
        Err(problem) if is_browser && matches!(problem.kind(), Type::LinkOver | Type::NotFound) => {
            page::refused(&problem)
        }
        Err(problem) => problem.into_response(),
    }
}

/// A link, followed by a program: what is refused is the caller's to say.
///
/// # Errors
/// As for [`follow`].
pub(super) async fn program(app: Arc<App>, secret: String, request: Request<Body>) -> Result<Response> {
    to_its_end(async move { followed(&app, &secret, request).await }).await
}

async fn followed(app: &Arc<App>, secret: &str, request: Request<Body>) -> Result<Response> {
    let unknown = || Problem::not_found("link");
    let (secret, now) = (Secret::parse(secret).ok_or_else(unknown)?, edge::now());
    let link = app.ledger.link(secret.hash(), now).await?.ok_or_else(unknown)?;
    let (headers, method) = (request.headers(), request.method());
    let proofs = proofs(&link, headers);
    if method == Method::HEAD {
        return described(app, &secret, &link, proofs, now).await;
    }
    let queue = queue_of(request.extensions(), request.version(), method);
    if method == Method::GET && !proofs.is_empty() {
        let permit = permit(app, &link)?;
        if let Some(row) = resumed(app, &secret, proofs, now).await? {
            return send(app, &link, headers, queue, row, permit).await;
        }
    }
    let is_post = method == Method::POST;
    if is_post {
        check_site(headers)?;
    } else if shows_page(&request) {
        return Ok(match link.refusal(now) {
            Some(refusal) => page::refused(&Problem::link(refusal)),
            None => page::link(&link, now),
        });
    } else if is_probe(headers) {
        return probe(app, &link, now);
    }
    let (session_secs, cookie) =
        (app.config().links.session, Secret::new().map_err(|error| Problem::of(Type::Internal, &error))?);
    let session = NewSession { hash: cookie.hash(), expires: now.saturating_add(session_secs) };
    if let Some(refusal) = link.refusal(now) {
        return Err(Problem::link(refusal));
    }
    let stamped = handout(app, &link).await?;
    let permit = permit(app, &link)?;
    let row = match app.ledger.claim_link(secret.hash(), session, stamped.row(&link.by_key, now)).await? {
        Claimed::Open(row) => row,
        Claimed::Refused(refusal) => return Err(Problem::link(refusal)),
    };
    // A form's POST has no ranges; the same address with the cookie has.
    let is_same = stamped.installer().etag == link.installer.etag;
    let asked = Asked { headers, queue, takes_ranges: !is_post && is_same };
    let mut response = stamped.send(&asked, row, permit).await?;
    let value = HeaderValue::from_str(&links::cookie(app, &link.id, &cookie, session_secs));
    let mut value = value.map_err(|_| unwritten())?;
    value.set_sensitive(true);
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(quiet(response))
}

/// What a request has to show that it belongs to a session.
fn proofs(link: &LinkRow, headers: &HeaderMap) -> Vec<SessionProof> {
    let cookie = cookie(headers, &links::cookie_name(&link.id)).map(SessionProof::Cookie);
    let etag = headers.get(header::IF_RANGE).and_then(|value| value.to_str().ok());
    let etag = etag.filter(|_| headers.contains_key(header::RANGE)).map(|etag| SessionProof::Etag(etag.to_owned()));
    cookie.into_iter().chain(etag).collect()
}

/// The row of a session that the request belongs to.
async fn resumed(app: &App, secret: &Secret, proofs: Vec<SessionProof>, now: u64) -> Result<Option<StampId>> {
    for proof in proofs {
        match app.ledger.resume_session(secret.hash(), proof, now).await? {
            Resumed::Open(row) => return Ok(Some(row)),
            Resumed::Refused(refusal) => return Err(Problem::link(refusal)),
            Resumed::NoSession => {}
        }
    }
    Ok(None)
}

/// What HEAD is told: what the link's row says, as long as the link, or a session of it, gives something.
async fn described(
    app: &App,
    secret: &Secret,
    link: &LinkRow,
    proofs: Vec<SessionProof>,
    now: u64,
) -> Result<Response> {
    let refusal = match link.refusal(now) {
        None => None,
        Some(refusal) => {
            let mut is_open = false;
            for proof in proofs {
                is_open = is_open || app.ledger.has_session(secret.hash(), proof, now).await?;
            }
            if is_open { link.refusal_in_session() } else { Some(refusal) }
        }
    };
    match refusal {
        Some(refusal) => Err(Problem::link(refusal)),
        None => {
            let entry = entry(app, link)?;
            outside(&entry, link)
        }
    }
}

/// The headers that tell of a link's installer without a stamp, and without its entity tag.
fn outside(entry: &Entry, link: &LinkRow) -> Result<Response> {
    let mut response = Response::new(Body::empty());
    let name = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", link.installer.file_name));
    let out = response.headers_mut();
    out.insert(header::CONTENT_DISPOSITION, name.map_err(|_| unwritten())?);
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(entry.base().kind().media_type()));
    // hyper takes the length from the header, and sends no body for HEAD.
    out.insert(header::CONTENT_LENGTH, HeaderValue::from(link.installer.size));
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(quiet(response))
}

fn unwritten() -> Problem {
    Problem::new(Type::Internal, "a header cannot be written")
}

/// What is sent within a session.
async fn send(
    app: &Arc<App>,
    link: &LinkRow,
    headers: &HeaderMap,
    queue: Option<crate::connection::Queue>,
    row: StampId,
    permit: Option<tokio::sync::OwnedSemaphorePermit>,
) -> Result<Response> {
    let stamped = match handout(app, link).await {
        Ok(stamped) => stamped,
        Err(problem) => {
            give_up(app, row);
            return Err(problem);
        }
    };
    // A signature with a time in it is another one each time: ranges of two would not fit together.
    let takes_ranges = stamped.installer().etag == link.installer.etag;
    Ok(quiet(stamped.send(&Asked { headers, queue, takes_ranges }, row, permit).await?))
}

/// A response that never came to be has an end as well.
fn give_up(app: &App, row: StampId) {
    let end = crate::ledger::StampEnd { at: edge::now(), outcome: crate::ledger::Outcome::Failed, sent: 0, reached: 0 };
    let writing = app.ledger.end_stamp(row, end);
    tokio::spawn(async move {
        if let Err(error) = writing.await {
            tracing::error!(error = %error, row = row.0, "the end of a download was not written down");
        }
    });
}

/// The first byte, which takes nothing: it is the same in every installer of the format, so the base has it.
fn probe(app: &App, link: &LinkRow, now: u64) -> Result<Response> {
    if let Some(refusal) = link.refusal(now) {
        return Err(Problem::link(refusal));
    }
    let entry = entry(app, link)?;
    let mut first = [0; 1];
    let read = entry.file().read_at(0, &mut first);
    read.map_err(|_| Problem::new(Type::Internal, "the base cannot be read"))?;
    let mut response = outside(&entry, link)?;
    let range = HeaderValue::from_str(&format!("bytes 0-0/{}", link.installer.size));
    let out = response.headers_mut();
    out.insert(header::CONTENT_RANGE, range.map_err(|_| unwritten())?);
    out.insert(header::CONTENT_LENGTH, HeaderValue::from(1));
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    *response.body_mut() = Body::from(first.to_vec());
    Ok(response)
}

fn over() -> Problem {
    Problem::new(Type::LinkOver, "what the link leads to is no longer served")
}

/// The base of a link.
fn entry(app: &App, link: &LinkRow) -> Result<Arc<Entry>> {
    app.store.get(&link.installer.base).ok_or_else(over)
}

/// The installer of a link, the same bytes every time.
async fn handout(app: &Arc<App>, link: &LinkRow) -> Result<Handout> {
    let entry = entry(app, link)?;
    let sealed = link.sealed.as_ref().ok_or_else(over)?;
    let unread = || Problem::new(Type::Internal, "the link's token cannot be read");
    let token = app.sealing.open(Purpose::Link(&link.id), sealed).map_err(|error| {
        tracing::error!(error = %error, link = link.id, "a link's token cannot be read");
        unread()
    })?;
    let token = Token::parse(&token).map_err(|_| unread())?;
    // As if the key's owner asked: he has made the link.
    let scopes = Scopes::of(&[Scope::Stamp]);
    let by = Caller { key_id: link.by_key.clone(), name: String::new(), scopes, tenant: link.tenant.clone() };
    let handout = Handout::new(app, entry, token, &by, link.created).await;
    // A token that is no longer taken ends its links.
    handout.map_err(|problem| match problem.kind() {
        Type::TokenRefused => Problem::new(Type::LinkOver, problem.detail()),
        _ => problem,
    })
}

/// One of the downloads of the key that made the link.
fn permit(app: &App, link: &LinkRow) -> Result<Option<tokio::sync::OwnedSemaphorePermit>> {
    let permit = app.usage().download(&link.by_key, edge::now_ms());
    let busy = || Problem::new(Type::TooManyRequests, "as many downloads run as may").retry_after(10);
    permit.map(Some).ok_or_else(busy)
}

/// Whether a GET shows the page: a person must press a button, so that whatever only looks takes nothing.
fn shows_page(request: &Request<Body>) -> bool {
    let headers = request.headers();
    let says = |name: &str, word: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.to_ascii_lowercase().contains(word))
    };
    let looks_ahead = says("sec-purpose", "prefetch") || says("purpose", "prefetch") || says("x-moz", "prefetch");
    let is_preview = PREVIEWS.iter().any(|name| says("user-agent", name));
    let is_direct = request.uri().query().is_some_and(|query| query.split('&').any(|one| one == "direct"));
    looks_ahead || is_preview || (accepts(headers, "text/html") && !is_direct)
}

/// What fetches addresses in messages to show what they are.
const PREVIEWS: [&str; 12] = [
    "facebookexternalhit",
    "slackbot",
    "twitterbot",
    "telegrambot",
    "whatsapp",
    "discordbot",
    "linkedinbot",
    "skypeuripreview",
    "bingpreview",
    "googleimageproxy",
    "mattermost",
    "applebot",
];

/// A form on another site must not press the button.
fn check_site(headers: &HeaderMap) -> Result<()> {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if site.is_some_and(|site| site == "cross-site" || site == "same-site") {
        return Err(Problem::new(Type::Forbidden, "the button must be pressed on the link's own page"));
    }
    Ok(())
}

/// The SHA-256 of a cookie's value.
fn cookie(headers: &HeaderMap, name: &str) -> Option<[u8; 32]> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(found, _)| *found == name)?;
    Some(Sha256::digest(value.as_bytes()).into())
}

/// What a link asks of a request's headers, for `fuzzed`.
#[cfg(feature = "fuzzing")]
pub(super) fn read_headers(headers: &HeaderMap) {
    let mut request = Request::new(Body::empty());
    *request.headers_mut() = headers.clone();
    let _ = (shows_page(&request), check_site(headers).is_ok(), cookie(headers, "stampwright-x"));
}

/// The address is a secret, and must not go on with a click or into an index.
fn quiet(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
    response
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::range::Wanted;

    fn page(headers: &[(&str, &str)], uri: &str) -> bool {
        let request = headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
        shows_page(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn whatever_only_looks_gets_the_page() {
        assert!(page(&[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")], "/d/x"));
        assert!(page(&[("accept", "*/*"), ("sec-purpose", "prefetch;prerender")], "/d/x"));
        assert!(page(&[("user-agent", "Slackbot-LinkExpanding 1.0")], "/d/x?direct"));
        assert!(!page(&[("accept", "*/*"), ("user-agent", "curl/8.5")], "/d/x"));
        assert!(!page(&[], "/d/x"));
        assert!(!page(&[("accept", "text/html")], "/d/x?direct"));
    }

    #[test]
    fn a_cookie_is_found_by_its_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; stampwright-x=secret"));
        headers.append(header::COOKIE, HeaderValue::from_static("b=2"));
        assert_eq!(cookie(&headers, "stampwright-x"), Some(Sha256::digest(b"secret").into()));
        assert_eq!(cookie(&headers, "stampwright-y"), None);
    }

    proptest! {
        #[test]
        fn no_header_of_a_client_panics_or_reaches_beyond_the_installer(
            fields in prop::collection::vec((0_usize..6, prop::collection::vec(any::<u8>(), 0..60)), 0..8),
            len in 1_u64..1_000_000,
        ) {
            let mut request = Request::get("/d/x").body(Body::empty()).unwrap();
            let names = ["range", "if-range", "cookie", "accept", "sec-fetch-site", "user-agent"];
            for (name, value) in &fields {
                // Most of these are no text, and some begin as they should.
                let begin: &[u8] = [b"bytes=".as_slice(), b"\"", b"stampwright-x=", b"text/html;", b"", b""][*name];
                if let Ok(value) = HeaderValue::from_bytes(&[begin, value.as_slice()].concat()) {
                    request.headers_mut().append(names[*name], value);
                }
            }
            let headers = request.headers();
            if let Wanted::Part(range) = Wanted::of(headers, len, "\"tag\"") {
                prop_assert!(range.start < range.end && range.end <= len);
            }
            let has_cookie = cookie(headers, "stampwright-x").is_some();
            prop_assert!(!has_cookie || headers.contains_key(header::COOKIE));
            let _ = (is_probe(headers), check_site(headers).is_ok(), shows_page(&request));
        }
    }

    #[test]
    fn other_sites_do_not_press_the_button() {
        let mut headers = HeaderMap::new();
        assert!(check_site(&headers).is_ok());
        headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        assert!(check_site(&headers).is_ok());
        headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        assert!(check_site(&headers).is_err());
    }
}
