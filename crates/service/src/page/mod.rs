//! The page: what a person does with a key in a browser. Every answer is a whole document; there is no script.
//!
//! ```text
//! /            sign in with a key ──▶ a session: a cookie here, its hash in the ledger
//! /devices     Devices → Add devices: platform, tenant, expiry, uses ──▶ a link, or the file
//! /tokens      Settings → Enrollment tokens: list, generate, revoke
//! /bases       what can be handed out
//! /ledger      what was handed out
//! ```
//!
//! A session may do what its key may: the handlers ask the same functions as `/v1`. A form is taken from this site alone (`Sec-Fetch-Site`,
//! `Origin`) and with a value in it that only the session's own pages have. The content security policy allows one style sheet and nothing else.

mod devices;
mod form;
mod guard;
mod lists;
mod session;
mod settings;
mod views;

#[cfg(fuzzing)]
pub(crate) use guard::read_headers;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::app::App;

/// The longest form, in bytes: a token, and a few words.
const MAX_FORM_BYTES: usize = 16 << 10;

/// The pages over one [`App`].
pub(crate) fn routes(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(session::front))
        .route("/style.css", get(views::style))
        .route("/sign-in", post(session::sign_in))
        .route("/sign-out", post(session::sign_out))
        .route("/devices", get(devices::form).post(devices::add))
        .route("/tokens", get(settings::list).post(settings::generate))
        .route("/tokens/{id}/revoke", post(settings::revoke))
        .route("/bases", get(lists::bases))
        .route("/ledger", get(lists::ledger))
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .with_state(app)
}
