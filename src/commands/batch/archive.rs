//! A batch into one archive, to a file or to standard output: written from front to back with nothing kept but the
//! archive's own directory.
//!
//! Members are stored, so that a row is its installer's bytes and nothing else. Their CRC-32 stands before them, and costs
//! nothing: the sum of a range of the base is taken once and then combined with those of a row's own few bytes. A stream
//! cannot be taken up again after an interruption; a file appears only when it is whole.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use container::ReadAt;
use container::at::{Cursor, Window};
use container::workers::{Workers, cores};
use container::zip::{Member, ZipWriter};
use crc32fast::Hasher;
use installer::proof::hex;
use installer::splice::{Piece, Splice};

use super::journal::{self, Entry};
use super::{Batch, Done};
use crate::failure::Failure;
use crate::progress::Count;

/// How many sums of ranges are kept: a base's stamps keep the same few.
const SUMS: usize = 64;

/// Stamps every row into an archive on `out`.
pub fn run(batch: &Arc<Batch>, out: &mut dyn Write, name: &Path) -> Result<Done, Failure> {
    let count = Count::new("stamping", batch.rows.len());
    let sums = Mutex::new(BTreeMap::new());
    let shared = Arc::clone(batch);
    let mut workers = Workers::new(cores(), cores(), move |row: usize| one(&shared, row, &sums));
    let mut zip = ZipWriter::new(out);
    let mut entries = Vec::with_capacity(batch.rows.len());
    let mut done = Done::default();
    let mut next = 0;
    loop {
        let ready = if next < batch.rows.len() {
            next += 1;
            workers.push(next - 1)
        } else {
            match workers.pop() {
                Ok(None) => break,
                other => other,
            }
        };
        let Some(ready) = ready.map_err(Failure::io("write", name))? else { continue };
        let Ready { entry, splice, crc32 } = ready?;
        let member = Member { path: &entry.file, len: splice.len(), crc32, mode: 0o600 };
        zip.member(member, |mut out| splice.write_to(batch.base.bytes(), &mut out))
            .map_err(Failure::io("write", name))?;
        done.files += 1;
        done.stamped += 1;
        done.bytes += entry.size;
        entries.push(entry);
        count.advance();
    }
    let all: Vec<&Entry> = entries.iter().collect();
    for (path, text) in [(journal::JSON_LINES, journal::json_lines(&all)?), (journal::CSV, journal::csv(&all)?)] {
        let member = Member { path, len: text.len() as u64, crc32: crc32fast::hash(&text), mode: 0o600 };
        zip.member(member, |out| out.write_all(&text)).map_err(Failure::io("write", name))?;
    }
    zip.finish().map_err(Failure::io("write", name))?;
    Ok(done)
}

/// A row that can be written.
struct Ready {
    entry: Entry,
    splice: Splice,
    crc32: u32,
}

/// The sums of ranges of the base.
type Sums = Mutex<BTreeMap<(u64, u64), Hasher>>;

fn one(batch: &Batch, row: usize, sums: &Sums) -> Result<Ready, Failure> {
    let row = batch.rows.get(row).ok_or_else(|| Failure::wrong("a row was lost"))?;
    let token = batch.token(row)?;
    let splice = batch.stamp(&token)?;
    let read = |error| Failure::io("read", &batch.path)(error);
    let digest = match batch.digests {
        true => Some(hex(&splice.sha256(batch.base.bytes()).map_err(read)?)),
        false => None,
    };
    let crc32 = crc32(&splice, batch.base.bytes(), sums).map_err(read)?;
    Ok(Ready { entry: batch.entry(row, &token, &splice, digest), splice, crc32 })
}

fn crc32(splice: &Splice, base: &dyn ReadAt, sums: &Sums) -> io::Result<u32> {
    let mut all = Hasher::new();
    for piece in splice.slice(0..splice.len()) {
        match piece {
            Piece::Put(bytes) => all.update(bytes),
            Piece::Keep(range) => {
                let known = || sums.lock().unwrap_or_else(PoisonError::into_inner);
                let key = (range.start, range.end);
                let found = known().get(&key).cloned();
                let sum = match found {
                    Some(sum) => sum,
                    None => {
                        let sum = sum(base, range.start, range.end - range.start)?;
                        let mut known = known();
                        if known.len() >= SUMS {
                            known.clear();
                        }
                        known.insert(key, sum.clone());
                        sum
                    }
                };
                all.combine(&sum);
            }
        }
    }
    Ok(all.finalize())
}

fn sum(base: &dyn ReadAt, start: u64, len: u64) -> io::Result<Hasher> {
    let window = Window::new("base", base, start, len).map_err(io::Error::other)?;
    let mut hasher = Hasher::new();
    io::copy(&mut Cursor::new(&window), &mut Sink(&mut hasher))?;
    Ok(hasher)
}

struct Sink<'a>(&'a mut Hasher);

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
