//! Whether a form comes from our own page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::app::App;
use crate::http::{Problem, Type};

/// Refuses a form that another site has sent. A browser says where a form comes from in at least one of two headers; a program that says
/// nothing carries no cookie that somebody else could use.
pub(super) fn same_origin(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    check_origin(headers, app.config().public_url.as_deref())
}

/// The page's own origin is the host that was asked, or that of the public URL: a proxy may pass another host on.
fn check_origin(headers: &HeaderMap, public_url: Option<&str>) -> Result<(), Problem> {
    let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    let site = value("sec-fetch-site").is_none_or(|site| site == "same-origin");
    let host = value(header::HOST.as_str()).unwrap_or_default();
    let public = public_url.and_then(origin_of);
    let origin = value(header::ORIGIN.as_str()).is_none_or(|origin| {
        let is_host = origin.split_once("://").is_some_and(|(_, from)| !from.is_empty() && from == host);
        is_host || public.as_deref() == Some(origin)
    });
    if site && origin { Ok(()) } else { Err(refused()) }
}

/// A URL's origin as browsers write it (RFC 6454 §6.2): lower case, and no port where it is the scheme's own.
fn origin_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (scheme, authority) = (scheme.to_ascii_lowercase(), rest.trim_end_matches('/').to_ascii_lowercase());
    let usual = if scheme == "https" { ":443" } else { ":80" };
    Some(format!("{scheme}://{}", authority.strip_suffix(usual).unwrap_or(&authority)))
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

/// What a form's headers are asked, for the target of fuzzing.
#[cfg(feature = "fuzzing")]
pub(crate) fn read_headers(headers: &HeaderMap) {
    for public_url in [None, Some("https://install.example")] {
        let _ = check_origin(headers, public_url);
    }
    let _ = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()).map(origin_of);
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
            assert!(check_origin(&headers(&good), None).is_ok(), "{good:?}");
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
            assert!(check_origin(&headers(&bad), None).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_public_url_is_the_pages_own_origin() {
        // What a proxy passes on that names its upstream as the host.
        let behind =
            |origin| headers(&[("host", "127.0.0.1:8080"), ("origin", origin), ("sec-fetch-site", "same-origin")]);
        for url in ["https://install.example", "https://Install.example:443/"] {
            assert!(check_origin(&behind("https://install.example"), Some(url)).is_ok(), "{url}");
        }
        assert!(check_origin(&behind("https://install.example:8443"), Some("https://install.example:8443")).is_ok());
        for origin in ["http://install.example", "https://install.example:8443", "https://evil.example", "null"] {
            assert!(check_origin(&behind(origin), Some("https://install.example")).is_err(), "{origin}");
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
