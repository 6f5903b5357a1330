//! A form, and how long it may take to come.

use axum::extract::{FromRequest, RawForm, Request};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use zeroize::Zeroizing;

use super::views::Shown;
use crate::http::{PATIENCE, Problem, Type};

/// A form's bytes, which have come in time: whoever holds a connection with half a form would hold it without end.
pub(super) struct Raw(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Shown;

    async fn from_request(request: Request, state: &S) -> Result<Self, Shown> {
        match tokio::time::timeout(PATIENCE, RawForm::from_request(request, state)).await {
            Ok(Ok(RawForm(form))) => Ok(Self(form)),
            Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Problem::new(Type::TooLarge, "the form is too long").into())
            }
            Ok(Err(_)) => Err(not_ours().into()),
            Err(_) => Err(Problem::new(Type::BadRequest, "the form did not come in time").into()),
        }
    }
}

/// What is in a form.
pub(super) fn fields<T: DeserializeOwned>(form: &[u8]) -> Result<T, Problem> {
    serde_urlencoded::from_bytes(form).map_err(|_| not_ours())
}

fn not_ours() -> Problem {
    Problem::new(Type::BadRequest, "the form is not one of this page")
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
