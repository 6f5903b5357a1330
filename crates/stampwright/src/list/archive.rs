//! A batch into one archive, to a file or to standard output: written from front to back with nothing kept but the
//! archive's own directory.
//!
//! Members are stored, so that a row is its installer's bytes and nothing else. Their CRC-32 stands before them, and costs
//! nothing: the sum of a range of the base is taken once and then combined with those of a row's own few bytes. A stream
//! cannot be taken up again after an interruption; a file appears only when it is whole.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use container::ReadAt;
use container::read_at::{Cursor, Window};
use container::workers::{Workers, cores};
use container::zip::{Member, ZipWriter};
use crc32fast::Hasher;
use installer::format::Progress;
use installer::splice::Piece;

use super::done::Done;
use super::journal::{self, Entry};
use super::names::{CSV, JSON_LINES};
use super::rows::List;
use crate::disk;
use crate::error::{Error, Result};
use crate::observer::{Activity, Event, Observer, Unit};
use crate::output::{Opened, Readers};
use crate::stamp::Stamp;

/// How many sums of ranges are kept: a base's stamps keep the same few.
const SUMS: usize = 64;

impl List {
    /// Stamps every row into a ZIP archive, which appears at `path` when it is whole.
    pub fn to_archive(self: &Arc<Self>, path: &Path, observer: &dyn Observer) -> Result<Done> {
        let opened = Opened::create(path)?;
        observer.notice(&Event::Note("an archive cannot be taken up again after an interruption; a folder can"));
        let mut pending = match opened {
            Opened::File(pending) => pending,
            Opened::Stream(stream) => {
                let mut out = BufWriter::with_capacity(1 << 16, stream);
                let done = self.write_archive(&mut out, path, observer)?;
                out.flush().map_err(Error::io("write", path))?;
                return Ok(done);
            }
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let needed = self.max_bytes();
        let free = disk::free(folder).map_err(Error::io("ask for free space in", folder))?;
        if let Some(free) = free.filter(|free| free.bytes < needed) {
            let message = format!("{}: needs {needed} bytes, {} are free", path.display(), free.bytes);
            return Err(Error::machine(message).hint("nothing was written"));
        }
        let done = self.write_archive(pending.file(), path, observer)?;
        pending.finish(Readers::Owner)?;
        Ok(done)
    }

    /// Stamps every row into a ZIP archive on a stream. `name` is the stream's, for messages.
    pub(crate) fn write_archive(
        self: &Arc<Self>,
        out: &mut (impl Write + ?Sized),
        name: &Path,
        observer: &dyn Observer,
    ) -> Result<Done> {
        let activity = Activity::new(observer, "stamping", self.rows.len() as u64, Unit::Installers);
        let sums = Mutex::new(BTreeMap::new());
        let shared = Arc::clone(self);
        let mut workers = Workers::new(cores(), cores(), move |row: usize| shared.ready(row, &sums));
        let mut zip = ZipWriter::new(out);
        let mut entries = Vec::with_capacity(self.rows.len());
        let mut done = Done::default();
        let mut next = 0;
        loop {
            let ready = if next < self.rows.len() {
                next += 1;
                workers.push(next - 1)
            } else {
                match workers.pop() {
                    Ok(None) => break,
                    other => other,
                }
            };
            let Some(ready) = ready.map_err(Error::io("write", name))? else { continue };
            let Ready { entry, stamp, crc32 } = ready?;
            let member = Member { path: &entry.file, len: stamp.len(), crc32, mode: 0o600 };
            zip.member(member, |mut out| stamp.write_to(&mut out)).map_err(Error::io("write", name))?;
            done.files += 1;
            done.stamped += 1;
            done.bytes += entry.size;
            entries.push(entry);
            activity.advance(1);
        }
        let all: Vec<&Entry> = entries.iter().collect();
        for (path, text) in [(JSON_LINES, journal::json_lines(&all)?), (CSV, journal::csv(&all)?)] {
            let member = Member { path, len: text.len() as u64, crc32: crc32fast::hash(&text), mode: 0o600 };
            zip.member(member, |out| out.write_all(&text)).map_err(Error::io("write", name))?;
        }
        zip.finish().map_err(Error::io("write", name))?;
        Ok(done)
    }

    fn ready(&self, row: usize, sums: &Sums) -> Result<Ready> {
        let row = self.rows.get(row).ok_or_else(|| Error::wrong("a row was lost"))?;
        let token = self.token(row)?;
        let stamp = self.stamp(&token)?;
        let digest = self.digest(&stamp)?;
        let crc32 = crc32(&stamp, sums).map_err(self.base.io("read"))?;
        Ok(Ready { entry: self.entry(row, &token, &stamp, digest), stamp, crc32 })
    }
}

/// A row that can be written.
struct Ready {
    entry: Entry,
    stamp: Stamp,
    crc32: u32,
}

/// The sums of ranges of the base.
type Sums = Mutex<BTreeMap<(u64, u64), Hasher>>;

fn crc32(stamp: &Stamp, sums: &Sums) -> io::Result<u32> {
    let base = stamp.base().bytes();
    let mut all = Hasher::new();
    for piece in stamp.splice().slice(0..stamp.len()) {
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
