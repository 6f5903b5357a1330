//! The enrollment server: agents turn tokens into identities, check in, and send what they have seen. `docs/enrollment.md` is the protocol.
//!
//! ```text
//!   signed request ─▶ nonce, digest, signature ─▶ wire ─▶ ledger: `enrollment::decide` in a transaction ─▶ answer or problem
//! ```
//!
//! The rules are the crate `enrollment`'s; here is what surrounds them. Nothing of this shares code with the agent kit.

mod admin;
mod agents;
mod hashes;
mod jwk;
mod nonces;
mod problem;
mod settings;
mod signature;
mod state;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

pub use settings::Settings;
pub use state::Enrollment;

/// The paths of the enrollment server.
pub fn routes(state: Arc<Enrollment>) -> Router {
    Router::new()
        .route("/v1/enroll/hello", get(agents::hello))
        .route("/v1/enrollments", get(admin::waiting).post(agents::enroll))
        .route("/v1/enrollments/{key}/answer", post(admin::answer))
        .route("/v1/devices", get(admin::devices))
        .route("/v1/devices/{id}/confirm", post(agents::confirm))
        .route("/v1/devices/{id}/checkins", post(agents::check_in))
        .route("/v1/devices/{id}/records", post(agents::records))
        .route("/v1/devices/{id}/retire", post(admin::retire))
        .route("/v1/devices/{id}/merge", post(admin::merge))
        .route("/v1/devices/{id}/enroll-anew", post(admin::enroll_anew))
        .route("/v1/serials", post(admin::serials))
        .with_state(state)
}
