//! Everything that reads a header, for `fuzz/targets/headers.rs`: no bytes may make it panic, and what it reads must make sense.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::handout::wants_sha256;
use super::installers::{PLAN, accepts, idempotency_name};
use super::range::{Wanted, is_probe};
use super::{bases, download};
use crate::{keys, links, page, store};

/// Reads lines of `name: value` as headers and asks of them what the service asks of a request.
pub fn headers(lines: &[u8]) {
    let headers = parsed(lines);
    let tag = "\"0123456789abcdef\"";
    for len in [1, 100, u64::MAX] {
        if let Wanted::Part(range) = Wanted::of(&headers, len, tag) {
            assert!(range.start < range.end && range.end <= len, "{range:?} of {len}");
        }
    }
    if is_probe(&headers) {
        assert_eq!(Wanted::of(&without(&headers, &header::IF_RANGE), 100, tag), Wanted::Part(0..1));
    }
    if let Ok(Some(name)) = idempotency_name(&headers) {
        assert!((1..=255).contains(&name.len()));
    }
    for value in headers.get_all("want-repr-digest") {
        let _ = value.to_str().map(|value| value.split(',').any(wants_sha256));
    }
    for media_type in [PLAN, "text/html", "text/csv"] {
        let _ = accepts(&headers, media_type);
    }
    if let Some(name) = bases::disposition(&headers) {
        let _ = store::Label::new(&name, store::Origin::Put, 0);
    }
    download::read_headers(&headers);
    page::read_headers(&headers);
    for value in headers.get_all(header::AUTHORIZATION) {
        let _ = value.to_str().map(|text| (keys::ApiKey::parse(text).is_ok(), links::Secret::parse(text)));
    }
}

fn parsed(lines: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // hyper takes a hundred.
    for line in lines.split(|byte| *byte == b'\n').take(100) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts.next().and_then(|value| HeaderValue::from_bytes(value.trim_ascii()).ok());
        if let (Some(name), Some(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

fn without(headers: &HeaderMap, name: &HeaderName) -> HeaderMap {
    let mut headers = headers.clone();
    headers.remove(name);
    headers
}
