//! One question, one answer, over plain HTTP (RFC 3161 §3.4).

use std::time::Duration;

use ureq::Agent;

use super::errors::TimestampError;

/// No answer is this long; the longest that we know of has 7 KiB.
const MAX_ANSWER_BYTES: u64 = 256 << 10;
/// Authorities answer within a second or are down.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn post(url: &str, request: &[u8]) -> Result<Vec<u8>, TimestampError> {
    let fail = |problem: &dyn ToString| TimestampError::Http { url: url.to_owned(), problem: problem.to_string() };
    // No redirects: one to https would ask for a TLS library that is not here, and a public authority has none.
    let config =
        Agent::config_builder().timeout_global(Some(PATIENCE)).max_redirects(0).max_redirects_will_error(false);
    let agent = Agent::new_with_config(config.http_status_as_error(false).proxy(None).build());
    let mut response = agent
        .post(url)
        .header("Content-Type", "application/timestamp-query")
        .header("Accept", "application/timestamp-reply")
        .send(request)
        .map_err(|error| fail(&plain(&error)))?;
    if response.status().as_u16() != 200 {
        return Err(fail(&format!("answered HTTP status {}, must be 200", response.status().as_u16())));
    }
    response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec().map_err(|error| fail(&plain(&error)))
}

/// The system's sentence without the library's word before it and the number behind it.
fn plain(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => {
            let text = error.to_string();
            text.split_once(" (os error").map_or(text.clone(), |(sentence, _)| sentence.to_owned())
        }
        error => error.to_string(),
    }
}
