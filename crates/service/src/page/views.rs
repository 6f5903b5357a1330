//! What the pages show. The templates escape every value.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, StatusCode, header};

use crate::http::Problem;
use crate::http::time::rfc3339;
use crate::ledger::{StampRow, TokenRow};
use crate::store::Listed;

const STYLE: &str = include_str!("../../../../templates/page/style.css");

const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Which pages there are for a signed-in person, and which one is shown.
pub(super) struct Frame<'a> {
    /// `enrolled`, `devices`, `tokens`, `bases` or `ledger`.
    pub(super) at: &'static str,
    /// What the owner of the key calls it.
    pub(super) name: &'a str,
    /// What every form has in it.
    pub(super) form: &'a str,
}

impl Frame<'_> {
    /// What a navigation link says of itself.
    pub(super) fn current(&self, page: &str) -> &'static str {
        if self.at == page { " aria-current=\"page\"" } else { "" }
    }
}

#[derive(Template)]
#[template(path = "page/sign_in.html")]
pub(super) struct SignIn {
    pub(super) problem: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "page/problem.html")]
struct Refusal<'a> {
    title: &'a str,
    detail: String,
}

#[derive(Template)]
#[template(path = "page/devices.html")]
pub(super) struct Devices<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) bases: Vec<BaseLine>,
    /// Whether the key may see bases.
    pub(super) may_see: bool,
    /// The only tenant of the key.
    pub(super) tenant: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "page/added.html")]
pub(super) struct Added<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) base: BaseLine,
    pub(super) url: &'a str,
    pub(super) uses: u64,
    pub(super) expires: String,
    pub(super) commands: Vec<Command>,
}

/// What is typed on the device.
pub(super) struct Command {
    pub(super) shell: &'static str,
    pub(super) text: String,
}

#[derive(Template)]
#[template(path = "page/tokens.html")]
pub(super) struct Tokens<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) rows: Vec<TokenLine>,
    pub(super) next: Option<String>,
    pub(super) products: Vec<&'a str>,
    pub(super) tenant: Option<&'a str>,
    /// A token that was minted a moment ago: shown this once.
    pub(super) minted: Option<&'a str>,
}

/// A token in the list.
pub(super) struct TokenLine {
    id: String,
    tenant: String,
    product: String,
    status: &'static str,
    class: &'static str,
    expires: String,
    used: String,
    installers: u64,
    is_revoked: bool,
}

impl TokenLine {
    pub(super) fn new(row: &TokenRow, now: u64) -> Self {
        let dash = || "–".to_owned();
        let uses = row.record.uses.map_or_else(|| "any number".to_owned(), |uses| uses.to_string());
        Self {
            id: row.record.id.clone(),
            tenant: row.record.tenant.clone().unwrap_or_else(dash),
            product: row.record.product.clone().unwrap_or_else(dash),
            status: match row.status(now).name() {
                "used_up" => "used up",
                other => other,
            },
            class: row.status(now).name(),
            expires: row.record.expires.map_or_else(dash, day),
            used: format!("{} of {uses}", row.used),
            installers: row.installers,
            is_revoked: row.revoked.is_some(),
        }
    }
}

#[derive(Template)]
#[template(path = "page/bases.html")]
pub(super) struct Bases<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) bases: Vec<BaseLine>,
}

/// A base in a list.
pub(super) struct BaseLine {
    sha256: String,
    /// The digest as people compare it: its start.
    short: String,
    product: String,
    version: String,
    platform: &'static str,
    arch: String,
    file_name: String,
    size: String,
    keys: Vec<String>,
}

impl BaseLine {
    pub(super) fn new(base: &Listed) -> Self {
        let short = |text: &str| text.chars().take(12).collect::<String>();
        Self {
            sha256: base.sha256.clone(),
            short: short(&base.sha256),
            product: base.product.clone(),
            version: base.version.clone(),
            platform: match base.platform {
                "windows" => "Windows",
                "macos" => "macOS",
                "linux" => "Linux",
                other => other,
            },
            arch: base.arch.clone(),
            file_name: base.file_name.clone(),
            size: megabytes(base.size),
            keys: base.issuer_keys.iter().map(|key| short(key)).collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "page/ledger.html")]
pub(super) struct LedgerPage<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) rows: Vec<StampLine>,
    pub(super) token: String,
    pub(super) tenant: String,
    pub(super) next: Option<String>,
}

/// An installer in the list.
pub(super) struct StampLine {
    at: String,
    product: String,
    file_name: String,
    tenant: String,
    token: String,
    by: String,
    outcome: &'static str,
    megabytes: String,
}

impl StampLine {
    pub(super) fn new(row: &StampRow) -> Self {
        Self {
            at: rfc3339(row.at),
            product: row.installer.product.clone(),
            file_name: row.installer.file_name.clone(),
            tenant: row.tenant.clone().unwrap_or_else(|| "–".to_owned()),
            token: row.token.clone(),
            by: row.link.as_ref().map_or_else(|| format!("key {}", row.by_key), |link| format!("link {link}")),
            outcome: match row.outcome.name() {
                "client_gone" => "broken off",
                "base_changed" => "base changed",
                other => other,
            },
            megabytes: megabytes(row.bytes),
        }
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

/// A time as a day.
pub(super) fn day(secs: u64) -> String {
    rfc3339(secs).chars().take(10).collect()
}

/// A page.
pub(super) fn page(template: &impl Template) -> Response {
    let body = match template.render() {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(error = %error, "a page cannot be rendered");
            return (StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be shown\n").into_response();
        }
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What a handler shows instead of an answer.
pub(super) enum Shown {
    /// A page that says what is refused.
    Refused(Problem),
    /// The form to sign in.
    SignIn,
}

impl<E: Into<Problem>> From<E> for Shown {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refused) => problem(&refused),
            Self::SignIn => Redirect::to("/").into_response(),
        }
    }
}

/// What a person reads when something is refused.
fn problem(problem: &Problem) -> Response {
    let (_, status, title) = problem.kind().row();
    let mut letters = problem.detail().chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let mut response = page(&Refusal { title, detail: format!("{first}{}.", letters.as_str()) });
    *response.status_mut() = status;
    response.extensions_mut().insert(problem.kind());
    response
}

/// `GET /style.css`.
pub(super) async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")];
    (headers, STYLE).into_response()
}
