//! What the ledger needs of a database. Two engines give it: `sqlite` and `postgres`.
//!
//! The statements are written once, in the part of SQL that both take: `INSERT … ON CONFLICT`, `UPDATE … RETURNING`, integers for
//! times, numbered parameters `$1`. `FOR SHARE` and `FOR UPDATE` lock rows where rows can be locked; SQLite has one writer at a time
//! and leaves them out.

use tokio::sync::oneshot;

use super::error::{LedgerError, Result};
use super::values::{Cells, Value};

/// A transaction that is going on.
pub(super) trait Transaction {
    /// Rows that a statement gives.
    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Cells>>;

    /// The number of rows that a statement changes.
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64>;

    /// The one row that a statement gives, if it gives one.
    fn row(&mut self, sql: &str, values: &[Value]) -> Result<Option<Cells>> {
        Ok(self.query(sql, values)?.into_iter().next())
    }
}

/// Whether a job changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// It only reads.
    Read,
    /// It only reads, a row or two: quicker done than handed to another thread.
    Look,
    /// It writes: done when it is on the disk.
    Write,
    /// It writes, and is never turned away for the number of those that wait: the ends of what has begun.
    End,
}

/// A database that does jobs, each in a transaction of its own.
pub(super) trait Engine: Send + Sync {
    /// Takes a job. [`Job::finish`] is called when its transaction is durable or has failed.
    fn submit(&self, job: Box<dyn Job>, access: Access);
}

/// Something to do in a transaction, and somebody who waits for the result.
pub(super) trait Job: Send {
    /// Does it; whatever it has changed is undone if it fails. It may be called again after a failure that passes.
    fn run(&mut self, transaction: &mut dyn Transaction) -> Result<()>;

    /// Answers: with the result, or with what the transaction failed of.
    fn finish(self: Box<Self>, committed: Result<()>);
}

/// A closure as a job.
pub(super) struct Task<T, F> {
    work: F,
    result: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Task<T, F>
where
    F: Fn(&mut dyn Transaction) -> Result<T> + Send,
    T: Send,
{
    /// The job, and where its result comes.
    pub(super) fn new(work: F) -> (Box<Self>, oneshot::Receiver<Result<T>>) {
        let (reply, answer) = oneshot::channel();
        (Box::new(Self { work, result: None, reply }), answer)
    }
}

impl<T, F> Job for Task<T, F>
where
    F: Fn(&mut dyn Transaction) -> Result<T> + Send,
    T: Send,
{
    fn run(&mut self, transaction: &mut dyn Transaction) -> Result<()> {
        let result = (self.work)(transaction);
        let done = result.as_ref().map(|_| ()).map_err(Clone::clone);
        self.result = Some(result);
        done
    }

    fn finish(self: Box<Self>, committed: Result<()>) {
        let Self { result, reply, .. } = *self;
        let not_run = || Err(LedgerError::Unavailable("it has stopped".to_owned()));
        // Who asked may have gone; the change stays made.
        let _ = reply.send(committed.and_then(|()| result.unwrap_or_else(not_run)));
    }
}
