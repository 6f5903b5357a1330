//! Work on all cores, results in order.
//!
//! A compressor cuts its input into jobs and wants the results back in the order of the jobs, with a bounded number
//! of them in memory. How the input is cut is the compressor's business and never depends on the number of threads,
//! so the bytes that come out are the same on every machine.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

type Queue<J, R> = mpsc::Receiver<(J, mpsc::SyncSender<R>)>;

/// Threads that turn jobs into results; [`Workers::push`] and [`Workers::pop`] give the results in the jobs' order.
///
/// A thread is started when a job comes and none is free to take it, so that small inputs start one.
/// Dropping the workers lets the threads finish what they have and end; nothing is written by them.
pub struct Workers<J, R> {
    work: Arc<dyn Fn(J) -> R + Send + Sync>,
    jobs: Option<mpsc::Sender<(J, mpsc::SyncSender<R>)>>,
    queue: Arc<Mutex<Queue<J, R>>>,
    waiting: VecDeque<mpsc::Receiver<R>>,
    started: usize,
    threads: usize,
    ahead: usize,
}

impl<J: Send + 'static, R: Send + 'static> Workers<J, R> {
    /// At most `threads` threads that do `work`; up to `ahead` more jobs are taken than there are threads.
    pub fn new(threads: usize, ahead: usize, work: impl Fn(J) -> R + Send + Sync + 'static) -> Self {
        let (jobs, queue) = mpsc::channel();
        Self {
            work: Arc::new(work),
            jobs: Some(jobs),
            queue: Arc::new(Mutex::new(queue)),
            waiting: VecDeque::new(),
            started: 0,
            threads: threads.max(1),
            ahead,
        }
    }

    /// Hands over a job. When as many are under way as may be, waits for the oldest and gives its result.
    pub fn push(&mut self, job: J) -> io::Result<Option<R>> {
        let done = if self.waiting.len() >= self.threads + self.ahead { self.pop()? } else { None };
        if self.started < self.threads {
            self.start()?;
        }
        let (result, receiver) = mpsc::sync_channel(1);
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send((job, result)).map_err(|_| stopped())?;
        self.waiting.push_back(receiver);
        Ok(done)
    }

    /// Waits for the oldest result; none when no job is under way.
    pub fn pop(&mut self) -> io::Result<Option<R>> {
        let Some(oldest) = self.waiting.pop_front() else { return Ok(None) };
        oldest.recv().map(Some).map_err(|_| stopped())
    }

    fn start(&mut self) -> io::Result<()> {
        let (queue, work) = (Arc::clone(&self.queue), Arc::clone(&self.work));
        thread::Builder::new().name("compress".into()).spawn(move || {
            loop {
                // The lock is held while waiting for a job: the next thread waits for the lock instead.
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok((job, result)) = next else { return };
                // The receiver is gone when the workers were dropped.
                let _ = result.send(work(job));
            }
        })?;
        self.started += 1;
        Ok(())
    }
}

impl<J, R> Drop for Workers<J, R> {
    fn drop(&mut self) {
        self.jobs = None;
    }
}

fn stopped() -> io::Error {
    io::Error::other("a worker thread stopped")
}

/// How many threads the machine runs at once.
#[must_use]
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn results_come_in_order_and_few_are_under_way() {
        let mut workers = Workers::new(3, 2, |n: u64| {
            thread::sleep(Duration::from_millis(n % 7));
            n * n
        });
        let mut out = Vec::new();
        for n in 0..50 {
            out.extend(workers.push(n).unwrap());
            assert!(workers.waiting.len() <= 5);
        }
        while let Some(result) = workers.pop().unwrap() {
            out.push(result);
        }
        assert_eq!(out, (0..50).map(|n| n * n).collect::<Vec<_>>());
    }

    #[test]
    fn a_worker_that_panics_is_an_error() {
        let mut workers = Workers::new(1, 0, |n: u8| assert_eq!(n, 0, "on purpose"));
        workers.push(1).unwrap();
        assert!(workers.pop().is_err());
    }
}
