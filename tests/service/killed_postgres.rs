//! The ledger on PostgreSQL, whose connections pass through a gate. The gate counts what the service sends. At the message that it is told, it kills the service or
//! stops the database at once, before the message arrives or before its answer does: every step of every transaction can be the last one. Whatever a client was
//! told of is there when both are back, and no link gives two installers.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::killed::{Round, Told, server};
use super::server::Server;
use crate::support::postgres;

/// When it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// The message does not arrive.
    Before,
    /// It arrives, and its answer does not.
    After,
}

/// What is to happen at which message.
struct Plan {
    at: usize,
    when: When,
    deed: Command,
}

#[derive(Default)]
struct Count {
    sent: usize,
    plan: Option<Plan>,
    is_done: bool,
}

/// Between the service and the database.
struct Gate {
    folder: tempfile::TempDir,
    count: Arc<Mutex<Count>>,
}

impl Gate {
    fn before(database: &postgres::Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let (count, upstream) = (Arc::new(Mutex::new(Count::default())), database.socket());
        let shared = count.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (count, upstream) = (shared.clone(), upstream.clone());
                // Where an end has gone the other one goes as well.
                thread::spawn(move || drop(pass(&stream, &upstream, &count)));
            }
        });
        Self { folder, count }
    }

    fn arm(&self, plan: Option<Plan>) {
        *self.count.lock().unwrap() = Count { plan, ..Count::default() };
    }

    /// Gives how many messages there were, and whether it has happened.
    fn disarm(&self) -> (usize, bool) {
        let mut count = self.count.lock().unwrap();
        count.plan = None;
        (count.sent, count.is_done)
    }
}

/// Messages and their answers in turn: a connection of the ledger asks one thing at a time.
fn pass(client: &UnixStream, upstream: &PathBuf, count: &Mutex<Count>) -> std::io::Result<()> {
    let server = UnixStream::connect(upstream)?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    // An answer that must not arrive is held here, while its message passes.
    let held = Arc::new(Mutex::new(()));
    let gate = held.clone();
    thread::spawn(move || {
        let mut buf = vec![0; 1 << 16];
        while let Ok(read @ 1..) = from_server.read(&mut buf) {
            let _open = gate.lock().unwrap();
            if to_client.write_all(&buf[..read]).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(std::net::Shutdown::Both);
    });
    let (mut client, mut server) = (client, &server);
    let mut buf = vec![0; 1 << 16];
    loop {
        let read = client.read(&mut buf)?;
        if read == 0 {
            return server.shutdown(std::net::Shutdown::Both);
        }
        let mut now = count.lock().unwrap();
        now.sent += 1;
        let sent = now.sent;
        if let Some(mut plan) = now.plan.take_if(|plan| plan.at == sent) {
            let _held = held.lock().unwrap();
            if plan.when == When::After {
                server.write_all(&buf[..read])?;
                // Time to do it, a commit's sync included.
                thread::sleep(Duration::from_millis(30));
            }
            assert!(plan.deed.status().unwrap().success());
            now.is_done = true;
            client.shutdown(std::net::Shutdown::Both)?;
            return server.shutdown(std::net::Shutdown::Both);
        }
        drop(now);
        server.write_all(&buf[..read])?;
    }
}

/// What is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Service,
    Database,
}

/// A service and its database.
struct Both {
    database: postgres::Server,
    gate: Gate,
    service: Server,
    rounds: usize,
}

impl Both {
    /// `None`: there is no PostgreSQL, and need not be.
    fn start() -> Option<Self> {
        let database = postgres::Server::start()?;
        let gate = Gate::before(&database);
        let url = database.database_at(gate.folder.path());
        let file = gate.folder.path().join("url");
        std::fs::write(&file, url).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let service = server(&format!("[ledger]\nurl-file = {file:?}\n"));
        Some(Self { database, gate, service, rounds: 0 })
    }

    /// How many messages the requests of a round are that nothing ends.
    fn messages(&mut self, told: &mut Told) -> usize {
        self.rounds += 1;
        let mut round = Round::prepare(&self.service, self.rounds);
        self.gate.arm(None);
        round.ask(&self.service, self.rounds);
        let (sent, _) = self.gate.disarm();
        round.count(told);
        round.holds(&self.service, self.rounds);
        sent
    }

    /// One round; gives whether it happened.
    fn round(&mut self, victim: Victim, at: usize, when: When, told: &mut Told) -> bool {
        self.rounds += 1;
        let mut round = Round::prepare(&self.service, self.rounds);
        let deed = match victim {
            Victim::Database => self.database.stop_immediately(),
            Victim::Service => {
                let mut kill = Command::new("kill");
                kill.args(["-KILL", &self.service.id().to_string()]);
                kill
            }
        };
        self.gate.arm(Some(Plan { at, when, deed }));
        round.ask(&self.service, self.rounds);
        let (_, is_done) = self.gate.disarm();
        round.count(told);
        match victim {
            Victim::Service => self.service.kill_and_restart(),
            Victim::Database if is_done => self.database.resume(),
            Victim::Database => {}
        }
        self.service.until("the ledger is back", || self.service.get("", "/readyz").status == 200);
        round.holds(&self.service, self.rounds);
        is_done
    }
}

/// The service ends before or after every `step`th message, at every one before as well as after; at every `stop_each`th of these points the database does as well.
fn ends_lose_nothing(step: usize, stop_each: usize) {
    let Some(mut both) = Both::start() else { return };
    let (mut done, mut told) = (0, Told::default());
    let messages = both.messages(&mut told);
    assert!(messages > 20 && told == [1; 5], "{messages} messages, {told:?}");
    let begin = Instant::now();
    let points: Vec<usize> = (1..=messages).step_by(step).collect();
    for (n, at) in points.iter().copied().enumerate() {
        let whens = if step == 1 { vec![When::Before, When::After] } else { vec![[When::Before, When::After][n % 2]] };
        let is_stopped = n % stop_each == 0;
        for when in whens {
            done += usize::from(both.round(Victim::Service, at, when, &mut told));
            if is_stopped {
                done += usize::from(both.round(Victim::Database, at, when, &mut told));
            }
        }
    }
    eprintln!("{messages} messages, {done} ends in {} s, told {told:?}", begin.elapsed().as_secs());
    // A few messages are the ends of downloads, and come later or not at all.
    let rounds = both.rounds - 1;
    assert!(done + 4 >= rounds && done > 9, "{done} of {rounds}");
    // Earlier requests were answered more often before the end, and each was not answered at some.
    assert!(told.iter().all(|told| (1..=rounds).contains(told)) && told[0] > told[4], "{told:?} of {rounds}");
}

#[test]
fn an_end_of_service_or_database_at_a_message_loses_nothing_that_was_told() {
    ends_lose_nothing(5, 4);
}

#[test]
#[ignore = "minutes long: cargo xtask soak"]
fn an_end_at_any_message_loses_nothing_that_was_told() {
    ends_lose_nothing(1, 1);
}
