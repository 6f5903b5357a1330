//! JSON in and out. A request's body is never quoted in an answer: it may have a token in it.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};
use stampwright::Token;
use zeroize::Zeroizing;

use super::patience::PATIENCE;
use super::problem::{Problem, Result, Type};

/// The longest body of a request, but for bases.
pub(crate) const MAX_BODY_BYTES: usize = 64 << 10;

/// A token has at most 4096 characters.
const ANSWER_BYTES: usize = 8 << 10;

/// Reads a body.
///
/// # Errors
/// It is too long, or the client went.
pub(crate) async fn body(request: Request<Body>) -> Result<Zeroizing<Vec<u8>>> {
    let limited = Limited::new(request.into_body(), MAX_BODY_BYTES);
    let collected = tokio::time::timeout(PATIENCE, limited.collect()).await;
    let collected =
        collected.map_err(|_| Problem::new(Type::BadRequest, "the body did not come in time"))?.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                Problem::new(Type::TooLarge, format!("the body must be at most {MAX_BODY_BYTES} bytes"))
            } else {
                Problem::new(Type::BadRequest, "the body did not come whole")
            }
        })?;
    Ok(Zeroizing::new(collected.to_bytes().to_vec()))
}

/// Reads a body's document.
///
/// # Errors
/// It is not JSON, or says something else than what is asked for.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        // Only sentences that have none of the body's values in them. A field's name may look like the rest of the sentence, so that is cut from behind.
        let why = match text.rsplit_once(" at line ").map(|(sentence, _)| sentence) {
            Some(sentence) if sentence.starts_with("missing field") => sentence.to_owned(),
            Some(sentence) if sentence.starts_with("unknown field") => {
                let expected = sentence.rsplit_once("`, expected ").map_or("others", |(_, expected)| expected);
                format!("it has a field that is not known, expected {expected}")
            }
            _ if error.is_data() => "a value is not of the kind that it must be".to_owned(),
            _ => "it is not JSON".to_owned(),
        };
        Problem::new(Type::BadRequest, format!("the body, line {}, column {}: {why}", error.line(), error.column()))
    })
}

/// An answer. It is wiped when it was sent: it may have a token, a key or a link in it.
pub(crate) fn answer(status: StatusCode, document: &impl Serialize) -> Response {
    // Long enough for every answer with a secret in it, so that growing leaves no copy of one.
    let mut body = Zeroizing::new(Vec::with_capacity(ANSWER_BYTES));
    match serde_json::to_writer(&mut *body, document) {
        Ok(()) => {
            let mut response = (status, Bytes::from_owner(body)).into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => {
            tracing::error!(error = %error, "an answer is not JSON");
            Problem::new(Type::Internal, "the request failed; the log says why").into_response()
        }
    }
}

/// A token as it stands in a request. It does not print, and it is wiped.
pub(crate) struct TokenText(Zeroizing<String>);

impl TokenText {
    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The token, if it has the form of one.
    ///
    /// # Errors
    /// It has not.
    pub(crate) fn parse(&self) -> Result<Token> {
        Token::parse(self.0.as_bytes()).map_err(|error| Problem::new(Type::TokenRefused, error))
    }
}

impl<'de> Deserialize<'de> for TokenText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Zeroizing::new(String::deserialize(deserializer)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "what is refused is of interest")]
    struct Document {
        uses: u64,
    }

    #[test]
    fn nothing_of_a_body_is_in_an_answer() {
        for (body, expected) in [
            ("{\"uses\": \"SECRET\"}", "a value is not of the kind"),
            ("{\"SECRET\": 1}", "a field that is not known, expected `uses`"),
            ("{}", "missing field `uses`"),
            // Names that read like the library's own sentence.
            ("{\"expectedSECRET\": 1}", "not known, expected `uses`"),
            ("{\"x`, expected SECRET\": 1}", "not known, expected `uses`"),
            ("{\"x`, expected SECRET at line 1\": 1}", "not known, expected `uses`"),
            ("SECRET", "it is not JSON"),
            ("{\"uses\": 1} SECRET", "it is not JSON"),
            ("", "it is not JSON"),
        ] {
            let problem = parse::<Document>(body.as_bytes()).unwrap_err();
            assert!(problem.detail().contains(expected), "{body}: {}", problem.detail());
            assert!(!problem.detail().contains("SECRET"), "{}", problem.detail());
        }
    }
}
