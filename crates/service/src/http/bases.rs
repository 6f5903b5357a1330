//! `/v1/bases`: what is served, and what comes and goes.

use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde::Deserialize;

use super::caller::Caller;
use super::extract::{NoQuery, Params, Segment};
use super::handout::queue_of;
use super::json::answer;
use super::problem::{Problem, Result, Type};
use super::range::Wanted;
use crate::app::App;
use crate::body::Download;
use crate::config::LimitsConfig;
use crate::edge;
use crate::keys::Scope;
use crate::store::{Entry, Label, Origin};

/// `GET /v1/bases`.
///
/// # Errors
/// The key may not.
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller, _: NoQuery) -> Result<Response> {
    caller.may(Scope::Read).or_else(|refused| caller.may(Scope::Stamp).map_err(|_| refused))?;
    let entries = app.store.list();
    let listed: Vec<_> = entries.iter().map(|entry| entry.listed()).collect();
    Ok(answer(StatusCode::OK, &listed))
}

/// The query of `PUT /v1/bases`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutQuery {
    file_name: Option<String>,
}

/// `PUT /v1/bases`: 201 for a new one, 200 for one that is there.
///
/// # Errors
/// It is not a base, or there is no space.
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(query): Params<PutQuery>,
    request: Request<Body>,
) -> Result<Response> {
    caller.may(Scope::Bases)?;
    caller.may_for(None)?;
    let file_name = query.file_name.or_else(|| disposition(request.headers()));
    let refused = |error: stampwright::Error| Problem::of(Type::BaseRefused, &error);
    let incoming = app.store.incoming().map_err(refused)?;
    let writer = incoming.writer().map_err(|_| Problem::new(Type::Internal, "the base cannot be written"))?;
    receive(request, writer, &app.config().limits).await?;
    let store = app.store.clone();
    let added = tokio::task::spawn_blocking(move || {
        let name = file_name.map_or_else(|| store.usual_name(&incoming), Ok)?;
        store.add(incoming, Label::new(&name, Origin::Put, edge::now())?)
    });
    let added = added.await.map_err(|_| Problem::new(Type::Internal, "the import failed; the log says why"))?;
    let (entry, is_new) = added.map_err(refused)?;
    app.metrics.bases(app.store.list().len());
    tracing::info!(base = entry.listed().sha256, key = caller.id(), is_new, "a base was put");
    let mut response = answer(if is_new { StatusCode::CREATED } else { StatusCode::OK }, entry.listed());
    if let Ok(place) = HeaderValue::from_str(&format!("/v1/bases/{}", entry.listed().sha256)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// Writes a request's body to a file, one piece at a time.
async fn receive(request: Request<Body>, mut writer: std::fs::File, limits: &LimitsConfig) -> Result<()> {
    let (mut body, most, patience) = (request.into_body(), limits.base_bytes, Duration::from_secs(limits.idle_timeout));
    let mut left = most;
    let late = |_| Problem::new(Type::BadRequest, "the body did not come in time");
    while let Some(frame) = tokio::time::timeout(patience, body.frame()).await.map_err(late)? {
        let frame = frame.map_err(|_| Problem::new(Type::BadRequest, "the body did not come whole"))?;
        let Ok(data) = frame.into_data() else { continue };
        left = left
            .checked_sub(data.len() as u64)
            .ok_or_else(|| Problem::new(Type::TooLarge, format!("a base must be at most {most} bytes")))?;
        let written = tokio::task::spawn_blocking(move || writer.write_all(&data).map(|()| writer)).await;
        let written = written.map_err(|_| Problem::new(Type::Internal, "the base cannot be written"))?;
        writer = written.map_err(|error| {
            let error = stampwright::Error::io("write", std::path::Path::new("the base"))(error);
            Problem::of(Type::BaseRefused, &error)
        })?;
    }
    Ok(())
}

/// The name in `Content-Disposition: attachment; filename="…"`.
pub(super) fn disposition(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_DISPOSITION)?.to_str().ok()?;
    let name = value.split(';').find_map(|part| part.trim().strip_prefix("filename="))?;
    Some(name.trim_matches('"').to_owned())
}

/// `GET /v1/bases/{sha256}`: the base itself, for who assembles installers elsewhere. It has no token in it.
///
/// # Errors
/// There is no such base.
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(sha256): Segment,
    request: Request<Body>,
) -> Result<Response> {
    caller.may(Scope::Read).or_else(|refused| caller.may(Scope::Stamp).map_err(|_| refused))?;
    let entry = find(&app, &sha256)?;
    let (size, etag) = (entry.listed().size, format!("\"{}\"", entry.listed().sha256));
    let wanted = Wanted::of(request.headers(), size, &etag);
    let internal = |_| Problem::new(Type::Internal, "a header cannot be written");
    let range = match wanted {
        Wanted::Whole => 0..size,
        Wanted::Part(range) => range,
        Wanted::Unsatisfiable => {
            let range = HeaderValue::from_str(&format!("bytes */{size}")).map_err(internal)?;
            return Err(Problem::new(Type::RangeNotSatisfiable, format!("the base has {size} bytes"))
                .header(header::CONTENT_RANGE, range));
        }
    };
    let queue = queue_of(request.extensions(), request.version(), request.method());
    let download = Download::of_base(entry.file().clone(), range.clone(), queue);
    let mut response = Response::new(Body::new(download));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(entry.base().kind().media_type()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    headers.insert(header::ETAG, HeaderValue::from_str(&etag).map_err(internal)?);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // A base never changes under its name.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    if range != (0..size) {
        let value = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
        headers.insert(header::CONTENT_RANGE, HeaderValue::from_str(&value).map_err(internal)?);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// `DELETE /v1/bases/{sha256}`: downloads that run go on.
///
/// # Errors
/// There is no such base, it is the folder's, or the store cannot be written.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(sha256): Segment,
) -> Result<StatusCode> {
    caller.may(Scope::Bases)?;
    caller.may_for(None)?;
    let entry = find(&app, &sha256)?;
    if entry.origin() == Origin::Bucket && app.config().store.s3.is_some() {
        return Err(Problem::new(Type::Conflict, "the base lies in the bucket of bases, and would come back")
            .hint("remove its object from the bucket; the base is then withdrawn at the next look"));
    }
    if entry.origin() == Origin::Folder && app.config().bases.is_some() {
        return Err(Problem::new(Type::Conflict, "the base lies in the folder of bases, and would come back")
            .hint("remove its file from the folder; the base is then withdrawn within a few seconds"));
    }
    let digest = entry.base().sha256().map_err(|error| Problem::of(Type::Internal, &error))?;
    let store = app.store.clone();
    let withdrawn = tokio::task::spawn_blocking(move || store.withdraw(&digest)).await;
    let withdrawn = withdrawn.map_err(|_| Problem::new(Type::Internal, "the base could not be withdrawn"))?;
    withdrawn.map_err(|error| match error.cause::<std::io::Error>().map(std::io::Error::kind) {
        Some(ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied) => {
            tracing::error!(error = %error, "the store cannot be written");
            Problem::new(Type::Unavailable, "the store cannot be written, so the base is still served")
        }
        _ => Problem::of(Type::Internal, &error),
    })?;
    app.metrics.bases(app.store.list().len());
    tracing::info!(base = sha256, key = caller.id(), "a base was withdrawn");
    Ok(StatusCode::NO_CONTENT)
}

fn find(app: &App, sha256: &str) -> Result<Arc<Entry>> {
    let entries = app.store.list();
    let found = entries.into_iter().find(|entry| entry.listed().sha256 == sha256);
    found.ok_or_else(|| Problem::not_found("base"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_in_a_header() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"Agent.msi\""));
        assert_eq!(disposition(&headers).as_deref(), Some("Agent.msi"));
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=Agent.msi"));
        assert_eq!(disposition(&headers).as_deref(), Some("Agent.msi"));
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
        assert_eq!(disposition(&headers), None);
    }
}
