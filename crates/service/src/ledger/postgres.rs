//! PostgreSQL: a few threads with a connection each, for any number of processes on one database.
//!
//! A transaction that the database ends because of another one is run again. A connection that broke before anything was committed is made
//! again; one that broke while a commit was on its way is an error, because nothing says whether the commit arrived.
//!
//! Whether connections are encrypted is said in `postgres_url`.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use postgres::error::SqlState;
use postgres::types::private::BytesMut;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, NoTls, Statement};
use rustls::ClientConfig;

use super::engine::{Access, Engine, Job, Transaction};
use super::error::{LedgerError, Result};
use super::postgres_url::Server;
use super::values::{Cells, Value, check};

/// The connections of a process.
const CONNECTIONS: usize = 8;
/// The most jobs that wait.
const MAX_WAITING: usize = 8192;
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a statement may take, its wait for the locks of others included.
const STATEMENT_SECS: u64 = 10;
/// How long a server may be silent that is gone without a word: then the connection is.
const SILENCE: Duration = Duration::from_secs(30);
/// How often a transaction is run that others keep ending.
const ATTEMPTS: usize = 5;
/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS: usize = 128;
/// For which this lock of the database stands: one process at a time changes the schema.
const MIGRATION_LOCK: i64 = 0x0053_7461_6D70;

/// The schema, one step after another.
const MIGRATIONS: [&str; 3] = [
    include_str!("migrations/postgres_001.sql"),
    include_str!("migrations/postgres_002.sql"),
    include_str!("migrations/postgres_003.sql"),
];

/// The threads of a database.
pub(super) struct Postgres {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    waiting: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Postgres {
    /// Connects to the database at `url` and brings its schema up to date. The URL may have a password: it is never part of an error.
    pub(super) fn open(url: &str, tls: Option<ClientConfig>) -> Result<Self> {
        let mut server = Server::new(url, tls)?;
        server.config.connect_timeout(CONNECT).keepalives_idle(SILENCE).tcp_user_timeout(SILENCE);
        server.config.application_name("stampwright");
        let mut first = Connection::open(&server)?;
        migrate(&mut first.client)?;

        let waiting = Arc::new(AtomicUsize::new(0));
        let (queue, jobs) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        let mut threads = Vec::new();
        let mut connection = Some(first);
        for _ in 0..CONNECTIONS {
            let (server, jobs, waiting) = (server.clone(), Arc::clone(&jobs), Arc::clone(&waiting));
            let mut worker = Worker { server, connection: connection.take() };
            let thread = thread::Builder::new().name("ledger".to_owned()).spawn(move || {
                while let Some(job) = next(&jobs) {
                    waiting.fetch_sub(1, Ordering::Relaxed);
                    worker.work(job);
                }
            });
            threads.push(thread.map_err(|error| LedgerError::Unavailable(error.to_string()))?);
        }
        Ok(Self { queue: Some(queue), waiting, threads })
    }
}

fn next(jobs: &Mutex<mpsc::Receiver<Box<dyn Job>>>) -> Option<Box<dyn Job>> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

impl Engine for Postgres {
    fn submit(&self, job: Box<dyn Job>, access: Access) {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let refused = match &self.queue {
            _ if access != Access::End && waiting >= MAX_WAITING => Some((job, LedgerError::Busy)),
            None => Some((job, stopped())),
            Some(queue) => queue.send(job).err().map(|mpsc::SendError(job)| (job, stopped())),
        };
        if let Some((job, error)) = refused {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            job.finish(Err(error));
        }
    }
}

fn stopped() -> LedgerError {
    LedgerError::Unavailable("it has stopped".to_owned())
}

impl Drop for Postgres {
    /// What was submitted is still done.
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A connection and its prepared statements.
struct Connection {
    client: Client,
    statements: BTreeMap<String, Statement>,
}

impl Connection {
    fn open(server: &Server) -> Result<Self> {
        let mut client = match &server.tls {
            Some(tls) => server.config.connect(tls.clone()).map_err(failed)?,
            None => server.config.connect(NoTls).map_err(failed)?,
        };
        // What a server's configuration may say otherwise: durable when answered, each statement sees what is committed.
        client
            .batch_execute(&format!(
                "SET synchronous_commit = on; SET default_transaction_isolation = 'read committed'; \
                 SET statement_timeout = '{STATEMENT_SECS}s'"
            ))
            .map_err(failed)?;
        Ok(Self { client, statements: BTreeMap::new() })
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).map_err(failed)?;
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

struct Worker {
    server: Server,
    connection: Option<Connection>,
}

impl Worker {
    fn work(&mut self, mut job: Box<dyn Job>) {
        let mut done = Err(LedgerError::Busy);
        for attempt in 0..ATTEMPTS {
            done = match self.run(job.as_mut()) {
                Ok(()) => Ok(()),
                // Others were in the way. They are done in a moment.
                Err(Failure::Conflict) => {
                    thread::sleep(Duration::from_millis(1 << attempt));
                    continue;
                }
                // The server was restarted since the last job: once more with a new connection.
                Err(Failure::BeforeCommit(_)) if attempt == 0 => continue,
                Err(Failure::BeforeCommit(error) | Failure::Final(error)) => Err(error),
            };
            break;
        }
        job.finish(done);
    }

    fn run(&mut self, job: &mut dyn Job) -> Result<(), Failure> {
        if self.connection.as_ref().is_none_or(|connection| connection.client.is_closed()) {
            self.connection = Some(Connection::open(&self.server).map_err(Failure::Final)?);
        }
        let Some(connection) = &mut self.connection else { return Err(Failure::Final(stopped())) };
        let done = in_transaction(connection, job);
        if done.is_err() && connection.client.batch_execute("ROLLBACK").is_err() {
            self.connection = None;
        }
        done
    }
}

/// Why a transaction is not committed, and what may help.
enum Failure {
    /// Another transaction was in the way.
    Conflict,
    /// The connection broke, and nothing was committed.
    BeforeCommit(LedgerError),
    /// Nothing helps.
    Final(LedgerError),
}

/// What stands for a conflict on the way through a job.
fn conflict() -> LedgerError {
    LedgerError::Busy
}

fn in_transaction(connection: &mut Connection, job: &mut dyn Job) -> Result<(), Failure> {
    let sort = |error: LedgerError| match error {
        error if error == conflict() => Failure::Conflict,
        error @ LedgerError::Unavailable(_) => Failure::BeforeCommit(error),
        other => Failure::Final(other),
    };
    connection.client.batch_execute("BEGIN").map_err(failed).map_err(sort)?;
    job.run(&mut Statements(connection)).map_err(sort)?;
    connection.client.batch_execute("COMMIT").map_err(failed).map_err(|error| match error {
        // It was not committed: the server says so.
        error if error == conflict() => Failure::Conflict,
        other => Failure::Final(other),
    })
}

fn migrate(client: &mut Client) -> Result<()> {
    let mut transaction = client.transaction().map_err(failed)?;
    // To change a large table takes as long as it takes.
    transaction.batch_execute("SET LOCAL statement_timeout = 0").map_err(failed)?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).map_err(failed)?;
    transaction.batch_execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)").map_err(failed)?;
    let rows = transaction.query("SELECT version FROM schema_version", &[]).map_err(failed)?;
    let found: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).map_err(failed)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let there = usize::try_from(found).map_err(|_| LedgerError::Schema { found, known })?;
    if found > known {
        return Err(LedgerError::Schema { found, known });
    }
    for migration in MIGRATIONS.iter().skip(there) {
        transaction.batch_execute(migration).map_err(failed)?;
    }
    transaction.execute("DELETE FROM schema_version", &[]).map_err(failed)?;
    transaction.execute("INSERT INTO schema_version (version) VALUES ($1)", &[&known]).map_err(failed)?;
    transaction.commit().map_err(failed)
}

struct Statements<'a>(&'a mut Connection);

impl Transaction for Statements<'_> {
    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Cells>> {
        check(values)?;
        let statement = self.0.prepare(sql)?;
        let rows = self.0.client.query(&statement, &parameters(values)).map_err(failed)?;
        rows.iter()
            .map(|row| Ok(Cells::new((0..row.len()).map(|n| row.try_get(n).map_err(failed)).collect::<Result<_>>()?)))
            .collect()
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
        check(values)?;
        let statement = self.0.prepare(sql)?;
        self.0.client.execute(&statement, &parameters(values)).map_err(failed)
    }
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| -> &(dyn ToSql + Sync) { value }).collect()
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) if *kind == Type::INT8 => number.to_sql(kind, out),
            Self::Text(text) if *kind == Type::TEXT => text.to_sql(kind, out),
            Self::Bytes(bytes) if *kind == Type::BYTEA => bytes.to_sql(kind, out),
            _ => Err(format!("a parameter of another type than {kind}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        match *kind {
            Type::INT8 => Ok(Self::Integer(i64::from_sql(kind, raw)?)),
            Type::INT4 => Ok(Self::Integer(i32::from_sql(kind, raw)?.into())),
            Type::TEXT => Ok(Self::Text(String::from_sql(kind, raw)?)),
            Type::BYTEA => Ok(Self::Bytes(raw.to_vec())),
            _ => Err(format!("a column of the type {kind}").into()),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// What the server or the connection says, without the values that it may quote.
fn failed(error: postgres::Error) -> LedgerError {
    let Some(answer) = error.as_db_error() else {
        // The outer sentence says only where: connecting, reading, writing.
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        return if error.is_closed() || is_io(&error) {
            LedgerError::Unavailable(format!("{error}{cause}"))
        } else {
            LedgerError::Database(format!("{error}{cause}"))
        };
    };
    let code = answer.code();
    if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED {
        return conflict();
    }
    let message = answer.message().to_owned();
    match code.code().get(..2) {
        Some("53") if *code == SqlState::DISK_FULL => LedgerError::Full,
        // Connections, resources, an operator who stops the server.
        Some("08" | "53" | "57") => LedgerError::Unavailable(message),
        _ => LedgerError::Database(format!("{message} ({})", code.code())),
    }
}

fn is_io(error: &postgres::Error) -> bool {
    error.source().is_some_and(|cause| cause.is::<std::io::Error>())
}
