//! One request: signed, sent, asked again where the store is busy, and what its refusal says.

use std::fmt;
use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rustls::CertificateError;
use rusty_s3::{Method, S3Action};
use ureq::http::{self, HeaderMap};
use ureq::{Agent, Body};

use crate::credentials::Credentials;
use crate::error::BucketError;
use crate::settings::Settings;

/// How long a signed address can be used: the store checks it when the request begins.
const SIGNED: Duration = Duration::from_secs(600);
/// How long is waited before a request is sent again that the store was too busy for.
const WAITS: [Duration; 2] = [Duration::from_millis(250), Duration::from_millis(1000)];
/// No answer but an object and a list is this long.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// No refusal that says something is this long.
const MAX_REFUSAL_BYTES: u64 = 64 << 10;

/// A bucket, and who asks.
pub struct Bucket {
    pub(crate) inner: rusty_s3::Bucket,
    agent: Agent,
    credentials: Credentials,
    /// Seconds since 1970.
    clock: fn() -> u64,
}

/// What is sent beside an action.
pub(crate) struct Sent<'a> {
    /// A verb, for errors: `read`, `list`.
    pub(crate) verb: &'static str,
    /// The object.
    pub(crate) key: &'a str,
    /// Headers; they are signed.
    pub(crate) headers: &'a [(&'static str, String)],
    /// The body of PUT and POST.
    pub(crate) body: &'a [u8],
}

impl Bucket {
    /// Nothing is asked yet. `clock` gives seconds since 1970, for signatures.
    ///
    /// # Errors
    /// A setting is wrong.
    pub fn new(settings: &Settings, credentials: Credentials, clock: fn() -> u64) -> Result<Self, BucketError> {
        let (inner, agent) = settings.open()?;
        Ok(Self { inner, agent, credentials, clock })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.inner.name()
    }

    pub(crate) const fn credentials(&self) -> Option<&rusty_s3::Credentials> {
        Some(self.credentials.get())
    }

    /// What an error says of a request.
    pub(crate) fn what(&self, sent: &Sent<'_>) -> String {
        format!("{} s3://{}/{}", sent.verb, self.name(), sent.key)
    }

    /// Sends a request. The answer's status is one of success.
    pub(crate) fn send<'a, A: S3Action<'a>>(
        &self,
        action: A,
        sent: &'a Sent<'a>,
    ) -> Result<http::Response<Body>, BucketError> {
        self.attempts(action, sent, Ok)
    }

    /// Sends a request, and takes its answer; again where the store was busy, or the answer did not come whole.
    fn attempts<'a, A: S3Action<'a>, T>(
        &self,
        mut action: A,
        sent: &'a Sent<'a>,
        take: impl Fn(http::Response<Body>) -> Result<T, BucketError>,
    ) -> Result<T, BucketError> {
        for (name, value) in sent.headers {
            action.headers_mut().insert(*name, value.as_str());
        }
        let mut waits = WAITS.iter();
        loop {
            let failure = match self.send_once::<A>(&action, sent).and_then(&take) {
                Ok(taken) => return Ok(taken),
                Err(failure) => failure,
            };
            match waits.next() {
                Some(wait) if is_passing(&failure) => thread::sleep(*wait),
                _ => return Err(failure),
            }
        }
    }

    fn send_once<'a, A: S3Action<'a>>(&self, action: &A, sent: &Sent<'_>) -> Result<http::Response<Body>, BucketError> {
        let now = i64::try_from((self.clock)()).ok().and_then(|now| Timestamp::from_second(now).ok());
        let now = now.ok_or(BucketError::Setting("requests cannot be signed at this time"))?;
        let url = action.sign_with_time(SIGNED, &now);
        let (method, has_body) = match A::METHOD {
            Method::Get => (http::Method::GET, false),
            Method::Head => (http::Method::HEAD, false),
            Method::Put => (http::Method::PUT, true),
            Method::Post => (http::Method::POST, true),
            Method::Delete => (http::Method::DELETE, false),
        };
        let mut request = http::Request::builder().method(method).uri(url.as_str());
        for (name, value) in sent.headers {
            request = request.header(*name, value);
        }
        let unreachable = |problem: String| BucketError::Unreachable { what: self.what(sent), problem };
        let unsent = |_| unreachable("the request cannot be written".to_owned());
        let answer = if has_body {
            self.agent.run(request.body(sent.body).map_err(unsent)?)
        } else {
            self.agent.run(request.body(()).map_err(unsent)?)
        };
        let response = answer.map_err(|error| self.no_answer(&error, sent))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response, sent)) }
    }

    fn no_answer(&self, error: &ureq::Error, sent: &Sent<'_>) -> BucketError {
        match certificate_problem(error) {
            Some(problem) => BucketError::Untrusted { what: self.what(sent), problem },
            None => BucketError::Unreachable { what: self.what(sent), problem: plain(error) },
        }
    }

    /// Sends a request whose answer is a document.
    pub(crate) fn document<'a, A: S3Action<'a>>(
        &self,
        action: A,
        sent: &'a Sent<'a>,
        limit: u64,
    ) -> Result<String, BucketError> {
        self.attempts(action, sent, |mut response| {
            let read = response.body_mut().with_config().limit(limit.max(MAX_ANSWER_BYTES)).read_to_string();
            let text =
                read.map_err(|error| BucketError::Unreachable { what: self.what(sent), problem: plain(&error) })?;
            // A copy and the end of an upload are answered with 200 before they are done: the refusal comes behind it.
            match code(&text) {
                Some(code) => Err(BucketError::Refused { what: self.what(sent), status: 500, code: Some(code) }),
                None => Ok(text),
            }
        })
    }

    fn refusal(&self, response: http::Response<Body>, sent: &Sent<'_>) -> BucketError {
        let status = response.status().as_u16();
        let mut text = String::new();
        // What is no text says nothing; the status does.
        let read = response.into_body().into_reader().take(MAX_REFUSAL_BYTES).read_to_string(&mut text);
        let code = read.ok().and_then(|_| code(&text));
        match (status, code.as_deref()) {
            (412, _) => BucketError::Replaced { what: self.what(sent) },
            _ => BucketError::Refused { what: self.what(sent), status, code },
        }
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bucket({})", self.name())
    }
}

/// Whether the same request may succeed in a moment.
const fn is_passing(error: &BucketError) -> bool {
    match error {
        BucketError::Unreachable { .. } => true,
        BucketError::Refused { status, .. } => matches!(status, 429 | 500 | 502 | 503 | 504),
        _ => false,
    }
}

/// The word of S3 in a refusal: `<Error><Code>AccessDenied</Code>…`. Only a word: the rest may quote the request.
fn code(text: &str) -> Option<String> {
    let (_, error) = text.split_once("<Error>")?;
    let (_, code) = error.split_once("<Code>")?;
    let (code, _) = code.split_once("</Code>")?;
    let is_word = (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    Some(if is_word { code.to_owned() } else { "Error".to_owned() })
}

/// What is wrong with the certificate of what answers.
fn certificate_problem(error: &ureq::Error) -> Option<&'static str> {
    let of_io = |error: &io::Error| error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).cloned();
    let error = match error {
        ureq::Error::Rustls(error) => Some(error.clone()),
        ureq::Error::Io(error) => of_io(error),
        _ => None,
    };
    let Some(rustls::Error::InvalidCertificate(problem)) = error else { return None };
    Some(match problem {
        CertificateError::UnknownIssuer => "its certificate does not come from the authorities that it must come from",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        _ => "its certificate is not valid",
    })
}

/// What the system or the library says, without the request's address, which is signed.
pub(crate) fn plain(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => plain_io(error),
        ureq::Error::Timeout(_) => "it did not answer in time".to_owned(),
        ureq::Error::HostNotFound => "its host is not known".to_owned(),
        ureq::Error::ConnectionFailed => "it takes no connection".to_owned(),
        ureq::Error::Rustls(error) => format!("TLS: {error}"),
        ureq::Error::Tls(problem) => format!("TLS: {problem}"),
        ureq::Error::BodyExceedsLimit(limit) => format!("it answered more than {limit} bytes"),
        ureq::Error::Protocol(_) | ureq::Error::Http(_) => "it does not speak HTTP as it must".to_owned(),
        _ => "the request failed".to_owned(),
    }
}

/// The same of a body that is being read.
pub(crate) fn plain_io(error: &io::Error) -> String {
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
        return plain(inner);
    }
    if error.kind() == io::ErrorKind::TimedOut {
        return "it did not answer in time".to_owned();
    }
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.clone(), |(sentence, _)| sentence.to_owned())
}

/// A header's text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_a_word_and_quotes_nothing() {
        let refusal = "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>hunter2</Message></Error>";
        assert_eq!(code(refusal).as_deref(), Some("AccessDenied"));
        assert_eq!(code("<Error><Code>hunter2 &amp; co</Code></Error>").as_deref(), Some("Error"));
        assert_eq!(code("<CopyPartResult><ETag>\"x\"</ETag></CopyPartResult>"), None);
        assert_eq!(code(""), None);
    }
}
