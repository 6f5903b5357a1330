//! Lists: which rows a request asks for, and pages of them as JSON or CSV.

use axum::extract::{FromRequestParts, Query};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::caller::Caller;
use super::json::answer;
use super::problem::{Problem, Result, Type};
use super::time::parse_time;
use crate::ledger::Filter;

/// The query of a list, as it came: the next page is asked for with the same filters.
#[derive(Debug)]
pub(crate) struct ListQuery(Vec<(String, String)>);

/// What a query asks for.
pub(crate) struct Wanted {
    /// The rows, of those that the key may see.
    pub(crate) filter: Filter,
    /// Whether the rows are asked for as CSV.
    pub(crate) is_csv: bool,
}

/// So many rows are on a page, if the request does not say it.
const ROWS: u64 = 100;
/// What every list takes.
const EVERYWHERE: [&str; 2] = ["after", "limit"];

impl<S: Send + Sync> FromRequestParts<S> for ListQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let wrong = |_| Problem::new(Type::BadRequest, "the query is not a list of names and values");
        Query::try_from_uri(&parts.uri).map(|Query(pairs)| Self(pairs)).map_err(wrong)
    }
}

impl ListQuery {
    /// Reads the query of a list that takes these filters, beside `after` and `limit`.
    ///
    /// # Errors
    /// It has another filter or one of them twice, a value is not what it must be, or another tenant's rows are asked for.
    pub(crate) fn read(&self, filters: &[&str], caller: &Caller) -> Result<Wanted> {
        self.check_names(filters)?;
        let given = |name: &str| self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
        let wrong = |problem: String| Problem::new(Type::BadRequest, problem);
        let is_csv = match given("format").as_deref() {
            None | Some("json") => false,
            Some("csv") => true,
            Some(_) => return Err(wrong("format must be json or csv".to_owned())),
        };
        let since = given("since").map(|text| {
            let expected = "since must be a time (2026-03-01T12:00:00Z) or seconds since 1970";
            parse_time(&text).ok_or_else(|| wrong(expected.to_owned()))
        });
        let limit = || wrong(format!("limit must be 1 to {}", Filter::MAX_ROWS));
        let rows = given("limit").map_or(Ok(ROWS), |text| text.parse().map_err(|_| limit()))?;
        if rows == 0 || rows > Filter::MAX_ROWS {
            return Err(limit());
        }
        let filter = Filter {
            tenant: caller.tenant_of_list(given("tenant"))?,
            token: given("token_id"),
            link: given("link"),
            since: since.transpose()?,
            after: given("after"),
            rows,
        };
        Ok(Wanted { filter, is_csv })
    }

    fn check_names(&self, filters: &[&str]) -> Result<()> {
        let takes = || [filters, &EVERYWHERE].concat().join(", ");
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in &self.0 {
            let name = name.as_str();
            if !filters.contains(&name) && !EVERYWHERE.contains(&name) {
                let problem = format!("the query has {}, and this list takes {}", quoted(name), takes());
                return Err(Problem::new(Type::BadRequest, problem));
            }
            if seen.contains(&name) {
                return Err(Problem::new(Type::BadRequest, format!("the query has {} twice", quoted(name))));
            }
            seen.push(name);
        }
        Ok(())
    }

    /// The header that names the next page: a relative reference with the same filters (RFC 8288).
    #[must_use]
    pub(crate) fn next<'a>(&self, place: Option<&'a str>) -> Next<'a> {
        let link = place.map(|place| {
            let kept = self.0.iter().filter(|(name, _)| name != "after");
            let pairs = kept.map(|(name, value)| (name.as_str(), value.as_str())).chain([("after", place)]);
            pairs.map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
        });
        let link = link.and_then(|query| HeaderValue::from_str(&format!("<?{query}>; rel=\"next\"")).ok());
        Next { place, link }
    }
}

/// Where the next page begins, if there is one.
pub(crate) struct Next<'a> {
    place: Option<&'a str>,
    link: Option<HeaderValue>,
}

impl Next<'_> {
    fn write(self, response: &mut Response) {
        if let Some(link) = self.link {
            response.headers_mut().insert(header::LINK, link);
        }
        if let Some(place) = self.place.and_then(|place| HeaderValue::from_str(place).ok()) {
            response.headers_mut().insert("stampwright-next", place);
        }
    }
}

/// A name of the query in a refusal. One that is no plain word could be a secret in the wrong place.
pub(super) fn quoted(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-');
    let is_word = (1..=24).contains(&name.len()) && name.bytes().all(is_plain);
    if is_word { format!("\"{name}\"") } else { "a name that is not known".to_owned() }
}

/// As a value of a query (RFC 3986 §2.3).
fn escaped(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escape = |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    value.bytes().map(escape).collect()
}

/// A page as JSON: an array, and a `Link` to the next page.
pub(crate) fn json(rows: &[impl Serialize], next: Next<'_>) -> Response {
    let mut response = answer(StatusCode::OK, &rows);
    next.write(&mut response);
    response
}

/// A page as CSV with a header line (RFC 4180).
///
/// # Errors
/// A row cannot be written.
pub(crate) fn csv(rows: &[impl Serialize], next: Next<'_>) -> Result<Response> {
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
    next.write(&mut response);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> ListQuery {
        ListQuery(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn the_next_page_has_the_same_filters() {
        let asked = query(&[("tenant", "acme & co"), ("after", "17"), ("limit", "5")]);
        assert_eq!(
            asked.next(Some("18 a/b")).link.unwrap(),
            "<?tenant=acme%20%26%20co&limit=5&after=18%20a%2Fb>; rel=\"next\""
        );
        assert!(asked.next(None).link.is_none());
        assert_eq!(query(&[]).next(Some("18")).link.unwrap(), "<?after=18>; rel=\"next\"");
    }

    #[test]
    fn a_filter_that_a_list_does_not_take_is_named() {
        let refused = |pairs: &[(&str, &str)]| query(pairs).check_names(&["tenant"]).unwrap_err().detail().to_owned();
        assert!(query(&[("tenant", "a"), ("after", "b"), ("limit", "1")]).check_names(&["tenant"]).is_ok());
        assert_eq!(refused(&[("link", "x")]), "the query has \"link\", and this list takes tenant, after, limit");
        assert_eq!(refused(&[("tenant", "a"), ("tenant", "b")]), "the query has \"tenant\" twice");
        // What could be a token is not repeated.
        assert!(!refused(&[("eyJhbGciOi", "")]).contains("eyJ"));
    }
}
