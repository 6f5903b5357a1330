//! Lists of admins: which rows a request asks for, and the page that it gets.

use axum::extract::{FromRequestParts, Query};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::agents::answer;
use super::problem::{Refused, Result};
use crate::keys::Caller;
use crate::ledger::Filter;

/// So many rows are on a page, if the request does not say it.
const ROWS: u64 = 100;

/// The query of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    tenant: Option<String>,
    /// Of devices their status, of requests what they wait for.
    status: Option<String>,
    after: Option<String>,
    limit: Option<u64>,
}

/// The query of a request about one tenant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfTenant {
    pub(super) tenant: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for ListQuery {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        query(parts)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfTenant {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        query(parts)
    }
}

/// The query, or a refusal that repeats nothing of it.
fn query<T: DeserializeOwned>(parts: &Parts) -> Result<T> {
    let wrong = |_| Refused::bad_request("the query has a member that is not known, or a value of another kind");
    Query::try_from_uri(&parts.uri).map(|Query(query)| query).map_err(wrong)
}

impl ListQuery {
    /// The rows that are asked for, of those that the key may see.
    pub(super) fn filter(&self, caller: &Caller) -> Result<Filter> {
        let rows = self.limit.unwrap_or(ROWS);
        if rows == 0 || rows > Filter::MAX_ROWS {
            return Err(Refused::bad_request(format!("limit must be 1 to {}", Filter::MAX_ROWS)));
        }
        let tenant = caller.tenant_of_list(self.tenant.clone())?;
        Ok(Filter { tenant, after: self.after.clone(), rows, ..Filter::default() })
    }

    pub(super) fn wants(&self, status: &str) -> bool {
        self.status.as_ref().is_none_or(|wanted| wanted == status)
    }

    /// An array, and a `Link` to the next page: a relative reference (RFC 8288) with what else was asked for.
    pub(super) fn page(&self, rows: &Value, next: Option<&str>) -> Response {
        let mut response = answer(StatusCode::OK, rows, None);
        if let Some(link) = next.and_then(|next| HeaderValue::from_str(&self.next_link(next)).ok()) {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }

    fn next_link(&self, next: &str) -> String {
        let limit = self.limit.map(|limit| limit.to_string());
        let members = [
            ("tenant", self.tenant.as_deref()),
            ("status", self.status.as_deref()),
            ("limit", limit.as_deref()),
            ("after", Some(next)),
        ];
        let members = members.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", escaped(value?))));
        format!("<?{}>; rel=\"next\"", members.collect::<Vec<_>>().join("&"))
    }
}

/// All but the unreserved characters of RFC 3986 §2.3 as percent and hex.
fn escaped(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}
