//! Everything that reads a header or a body, for `fuzz/targets/{headers,bodies}.rs`: no bytes may make it panic, and what it reads must make sense.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::de::DeserializeOwned;

use super::handout::wants_sha256;
use super::installers::{self, PLAN, accepts, idempotency_name};
use super::range::{Wanted, is_probe};
use super::{bases, download, facade, json, key_routes, token_routes};
use crate::{enrollment, keys, links, page, store};

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

/// Reads bytes as the document of each request that has one.
pub fn bodies(body: &[u8]) {
    if let Some(wish) = document::<installers::Wish>(body) {
        wish.read();
    }
    document::<token_routes::Wish>(body);
    document::<key_routes::Wish>(body);
    facade::read_body(body);
    enrollment::fuzzed::bodies(body);
}

/// The document. A refusal says nothing but where it is and one of a few sentences, whatever was sent.
fn document<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let refusal = |body: &[u8]| json::parse::<T>(body).err().map(|problem| problem.detail().to_owned());
    let sentence = |detail: &str| detail.split_once(": ").map(|(_, sentence)| sentence.to_owned());
    if let Some(said) = refusal(body).as_deref().and_then(sentence) {
        let of_another = refusal(b"{\"\\u0000\": 0}").as_deref().and_then(sentence);
        let field = said.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
        let is_field = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let is_known = field.is_some_and(is_field)
            || of_another.as_ref() == Some(&said)
            || ["a value is not of the kind that it must be", "it is not JSON"].contains(&said.as_str());
        assert!(is_known, "a refusal quotes the body: {said}");
    }
    json::parse(body).ok()
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
