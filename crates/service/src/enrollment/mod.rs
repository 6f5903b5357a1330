//! The enrollment server: agents turn tokens into identities, check in, and send what they have seen. `docs/enrollment.md` is the protocol.
//!
//! ```text
//!   signed request ─▶ nonce, digest, signature ─▶ wire ─▶ ledger: `enrollment::decide` in a transaction ─▶ answer or problem
//! ```
//!
//! The rules are the crate `enrollment`'s; here is what surrounds them. Nothing of this shares code with the agent kit.

mod admin;
mod agents;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzed;
mod hashes;
mod jwk;
mod list;
mod nonces;
pub(crate) mod offline;
mod operations;
pub(crate) mod pre_enroll;
mod problem;
mod settings;
mod signature;
mod state;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, delete, get, post};

pub(crate) use operations::Said;
pub(crate) use problem::Refused;
pub(crate) use settings::Settings;
pub(crate) use state::Enrollment;

type Handler = fn() -> MethodRouter<Arc<Enrollment>>;

/// Every path: its pattern and its handlers.
const ROUTES: [(&str, Handler); 15] = [
    ("/v1/enroll/hello", || get(agents::hello)),
    ("/v1/enroll/openapi.json", || get(admin::openapi)),
    ("/v1/enrollments", || get(admin::waiting).post(agents::enroll)),
    ("/v1/enrollments/offline", || post(admin::offline)),
    ("/v1/enrollments/{key}/answer", || post(admin::answer)),
    ("/v1/devices", || get(admin::devices)),
    ("/v1/devices/{id}", || delete(admin::delete)),
    ("/v1/devices/{id}/confirm", || post(agents::confirm)),
    ("/v1/devices/{id}/checkins", || post(agents::check_in)),
    ("/v1/devices/{id}/records", || post(agents::records)),
    ("/v1/devices/{id}/retire", || post(admin::retire)),
    ("/v1/devices/{id}/merge", || post(admin::merge)),
    ("/v1/devices/{id}/enroll-anew", || post(admin::enroll_anew)),
    ("/v1/serials", || post(admin::serials).layer(DefaultBodyLimit::max(pre_enroll::MAX_BYTES))),
    ("/v1/allocation", || get(admin::allocation)),
];

/// The paths of the enrollment server.
pub(crate) fn routes(state: Arc<Enrollment>) -> Router {
    let router = ROUTES.iter().fold(Router::new(), |router, (path, handler)| router.route(path, handler()));
    router.with_state(state)
}

/// The patterns of the paths, for logs and metrics.
pub(crate) fn patterns() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().map(|(pattern, _)| *pattern)
}
