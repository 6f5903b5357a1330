//! Devices → Pre-enroll: a list of serial numbers, and request files of devices without a network.

use axum::Extension;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::enrolled::{Server, frame, problem, server};
use super::enrolled_views::{Outcome, PreEnroll};
use super::sent::SentFile;
use super::session::SignedIn;
use super::views::{self, Shown};
use crate::enrollment::offline::Answered;
use crate::enrollment::pre_enroll;
use crate::http::{Problem, Type};

/// `GET /pre-enroll`.
pub(super) async fn form(signed_in: SignedIn) -> Response {
    shown(&signed_in, Outcome::Nothing)
}

fn shown(by: &SignedIn, outcome: Outcome) -> Response {
    let status = if matches!(outcome, Outcome::Wrong(_)) { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut response = views::page(&PreEnroll { frame: frame(by), tenant: by.caller.tenant.as_deref(), outcome });
    *response.status_mut() = status;
    response
}

/// `GET /pre-enroll/template.csv`: the columns.
pub(super) async fn template(_: SignedIn) -> Response {
    file("pre-enroll.csv", "text/csv; charset=utf-8", pre_enroll::TEMPLATE.to_owned())
}

/// `POST /pre-enroll`.
pub(super) async fn list(Extension(found): Server, sent: SentFile) -> Result<Response, Shown> {
    let SentFile { by, upload } = sent;
    let state = server(found)?;
    let serials = match pre_enroll::serials(&upload.file) {
        Ok(serials) => serials,
        Err(lines) => {
            let lines = lines.into_iter().map(|line| (line.line, line.problem)).collect();
            return Ok(shown(&by, Outcome::Wrong(lines)));
        }
    };
    let tenant = by.caller.tenant.clone().unwrap_or_else(|| upload.tenant.trim().to_owned());
    let new = state.pre_enroll(&by.caller, &tenant, &serials).await.map_err(|refused| problem(&refused))?;
    Ok(shown(&by, Outcome::Listed(serials.len(), new)))
}

/// `POST /pre-enroll/offline`: the answer file.
pub(super) async fn offline(Extension(found): Server, sent: SentFile) -> Result<Response, Shown> {
    let SentFile { by, upload } = sent;
    let state = server(found)?;
    let wrong = |_| Problem::new(Type::BadRequest, "the file is no enrollment request of an agent");
    let request = std::str::from_utf8(&upload.file).map_err(wrong)?;
    let answered = state.answer_file(&by.caller, request).await.map_err(|refused| problem(&refused))?;
    Ok(match answered {
        Answered::Device { row, file: answer } => {
            file(&format!("{}.answer", row.device.id), "application/jose", answer.to_string())
        }
        Answered::Pending { .. } => shown(&by, Outcome::Waits),
    })
}

fn file(name: &str, media: &'static str, content: String) -> Response {
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
