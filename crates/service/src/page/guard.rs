//! Whether a form comes from our own page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::http::{Problem, Type};

/// Refuses a form that another site has sent. A browser says where a form comes from in at least one of two headers; a program that says
/// nothing carries no cookie that somebody else could use.
pub(super) fn same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    let site = value("sec-fetch-site").is_none_or(|site| site == "same-origin");
    let host = value(header::HOST.as_str()).unwrap_or_default();
    let origin = value(header::ORIGIN.as_str())
        .is_none_or(|origin| origin.split_once("://").is_some_and(|(_, from)| !from.is_empty() && from == host));
    if site && origin { Ok(()) } else { Err(refused()) }
}

/// The value that the forms of a session have in them. It cannot be computed without the cookie.
pub(super) fn form_value(cookie: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("form {cookie}")))
}

/// Refuses a form without that value.
pub(super) fn check_form(expected: &str, given: &str) -> Result<(), Problem> {
    if bool::from(expected.as_bytes().ct_eq(given.as_bytes())) { Ok(()) } else { Err(refused()) }
}

fn refused() -> Problem {
    Problem::new(Type::Forbidden, "the form does not come from this page: open the page again and repeat it")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        let host = ("host", "install.example:8443");
        for good in [
            vec![host],
            vec![host, ("sec-fetch-site", "same-origin")],
            vec![host, ("origin", "https://install.example:8443")],
            vec![host, ("origin", "https://install.example:8443"), ("sec-fetch-site", "same-origin")],
        ] {
            assert!(same_origin(&headers(&good)).is_ok(), "{good:?}");
        }
        for bad in [
            vec![host, ("sec-fetch-site", "cross-site")],
            vec![host, ("sec-fetch-site", "same-site")],
            vec![host, ("sec-fetch-site", "none")],
            vec![host, ("origin", "https://evil.example")],
            vec![host, ("origin", "https://install.example")],
            vec![host, ("origin", "null")],
            vec![("origin", "https://")],
        ] {
            assert!(same_origin(&headers(&bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_form_needs_its_sessions_value() {
        let value = form_value("cookie");
        assert!(check_form(&value, &value).is_ok());
        assert!(check_form(&value, &form_value("other")).is_err());
        assert!(check_form(&value, "").is_err());
    }
}
