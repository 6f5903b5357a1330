//! A folder's blocks on all cores, in order, with a bounded number in memory.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};

use super::BLOCK;
use super::mszip::{Compression, Packer};

/// Blocks that a thread takes at a time.
const AT_ONCE: usize = 32;

/// Raw bytes on their way to a thread.
struct Job {
    number: u64,
    /// Up to [`AT_ONCE`] blocks.
    bytes: Vec<u8>,
}

/// What has been written of a folder.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Written {
    pub(super) blocks: u64,
    pub(super) bytes: u64,
}

/// Reads all of `raw`, writes it as CFDATA blocks. The result does not depend on `threads`.
pub(super) fn write(
    raw: &mut dyn Read,
    compression: Compression,
    threads: NonZeroUsize,
    out: &mut (impl Write + ?Sized),
) -> io::Result<Written> {
    let (jobs, to_do) = mpsc::channel::<Job>();
    let (results, done) = mpsc::channel();
    let to_do = Mutex::new(to_do);
    std::thread::scope(|scope| {
        for _ in 0..threads.get() {
            let (to_do, results) = (&to_do, results.clone());
            scope.spawn(move || work(to_do, &results, compression));
        }
        drop(results);
        // Dropped at the end or on the first error, which ends the threads.
        feed(raw, jobs, &done, 2 * threads.get() as u64, out)
    })
}

/// Gives out jobs, at most `ahead` at a time, and writes results in order.
fn feed(
    raw: &mut dyn Read,
    jobs: Sender<Job>,
    done: &Receiver<(u64, io::Result<Vec<u8>>)>,
    ahead: u64,
    out: &mut (impl Write + ?Sized),
) -> io::Result<Written> {
    let mut written = Written::default();
    let (mut given, mut finished) = (0, 0);
    let mut waiting = BTreeMap::new();
    let mut more = true;
    while more || finished < given {
        if more && given - finished < ahead {
            let mut bytes = Vec::with_capacity(AT_ONCE * BLOCK);
            let read = raw.take((AT_ONCE * BLOCK) as u64).read_to_end(&mut bytes)?;
            written.blocks += read.div_ceil(BLOCK) as u64;
            more = read == AT_ONCE * BLOCK;
            if read > 0 {
                jobs.send(Job { number: given, bytes }).map_err(io::Error::other)?;
                given += 1;
            }
            continue;
        }
        let (number, result) = done.recv().map_err(io::Error::other)?;
        waiting.insert(number, result?);
        while let Some(packed) = waiting.remove(&finished) {
            out.write_all(&packed)?;
            written.bytes += packed.len() as u64;
            finished += 1;
        }
    }
    Ok(written)
}

/// A thread: packs jobs until there are none.
fn work(to_do: &Mutex<Receiver<Job>>, results: &Sender<(u64, io::Result<Vec<u8>>)>, compression: Compression) {
    loop {
        let next = to_do.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if results.send((job.number, pack(compression, &job))).is_err() {
            return;
        }
    }
}

fn pack(compression: Compression, job: &Job) -> io::Result<Vec<u8>> {
    let mut packer = Packer::new(compression)?;
    let mut out = Vec::with_capacity(job.bytes.len());
    packer.pack(&job.bytes, &mut out)?;
    Ok(out)
}
