//! A form, and how long it may take to come.

use axum::Form;
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use zeroize::Zeroizing;

use super::views;
use crate::http::{PATIENCE, Problem, Type};

/// A form that has come in time: whoever holds a connection with half a form would hold it without end.
pub(super) struct Timely<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Timely<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match tokio::time::timeout(PATIENCE, Form::from_request(request, state)).await {
            Ok(Ok(Form(form))) => Ok(Self(form)),
            Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(views::problem(&Problem::new(Type::TooLarge, "the form is too long")))
            }
            Ok(Err(_)) => Err(views::problem(&Problem::new(Type::BadRequest, "the form is not one of this page"))),
            Err(_) => Err(views::problem(&Problem::new(Type::BadRequest, "the form did not come in time"))),
        }
    }
}

/// A token or a key as it stands in a form. It does not print, and it is wiped.
#[derive(Default)]
pub(super) struct SecretText(Zeroizing<String>);

impl SecretText {
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Zeroizing::new(String::deserialize(deserializer)?)))
    }
}
