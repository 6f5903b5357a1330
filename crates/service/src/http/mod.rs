//! The interface: paths, who may use them, what they answer.
//!
//! `ROUTES` is the one table of paths: the router, the labels of metrics and logs, and the test of the document (`openapi.json`) go by it.
//! A request's way: `caller` (key, limits) → a handler → `handout` (accept, stamp, row, send) → `crate::body`. Every refusal is a `problem`.

mod bases;
mod caller;
mod download;
mod extract;
pub(crate) mod facade;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzed;
mod handout;
mod installers;
mod json;
mod key_routes;
mod link_routes;
mod list;
mod page;
mod patience;
pub(crate) mod problem;
mod range;
mod system;
pub(crate) mod time;
mod token_routes;

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, any, delete, get, post, put};

use crate::app::App;

pub(crate) use crate::keys::CallerId;
pub(crate) use handout::{Asked, Handout, to_its_end};
pub(crate) use patience::{PATIENCE, in_time};
pub(crate) use problem::{Problem, Type};
#[cfg(test)]
pub(crate) use system::OPENAPI;

type Handler = fn() -> MethodRouter<Arc<App>>;

/// Every path: its pattern, its methods, its handlers. GET answers HEAD as well.
pub(crate) const ROUTES: [(&str, &[&str], Handler); 22] = [
    ("/v1/bases", &["GET", "PUT"], || get(bases::list).merge(put(bases::put))),
    ("/v1/bases/{sha256}", &["GET", "DELETE"], || get(bases::one).merge(delete(bases::delete))),
    ("/v1/installers", &["GET", "POST"], || get(installers::list).merge(post(installers::post))),
    ("/v1/installers/{id}", &["GET"], || get(installers::one)),
    ("/v1/tokens", &["GET", "POST"], || get(token_routes::list).merge(post(token_routes::post))),
    ("/v1/tokens/{id}", &["GET"], || get(token_routes::one)),
    ("/v1/tokens/{id}/status", &["GET"], || get(token_routes::status)),
    ("/v1/tokens/{id}/revoke", &["POST"], || post(token_routes::revoke)),
    ("/v1/tokens/{id}/uses", &["POST"], || post(token_routes::report_use)),
    ("/v1/links", &["GET", "POST"], || get(link_routes::list).merge(post(link_routes::post))),
    ("/v1/links/{id}", &["GET"], || get(link_routes::one)),
    ("/v1/links/{id}/revoke", &["POST"], || post(link_routes::revoke)),
    ("/v1/keys", &["GET", "POST"], || get(key_routes::list).merge(post(key_routes::post))),
    ("/v1/keys/{id}/revoke", &["POST"], || post(key_routes::revoke)),
    ("/v1/jwks", &["GET"], || get(system::jwks)),
    ("/d/{secret}", &["GET", "POST"], || get(download::follow).merge(post(download::follow))),
    ("/openapi.json", &["GET"], || get(system::openapi)),
    ("/metrics", &["GET"], || get(system::metrics)),
    ("/livez", &["GET"], || get(system::livez)),
    ("/readyz", &["GET"], || get(system::readyz)),
    ("/favicon.ico", &["GET"], || get(missing)),
    ("/robots.txt", &["GET"], || get(page::robots)),
];

/// The router over one [`App`].
pub(crate) fn router(app: Arc<App>) -> Router {
    let router = ROUTES.iter().fold(Router::new(), |router, (path, methods, handler)| {
        let allowed = methods.join(", ");
        router.route(
            path,
            handler().fallback(move || {
                let allowed = allowed.clone();
                async move { other_method(&allowed) }
            }),
        )
    });
    router.fallback(any(missing)).with_state(app)
}

/// The pattern of a path: what metrics and logs show, because a path may have a secret in it.
#[must_use]
pub(crate) fn pattern(path: &str) -> &'static str {
    let fits = |pattern: &str| {
        let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
        loop {
            match (pattern.next(), path.next()) {
                (None, None) => return true,
                (Some(part), Some(given)) if part == given || (part.starts_with('{') && !given.is_empty()) => {}
                _ => return false,
            }
        }
    };
    ROUTES
        .iter()
        .map(|(pattern, _, _)| *pattern)
        .chain(facade::PATTERNS)
        .chain(crate::enrollment::patterns())
        .find(|pattern| fits(pattern))
        .unwrap_or("other")
}

async fn missing() -> Problem {
    Problem::not_found("path")
}

fn other_method(allowed: &str) -> Problem {
    let problem = Problem::new(Type::MethodNotAllowed, format!("the path takes {allowed}"));
    match http::HeaderValue::from_str(allowed) {
        Ok(value) => problem.header(http::header::ALLOW, value),
        Err(_) => problem,
    }
}

#[cfg(test)]
mod tests;
