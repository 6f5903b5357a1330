//! What stands in a request's address, with refusals that are problems like all others.

use axum::extract::{FromRequestParts, Path, Query};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::list::quoted;
use super::problem::{Problem, Type};

/// The query. What is in it is not quoted in a refusal.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let wrong =
            |_| Problem::new(Type::BadRequest, "the query has a member that is not known, or a value of another kind");
        Query::try_from_uri(&parts.uri).map(|Query(query)| Self(query)).map_err(wrong)
    }
}

/// No query: what a path does not take is not ignored, because who filters and gets everything would not notice.
pub(crate) struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.uri.query() {
            None | Some("") => Ok(Self),
            Some(query) => {
                let name = quoted(query.split(['=', '&']).next().unwrap_or_default());
                Err(Problem::new(Type::BadRequest, format!("the query has {name}, and this path takes none")))
            }
        }
    }
}

/// The one part of the path that is not fixed.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(segment) = Path::from_request_parts(parts, state).await.map_err(|_| Problem::not_found("path"))?;
        Ok(Self(segment))
    }
}
