//! One request and its answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::cause::Cause;
use super::proxy::Route;
use super::server::Server;
use super::sign::{Message, sign};
use super::tls;
use crate::error::Result;
use crate::key::DeviceKey;
use crate::system;

/// The most bytes of an answer.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// The longest that a server can make an agent wait.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);
const CONNECT: Duration = Duration::from_secs(10);
const TOTAL: Duration = Duration::from_secs(30);

/// Whom the agent believes that a certificate is right.
#[derive(Debug, Clone, Default)]
pub enum Roots {
    /// The system's store, with what administrators have put into it.
    #[default]
    Platform,
    /// Only these certificates (PEM). A proxy that takes TLS apart is refused.
    Only(Vec<u8>),
}

/// Who signs a request, and with which nonce.
pub(crate) struct Signer<'a> {
    pub(crate) key: &'a DeviceKey,
    pub(crate) nonce: &'a str,
    pub(crate) now: u64,
}

/// An answer of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// The nonce for the next request.
    pub(crate) nonce: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

/// The problem that an answer reports (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The last part of its `type`.
    pub(crate) name: String,
    pub(crate) detail: String,
}

impl Answer {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.body.get(name).and_then(Value::as_u64)
    }

    /// What `hello` says: the server's time, and a nonce.
    pub(crate) fn hello(&self) -> std::result::Result<(u64, &str), Cause> {
        match self.status {
            429 | 500..=599 => Err(Cause::Unavailable),
            404 => Err(Cause::NotEnrollment),
            200 if self.text("service") == Some("enrollment/1") => {
                self.number("server_time").zip(self.text("nonce")).ok_or(Cause::Protocol)
            }
            200 => Err(Cause::CaptivePortal),
            _ => Err(Cause::Protocol),
        }
    }

    pub(crate) fn problem(&self) -> Problem {
        let name = self.text("type").and_then(|kind| kind.rsplit(['/', ':', '#']).next()).unwrap_or("unknown");
        let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '-';
        let detail = self.text("detail").or_else(|| self.text("title")).unwrap_or_default();
        Problem {
            name: name.chars().filter(is_plain).take(64).collect(),
            detail: detail.chars().filter(|letter| !letter.is_control()).take(300).collect(),
        }
    }
}

/// The ways to one server.
pub(crate) struct Client {
    server: Server,
    agents: Vec<(Route, ureq::Agent)>,
    working: usize,
}

impl Client {
    pub(crate) fn new(server: Server, routes: Vec<Route>, roots: &Roots, user_agent: &str) -> Self {
        let agents = routes.into_iter().filter_map(|route| Some((route.clone(), agent(&route, roots, user_agent)?)));
        Self { server, agents: agents.collect(), working: 0 }
    }

    /// Asks by each way, beginning with the one that worked last. A request that reached the server is not repeated by another way.
    pub(crate) fn get(&mut self, path: &str) -> std::result::Result<Answer, Cause> {
        let url = self.server.url(path);
        self.by_each_way(|agent| agent.get(&url).header("accept", "application/json").call())
    }

    /// Posts a signed JSON document.
    pub(crate) fn post(
        &mut self,
        path: &str,
        body: &[u8],
        signer: &Signer<'_>,
    ) -> Result<std::result::Result<Answer, Cause>> {
        let authority = self.server.authority().to_owned();
        let (created, nonce) = (signer.now, signer.nonce);
        let message = Message { method: "POST", authority: &authority, path, body, created, nonce };
        let fields = sign(signer.key, &message)?;
        let url = self.server.url(path);
        Ok(self.by_each_way(|agent| {
            agent
                .post(&url)
                .header("accept", "application/json")
                .header("content-type", "application/json")
                .header("content-digest", &fields.content_digest)
                .header("signature-input", &fields.signature_input)
                .header("signature", &fields.signature)
                .send(body)
        }))
    }

    fn by_each_way<F>(&mut self, ask: F) -> std::result::Result<Answer, Cause>
    where
        F: Fn(&ureq::Agent) -> std::result::Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    {
        let mut first = None;
        for step in 0..self.agents.len() {
            let at = self.working.saturating_add(step) % self.agents.len().max(1);
            let Some((route, agent)) = self.agents.get(at) else { break };
            let cause = |error: ureq::Error| match route.proxy {
                Some(_) => Cause::of(&error).behind_a_proxy(),
                None => Cause::of(&error),
            };
            match ask(agent).map_err(cause).and_then(read) {
                Ok(answer) => {
                    self.working = at;
                    return Ok(answer);
                }
                Err(cause) => drop(first.get_or_insert(cause)),
            }
        }
        // The first way is the one that should have worked.
        Err(first.unwrap_or(Cause::Proxy))
    }

    /// The way that worked last.
    pub(crate) fn route(&self) -> Option<&Route> {
        self.agents.get(self.working).map(|(route, _)| route)
    }
}

fn agent(route: &Route, roots: &Roots, user_agent: &str) -> Option<ureq::Agent> {
    let proxy = match &route.proxy {
        None => None,
        Some(proxy) => Some(ureq::Proxy::new(proxy).ok()?),
    };
    let roots = match roots {
        Roots::Platform => RootCerts::PlatformVerifier,
        Roots::Only(pem) => RootCerts::Specific(Arc::new(certificates(pem))),
    };
    let tls = TlsConfig::builder().unversioned_rustls_crypto_provider(tls::provider()).root_certs(roots).build();
    let config = ureq::Agent::config_builder()
        .proxy(proxy)
        .tls_config(tls)
        .user_agent(user_agent)
        // A redirect is a portal's; the server's address is compiled in.
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT))
        .timeout_global(Some(TOTAL))
        .build();
    Some(config.new_agent())
}

fn certificates(pem: &[u8]) -> Vec<Certificate<'static>> {
    let items = ureq::tls::parse_pem(pem).filter_map(std::result::Result::ok);
    items
        .filter_map(|item| match item {
            ureq::tls::PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect()
}

/// Reads an answer. One that is no JSON of ours was not the server's.
fn read(mut answer: ureq::http::Response<ureq::Body>) -> std::result::Result<Answer, Cause> {
    let status = answer.status().as_u16();
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let media = header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (nonce, retry_after) = (header("agent-nonce"), header("retry-after"));
    if status == 407 {
        return Err(Cause::ProxyAuth);
    }
    let retry_after = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    let retry_after = retry_after.map(|time| time.min(MAX_RETRY_AFTER));
    if !["application/json", "application/problem+json"].contains(&media.as_str()) {
        return match status {
            204 => Ok(Answer { status, body: Value::Null, nonce, retry_after }),
            // What stands before the server says so in its own words. Without a time another way may be better.
            429 | 503 if retry_after.is_some() => Ok(Answer { status, body: Value::Null, nonce: None, retry_after }),
            429 | 502..=504 => Err(Cause::Unavailable),
            404 => Err(Cause::NotEnrollment),
            _ => Err(Cause::CaptivePortal),
        };
    }
    let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
    let body = body.map_err(|error| Cause::of(&error))?;
    let body = if status == 204 { Value::Null } else { serde_json::from_slice(&body).map_err(|_| Cause::Protocol)? };
    Ok(Answer { status, body, nonce, retry_after })
}

/// The clock for signatures: the device's own, set right by what the server said.
pub(crate) fn server_now(offset: i64) -> u64 {
    system::now().saturating_add_signed(offset)
}
