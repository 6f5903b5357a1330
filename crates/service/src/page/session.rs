//! A session: a cookie here, its hash in the ledger.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::guard;
use super::views::Shown;
use crate::app::App;
use crate::edge;
use crate::http::{Problem, Type};
use crate::keys::{Caller, CallerError};
use crate::ledger::PageSession;

/// How long somebody stays signed in, in seconds.
const LIFE_SECS: u64 = 8 * 3600;

/// Who has signed in.
pub(super) struct SignedIn {
    /// The owner of the key.
    pub(super) caller: Caller,
    /// What every form of this session has in it.
    pub(super) form: String,
    hash: [u8; 32],
}

impl FromRequestParts<Arc<App>> for SignedIn {
    type Rejection = Shown;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Shown> {
        of_headers(app, &parts.headers).await?.ok_or(Shown::SignIn)
    }
}

/// Who has signed in, if anybody has.
pub(super) async fn of_headers(app: &App, headers: &HeaderMap) -> Result<Option<SignedIn>, Problem> {
    let Some(value) = cookie(headers, cookie_name(app)) else { return Ok(None) };
    let (hash, now) = (Sha256::digest(value.as_bytes()).into(), edge::now());
    let Some(session) = app.ledger.page_session(hash, now).await? else { return Ok(None) };
    let caller = match Caller::of_key_id(&app.ledger, &session.api_key, now).await {
        Ok(caller) => caller,
        Err(CallerError::Ledger(error)) => return Err(error.into()),
        // The key was revoked or has expired since.
        Err(_) => return Ok(None),
    };
    app.usage().request(&caller.key_id, edge::now_ms()).map_err(|seconds| {
        Problem::new(Type::TooManyRequests, "the key has no requests left for now").retry_after(seconds)
    })?;
    Ok(Some(SignedIn { caller, form: guard::form_value(value), hash }))
}

/// Signs the owner of a key in.
pub(super) async fn open(app: &App, key: &str) -> Result<Response, Problem> {
    let now = edge::now();
    let caller = Caller::of_key(&app.ledger, key.trim(), now).await.map_err(|error| match error {
        CallerError::Ledger(error) => error.into(),
        // Which of the reasons it is, is not said.
        _ => Problem::unauthorized(),
    })?;
    let random = Zeroizing::new(edge::random::<32>().map_err(|error| Problem::of(Type::Internal, &error))?);
    let value = Zeroizing::new(URL_SAFE_NO_PAD.encode(*random));
    let hash = Sha256::digest(value.as_bytes()).into();
    let expires = now.saturating_add(LIFE_SECS);
    app.ledger.open_page_session(PageSession { hash, api_key: caller.key_id, opened: now, expires }).await?;
    let mut response = Redirect::to("/devices").into_response();
    set_cookie(app, &mut response, &value, LIFE_SECS)?;
    Ok(response)
}

/// Ends the session, here and in the browser.
pub(super) async fn close(app: &App, by: &SignedIn) -> Result<Response, Problem> {
    app.ledger.close_page_session(by.hash).await?;
    let mut response = Redirect::to("/").into_response();
    set_cookie(app, &mut response, "", 0)?;
    Ok(response)
}

fn set_cookie(app: &App, response: &mut Response, value: &str, seconds: u64) -> Result<(), Problem> {
    let (name, secure) = (cookie_name(app), if app.config().is_https() { "; Secure" } else { "" });
    let text = Zeroizing::new(format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"));
    let mut value =
        HeaderValue::from_str(&text).map_err(|_| Problem::new(Type::Internal, "a header cannot be written"))?;
    value.set_sensitive(true);
    response.headers_mut().append(header::SET_COOKIE, value);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(())
}

/// `__Host-` (RFC 6265bis §4.1.3.2): only this host can have set it, over TLS.
fn cookie_name(app: &App) -> &'static str {
    if app.config().is_https() { "__Host-stampwright" } else { "stampwright-page" }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}
