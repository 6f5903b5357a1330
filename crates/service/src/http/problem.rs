//! Every refusal: an RFC 9457 document with a type from one table. `docs/operations.md` has the table for readers.

use std::fmt;
use std::io::ErrorKind as IoErrorKind;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use stampwright::{Error, ErrorKind};

use crate::keys::CallerError;
use crate::ledger::{LedgerError, LinkRefusal, TokenStatus};
use crate::tokens::TokenError;

/// What can be refused. The name is the last part of the type's URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// The request is not what the document of the interface says.
    BadRequest,
    /// There is no key in it, or none that is valid.
    Unauthorized,
    /// The key may not do this.
    Forbidden,
    /// There is no such thing, or not for this key.
    NotFound,
    /// The path has other methods.
    MethodNotAllowed,
    /// Something of the same name is there.
    Conflict,
    /// The link's time is over, its uses are taken, or it was revoked.
    LinkOver,
    /// The body is longer than may be.
    TooLarge,
    /// The range lies outside of the installer.
    RangeNotSatisfiable,
    /// No base, or several, are what the request asks for.
    NoBase,
    /// The installer cannot be served as a base.
    BaseRefused,
    /// The token is not taken: revoked, expired, for another product, not signed by a key of the base.
    TokenRefused,
    /// An `Idempotency-Key` came with another request.
    IdempotencyMismatch,
    /// More requests, or more downloads at once, than the key may have.
    TooManyRequests,
    /// Something failed here.
    Internal,
    /// Something that is needed does not answer; it may later.
    Unavailable,
    /// The disk is full.
    InsufficientStorage,
}

impl Type {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 17] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::LinkOver,
        Self::TooLarge,
        Self::RangeNotSatisfiable,
        Self::NoBase,
        Self::BaseRefused,
        Self::TokenRefused,
        Self::IdempotencyMismatch,
        Self::TooManyRequests,
        Self::Internal,
        Self::Unavailable,
        Self::InsufficientStorage,
    ];

    /// Its name, its status and its title.
    #[must_use]
    pub(crate) const fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::BadRequest => ("bad-request", StatusCode::BAD_REQUEST, "The request is wrong"),
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED, "A valid key is needed"),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN, "The key may not do this"),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND, "There is no such thing"),
            Self::MethodNotAllowed => {
                ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "The path has other methods")
            }
            Self::Conflict => ("conflict", StatusCode::CONFLICT, "Something of the same name is there"),
            Self::LinkOver => ("link-over", StatusCode::GONE, "The link can no longer be used"),
            Self::TooLarge => ("too-large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too long"),
            Self::RangeNotSatisfiable => {
                ("range-not-satisfiable", StatusCode::RANGE_NOT_SATISFIABLE, "The range lies outside of the installer")
            }
            Self::NoBase => ("no-base", StatusCode::UNPROCESSABLE_ENTITY, "Not exactly one base is meant"),
            Self::BaseRefused => ("base-refused", StatusCode::UNPROCESSABLE_ENTITY, "The installer cannot be a base"),
            Self::TokenRefused => ("token-refused", StatusCode::UNPROCESSABLE_ENTITY, "The token is not taken"),
            Self::IdempotencyMismatch => (
                "idempotency-mismatch",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The Idempotency-Key came with another request",
            ),
            Self::TooManyRequests => ("too-many-requests", StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "Something failed here"),
            Self::Unavailable => {
                ("unavailable", StatusCode::SERVICE_UNAVAILABLE, "Something that is needed does not answer")
            }
            Self::InsufficientStorage => ("insufficient-storage", StatusCode::INSUFFICIENT_STORAGE, "The disk is full"),
        }
    }
}

/// A refusal. Nothing of what it refuses is part of it: no token, no key, no secret of a link.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: Type,
    detail: String,
    hint: Option<String>,
    headers: Vec<(http::HeaderName, HeaderValue)>,
}

/// A result of a request.
pub(crate) type Result<T, E = Problem> = std::result::Result<T, E>;

impl Problem {
    /// A refusal with one sentence.
    pub(crate) fn new(kind: Type, detail: impl fmt::Display) -> Self {
        Self { kind, detail: detail.to_string(), hint: None, headers: Vec::new() }
    }

    /// With the next step.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// With a header.
    #[must_use]
    pub(crate) fn header(mut self, name: http::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// No key, or none that is valid: all of these look the same to a client.
    #[must_use]
    pub(crate) fn unauthorized() -> Self {
        Self::new(Type::Unauthorized, "the request needs a valid key as Authorization: Bearer KEY")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// Come back in so many seconds.
    #[must_use]
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// There is no such thing, or it is another tenant's, which looks the same.
    #[must_use]
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(Type::NotFound, format!("there is no such {what}"))
    }

    /// A token that cannot be used.
    #[must_use]
    pub(crate) fn token(status: TokenStatus) -> Self {
        let why = match status {
            TokenStatus::Revoked => "was revoked",
            TokenStatus::Expired => "has expired",
            TokenStatus::UsedUp => "was used by as many devices as may use it",
            TokenStatus::Valid => "is not taken",
        };
        Self::new(Type::TokenRefused, format!("the token {why}"))
    }

    /// Two tokens with one id, or one token of two tenants: which of both is not said.
    #[must_use]
    pub(crate) fn other_token() -> Self {
        Self::new(Type::TokenRefused, "another token with this id is known, or the token is another tenant's")
    }

    /// A link that gives nothing.
    #[must_use]
    pub(crate) fn link(refusal: LinkRefusal) -> Self {
        match refusal {
            LinkRefusal::Unknown => Self::not_found("link"),
            LinkRefusal::Expired => Self::new(Type::LinkOver, "the link has expired"),
            LinkRefusal::UsedUp => Self::new(Type::LinkOver, "the link was used as often as it may be"),
            LinkRefusal::Revoked => Self::new(Type::LinkOver, "the link was revoked"),
            LinkRefusal::Token(status) => Self { kind: Type::LinkOver, ..Self::token(status) },
        }
    }

    /// A base or a token that the library refuses, or a machine that fails.
    pub(crate) fn of(kind: Type, error: &Error) -> Self {
        let problem = match error.kind() {
            ErrorKind::Machine => return Self::machine(error),
            // The place in front is a path of this machine.
            ErrorKind::Wrong | ErrorKind::Usage => Self::new(kind, error.message()),
        };
        match error.next_step() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }

    fn machine(error: &Error) -> Self {
        let cause = error.cause::<std::io::Error>().map(std::io::Error::kind);
        if matches!(cause, Some(IoErrorKind::StorageFull | IoErrorKind::QuotaExceeded)) {
            return Self::new(Type::InsufficientStorage, "no space is left for it");
        }
        tracing::error!(error = %error, "a request failed");
        Self::new(Type::Internal, "the request failed; the log says why")
    }

    /// Which refusal it is.
    #[must_use]
    pub(crate) const fn kind(&self) -> Type {
        self.kind
    }

    /// Its sentence.
    #[must_use]
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        if error == LedgerError::Nul {
            return Self::new(Type::BadRequest, "a text of the request has a NUL character");
        }
        tracing::error!(error = %error, "the ledger failed");
        match error {
            LedgerError::Full => Self::new(Type::InsufficientStorage, "no space is left for the ledger"),
            error if error.is_temporary() => Self::new(Type::Unavailable, "the ledger does not answer").retry_after(5),
            _ => Self::new(Type::Internal, "the ledger failed; the log says why"),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Ledger(error) | TokenError::Caller(CallerError::Ledger(error)) => error.into(),
            TokenError::Caller(CallerError::Scope { expected, .. }) => {
                Self::new(Type::Forbidden, format!("the key has not got the scope {}", expected.name()))
            }
            TokenError::Caller(_) => Self::new(Type::Forbidden, "the key is for another tenant"),
            TokenError::Busy { again_in_secs } => Self::new(Type::Unavailable, &error).retry_after(again_in_secs),
            TokenError::Unknown => Self::not_found("token"),
            TokenError::Refused(status) => Self::token(status),
            TokenError::Issuer(error) => Self::of(Type::BadRequest, &error),
            TokenError::Member { .. } => Self::new(Type::BadRequest, error),
            TokenError::NotListed { .. } => {
                Self::new(Type::TokenRefused, error).hint("build the base with the keys of GET /v1/jwks")
            }
            TokenError::Product(_) => Self::new(Type::NoBase, error).hint("GET /v1/bases lists what is served"),
            TokenError::NoIssuer | TokenError::NotKept => Self::new(Type::TokenRefused, error),
            TokenError::Sealed(error) => {
                tracing::error!(error = %error, "a kept secret cannot be read");
                Self::new(Type::Internal, "what was kept cannot be read; the log says why")
            }
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (name, status, title) = self.kind.row();
        let r#type = format!("urn:stampwright:problem:{name}");
        let (detail, hint) = (self.detail.as_str(), self.hint.as_deref());
        let document = Document { r#type, title, status: status.as_u16(), detail, hint };
        // Five texts and a number: there is nothing in it that JSON cannot say.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (status, Bytes::from(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.headers);
        response.extensions_mut().insert(self.kind);
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_type_has_a_name_of_its_own_and_an_error_status() {
        let names: BTreeSet<_> = Type::ALL.into_iter().map(|kind| kind.row().0).collect();
        assert_eq!(names.len(), Type::ALL.len());
        assert!(Type::ALL.into_iter().all(|kind| kind.row().1.as_u16() >= 400));
    }

    #[test]
    fn a_path_of_this_machine_is_not_told() {
        let error = Error::wrong("the installer is already stamped").about(std::path::Path::new("/var/lib/x.msi"));
        let problem = Problem::of(Type::BaseRefused, &error);
        assert_eq!((problem.kind(), problem.detail()), (Type::BaseRefused, "the installer is already stamped"));
        let error = Error::machine("write /var/lib/x: Permission denied");
        assert!(!Problem::of(Type::BaseRefused, &error).detail().contains("/var"));
    }

    #[test]
    fn a_full_disk_and_a_full_quota_are_told_as_such() {
        for (cause, expected) in [
            (IoErrorKind::StorageFull, Type::InsufficientStorage),
            (IoErrorKind::QuotaExceeded, Type::InsufficientStorage),
            (IoErrorKind::PermissionDenied, Type::Internal),
        ] {
            let error = Error::io("write", std::path::Path::new("/var/lib/x"))(cause.into());
            assert_eq!(Problem::of(Type::BaseRefused, &error).kind(), expected);
        }
    }
}
