//! From a base and a token to a response: accept, stamp, write the row, send. Links and `POST /v1/installers` meet here.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use stampwright::{AcceptedToken, Mode, Piece, Slice, Stamp, Token};
use tokio::sync::OwnedSemaphorePermit;

use super::problem::{Problem, Result, Type};
use super::range::Wanted;
use crate::app::App;
use crate::body::{Download, End, Why};
use crate::connection::Queue;
use crate::edge;
use crate::keys::Caller;
use crate::ledger::{Installer, NewStamp, Outcome, StampEnd, StampId, TokenRecord};
use crate::signing_pool::NoSignature;
use crate::store::Entry;
use crate::tokens::Tokens;

/// A stamp that was read back, and what the ledger is to know of it.
pub(crate) struct Handout {
    app: Arc<App>,
    entry: Arc<Entry>,
    stamp: Stamp,
    installer: Installer,
    token: TokenRecord,
}

impl Handout {
    /// Accepts a token and stamps the base with it. `first` is when this installer is or was
    /// stamped first: the same bytes again, whenever.
    ///
    /// # Errors
    /// The base's file was changed, the base does not take the token, the token is another tenant's, or the signer does not answer.
    pub(crate) async fn new(app: &Arc<App>, entry: Arc<Entry>, token: Token, by: &Caller, first: u64) -> Result<Self> {
        if entry.file().check().is_err() {
            distrust(app, &entry);
            return Err(Problem::new(Type::Unavailable, "the base is being replaced").retry_after(5));
        }
        let now = edge::now();
        let accepted = entry.base().accept(token, now).map_err(|error| Problem::of(Type::TokenRefused, &error))?;
        // What does not say when it was issued counts from when it was stamped first.
        let accepted = if accepted.claims().is_none() { accepted.with_number(first) } else { accepted };
        let record = Tokens::of_request(by, accepted.token(), accepted.claims(), now)
            .map_err(|_| Problem::new(Type::Forbidden, "the token is another tenant's"))?;
        let begin = Instant::now();
        let stamp = stamp(app, &entry, accepted).await?;
        app.metrics.stamped(begin.elapsed());
        let of = |error: stampwright::Error| Problem::of(Type::Internal, &error);
        let listed = entry.listed();
        let installer = Installer {
            base: entry.base().sha256().map_err(of)?,
            product: listed.product.clone(),
            platform: listed.platform.to_owned(),
            arch: listed.arch.clone(),
            file_name: listed.file_name.clone(),
            size: stamp.len(),
            etag: stamp.etag().map_err(of)?,
        };
        Ok(Self { app: app.clone(), entry, stamp, installer, token: record })
    }

    /// Which installer it is.
    #[must_use]
    pub(crate) const fn installer(&self) -> &Installer {
        &self.installer
    }

    /// The stamp.
    #[must_use]
    pub(crate) const fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// The base's digest in hex.
    #[must_use]
    pub(crate) fn base(&self) -> &str {
        &self.entry.listed().sha256
    }

    /// What the ledger is to know of the token.
    #[must_use]
    pub(crate) const fn token(&self) -> &TokenRecord {
        &self.token
    }

    /// The row that has to be on the disk before the first byte.
    #[must_use]
    pub(crate) fn row(&self, by_key: &str, at: u64) -> NewStamp {
        NewStamp {
            at,
            by_key: by_key.to_owned(),
            tenant: self.token.tenant.clone(),
            installer: self.installer.clone(),
            token: self.token.clone(),
        }
    }

    /// Whether a digest of the whole costs no pass over the whole: what is kept at the front is hashed once for all stamps.
    fn has_cheap_digest(&self) -> bool {
        let first = self.stamp.slice(..).ok().and_then(|slice| slice.pieces().next().map(|piece| matches!(piece, Piece::Keep(range) if range.start == 0 && range.end > self.stamp.len() / 10 * 9)));
        first.unwrap_or_default()
    }

    /// The digest of the whole for `Repr-Digest` (RFC 9530), where it is cheap or asked for.
    async fn digest(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>> {
        let is_asked = headers
            .get_all("want-repr-digest")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(wants_sha256));
        if !is_asked && !self.has_cheap_digest() {
            return Ok(None);
        }
        let stamp = self.stamp.clone();
        let digest = tokio::task::spawn_blocking(move || stamp.sha256()).await;
        let digest = digest.map_err(|_| Problem::new(Type::Internal, "the digest could not be computed"))?;
        let digest = digest.map_err(|error| Problem::of(Type::Internal, &error))?;
        Ok(HeaderValue::from_str(&format!("sha-256=:{}:", STANDARD.encode(digest))).ok())
    }

    /// The headers that every response with this installer has.
    async fn head(&self, headers: &HeaderMap) -> Result<Response> {
        let mut response = ().into_response();
        let out = response.headers_mut();
        out.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.entry.base().kind().media_type()));
        // Names are checked when a base is imported; etags are hex.
        for (name, text) in [
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", self.installer.file_name)),
            (header::ETAG, self.installer.etag.clone()),
        ] {
            let value = HeaderValue::from_str(&text);
            out.insert(name, value.map_err(|_| Problem::new(Type::Internal, "a header cannot be written"))?);
        }
        if let Some(digest) = self.digest(headers).await? {
            out.insert("repr-digest", digest);
        }
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // nginx would buffer it on its disk, token and all.
        out.insert("x-accel-buffering", HeaderValue::from_static("no"));
        Ok(response)
    }

    /// The response. The row is on the disk; its end is written when the last byte was sent, or the client has gone.
    ///
    /// # Errors
    /// The digest cannot be computed.
    pub(crate) async fn send(
        self,
        request: &Asked<'_>,
        row: StampId,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Response> {
        let (response, range, slice) = match self.prepared(request).await {
            Ok(prepared) => prepared,
            Err(problem) => {
                // Nothing was sent: a use that was taken for it is given back.
                let is_clients = problem.kind() == Type::RangeNotSatisfiable;
                let why = if is_clients { Why::ClientGone } else { Why::Failed };
                self.ended(row, 0..0, None)(End { sent: 0, why });
                return Err(problem);
            }
        };
        let on_end = self.ended(row, range, permit);
        self.app.metrics.download_begins();
        let download = Download::new(self.entry.file().clone(), &slice, request.queue.clone(), Box::new(on_end));
        Ok(response.map(|_| Body::new(download)))
    }

    /// The head of the response, and the part of the installer that follows it.
    async fn prepared(&self, request: &Asked<'_>) -> Result<(Response, Range<u64>, Slice)> {
        let size = self.installer.size;
        let unwritten = |_| Problem::new(Type::Internal, "a header cannot be written");
        let wanted =
            if request.takes_ranges { Wanted::of(request.headers, size, &self.installer.etag) } else { Wanted::Whole };
        let range = match wanted {
            Wanted::Whole => 0..size,
            Wanted::Part(range) => range,
            Wanted::Unsatisfiable => {
                let value = HeaderValue::from_str(&format!("bytes */{size}")).map_err(unwritten)?;
                return Err(Problem::new(Type::RangeNotSatisfiable, format!("the installer has {size} bytes"))
                    .header(header::CONTENT_RANGE, value));
            }
        };
        let mut response = self.head(request.headers).await?;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
        if request.takes_ranges {
            headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        if range != (0..size) {
            let text = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
            headers.insert(header::CONTENT_RANGE, HeaderValue::from_str(&text).map_err(unwritten)?);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        let slice = self.stamp.slice(range.clone()).map_err(|error| Problem::of(Type::Internal, &error))?;
        Ok((response, range, slice))
    }

    /// What happens when the last byte was sent, or the client has gone.
    fn ended(
        &self,
        row: StampId,
        range: Range<u64>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> impl FnOnce(End) + Send + use<> {
        let (app, entry) = (self.app.clone(), self.entry.clone());
        let is_counted = range.start < range.end;
        move |end| {
            drop(permit);
            if is_counted {
                app.metrics.download_ends(entry.listed().format.extension(), end.why, end.sent);
            }
            if end.why == Why::BaseChanged {
                distrust(&app, &entry);
            }
            let outcome = match end.why {
                Why::Done => Outcome::Done,
                Why::ClientGone => Outcome::ClientGone,
                Why::BaseChanged => Outcome::BaseChanged,
                Why::Failed => Outcome::Failed,
            };
            let reached = if end.sent == 0 { 0 } else { range.start.saturating_add(end.sent) };
            let written = StampEnd { at: edge::now(), outcome, sent: end.sent, reached };
            // On its way when this returns; the answer matters to the log alone.
            let writing = app.ledger.end_stamp(row, written);
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move {
                    if let Err(error) = writing.await {
                        tracing::error!(error = %error, row = row.0, "the end of a download was not written down");
                    }
                });
            }
        }
    }
}

/// What a request asks for, beside the installer.
pub(crate) struct Asked<'a> {
    /// Its headers.
    pub(crate) headers: &'a HeaderMap,
    /// The connection's queue, if the bytes may go out as stand-ins.
    pub(crate) queue: Option<Queue>,
    /// Whether ranges are defined for its method (GET alone, RFC 9110 §14.2), and the bytes are the same every time.
    pub(crate) takes_ranges: bool,
}

/// The connection's queue, if stand-ins may be used: HTTP/1.1 and a response that has a body.
#[must_use]
pub(crate) fn queue_of(extensions: &http::Extensions, version: http::Version, method: &Method) -> Option<Queue> {
    let may = version == http::Version::HTTP_11 && method != Method::HEAD;
    extensions.get::<Queue>().filter(|_| may).cloned()
}

/// Does what takes a use or writes a row, also when the client goes meanwhile and the request is dropped: the response is then made, dropped in
/// its turn, and its end written down, so that no use stays taken for it.
///
/// # Errors
/// Those of `work`, and that it panicked.
pub(crate) async fn to_its_end(work: impl Future<Output = Result<Response>> + Send + 'static) -> Result<Response> {
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|_| Err(Problem::new(Type::Internal, "the request failed; the log says why")))
}

/// Takes a base out whose file was changed from outside.
fn distrust(app: &App, entry: &Arc<Entry>) {
    tracing::error!(
        base = entry.listed().sha256,
        "the base's file in the store was changed from outside; it is no longer served"
    );
    app.metrics.distrusted();
    app.store.distrust(entry);
}

async fn stamp(app: &Arc<App>, entry: &Entry, token: AcceptedToken) -> Result<Stamp> {
    let base = entry.base().clone();
    match (&app.signing, base.mode()) {
        (Some(pool), Mode::Resign) => pool.stamp(base, token).await.map_err(|error| match error {
            NoSignature::Busy { again_in_secs } => {
                Problem::new(Type::Unavailable, "the signer gives no signature for now").retry_after(again_in_secs)
            }
            NoSignature::Refused(error) => Problem::of(Type::TokenRefused, &error),
        }),
        // A fraction of a millisecond: to hand it to another thread and back would take longer.
        _ => base.stamp(&token).map_err(|error| Problem::of(Type::TokenRefused, &error)),
    }
}

/// One member of `Want-Repr-Digest`: `sha-256=10`. Zero means: not this one.
pub(super) fn wants_sha256(member: &str) -> bool {
    let (name, weight) = member.split_once('=').unwrap_or((member, "1"));
    name.trim() == "sha-256" && weight.split(';').next().is_some_and(|weight| weight.trim() != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_asked_for_by_name() {
        assert!(wants_sha256("sha-256=10") && wants_sha256(" sha-256=1;q"));
        assert!(!wants_sha256("sha-256=0") && !wants_sha256("sha-512=10") && !wants_sha256(""));
    }

    #[test]
    fn stand_ins_are_for_http_1_1_and_methods_with_a_body() {
        let mut extensions = http::Extensions::new();
        assert!(queue_of(&extensions, http::Version::HTTP_11, &Method::GET).is_none());
        extensions.insert(Queue::default());
        assert!(queue_of(&extensions, http::Version::HTTP_11, &Method::GET).is_some());
        assert!(queue_of(&extensions, http::Version::HTTP_10, &Method::GET).is_none());
        assert!(queue_of(&extensions, http::Version::HTTP_2, &Method::GET).is_none());
        assert!(queue_of(&extensions, http::Version::HTTP_11, &Method::HEAD).is_none());
    }
}
