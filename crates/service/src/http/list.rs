//! Lists: which rows a request asks for, and pages of them as JSON or CSV.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::caller::Caller;
use super::json::answer;
use super::problem::{Problem, Result, Type};
use super::time::parse_time;
use crate::ledger::Filter;

/// The query of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    tenant: Option<String>,
    token_id: Option<String>,
    link: Option<String>,
    since: Option<String>,
    after: Option<String>,
    limit: Option<u64>,
    format: Option<String>,
}

/// So many rows are on a page, if the request does not say it.
const ROWS: u64 = 100;

impl ListQuery {
    /// Whether the rows are asked for as CSV.
    #[must_use]
    pub(crate) fn is_csv(&self) -> bool {
        self.format.as_deref() == Some("csv")
    }

    /// The rows that are asked for, of those that the key may see.
    ///
    /// # Errors
    /// A value is not what it must be, or another tenant's rows are asked for.
    pub(crate) fn filter(self, caller: &Caller) -> Result<Filter> {
        if self.format.as_deref().is_some_and(|format| !["csv", "json"].contains(&format)) {
            return Err(Problem::new(Type::BadRequest, "format must be json or csv"));
        }
        let since = self.since.map(|text| {
            let wrong =
                || Problem::new(Type::BadRequest, "since must be a time (2026-03-01T12:00:00Z) or seconds since 1970");
            parse_time(&text).ok_or_else(wrong)
        });
        let rows = self.limit.unwrap_or(ROWS);
        if rows == 0 || rows > Filter::MAX_ROWS {
            return Err(Problem::new(Type::BadRequest, format!("limit must be 1 to {}", Filter::MAX_ROWS)));
        }
        Ok(Filter {
            tenant: caller.tenant_of_list(self.tenant)?,
            token: self.token_id,
            link: self.link,
            since: since.transpose()?,
            after: self.after,
            rows,
        })
    }
}

/// The header that names the next page: a relative reference (RFC 8288).
fn next_link(next: Option<&str>) -> Option<HeaderValue> {
    let after: String = next?
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    HeaderValue::from_str(&format!("<?after={after}>; rel=\"next\"")).ok()
}

/// A page as JSON: an array, and a `Link` to the next page.
pub(crate) fn json(rows: &[impl Serialize], next: Option<&str>) -> Response {
    let mut response = answer(StatusCode::OK, &rows);
    if let Some(link) = next_link(next) {
        response.headers_mut().insert(header::LINK, link);
    }
    if let Some(next) = next.and_then(|next| HeaderValue::from_str(next).ok()) {
        response.headers_mut().insert("stampwright-next", next);
    }
    response
}

/// A page as CSV with a header line (RFC 4180).
///
/// # Errors
/// A row cannot be written.
pub(crate) fn csv(rows: &[impl Serialize], next: Option<&str>) -> Result<Response> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let wrong = |_| Problem::new(Type::Internal, "the rows cannot be written");
    for row in rows {
        writer.serialize(row).map_err(wrong)?;
    }
    let text = writer.into_inner().map_err(|_| Problem::new(Type::Internal, "the rows cannot be written"))?;
    let mut response = (StatusCode::OK, text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"installers.csv\""));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(link) = next_link(next) {
        headers.insert(header::LINK, link);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_next_page_is_escaped() {
        assert_eq!(next_link(Some("18 a/b")).unwrap(), "<?after=18%20a%2Fb>; rel=\"next\"");
        assert!(next_link(None).is_none());
    }
}
