//! Refusals of the enrollment server (RFC 9457). Nothing of a request is quoted in one.

use axum::response::{IntoResponse, Response};
use enrollment::Refusal;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::pre_enroll::LineProblem;
use crate::keys::CallerError;
use crate::ledger::LedgerError;

/// A refusal: the last part of its type, its status, its sentence.
#[derive(Debug)]
pub(crate) struct Refused {
    name: &'static str,
    status: StatusCode,
    detail: String,
    nonce: Option<String>,
    retry_after_secs: Option<u64>,
}

pub(super) type Result<T> = std::result::Result<T, Refused>;

impl Refused {
    pub(super) fn new(name: &'static str, status: StatusCode, detail: impl Into<String>) -> Self {
        Self { name, status, detail: detail.into(), nonce: None, retry_after_secs: None }
    }

    pub(super) fn unavailable(detail: &str) -> Self {
        Self::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(5)
    }

    /// A list with lines that are wrong. All of them are said at once, by their numbers.
    pub(super) fn of_lines(lines: Vec<LineProblem>) -> Self {
        let said: Vec<_> = lines.iter().map(|line| format!("line {}: {}", line.line, line.problem)).collect();
        Self::new("list-wrong", StatusCode::UNPROCESSABLE_ENTITY, said.join("; "))
    }

    /// Its status.
    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// Its sentence.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new("bad-request", StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn unsigned(detail: impl Into<String>) -> Self {
        Self::new("signature-wrong", StatusCode::UNAUTHORIZED, detail)
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(
            "unauthorized",
            StatusCode::UNAUTHORIZED,
            "the request needs a valid key as Authorization: Bearer KEY",
        )
    }

    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new("forbidden", StatusCode::FORBIDDEN, detail)
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new("not-found", StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// When it is worth trying again.
    pub(super) fn retry_after(mut self, secs: u64) -> Self {
        self.retry_after_secs = Some(secs);
        self
    }

    /// With the nonce for the next request.
    pub(super) fn with_nonce(mut self, nonce: Option<String>) -> Self {
        self.nonce = nonce;
        self
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.http_status()).unwrap_or(StatusCode::FORBIDDEN);
        Self::new(refusal.name(), status, refusal.to_string())
    }
}

impl From<LedgerError> for Refused {
    fn from(error: LedgerError) -> Self {
        if error == LedgerError::Nul {
            return Self::bad_request("a text of the request has a NUL character");
        }
        tracing::error!(error = %error, "the ledger failed");
        Self::unavailable("the ledger does not answer")
    }
}

impl From<CallerError> for Refused {
    fn from(error: CallerError) -> Self {
        match error {
            CallerError::Ledger(error) => error.into(),
            CallerError::Scope { expected, .. } => {
                Self::forbidden(format!("the key has not got the scope {}", expected.name()))
            }
            CallerError::OtherTenant(_) => Self::forbidden("the key is for another tenant"),
            // Which of the reasons it is, is not said.
            _ => Self::unauthorized(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let document = json!({
            "type": format!("urn:stampwright:enrollment:{}", self.name),
            "title": self.status.canonical_reason(), "status": self.status.as_u16(), "detail": self.detail,
        });
        let mut response = (self.status, document.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        if let Some(nonce) = self.nonce.and_then(|nonce| HeaderValue::from_str(&nonce).ok()) {
            headers.insert("agent-nonce", nonce);
        }
        response
    }
}
