//! An agent against a small server in memory, which knows devices by their keys as a real one does.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use super::*;
use crate::product::tests::product;
use crate::product::{Places, Policy};
use crate::queue::Importance;

#[derive(Default)]
struct Memory {
    /// Record by the x of the key.
    devices: BTreeMap<String, String>,
    uses: u32,
    refuse: Option<String>,
    pending: bool,
    is_portal: bool,
    retired: bool,
    requests: Vec<(String, Value)>,
    nonces: u64,
    stale_once: bool,
    generation: u64,
    ahead: u64,
    /// A database from before: no check-in is of a device that it knows.
    is_restored: bool,
    /// For the next check-in.
    command: Option<&'static str>,
    /// What stands before the server is too busy, for so many seconds.
    busy: Option<u64>,
    is_absent: bool,
    /// Epoch and number of every record that came.
    records: BTreeSet<(String, u64)>,
}

/// A server on a free port of this machine, for as long as the test runs.
#[derive(Clone)]
pub(crate) struct Server {
    memory: Arc<Mutex<Memory>>,
    port: u16,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { memory: Arc::default(), port: listener.local_addr().unwrap().port() };
        let serving = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                thread::spawn(move || serving.serve(stream));
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn refuse(&self, name: &str) {
        self.memory.lock().unwrap().refuse = Some(name.to_owned());
    }

    pub(crate) fn be_a_portal(&self) {
        self.memory.lock().unwrap().is_portal = true;
    }

    pub(crate) fn be_absent(&self) {
        self.with(|memory| memory.is_absent = true);
    }

    pub(crate) fn be_ahead(&self, seconds: u64) {
        self.with(|memory| memory.ahead = seconds);
    }

    fn with<T>(&self, look: impl FnOnce(&mut Memory) -> T) -> T {
        look(&mut self.memory.lock().unwrap())
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            let mut length = 0;
            loop {
                let mut header = String::new();
                reader.read_line(&mut header).unwrap();
                let Some((name, value)) = header.split_once(':') else { break };
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            let (status, answer) = self.with(|memory| memory.answer(&path, body));
            let (portal, busy, absent) = self.with(|memory| (memory.is_portal, memory.busy, memory.is_absent));
            let status = if busy.is_some() {
                503
            } else if absent {
                404
            } else {
                status
            };
            let retry = busy.map(|secs| format!("Retry-After: {secs}\r\n")).unwrap_or_default();
            let portal = portal || busy.is_some() || absent;
            let nonce = self.with(|memory| {
                memory.nonces += 1;
                memory.nonces
            });
            let text = if portal { "<html>Sign in</html>".to_owned() } else { answer.to_string() };
            let media = if portal { "text/html" } else { "application/json" };
            let _ = write!(
                stream,
                "HTTP/1.1 {status} X\r\nContent-Type: {media}\r\n{retry}Agent-Nonce: n{nonce}\r\nContent-Length: {}\r\n\r\n{text}",
                text.len()
            );
        }
    }
}

impl Memory {
    fn answer(&mut self, path: &str, body: Value) -> (u16, Value) {
        let problem =
            |status: u16, name: &str| (status, json!({ "type": format!("urn:problem:{name}"), "detail": "because" }));
        for record in body["records"].as_array().into_iter().flatten() {
            self.records.insert((record["epoch"].to_string(), record["seq"].as_u64().unwrap()));
        }
        // A whole queue need not be kept.
        let is_large = body["records"][0]["body"].as_str().is_some_and(|body| body.len() > 10_000);
        self.requests.push((path.to_owned(), if is_large { Value::Null } else { body.clone() }));
        if path == "/v1/enroll/hello" {
            return (
                200,
                json!({ "service": "enrollment/1", "server_time": system::now() + self.ahead, "nonce": "first" }),
            );
        }
        if std::mem::take(&mut self.stale_once) {
            return problem(401, "nonce-stale");
        }
        if path == "/v1/enrollments" {
            let key = body["key"]["x"].as_str().unwrap().to_owned();
            if let Some(name) = &self.refuse {
                return problem(403, name);
            }
            if self.pending {
                return (202, json!({ "request_id": "r1", "status": "pending", "reason": "approval", "interval": 7 }));
            }
            // The old key's proof moves its record.
            if body["previous"]["proof"].is_string() && body["previous"]["copied"] == false && body["token"].is_null() {
                let id = body["previous"]["device_id"].as_str().unwrap().to_owned();
                self.devices.retain(|_, device| *device != id);
                self.devices.insert(key.clone(), id);
            }
            let next = format!("dev-{}", self.devices.len() + 1);
            let id = self.devices.entry(key).or_insert_with(|| {
                self.uses += 1;
                next
            });
            return (
                201,
                json!({ "device_id": id, "tenant": "acme", "checkin_interval": 60, "generation": self.generation }),
            );
        }
        match path.rsplit('/').next().unwrap() {
            _ if self.retired => problem(410, "device-retired"),
            _ if self.is_restored => problem(404, "device-unknown"),
            "checkins" => {
                self.generation += 1;
                let commands: Vec<_> = self.command.take().into_iter().collect();
                (200, json!({ "status": "enrolled", "commands": commands, "generation": self.generation }))
            }
            _ => (200, json!({})),
        }
    }
}

/// A device below a folder of its own.
pub(crate) struct Device {
    pub(crate) kit: Kit,
    folder: tempfile::TempDir,
}

impl Device {
    pub(crate) fn path(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path)
    }

    fn token(&self) -> Option<String> {
        std::fs::read_to_string(self.path("etc/probe-agent/enrollment-token")).ok()
    }

    fn state(&self) -> Option<String> {
        std::fs::read_to_string(self.path("var/lib/probe-agent/enrollment-state")).ok()
    }
}

fn put_token(root: &Path, token: &str) {
    std::fs::create_dir_all(root.join("etc/probe-agent")).unwrap();
    std::fs::write(root.join("etc/probe-agent/enrollment-token"), token).unwrap();
}

pub(crate) fn device(server: &str, token: Option<&str>) -> Device {
    let folder = tempfile::tempdir().unwrap();
    if let Some(token) = token {
        put_token(folder.path(), token);
    }
    let mut places = Places::linux_below(&product(), folder.path());
    // Also where these tests run on another system.
    places.policy = Policy::File(folder.path().join("policy.json"));
    let kit = Kit::builder(product()).server(server).fingerprint_key([1; 32]).places(places).build().unwrap();
    Device { kit, folder }
}

#[test]
fn a_token_becomes_a_device_and_is_gone() {
    let server = Server::start();
    let device = device(&server.url(), Some("token-1\n"));
    let mut agent = device.kit.start().unwrap();
    assert_eq!(agent.step().event, Event::Enrolled("dev-1".into()));
    assert_eq!((device.token(), device.state().as_deref()), (None, Some("enrolled\n")));
    agent.queue().push(Importance::Telemetry, b"hello").unwrap();
    let next = agent.step();
    assert_eq!(next.event, Event::CheckedIn(1));
    assert!(next.wait.as_secs() > 50, "{next:?}");
    let paths: Vec<String> = server.with(|memory| memory.requests.iter().map(|(path, _)| path.clone()).collect());
    let expected = [
        "/v1/enroll/hello",
        "/v1/enrollments",
        "/v1/devices/dev-1/confirm",
        "/v1/devices/dev-1/checkins",
        "/v1/devices/dev-1/records",
    ];
    assert_eq!(paths, expected);
    let sent = server.with(|memory| memory.requests.last().unwrap().1.clone());
    assert_eq!(sent["records"][0]["body"], "aGVsbG8=");
    assert_eq!(device.kit.status().unwrap().device_id.as_deref(), Some("dev-1"));
    for entry in std::fs::read_dir(device.path("var/lib/probe-agent")).unwrap() {
        let path = entry.unwrap().path();
        let text = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        assert!(!String::from_utf8_lossy(&text).contains("token-1"), "{}", path.display());
    }
}

#[test]
fn a_crash_after_any_step_costs_no_second_record_and_no_second_use() {
    for step in ["request", "identity", "state", "token", "confirm"] {
        let server = Server::start();
        let device = device(&server.url(), Some("token-1"));
        let mut agent = device.kit.start().unwrap();
        agent.crash_after = Some(step);
        assert!(matches!(agent.step().event, Event::Device(_)), "{step}");
        drop(agent);
        let mut agent = device.kit.start().unwrap();
        while !matches!(agent.step().event, Event::CheckedIn(_)) {}
        assert_eq!(server.with(|memory| (memory.devices.len(), memory.uses)), (1, 1), "{step}");
        assert_eq!((device.token(), device.state().as_deref()), (None, Some("enrolled\n")), "{step}");
    }
}

#[test]
fn a_refused_token_is_not_sent_again_but_another_one_is() {
    let server = Server::start();
    server.refuse("token-revoked");
    let device = device(&server.url(), Some("token-1"));
    let mut agent = device.kit.start().unwrap();
    let next = agent.step();
    assert_eq!(next.event, Event::Blocked("token-revoked".into()));
    assert!(next.wait.as_secs() >= 3 * 3600);
    let asked = server.with(|memory| memory.requests.len());
    assert_eq!(agent.step().event, Event::Blocked("token-revoked".into()));
    assert_eq!(server.with(|memory| memory.requests.len()), asked);
    assert_eq!(device.token().as_deref(), Some("token-1"), "the token stays");
    server.with(|memory| memory.refuse = None);
    put_token(device.folder.path(), "token-2");
    assert!(matches!(agent.step().event, Event::Enrolled(_)));
}

#[test]
fn no_token_pending_and_a_stale_nonce() {
    let server = Server::start();
    let device = device(&server.url(), None);
    let mut agent = device.kit.start().unwrap();
    assert_eq!(agent.step().event, Event::NoToken);
    assert_eq!(server.with(|memory| memory.requests.len()), 0);
    put_token(device.folder.path(), "token-1");
    server.with(|memory| (memory.pending, memory.stale_once) = (true, true));
    let next = agent.step();
    assert_eq!((next.event, next.wait.as_secs()), (Event::Pending("approval".into()), 7));
    assert_eq!((device.state().as_deref(), device.token().is_some()), (Some("pending\n"), true));
    server.with(|memory| memory.pending = false);
    assert!(matches!(agent.step().event, Event::Enrolled(_)));
}

#[test]
fn a_portal_never_sees_the_token() {
    let server = Server::start();
    server.be_a_portal();
    let device = device(&server.url(), Some("token-1"));
    assert_eq!(device.kit.start().unwrap().step().event, Event::Network(Cause::CaptivePortal));
    assert!(server.with(|memory| memory.requests.iter().all(|(path, _)| path == "/v1/enroll/hello")));
}

#[test]
fn a_retired_device_stops_and_a_new_token_brings_it_back_with_a_new_key() {
    let server = Server::start();
    let device = device(&server.url(), Some("token-1"));
    let mut agent = device.kit.start().unwrap();
    agent.step();
    agent.step();
    server.with(|memory| memory.retired = true);
    agent.queue().push(Importance::Required, b"secret").unwrap();
    assert_eq!(agent.step().event, Event::Retired);
    assert_eq!((device.state().as_deref(), agent.queue().stats().records), (Some("retired\n"), 0));
    put_token(device.folder.path(), "token-2");
    server.with(|memory| memory.retired = false);
    assert_eq!(agent.step().event, Event::Enrolled("dev-2".into()));
    let (_, request) = server.with(|memory| memory.requests.last().unwrap().clone());
    assert_eq!(
        (request["previous"]["device_id"].as_str(), request["previous"]["copied"].as_bool()),
        (Some("dev-1"), Some(false))
    );
    assert_eq!(request["previous"]["proof"].as_str().map(str::len), Some(86));
}

#[test]
fn a_state_without_its_key_is_none_and_a_damaged_one_is_an_error() {
    let server = Server::start();
    let device = device(&server.url(), Some("token-1"));
    device.kit.start().unwrap().step();
    std::fs::remove_file(device.path("var/lib/probe-agent/device.key")).unwrap();
    assert_eq!(device.kit.start().unwrap().device_id(), None);
    std::fs::write(device.path("var/lib/probe-agent/device.json"), "{").unwrap();
    assert!(device.kit.start().is_err());
    device.kit.reset_for_imaging().unwrap();
    assert!(device.kit.start().is_ok());
}

#[test]
fn an_agent_ends_when_it_is_told() {
    let device = device("http://127.0.0.1:1", None);
    let mut agent = device.kit.start().unwrap();
    let stop = Stop::default();
    let other = stop.clone();
    let thread = thread::spawn(move || agent.run(&stop, |_, _| {}));
    other.stop();
    thread.join().unwrap();
}

/// The answer file of a server, made with the same secret and other code.
fn answer_for(request: &str, token: &str) -> String {
    answer_of("acme", request, token)
}

fn answer_of(tenant: &str, request: &str, token: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
    let claims: Value = serde_json::from_slice(&B64.decode(request.split('.').nth(1).unwrap()).unwrap()).unwrap();
    let key = &claims["key"];
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, key["x"], key["y"]);
    let digest = |bytes: &[u8]| ring::digest::digest(&ring::digest::SHA256, bytes);
    let answer = json!({ "device_id": "dev-9", "tenant": tenant, "jkt": B64.encode(digest(members.as_bytes())) });
    let signed =
        format!("{}.{}", B64.encode(r#"{"alg":"HS256","typ":"enrollment-answer"}"#), B64.encode(answer.to_string()));
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, digest(token.as_bytes()).as_ref());
    format!("{signed}.{}", B64.encode(ring::hmac::sign(&secret, signed.as_bytes())))
}

#[test]
fn a_device_without_a_network_enrolls_by_files() {
    let device = device("http://127.0.0.1:1", Some("token-1"));
    let request = device.kit.request().unwrap();
    assert!(!request.contains("token-1"));
    assert!(
        device.kit.import(&answer_for(&request, "token-2")).unwrap_err().to_string().contains("not made for the token")
    );
    let other = self::device("http://127.0.0.1:1", Some("token-1")).kit.request().unwrap();
    assert!(device.kit.import(&answer_for(&other, "token-1")).unwrap_err().to_string().contains("another device"));
    assert_eq!(device.kit.import(&answer_for(&request, "token-1")).unwrap(), "dev-9");
    assert_eq!((device.token(), device.state().as_deref()), (None, Some("enrolled\n")));
}

mod lasting;
