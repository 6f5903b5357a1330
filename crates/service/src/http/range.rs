//! Which part of an installer a request asks for (RFC 9110 §14, §13.1.5).

use std::ops::Range;

use http::{HeaderMap, HeaderValue, header};

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it: no range, one that is not understood, or several.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// A range that has none of its bytes.
    Unsatisfiable,
}

impl Wanted {
    /// What a request's headers ask for of an installer of `len` bytes with this entity tag.
    ///
    /// A range of a version that the client does not have in part is answered with the whole (`If-Range`). So are several ranges, which
    /// RFC 9110 §14.2 allows, and one that is malformed, which it demands.
    #[must_use]
    pub(crate) fn of(headers: &HeaderMap, len: u64, etag: &str) -> Self {
        let Some(range) = headers.get(header::RANGE) else { return Self::Whole };
        // A weak tag never matches, and a date is of nothing here: no Last-Modified is sent.
        let is_same = headers.get(header::IF_RANGE).is_none_or(|tag| tag.as_bytes() == etag.as_bytes());
        // Two fields are a list of ranges that no grammar allows.
        if !is_same || headers.get_all(header::RANGE).iter().count() > 1 {
            return Self::Whole;
        }
        parse(range, len)
    }
}

/// Whether a request only feels whether there is something: its first byte and no more.
#[must_use]
pub(crate) fn is_probe(headers: &HeaderMap) -> bool {
    headers.get(header::RANGE).is_some_and(|range| range.as_bytes().trim_ascii() == b"bytes=0-0")
}

fn parse(range: &HeaderValue, len: u64) -> Wanted {
    let Some((unit, set)) = range.to_str().ok().and_then(|text| text.split_once('=')) else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    let Some((first, last)) = set.trim().split_once('-') else { return Wanted::Whole };
    match (number(first), number(last)) {
        (Some(None), Some(Some(0))) => Wanted::Unsatisfiable,
        (Some(None), Some(Some(suffix))) => Wanted::Part(len.saturating_sub(suffix)..len),
        (Some(Some(first)), Some(last)) => {
            let end = last.map_or(len, |last| last.saturating_add(1).min(len));
            match last {
                Some(last) if last < first => Wanted::Whole,
                _ if first >= len => Wanted::Unsatisfiable,
                _ => Wanted::Part(first..end),
            }
        }
        _ => Wanted::Whole,
    }
}

/// `Some(None)`: it is not there; `None`: it is not a number. One that is too large is larger than any installer.
#[expect(clippy::option_option, reason = "absent and malformed are two things")]
fn number(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wanted(range: &str, if_range: Option<&str>) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        if let Some(tag) = if_range {
            headers.insert(header::IF_RANGE, tag.parse().unwrap());
        }
        Wanted::of(&headers, 100, "\"tag\"")
    }

    #[test]
    fn ranges_of_the_specification() {
        for (range, expected) in [
            ("bytes=0-", Wanted::Part(0..100)),
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=10-19", Wanted::Part(10..20)),
            ("BYTES = 10-19 ", Wanted::Part(10..20)),
            ("bytes=90-1000", Wanted::Part(90..100)),
            ("bytes=90-99999999999999999999999", Wanted::Part(90..100)),
            ("bytes=-10", Wanted::Part(90..100)),
            ("bytes=-1000", Wanted::Part(0..100)),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=100-", Wanted::Unsatisfiable),
            ("bytes=99999999999999999999999-", Wanted::Unsatisfiable),
            ("bytes=20-10", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
        ] {
            assert_eq!(wanted(range, None), expected, "{range}");
        }
    }

    #[test]
    fn a_range_of_another_version_is_the_whole() {
        assert_eq!(wanted("bytes=5-", Some("\"tag\"")), Wanted::Part(5..100));
        for other in ["\"other\"", "W/\"tag\"", "tag", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(wanted("bytes=5-", Some(other)), Wanted::Whole, "{other}");
        }
    }

    #[test]
    fn a_probe_is_the_first_byte() {
        let mut headers = HeaderMap::new();
        assert!(!is_probe(&headers));
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-0"));
        assert!(is_probe(&headers));
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        assert!(!is_probe(&headers));
    }

    proptest! {
        #[test]
        fn no_header_panics_and_every_part_lies_within(text in "[ -~]{0,40}", len in 1_u64..1_000) {
            if let Wanted::Part(range) = parse(&HeaderValue::from_str(&text).unwrap(), len) {
                prop_assert!(range.start < range.end && range.end <= len);
            }
        }

        #[test]
        fn numbers_of_any_size(first in any::<u128>(), last in any::<u128>(), len in 1_u64..1_000) {
            if let Wanted::Part(range) = parse(&HeaderValue::from_str(&format!("bytes={first}-{last}")).unwrap(), len) {
                prop_assert!(range.start < range.end && range.end <= len);
            }
        }
    }
}
