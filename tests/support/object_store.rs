//! An S3 of the tests' own (moto, from PyPI), AWS's client for it, and a proxy between it and ours that fails as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A running store; it ends with this.
pub struct ObjectStore {
    child: Child,
    programs: PathBuf,
    pub address: String,
    /// The authority of its certificate, where it speaks TLS.
    authority: Option<PathBuf>,
}

impl ObjectStore {
    /// Starts it with a bucket called `bases`. `None`: it is not installed, and need not be.
    pub fn start() -> Option<Self> {
        Self::start_with(None)
    }

    /// The same with TLS: `authority` is a certificate in PEM, and beside it lie `store.pem` and `store.key`.
    pub fn start_with_tls(authority: &Path) -> Option<Self> {
        Self::start_with(Some(authority))
    }

    fn start_with(authority: Option<&Path>) -> Option<Self> {
        let programs = programs()?;
        // By its Python, so that the folder may be another one than where it was made.
        let mut command = Command::new(programs.join("python3"));
        command.arg(programs.join("moto_server"));
        if let Some(authority) = authority {
            command.arg("-c").arg(authority.with_file_name("store.pem"));
            command.arg("-k").arg(authority.with_file_name("store.key"));
        }
        // It takes a free port itself: one that was free a moment ago may be another's by now, or answer its own connection.
        command.args(["-H", "127.0.0.1", "-p", "0"]).env("NO_COLOR", "1");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| Some(line.ok()?.split_once("Running on ")?.1.trim().to_owned()));
        let address = address.and_then(|address| Some(address.split_once("://")?.1.to_owned()));
        // Whatever else it says is read, so that it never waits for a reader.
        thread::spawn(move || lines.for_each(drop));
        let authority = authority.map(Path::to_path_buf);
        let store = Self { child, programs, address: address.unwrap_or_default(), authority };
        assert!(!store.address.is_empty(), "moto_server does not listen");
        store.client("make", &["bases"]);
        Some(store)
    }

    /// Runs AWS's client; gives what it prints.
    pub fn client(&self, action: &str, rest: &[&str]) -> String {
        let mut command = Command::new(self.programs.join("python3"));
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        command.arg(root().join("tests/support/s3.py")).arg(format!("{scheme}://{}", self.address));
        command.arg(action).args(rest).envs(self.authority.iter().map(|authority| ("AWS_CA_BUNDLE", authority)));
        let said = command.output().unwrap();
        assert!(said.status.success(), "{action} {rest:?}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).unwrap()
    }

    /// Puts a file, with more of `name=value` as metadata, or `checksum`.
    pub fn put(&self, key: &str, file: &Path, more: &[&str]) {
        self.client("put", &[&["bases", key, file.to_str().unwrap()], more].concat());
    }
}

/// The folder of the judges' programs.
fn programs() -> Option<PathBuf> {
    let programs = root().join("target/s3-judges/venv/bin");
    if programs.join("moto_server").is_file() {
        return Some(programs);
    }
    #[allow(clippy::disallowed_methods, reason = "the test command says whether a judge may be missing")]
    let required = std::env::var_os("CI").is_some() || std::env::var_os("STAMPWRIGHT_JUDGES").is_some();
    assert!(!required, "moto_server is missing: cargo xtask judges");
    eprintln!("skipped: moto_server is missing (cargo xtask judges)");
    None
}

/// The Python that has AWS's libraries.
pub fn python() -> Option<PathBuf> {
    Some(programs()?.join("python3"))
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a proxy does with the requests that it is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It answers with this status, and a word of S3.
    Refuse(u16, &'static str),
    /// It ends the answer after so many bytes of its body.
    Cut(usize),
    /// It changes a byte of the answer's body.
    Change,
    /// It says nothing.
    Silent,
    /// It holds a copy's source against the entity tag in the request, which S3 does and moto does not.
    Conditions,
}

/// Which requests fail: their method and a part of their address, how, and how often.
type Plan = (&'static str, &'static str, Fault, usize);

/// A proxy in front of a store.
pub struct Proxy {
    pub address: String,
    plan: Arc<Mutex<Vec<Plan>>>,
}

impl Proxy {
    pub fn before(store: &ObjectStore) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (plan, upstream) = (Arc::new(Mutex::new(Vec::new())), store.address.clone());
        let shared = plan.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (plan, upstream) = (shared.clone(), upstream.clone());
                // A client that has gone is no failure of the proxy.
                thread::spawn(move || drop(pass(stream, &upstream, &plan)));
            }
        });
        Self { address, plan }
    }

    /// From now on so many requests with this method and this part of an address fail.
    pub fn fail(&self, method: &'static str, part: &'static str, fault: Fault, times: usize) {
        self.plan.lock().unwrap().push((method, part, fault, times));
    }

    /// From now on none does.
    pub fn heal(&self) {
        self.plan.lock().unwrap().clear();
    }
}

/// One request of a connection, passed on; both ends close after it.
fn pass(client: TcpStream, upstream: &str, plan: &Mutex<Vec<Plan>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    let mut length = 0;
    while !head.ends_with("\r\n\r\n") {
        let before = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
        let line = head[before..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut fault = planned(&head, plan);
    if fault == Some(Fault::Conditions) {
        let is_met =
            value(&head, "x-amz-copy-source-if-match") == entity_tag(value(&head, "x-amz-copy-source"), upstream)?;
        fault = (!is_met).then_some(Fault::Refuse(412, "PreconditionFailed"));
    }
    let mut client = client;
    if let Some(Fault::Refuse(status, word)) = fault {
        let body = format!("<?xml version=\"1.0\"?><Error><Code>{word}</Code><Message>no</Message></Error>");
        let head = format!("HTTP/1.1 {status} No\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        return client.write_all(format!("{head}{body}").as_bytes());
    }
    if fault == Some(Fault::Silent) {
        thread::sleep(Duration::from_secs(30));
        return Ok(());
    }
    let mut server = TcpStream::connect(upstream)?;
    let head = head.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1);
    server.write_all(head.as_bytes())?;
    server.write_all(&body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let at = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    match fault {
        Some(Fault::Cut(bytes)) => answer.truncate(at + bytes),
        Some(Fault::Change) => {
            if let Some(byte) = answer.get_mut(at + 1000) {
                *byte ^= 1;
            }
        }
        _ => {}
    }
    client.write_all(&answer)
}

fn value<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

/// What the store says of a copy's source.
fn entity_tag(source: Option<&str>, upstream: &str) -> std::io::Result<Option<&'static str>> {
    let mut server = TcpStream::connect(upstream)?;
    // moto looks whether there is a signature, not which.
    let key = "AWS4-HMAC-SHA256 Credential=a/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
    let path = source.unwrap_or_default();
    let head = format!("HEAD {path} HTTP/1.1\r\nHost: {upstream}\r\nAuthorization: {key}\r\nConnection: close\r\n\r\n");
    server.write_all(head.as_bytes())?;
    let mut answer = String::new();
    server.read_to_string(&mut answer)?;
    Ok(value(&answer, "etag").map(|tag| &*String::leak(tag.to_owned())))
}

fn planned(head: &str, plan: &Mutex<Vec<Plan>>) -> Option<Fault> {
    let mut plan = plan.lock().unwrap();
    let line = head.lines().next().unwrap_or_default();
    let fits = |(method, part, _, times): &&mut Plan| *times > 0 && line.starts_with(*method) && line.contains(*part);
    let found = plan.iter_mut().find(fits)?;
    found.3 -= 1;
    Some(found.2)
}

/// The top of the tree, from wherever this file is used.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().find(|folder| folder.join("xtask").is_dir()).unwrap().to_path_buf()
}
