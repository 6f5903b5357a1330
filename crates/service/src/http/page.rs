//! The page of a link, and what a person reads when it gives nothing any more. No script, no picture, nothing from elsewhere.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::problem::Problem;
use super::time::rfc3339;
use crate::ledger::LinkRow;

/// The frame of every page; `{{title}}` and `{{content}}` are filled in.
const FRAME: &str = include_str!("../../../../templates/service/page.html");
/// The page of a link.
const LINK: &str = include_str!("../../../../templates/service/link.html");

/// The page with the button. A POST to its own address is the download.
#[must_use]
pub(crate) fn link(link: &LinkRow, now: u64) -> Response {
    let installer = &link.installer;
    let size = format!("{:.1} MB", installer.size as f64 / 1e6);
    let once = if link.uses_left == 1 { "once more" } else { "several times" };
    let content = fill(
        LINK,
        &[
            ("product", &installer.product),
            ("platform", platform(&installer.platform)),
            ("arch", &installer.arch),
            ("file_name", &installer.file_name),
            ("size", &size),
            ("expires", &rfc3339(link.expires.max(now))),
            ("once", once),
        ],
    );
    html(StatusCode::OK, &installer.product, &content)
}

/// `GET /robots.txt`: nothing here is for an index.
pub(crate) async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /\n"
}

/// What a person reads when a link gives nothing.
#[must_use]
pub(crate) fn refused(problem: &Problem) -> Response {
    let (_, status, title) = problem.kind().row();
    let content = format!(
        "<h1>{}</h1>\n<p>{}.</p>\n<p>Ask whoever sent it for a new one.</p>",
        escaped(title),
        escaped(&capital(problem.detail()))
    );
    let mut response = html(status, title, &content);
    response.extensions_mut().insert(problem.kind());
    response
}

fn html(status: StatusCode, title: &str, content: &str) -> Response {
    let page = FRAME.replace("{{title}}", &escaped(title)).replace("{{content}}", content);
    let mut response = (status, page).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
    response
}

const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Fills in a template's places; every value is escaped.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values
        .iter()
        .fold(template.to_owned(), |page, (name, value)| page.replace(&format!("{{{{{name}}}}}"), &escaped(value)))
}

/// Text as it stands in HTML, between tags and in quoted attributes. Braces too, so that a value is never taken for a place.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, letter| {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '{' => out.push_str("&#123;"),
            '}' => out.push_str("&#125;"),
            other => out.push(other),
        }
        out
    })
}

fn platform(name: &str) -> &str {
    match name {
        "windows" => "Windows",
        "macos" => "macOS",
        "linux" => "Linux",
        other => other,
    }
}

fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_be_markup_or_places() {
        let page = fill("<p>{{product}}</p> {{arch}}", &[("product", "<script>\"'&{{arch}}"), ("arch", "x64")]);
        assert_eq!(page, "<p>&lt;script&gt;&quot;&#39;&amp;&#123;&#123;arch&#125;&#125;</p> x64");
    }

    #[test]
    fn every_place_of_the_templates_is_filled() {
        let names = ["product", "platform", "arch", "file_name", "size", "expires", "once"];
        let page = fill(LINK, &names.map(|name| (name, "x")));
        assert!(!page.contains("{{"), "{page}");
        assert!(LINK.contains("method=\"post\""));
        assert_eq!(FRAME.matches("{{").count(), 2 + usize::from(FRAME.matches("{{title}}").count() > 1));
    }
}
