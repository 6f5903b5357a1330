//! SQLite: one thread writes, a few read. Who asks for a row or two reads them itself, if no other does at that moment.
//!
//! The writer takes what has queued into one transaction, at most [`MAX_GROUP`] jobs or as many as come in [`MAX_GROUP_TIME`], each but the
//! first in a savepoint of its own, and answers all of them when the commit is on the disk. A single job does not wait for others; under load
//! the price of the disk's flush is shared. The end of a response, which no response waits for, goes with the next transaction, [`END_TIME`] later at
//! most. `synchronous` is FULL: with a write-ahead log and the usual NORMAL, a commit may be forgotten when the power goes. With a rollback
//! journal it is EXTRA.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};

use super::engine::{Access, Engine, Job, Transaction};
use super::error::{LedgerError, Result};
use super::values::{Cells, Value, check};

/// The most jobs in one transaction.
const MAX_GROUP: usize = 64;
/// How long jobs are taken into one transaction.
const MAX_GROUP_TIME: Duration = Duration::from_millis(2);
/// How long the end of a response waits for a transaction of others.
const END_TIME: Duration = Duration::from_millis(25);
/// The most jobs that wait.
const MAX_WAITING: usize = 8192;
/// How long another process may hold the lock.
const BUSY: Duration = Duration::from_secs(5);
/// Threads that read.
const READERS: usize = 2;
/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 128;

/// The schema, one step after another.
const MIGRATIONS: [&str; 3] = [
    include_str!("migrations/sqlite_001.sql"),
    include_str!("migrations/sqlite_002.sql"),
    include_str!("migrations/sqlite_003.sql"),
];

/// How changes reach the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Journal {
    /// A write-ahead log: fast, and readers do not wait. Needs a local disk.
    #[default]
    Wal,
    /// A rollback journal, for file systems without shared memory.
    Delete,
}

/// How a database is opened.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) path: PathBuf,
    pub(super) journal: Journal,
    /// The most pages of 4096 bytes, for tests of a full disk.
    pub(super) most_pages: Option<u32>,
    /// The part of SQLite that asks the system, for tests of poor file systems.
    pub(super) vfs: Option<&'static str>,
}

/// A change that waits for the writer.
struct Queued {
    job: Box<dyn Job>,
    /// It may wait for others.
    is_end: bool,
}

/// The threads of a database.
pub(super) struct Sqlite {
    write: Option<mpsc::Sender<Queued>>,
    read: Option<mpsc::Sender<Box<dyn Job>>>,
    /// Not with a rollback journal, where a reader waits while the writer commits.
    look: Option<Mutex<Connection>>,
    waiting: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Sqlite {
    /// Opens the database, or makes it, and brings its schema up to date.
    pub(super) fn open(options: &Options) -> Result<Self> {
        let path = &options.path;
        // With a mode of its own, which SQLite gives to the files beside it as well.
        let made = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        made.map_err(|error| LedgerError::Open { path: path.clone(), problem: error.to_string() })?;
        let mut writer = connect(options)?;
        set_journal(&writer, options)?;
        migrate(&mut writer)?;
        let look = (options.journal == Journal::Wal).then(|| connect(options).map(Mutex::new)).transpose()?;
        let readers = (0..READERS).map(|_| connect(options)).collect::<Result<Vec<_>>>()?;

        let waiting = Arc::new(AtomicUsize::new(0));
        let (write, jobs) = mpsc::channel();
        let (read, questions) = mpsc::channel();
        let questions = Arc::new(Mutex::new(questions));
        let mut threads = vec![spawn(path, {
            let waiting = Arc::clone(&waiting);
            move || write_all(&writer, &jobs, &waiting)
        })?];
        for reader in readers {
            let questions = Arc::clone(&questions);
            threads.push(spawn(path, move || read_all(&reader, &questions))?);
        }
        Ok(Self { write: Some(write), read: Some(read), look, waiting, threads })
    }
}

fn spawn(path: &Path, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let failed = |error: std::io::Error| LedgerError::Open { path: path.to_owned(), problem: error.to_string() };
    thread::Builder::new().name("ledger".to_owned()).spawn(work).map_err(failed)
}

impl Engine for Sqlite {
    fn submit(&self, job: Box<dyn Job>, access: Access) {
        let refused = match access {
            Access::Read => put(self.read.as_ref(), job).err(),
            Access::Look => match self.look.as_ref().and_then(|look| look.try_lock().ok()) {
                Some(connection) => return read(&connection, job),
                None => put(self.read.as_ref(), job).err(),
            },
            Access::Write | Access::End => {
                let (is_end, waiting) = (access == Access::End, self.waiting.fetch_add(1, Ordering::Relaxed));
                if !is_end && waiting >= MAX_WAITING {
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                    return job.finish(Err(LedgerError::Busy));
                }
                put(self.write.as_ref(), Queued { job, is_end }).err().map(|refused| refused.job)
            }
        };
        if let Some(job) = refused {
            job.finish(Err(LedgerError::Unavailable("it has stopped".to_owned())));
        }
    }
}

/// Puts something into a queue, or gives it back if its thread has ended.
fn put<T>(queue: Option<&mpsc::Sender<T>>, what: T) -> std::result::Result<(), T> {
    match queue {
        Some(queue) => queue.send(what).map_err(|mpsc::SendError(refused)| refused),
        None => Err(what),
    }
}

impl Drop for Sqlite {
    /// What was submitted is still done.
    fn drop(&mut self) {
        self.write = None;
        self.read = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn connect(options: &Options) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = match options.vfs {
        None => Connection::open_with_flags(&options.path, flags),
        Some(vfs) => Connection::open_with_flags_and_vfs(&options.path, flags, vfs),
    };
    let problem = |error: rusqlite::Error| match failed(error) {
        LedgerError::Database(problem) | LedgerError::Unavailable(problem) => {
            LedgerError::Open { path: options.path.clone(), problem }
        }
        other => other,
    };
    let connection = opened.map_err(problem)?;
    connection.busy_timeout(BUSY).map_err(problem)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "synchronous", synchronous(options.journal)).map_err(problem)?;
    connection.pragma_update(None, "trusted_schema", false).map_err(problem)?;
    // What a savepoint or RETURNING keeps aside: in memory, not in a file for each.
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(problem)?;
    // A secret that was deleted is overwritten, not left in a free page.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(())).map_err(problem)?;
    if let Some(pages) = options.most_pages {
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map_err(problem)?;
    }
    Ok(connection)
}

/// A commit with a rollback journal is the journal's removal: only EXTRA syncs the folder after it, and without that a commit may be undone when
/// the power goes (SQLite, "PRAGMA synchronous"). A write-ahead log is synced itself.
const fn synchronous(journal: Journal) -> &'static str {
    match journal {
        Journal::Wal => "FULL",
        Journal::Delete => "EXTRA",
    }
}

fn set_journal(connection: &Connection, options: &Options) -> Result<()> {
    let wanted = match options.journal {
        Journal::Wal => "wal",
        Journal::Delete => "delete",
    };
    let set = connection.pragma_update_and_check(None, "journal_mode", wanted, |row| row.get::<_, String>(0));
    match (options.journal, set) {
        (_, Ok(found)) if found == wanted => Ok(()),
        (Journal::Wal, Ok(found)) => Err(LedgerError::NoWriteAheadLog { path: options.path.clone(), found }),
        (Journal::Wal, Err(error)) if is_file_system(&error) => {
            Err(LedgerError::NoWriteAheadLog { path: options.path.clone(), found: "not known".to_owned() })
        }
        (Journal::Delete, Ok(found)) => {
            let problem = format!("the journal mode is {found}, expected delete");
            Err(LedgerError::Open { path: options.path.clone(), problem })
        }
        (_, Err(error)) => match failed(error) {
            LedgerError::Database(problem) => Err(LedgerError::Open { path: options.path.clone(), problem }),
            other => Err(other),
        },
    }
}

/// Whether it is the file system that refuses: shared memory or locks.
fn is_file_system(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::SystemIoFailure | ErrorCode::FileLockingProtocolFailed | ErrorCode::CannotOpen)
    )
}

fn migrate(connection: &mut Connection) -> Result<()> {
    // The lock first: another process may be at it.
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let there = usize::try_from(found).map_err(|_| LedgerError::Schema { found, known })?;
    if found > known {
        return Err(LedgerError::Schema { found, known });
    }
    for migration in MIGRATIONS.iter().skip(there) {
        transaction.execute_batch(migration).map_err(failed)?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(failed)?;
    transaction.commit().map_err(failed)
}

fn write_all(connection: &Connection, jobs: &mpsc::Receiver<Queued>, waiting: &AtomicUsize) {
    while let Ok(first) = jobs.recv() {
        let mut group = Vec::new();
        let committed = write_group(connection, gathered(first, jobs), jobs, &mut group);
        waiting.fetch_sub(group.len(), Ordering::Relaxed);
        for job in group {
            job.finish(committed.clone());
        }
    }
}

/// What a transaction begins with, in the order of coming: ends, and the change that they have waited for.
fn gathered(first: Queued, jobs: &mpsc::Receiver<Queued>) -> VecDeque<Box<dyn Job>> {
    let until = Instant::now() + END_TIME;
    let (mut found, mut is_end) = (VecDeque::from([first.job]), first.is_end);
    while is_end && found.len() < MAX_GROUP {
        let Ok(next) = jobs.recv_timeout(until.saturating_duration_since(Instant::now())) else { break };
        is_end = next.is_end;
        found.push_back(next.job);
    }
    found
}

/// One transaction. `group` gets the jobs that were in it, whatever becomes of them.
fn write_group(
    connection: &Connection,
    mut next: VecDeque<Box<dyn Job>>,
    jobs: &mpsc::Receiver<Queued>,
    group: &mut Vec<Box<dyn Job>>,
) -> Result<()> {
    let begun = control(connection, "BEGIN IMMEDIATE");
    let began = Instant::now();
    while let Some(mut job) = next.pop_front() {
        let done = begun.clone().and_then(|()| match group.is_empty() {
            true => at_first(connection, job.as_mut()),
            false => in_savepoint(connection, job.as_mut()),
        });
        group.push(job);
        if let Err(error) = done {
            // The whole transaction is gone, with everything that was in it.
            let _ = connection.execute_batch("ROLLBACK");
            group.extend(next);
            return Err(error);
        }
        if next.is_empty() && group.len() < MAX_GROUP && began.elapsed() < MAX_GROUP_TIME {
            next.extend(jobs.try_recv().ok().map(|queued| queued.job));
        }
    }
    let committed = control(connection, "COMMIT");
    if committed.is_err() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    committed
}

/// Runs the first job of a transaction: what is undone if it fails is the whole, which is its own. It needs no savepoint, for which SQLite would keep
/// the pages as they were. An error means that the transaction cannot go on.
fn at_first(connection: &Connection, job: &mut dyn Job) -> Result<()> {
    if run(connection, job)? {
        return Ok(());
    }
    control(connection, "ROLLBACK")?;
    control(connection, "BEGIN IMMEDIATE")
}

/// Runs a job, and undoes it alone if it fails. An error means that the transaction cannot go on.
fn in_savepoint(connection: &Connection, job: &mut dyn Job) -> Result<()> {
    control(connection, "SAVEPOINT job")?;
    if !run(connection, job)? {
        control(connection, "ROLLBACK TO job")?;
    }
    control(connection, "RELEASE job")
}

/// Runs a job; gives whether it succeeded. An error means that the transaction is over.
fn run(connection: &Connection, job: &mut dyn Job) -> Result<bool> {
    let done = job.run(&mut Statements(connection));
    // SQLite itself has rolled everything back, as it does when the disk is full.
    if connection.is_autocommit() {
        return Err(done.err().unwrap_or(LedgerError::Full));
    }
    Ok(done.is_ok())
}

/// A statement that begins or ends a transaction; it stays prepared.
fn control(connection: &Connection, sql: &str) -> Result<()> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop).map_err(failed)
}

fn read_all(connection: &Connection, questions: &Mutex<mpsc::Receiver<Box<dyn Job>>>) {
    loop {
        let next = questions.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        read(connection, job);
    }
}

/// Runs a job in a transaction, so that all its statements see one state.
fn read(connection: &Connection, mut job: Box<dyn Job>) {
    let done = control(connection, "BEGIN").and_then(|()| job.run(&mut Statements(connection)));
    let ended = control(connection, "ROLLBACK");
    job.finish(done.and(ended));
}

struct Statements<'a>(&'a Connection);

impl Transaction for Statements<'_> {
    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Cells>> {
        check(values)?;
        let mut statement = self.0.prepare_cached(&own(sql)).map_err(failed)?;
        let columns = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let cells = (0..columns).map(|column| value(row.get_ref(column).map_err(failed)?));
            found.push(Cells::new(cells.collect::<Result<_>>()?));
        }
        Ok(found)
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
        check(values)?;
        let mut statement = self.0.prepare_cached(&own(sql)).map_err(failed)?;
        let changed = statement.execute(rusqlite::params_from_iter(values)).map_err(failed)?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }
}

/// SQLite's own spelling: numbered parameters start with a question mark, and rows are not locked.
fn own(sql: &str) -> String {
    sql.replace('$', "?").replace(" FOR SHARE", "").replace(" FOR UPDATE", "")
}

fn value(found: ValueRef<'_>) -> Result<Value> {
    Ok(match found {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(_) => return Err(LedgerError::Row { found: "a fraction", expected: "a number" }),
        ValueRef::Text(text) => {
            let wrong = |_| LedgerError::Row { found: "text that is not UTF-8", expected: "text" };
            Value::Text(std::str::from_utf8(text).map_err(wrong)?.to_owned())
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn failed(error: rusqlite::Error) -> LedgerError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => LedgerError::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Busy,
        Some(ErrorCode::SystemIoFailure) => LedgerError::Unavailable(error.to_string()),
        _ => LedgerError::Database(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_on_the_disk_with_every_journal() {
        // SQLite's numbers: 2 is FULL, 3 is EXTRA.
        for (journal, expected) in [(Journal::Wal, 2), (Journal::Delete, 3)] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("ledger.sqlite");
            std::fs::write(&path, b"").unwrap();
            let connection = connect(&Options { path, journal, most_pages: None, vfs: None }).unwrap();
            let found: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
            assert_eq!(found, expected, "{journal:?}");
        }
    }
}
