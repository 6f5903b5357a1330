//! kill -9 at each system call by which the rows of a request reach the disk: strace injects it. Whatever a client was told of is there after the
//! restart, and no link gives two installers.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::server::Server;
use crate::support::{both, judge, output, product};

/// How SQLite changes its files.
const CALLS: &str = "pwrite64,write,fdatasync,fsync,ftruncate,unlink";
/// More calls than the requests of one round make.
const MANY: usize = 400;

/// strace on a running service: it dies at the `when`th of these calls of a thread on one of these files.
struct Strace {
    child: Child,
    // Who writes to a pipe that is closed is killed.
    _said: BufReader<std::process::ChildStderr>,
}

impl Strace {
    fn attach(strace: &Path, server: &Server, files: &[&str], when: usize) -> Self {
        let mut command = Command::new(strace);
        for file in files {
            command.arg("-P").arg(fs::canonicalize(server.path("data")).unwrap().join(file));
        }
        command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={CALLS}")]);
        command.args(["-e", &format!("inject={CALLS}:signal=KILL:when={when}"), "-p", &server.id().to_string()]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (mut said, mut line) = (BufReader::new(child.stderr.take().unwrap()), String::new());
        while !line.contains("attached") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "strace does not attach");
        }
        Self { child, _said: said }
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// strace, where it may trace.
fn strace() -> Option<PathBuf> {
    let strace = judge("strace")?;
    let tried = output(Command::new(&strace).args(["-f", "-o", "/dev/null", "true"]));
    assert!(tried.status.success(), "strace may not trace here: {}", both(&tried));
    Some(strace)
}

pub(super) fn server(config: &str) -> Server {
    Server::start_with(config, |folder| {
        let deb = product::bases().iter().find(|base| base.name().ends_with(".deb")).unwrap();
        fs::write(folder.join(deb.name()), &deb.bytes).unwrap();
    })
}

fn wish(token: &str) -> Value {
    json!({ "product": "Example Agent", "token": token })
}

/// What there is before a round, and what clients were told in it.
pub(super) struct Round {
    /// A link of one use.
    link: String,
    /// A token that is to be revoked, and one that is to be used.
    tokens: [String; 2],
    /// How often the link has given an installer.
    taken: usize,
    row: Option<String>,
    is_revoked: bool,
    new_link: Option<String>,
    is_used: bool,
}

impl Round {
    pub(super) fn prepare(server: &Server, n: usize) -> Self {
        let link = server.post("admin", "/v1/links", &wish(&format!("t1.link-{n}.0123456789")), &[]);
        assert_eq!(link.status, 201, "{}", link.text());
        let tokens = [(); 2].map(|()| server.mint("acme").0);
        let link = path_of(&link.json());
        Self { link, tokens, taken: 0, row: None, is_revoked: false, new_link: None, is_used: false }
    }

    /// One request of each kind that writes; those after the kill get no answer.
    pub(super) fn ask(&mut self, server: &Server, n: usize) {
        let soon = ["--max-time", "10"];
        let stamp = server.post("admin", "/v1/installers", &wish(&format!("t1.stamp-{n}.0123456789")), &soon);
        self.row = stamp.header("stampwright-installer-id").map(str::to_owned);
        // The head says 200: whether the rest came as well, the use is taken.
        self.taken += usize::from(server.curl("", &self.link, &soon).head.starts_with("HTTP/1.1 200"));
        let [revoked, used] = &self.tokens;
        let revoke = server.post("admin", &format!("/v1/tokens/{revoked}/revoke"), &json!({}), &soon);
        self.is_revoked = revoke.status == 204;
        let link = server.post("admin", "/v1/links", &wish(&format!("t1.new-{n}.0123456789")), &soon);
        self.new_link = (link.status == 201).then(|| path_of(&link.json()));
        let report = server.post("admin", &format!("/v1/tokens/{used}/uses"), &json!({ "device": "a" }), &soon);
        self.is_used = report.status == 200 && report.json()["accepted"] == true;
    }

    /// Counts what clients were told.
    pub(super) fn count(&self, told: &mut Told) {
        let now = [self.row.is_some(), self.taken > 0, self.is_revoked, self.new_link.is_some(), self.is_used];
        told.iter_mut().zip(now).for_each(|(sum, now)| *sum += usize::from(now));
    }

    /// After the restart.
    pub(super) fn holds(&mut self, server: &Server, n: usize) {
        if let Some(row) = &self.row {
            assert_eq!(server.get("admin", &format!("/v1/installers/{row}")).status, 200, "{n}: the row {row} is lost");
        }
        for _ in 0..2 {
            self.taken += usize::from(server.get("", &self.link).status == 200);
        }
        assert!(self.taken <= 1, "{n}: a link of one use was used {} times", self.taken);
        let [revoked, used] = &self.tokens;
        if self.is_revoked {
            let status = server.get("admin", &format!("/v1/tokens/{revoked}/status")).json();
            assert_eq!(status["status"], "revoked", "{n}: a revocation is lost");
        }
        if let Some(link) = &self.new_link {
            assert_eq!(server.get("", link).status, 200, "{n}: a new link is lost");
        }
        if self.is_used {
            let again = server.post("admin", &format!("/v1/tokens/{used}/uses"), &json!({ "device": "a" }), &[]);
            assert_eq!(
                (&again.json()["first"], &again.json()["used"]),
                (&json!(false), &json!(1)),
                "{n}: a use is lost"
            );
        }
    }
}

/// How often each kind of request was answered.
pub(super) type Told = [usize; 5];

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}

/// The path: the address changes with each start.
fn path_of(link: &Value) -> String {
    format!("/d/{}", link["url"].as_str().unwrap().split_once("/d/").unwrap().1)
}

#[test]
fn a_kill_at_any_write_of_a_request_loses_nothing_that_was_told() {
    let Some(strace) = strace() else { return };
    let mut server = server("");
    let (mut kills, mut told) = (0, [0; 5]);
    for n in 1..MANY {
        let mut round = Round::prepare(&server, n);
        let tracing = Strace::attach(&strace, &server, &["ledger.sqlite", "ledger.sqlite-wal"], n);
        round.ask(&server, n);
        let is_killed = server.has_ended();
        drop(tracing);
        round.count(&mut told);
        server.kill_and_restart();
        round.holds(&server, n);
        if !is_killed {
            break;
        }
        kills += 1;
    }
    // Each kind of request was killed before its answer, and answered before the kill.
    assert!((20..MANY - 1).contains(&kills), "{kills} kills");
    assert!(told.iter().all(|told| (1..kills).contains(told)), "{told:?} of {kills}");
}

/// The same where the write-ahead log goes into the database, which one request in a hundred does.
#[test]
fn a_kill_while_the_log_goes_into_the_database_loses_nothing_that_was_told() {
    /// SQLite's own measure: so many pages, with their heads, and the log's.
    const LOG_BYTES: u64 = 32 + 1000 * (4096 + 24);
    let Some(strace) = strace() else { return };
    let mut server = server("");
    let log_bytes = |server: &Server| fs::metadata(server.path("data/ledger.sqlite-wal")).map_or(0, |file| file.len());
    let mut told = Vec::new();
    let stamp = |server: &Server, name: &str| {
        let answer = server.post("admin", "/v1/installers", &wish(&format!("t1.{name}.0123456789")), &[]);
        answer.header("stampwright-installer-id").map(str::to_owned)
    };
    while log_bytes(&server) < LOG_BYTES - 40 * 4120 {
        told.push(stamp(&server, &format!("before-{}", told.len())).unwrap());
        assert!(told.len() < 1000, "the log does not grow");
    }
    server.kill();
    let files = ["ledger.sqlite", "ledger.sqlite-wal"].map(|name| (server.path("data").join(name), server.path(name)));
    files.iter().for_each(|(from, to)| copy(from, to));
    let mut kills = 0;
    for when in std::iter::successors(Some(1_usize), |when| Some(when + when.div_ceil(2))) {
        // Every kill is one of the same log.
        let _ = fs::remove_file(server.path("data/ledger.sqlite-shm"));
        files.iter().for_each(|(to, from)| copy(from, to));
        server.kill_and_restart();
        let tracing = Strace::attach(&strace, &server, &["ledger.sqlite"], when);
        let mut now = told.clone();
        for n in 0..40 {
            now.extend(stamp(&server, &format!("now-{when}-{n}")));
            if log_bytes(&server) >= LOG_BYTES && server.has_ended() {
                break;
            }
        }
        let is_killed = server.has_ended();
        drop(tracing);
        server.kill_and_restart();
        for id in &now {
            assert_eq!(
                server.get("admin", &format!("/v1/installers/{id}")).status,
                200,
                "{when}: the row {id} is lost"
            );
        }
        if !is_killed {
            break;
        }
        kills += 1;
    }
    assert!(kills > 4, "{kills} kills");
}
