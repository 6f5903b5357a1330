//! A form with a file (RFC 7578): the session's value, a tenant, and the file. It comes in time and within its length, or not at all.

use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use http::StatusCode;

use super::views::Shown;
use crate::http::{PATIENCE, Problem, Type};

/// The most fields of a form.
const MAX_FIELDS: usize = 8;

/// What was sent. The whole is limited by the route.
#[derive(Default)]
pub(super) struct Upload {
    pub(super) form: String,
    pub(super) tenant: String,
    pub(super) file: Vec<u8>,
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Shown;

    async fn from_request(request: Request, state: &S) -> Result<Self, Shown> {
        let wrong = |detail| Shown::from(Problem::new(Type::BadRequest, detail));
        let parts = Multipart::from_request(request, state).await;
        let parts = parts.map_err(|_| wrong("the form is not one of this page"))?;
        match tokio::time::timeout(PATIENCE, read(parts)).await {
            Ok(Ok(upload)) => Ok(upload),
            Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Problem::new(Type::TooLarge, "the file is too long").into())
            }
            Ok(Err(_)) => Err(wrong("the form is not one of this page")),
            Err(_) => Err(wrong("the form did not come in time")),
        }
    }
}

async fn read(mut parts: Multipart) -> Result<Upload, MultipartError> {
    let mut upload = Upload::default();
    for _ in 0..MAX_FIELDS {
        let Some(part) = parts.next_field().await? else { break };
        let name = part.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "form" => upload.form = part.text().await?,
            "tenant" => upload.tenant = part.text().await?,
            "file" => upload.file = part.bytes().await?.to_vec(),
            _ => {}
        }
    }
    Ok(upload)
}
