//! The ledger as the rest of the service sees it: methods that wait without holding a thread.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use tokio::sync::oneshot::Receiver;

use super::engine::{Access, Engine, Task, Transaction};
use super::error::{LedgerError, Result};
use super::postgres::Postgres;
use super::sqlite::{self, Journal, Sqlite};

/// The ledger. Cloning is cheap, and all clones are one ledger.
#[derive(Clone)]
pub(crate) struct Ledger {
    engine: Arc<dyn Engine>,
    kind: &'static str,
}

impl Ledger {
    /// Opens the SQLite database at `path`, or makes it (mode 0600). The folder must be there.
    ///
    /// # Errors
    /// It cannot be opened, is of a newer version, or its folder cannot hold a write-ahead log where one is wanted.
    pub(crate) fn sqlite(path: &Path, journal: Journal) -> Result<Self> {
        let options = sqlite::Options { path: path.to_owned(), journal, most_pages: None, vfs: None };
        Ok(Self::new(Sqlite::open(&options)?, "sqlite"))
    }

    /// Connects to the PostgreSQL database at `url`, which any number of processes may share; with `tls` encrypted, and the server verified.
    ///
    /// # Errors
    /// The URL is wrong, the server does not answer, or the schema is of a newer version.
    pub(crate) fn postgres(url: &str, tls: Option<ClientConfig>) -> Result<Self> {
        Ok(Self::new(Postgres::open(url, tls)?, "postgres"))
    }

    pub(super) fn new(engine: impl Engine + 'static, kind: &'static str) -> Self {
        Self { engine: Arc::new(engine), kind }
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<()> {
        self.read(|tx| tx.query("SELECT 1", &[]).map(drop)).await
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&mut dyn Transaction) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        answer(self.submit(Access::Read, work)).await
    }

    /// As [`read`](Self::read), for a row or two.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        work: impl Fn(&mut dyn Transaction) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        answer(self.submit(Access::Look, work)).await
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut dyn Transaction) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        answer(self.submit(Access::Write, work)).await
    }

    /// The job is with the database when this returns.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        access: Access,
        work: impl Fn(&mut dyn Transaction) -> Result<T> + Send + 'static,
    ) -> Receiver<Result<T>> {
        let (job, answer) = Task::new(work);
        self.engine.submit(job, access);
        answer
    }
}

pub(super) async fn answer<T>(answer: Receiver<Result<T>>) -> Result<T> {
    answer.await.unwrap_or_else(|_| Err(LedgerError::Unavailable("it has stopped".to_owned())))
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ledger({})", self.kind)
    }
}
