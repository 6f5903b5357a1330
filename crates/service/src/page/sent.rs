//! What one who has signed in sends: from this site, with the value that only the pages of the session have, and in time. Handlers get the fields of a
//! session's form from here alone, so none can forget to ask.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::form::{Raw, fields};
use super::guard;
use super::session::SignedIn;
use super::upload::Upload;
use super::views::Shown;
use crate::app::App;

/// A form.
pub(super) struct Sent<T> {
    /// Whose it is.
    pub(super) by: SignedIn,
    /// What is in it.
    pub(super) fields: T,
}

/// A form with a file.
pub(super) struct SentFile {
    /// Whose it is.
    pub(super) by: SignedIn,
    /// What is in it.
    pub(super) upload: Upload,
}

/// What every form of a session has in it.
#[derive(Deserialize)]
struct Value {
    form: String,
}

/// A form with nothing in it but that.
#[derive(Deserialize)]
pub(super) struct Nothing {}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Sent<T> {
    type Rejection = Shown;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Shown> {
        let (by, request) = of_this_site(request, app).await?;
        let Raw(form) = Raw::from_request(request, app).await?;
        let Value { form: value } = fields(&form)?;
        guard::check_form(&by.form, &value)?;
        Ok(Self { fields: fields(&form)?, by })
    }
}

impl FromRequest<Arc<App>> for SentFile {
    type Rejection = Shown;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Shown> {
        let (by, request) = of_this_site(request, app).await?;
        let upload = Upload::from_request(request, app).await?;
        guard::check_form(&by.form, &upload.form)?;
        Ok(Self { by, upload })
    }
}

/// Whose request it is, before anything of its body is read.
async fn of_this_site(request: Request, app: &Arc<App>) -> Result<(SignedIn, Request), Shown> {
    let (mut parts, body) = request.into_parts();
    let by = SignedIn::from_request_parts(&mut parts, app).await?;
    guard::same_origin(app, &parts.headers)?;
    Ok((by, Request::from_parts(parts, body)))
}
