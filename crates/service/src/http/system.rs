//! What operators and their machines ask: is it alive, is it ready, what has it counted, what can it do.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

use super::problem::{Problem, Result, Type};
use crate::app::App;

/// The document of the interface (OpenAPI 3.1). A test walks it route by route.
pub(crate) const OPENAPI: &str = include_str!("openapi.json");
/// The paths of the façade.
const FACADE: &str = include_str!("facade_openapi.json");

/// `GET /livez`: the process answers.
pub(crate) async fn livez() -> Response {
    text("text/plain; charset=utf-8", "ok\n".to_owned())
}

/// `GET /readyz`: it can do its work, and is not about to stop.
///
/// # Errors
/// It cannot, or is.
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Result<Response> {
    if app.is_stopping() {
        return Err(Problem::new(Type::Unavailable, "the service is about to stop"));
    }
    app.ledger.ping().await?;
    Ok(text("text/plain; charset=utf-8", "ok\n".to_owned()))
}

/// `GET /metrics`.
///
/// # Errors
/// There is no memory for it.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Result<Response> {
    let metrics = app.metrics.text().map_err(|_| Problem::new(Type::Internal, "the metrics cannot be written"))?;
    Ok(text("application/openmetrics-text; version=1.0.0; charset=utf-8", metrics))
}

/// `GET /openapi.json`: with the façade's paths where they are.
pub(crate) async fn openapi(State(app): State<Arc<App>>) -> Result<Response> {
    let config = app.config();
    if !config.facade.enabled {
        return Ok(text("application/json", OPENAPI.to_owned()));
    }
    let document = with_facade(config.facade.url.as_deref())
        .map_err(|_| Problem::new(Type::Internal, "the document cannot be written"))?;
    Ok(text("application/json", document))
}

/// Where the document says which server a client may ask for.
const FACADE_URL: &str = "/post/requestBody/content/application~1json/schema/properties/url";

fn with_facade(url: Option<&str>) -> serde_json::Result<String> {
    let mut document: Value = serde_json::from_str(OPENAPI)?;
    let mut more: Map<String, Value> = serde_json::from_str(FACADE)?;
    let schema = more.get_mut("/generate").and_then(|path| path.pointer_mut(FACADE_URL));
    if let (Some(schema), Some(url)) = (schema.and_then(Value::as_object_mut), url) {
        schema.insert("const".to_owned(), url.into());
    }
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        paths.extend(more);
    }
    serde_json::to_string_pretty(&document)
}

/// `GET /v1/jwks`: the public keys of the issuer, for who verifies tokens.
pub(crate) async fn jwks(State(app): State<Arc<App>>) -> Response {
    text("application/jwk-set+json", app.tokens.jwks().to_owned())
}

fn text(media_type: &'static str, body: String) -> Response {
    let mut response = (StatusCode::OK, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
