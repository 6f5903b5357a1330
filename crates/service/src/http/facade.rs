//! A façade for clients of the field's asynchronous installer service: `POST /generate`, `GET /status/{token}`, `GET /download/{token}`.
//!
//! | theirs | here |
//! |---|---|
//! | a job | none: the stamp is made at once, and the handle is the secret of a link |
//! | `type` | the base's format; `pkg.tar.zst` is refused |
//! | `arch` | `amd64` (also where it is not said) is `x64`, `arm64` is itself |
//! | `enroll_secret` | the token |
//! | `url` | what the configuration says is in the bases; another one is refused, because no stamp changes it |
//! | `fleet_desktop` | the product of the configuration for it |
//! | a volume that is cleaned after an hour | a link that ends after an hour |
//!
//! Policy, ledger, limits and keys are those of `/v1`. Refusals are plain text, with the sentences that this client knows where there is one.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderValue, Method, Request, StatusCode, header};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::caller::Caller;
use super::download;
use super::extract::Segment;
use super::handout::Handout;
use super::json::{self, TokenText};
use super::problem::{Problem, Result, Type};
use crate::app::App;
use crate::config::Facade as Settings;
use crate::edge;
use crate::keys::Scope;
use crate::ledger::Added;
use crate::links;
use crate::store::Selection;

/// What its routes share.
pub(crate) struct Facade {
    app: Arc<App>,
    settings: Settings,
    /// The key of requests that bring none, as a header.
    key: Option<HeaderValue>,
}

impl Facade {
    /// Over the service. `key` is the text of an API key.
    ///
    /// # Errors
    /// The key cannot stand in a header.
    pub(crate) fn new(app: Arc<App>, key: Option<&str>) -> Result<Self> {
        let header = |key: &str| {
            let value = HeaderValue::from_str(&Zeroizing::new(format!("Bearer {}", key.trim())));
            value.map(|mut value| {
                value.set_sensitive(true);
                value
            })
        };
        let key = key.map(header).transpose().map_err(|_| Problem::new(Type::Internal, "the key is no API key"))?;
        let settings = app.config().facade.clone();
        Ok(Self { app, settings, key })
    }
}

/// The patterns of the paths, for logs and metrics.
pub(crate) const PATTERNS: [&str; 3] = ["/generate", "/status/{token}", "/download/{token}"];

/// The paths.
pub(crate) fn routes(facade: Arc<Facade>) -> Router {
    let [generate, status, download] = PATTERNS;
    Router::new()
        .route(generate, post(self::generate))
        .route(status, get(self::status))
        .route(download, get(self::download))
        .with_state(facade)
}

/// What the client asks for. Members that are not known are ignored, as its own service does.
#[derive(Deserialize)]
struct Wish {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    fleet_desktop: bool,
    #[serde(default)]
    arch: String,
    enroll_secret: Option<TokenText>,
    #[serde(default)]
    url: String,
}

/// The client's sentences.
const NOT_JSON: &str = "invalid request body";
const TYPES: [&str; 5] = ["msi", "pkg", "deb", "rpm", "pkg.tar.zst"];

fn refused(sentence: impl std::fmt::Display) -> Problem {
    Problem::new(Type::BadRequest, sentence)
}

impl Wish {
    /// The token, if everything is there that must be: in the order in which the client's own service looks.
    fn check(&self, settings: &Settings) -> Result<&TokenText> {
        if self.kind.is_empty() {
            return Err(refused("type is required"));
        }
        if !TYPES.contains(&self.kind.as_str()) {
            return Err(refused("invalid type"));
        }
        if self.kind == "pkg.tar.zst" {
            return Err(refused("only msi, pkg, deb and rpm types are currently supported"));
        }
        let token = self.enroll_secret.as_ref().filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| refused("enroll_secret is required"))?;
        if self.url.is_empty() {
            return Err(refused("url is required"));
        }
        let (scheme, rest) = self.url.split_once("://").ok_or_else(|| refused("invalid url format"))?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(refused("url must start with http or https"));
        }
        if rest.trim_matches('/').is_empty() || rest.contains(char::is_whitespace) {
            return Err(refused("invalid url format"));
        }
        let expected = settings.url.as_deref().unwrap_or_default();
        if self.url.trim_end_matches('/') != expected.trim_end_matches('/') {
            return Err(refused(format!("url must be {expected}, which the installers have in them")));
        }
        Ok(token)
    }

    fn selection(&self, settings: &Settings) -> Result<Selection> {
        let product = if self.fleet_desktop { &settings.desktop_product } else { &settings.product };
        let product = product.clone().ok_or_else(|| refused("fleet_desktop is not supported here"))?;
        let arch = match self.arch.as_str() {
            "" | "amd64" | "x86_64" | "x64" => "x64",
            "arm64" | "aarch64" => "arm64",
            _ => return Err(refused("invalid arch")),
        };
        let (format, arch) = (Some(self.kind.clone()), Some(arch.to_owned()));
        Ok(Selection { product: Some(product), format, arch, ..Selection::default() })
    }
}

/// What a request's document is asked, for `fuzzed`.
#[cfg(feature = "fuzzing")]
pub(super) fn read_body(body: &[u8]) {
    let url = "https://fleet.example.com".to_owned();
    let settings = Settings { product: Some("Example Agent".to_owned()), url: Some(url), ..Settings::default() };
    let Ok(wish) = serde_json::from_slice::<Wish>(body) else { return };
    if let Ok(token) = wish.check(&settings) {
        let _ = (token.parse().is_ok(), wish.selection(&settings).is_ok());
    }
}

async fn generate(State(facade): State<Arc<Facade>>, request: Request<Body>) -> Response {
    #[derive(Serialize)]
    struct Shown<'a> {
        token: &'a str,
    }
    match generated(&facade, request).await {
        Ok(secret) => json::answer(StatusCode::OK, &Shown { token: secret.expose() }),
        Err(problem) => plain(problem),
    }
}

/// Stamps once, and makes the link under which the installer is fetched.
async fn generated(facade: &Facade, request: Request<Body>) -> Result<links::Secret> {
    let (mut parts, body) = request.into_parts();
    if let Some(key) = facade.key.as_ref().filter(|_| !parts.headers.contains_key(header::AUTHORIZATION)) {
        parts.headers.insert(header::AUTHORIZATION, key.clone());
    }
    let (app, settings) = (&facade.app, &facade.settings);
    let caller = Caller::from_request_parts(&mut parts, app).await?;
    caller.may(Scope::Stamp)?;
    let body = json::body(Request::from_parts(parts, body)).await?;
    let wish: Wish = serde_json::from_slice(&body).map_err(|_| refused(NOT_JSON))?;
    let token = wish.check(settings)?.parse()?;
    let entry = app.store.select(&wish.selection(settings)?).map_err(|error| Problem::new(Type::NoBase, error))?;
    let now = edge::now();
    let handout = Handout::new(app, entry, token.clone(), caller.key(), now).await?;
    let secret = links::Secret::new().map_err(|error| Problem::of(Type::Internal, &error))?;
    let expires = now.saturating_add(settings.expires);
    let expires = handout.token().expires.map_or(expires, |token| token.min(expires));
    let wanted = links::Wanted {
        secret: &secret,
        installer: handout.installer(),
        token: handout.token(),
        by_key: caller.id(),
        uses: settings.uses,
        now,
        expires,
    };
    let link = links::new_link(app, &wanted, &token)?;
    match app.ledger.add_link(link, None).await? {
        Added::New => Ok(secret),
        Added::Refused(status) => Err(Problem::token(status)),
        Added::OtherToken => Err(Problem::other_token()),
        Added::Before(_) | Added::OtherRequest => Err(Problem::new(Type::Internal, "the link could not be made")),
    }
}

async fn status(State(facade): State<Arc<Facade>>, Segment(secret): Segment) -> Response {
    #[derive(Serialize)]
    struct Shown<'a> {
        status: &'static str,
        detail: &'static str,
        orbit_version: &'a str,
        desktop_version: &'a str,
        osqueryd_version: &'static str,
    }
    let found = async {
        let unknown = || Problem::not_found("token");
        let secret = links::Secret::parse(&secret).ok_or_else(unknown)?;
        let now = edge::now();
        let link = facade.app.ledger.link(secret.hash(), now).await?.ok_or_else(unknown)?;
        match link.refusal(now) {
            Some(refusal) => Err(Problem::link(refusal)),
            None => facade.app.store.get(&link.installer.base).ok_or_else(unknown),
        }
    };
    match found.await {
        Ok(entry) => {
            let listed = entry.listed();
            let is_desktop = facade.settings.desktop_product.as_ref() == Some(&listed.product);
            let shown = Shown {
                status: "completed",
                detail: "the installer can be downloaded",
                orbit_version: &listed.version,
                desktop_version: if is_desktop { &listed.version } else { "" },
                osqueryd_version: "",
            };
            json::answer(StatusCode::OK, &shown)
        }
        Err(problem) => plain(problem),
    }
}

async fn download(State(facade): State<Arc<Facade>>, Segment(secret): Segment, mut request: Request<Body>) -> Response {
    // A program's request: the page with the button is for people.
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    let is_head = request.method() == Method::HEAD;
    let mut response = match download::program(facade.app.clone(), secret, request).await {
        Ok(response) => response,
        Err(problem) => return plain(problem),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=installer"));
    // This client keeps no cookies; `If-Range` with the entity tag resumes.
    headers.remove(header::SET_COOKIE);
    if is_head {
        headers.remove(header::ETAG);
    }
    response
}

/// A refusal as this client's own service writes it: one line of text, and 400 for whatever is wrong with a request.
fn plain(problem: Problem) -> Response {
    let text = format!("{}\n", problem.detail());
    let is_request = matches!(problem.kind(), Type::BadRequest | Type::NoBase | Type::TokenRefused | Type::BaseRefused);
    let mut response = problem.into_response();
    if is_request {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(text);
    response
}
