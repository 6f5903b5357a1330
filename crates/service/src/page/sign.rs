//! Signing in and out.

use std::sync::Arc;

use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::form::{Raw, SecretText, fields};
use super::guard;
use super::sent::{Nothing, Sent};
use super::session::{close, of_headers, open};
use super::views::{self, Shown, SignIn};
use crate::app::App;
use crate::http::Type;

/// `GET /`: the form to sign in, or on to the devices.
pub(super) async fn front(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Shown> {
    Ok(match of_headers(&app, &headers).await? {
        Some(_) => Redirect::to("/devices").into_response(),
        None => views::page(&SignIn { problem: None }),
    })
}

/// The form to sign in.
#[derive(Deserialize)]
struct Key {
    key: SecretText,
}

/// `POST /sign-in`: there is no session yet whose value the form could have.
pub(super) async fn sign_in(State(app): State<Arc<App>>, request: Request) -> Result<Response, Shown> {
    guard::same_origin(&app, request.headers())?;
    let Raw(form) = Raw::from_request(request, &app).await?;
    let given: Key = fields(&form)?;
    match open(&app, given.key.expose()).await {
        Err(problem) if problem.kind() == Type::Unauthorized => {
            let mut response = views::page(&SignIn { problem: Some("This key is not valid.") });
            *response.status_mut() = StatusCode::FORBIDDEN;
            Ok(response)
        }
        answered => Ok(answered?),
    }
}

/// `POST /sign-out`.
pub(super) async fn sign_out(State(app): State<Arc<App>>, sent: Sent<Nothing>) -> Result<Response, Shown> {
    Ok(close(&app, &sent.by).await?)
}
