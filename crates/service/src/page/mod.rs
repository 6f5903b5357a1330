//! The page: what a person does with a key in a browser. Every answer is a whole document; there is no script.
//!
//! ```text
//! /            sign in with a key ──▶ a session: a cookie here, its hash in the ledger
//! /devices     Devices → Add devices: platform, tenant, expiry, uses ──▶ a link, or the file
//! /tokens      Settings → Enrollment tokens: list, generate, revoke
//! /bases       what can be handed out
//! /ledger      what was handed out
//! /enrolled    Devices: status, last seen, which token; re-associate, approve, deny, retire, merge, delete
//! /pre-enroll  serial numbers by CSV, and request files of devices without a network
//! ```
//!
//! A session may do what its key may: the handlers ask the same functions as `/v1`. A form is taken from this site alone (`Sec-Fetch-Site`,
//! `Origin`) and with a value in it that only the session's own pages have (`sent`). The content security policy allows one style sheet and nothing else.

mod devices;
mod enrolled;
mod enrolled_views;
mod form;
mod guard;
mod lists;
mod pre_enroll;
mod sent;
mod session;
mod settings;
mod sign;
mod upload;
mod views;

#[cfg(feature = "fuzzing")]
pub(crate) use guard::read_headers;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Extension, Router};

use crate::app::App;
use crate::enrollment::{Enrollment, offline, pre_enroll as lists_of_serials};

/// The longest form, in bytes: a token, and a few words.
const MAX_FORM_BYTES: usize = 16 << 10;
/// What a form with a file has beside the file.
const MAX_BESIDE_BYTES: usize = 4 << 10;

/// The pages over one [`App`], and over the enrollment server if there is one.
pub(crate) fn routes(app: Arc<App>, enrollment: Option<Arc<Enrollment>>) -> Router {
    let up_to = |bytes: usize| DefaultBodyLimit::max(bytes + MAX_BESIDE_BYTES);
    Router::new()
        .route("/", get(sign::front))
        .route("/style.css", get(views::style))
        .route("/sign-in", post(sign::sign_in))
        .route("/sign-out", post(sign::sign_out))
        .route("/devices", get(devices::form).post(devices::add))
        .route("/tokens", get(settings::list).post(settings::generate))
        .route("/tokens/{id}/revoke", post(settings::revoke))
        .route("/bases", get(lists::bases))
        .route("/ledger", get(lists::ledger))
        .route("/enrolled", get(enrolled::list))
        .route("/enrolled/merge", post(enrolled::merge))
        .route("/enrolled/answer", post(enrolled::answer))
        .route("/enrolled/{id}/{act}", post(enrolled::act))
        .route("/pre-enroll/template.csv", get(pre_enroll::template))
        .route("/pre-enroll", get(pre_enroll::form).post(pre_enroll::list).layer(up_to(lists_of_serials::MAX_BYTES)))
        .route("/pre-enroll/offline", post(pre_enroll::offline).layer(up_to(offline::MAX_BYTES)))
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .layer(Extension(enrollment))
        .with_state(app)
}
