//! Writes a compound file front to back: bulk streams whose length is not known in advance, then the rest.

use std::io::{self, Seek, SeekFrom, Write};

use super::MINI_CUTOFF;
use super::layout::{Bulk, Refusal, SECTOR, Stream, bulk_fat, frame};

/// Why a compound file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The streams do not fit into a compound file.
    #[error(transparent)]
    Refusal(#[from] Refusal),
    /// The output failed.
    #[error("write the compound file: {0}")]
    Io(#[from] io::Error),
}

/// A compound file on its way. Its output starts where `out` stands and is written once, but for the header and for what a
/// bulk stream's writer goes back to.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    clsid: [u8; 16],
    /// Where the file starts in `out`.
    origin: u64,
    bulk: Vec<Bulk>,
    /// Bulk streams that turned out to be short enough for the mini stream.
    short: Vec<(Vec<u16>, Vec<u8>)>,
    /// Where the next bulk stream starts, from `origin`.
    end: u64,
}

impl<W: Write + Seek> Writer<W> {
    /// Starts a file whose root has the class `clsid`.
    pub fn new(mut out: W, clsid: [u8; 16]) -> io::Result<Self> {
        let origin = out.stream_position()?;
        out.write_all(&[0; SECTOR])?;
        Ok(Self { out, clsid, origin, bulk: Vec::new(), short: Vec::new(), end: SECTOR as u64 })
    }

    /// Lets `write` write the stream `name`; it may go back in what it wrote.
    pub fn bulk<T, E: From<io::Error>>(
        &mut self,
        name: &[u16],
        write: impl FnOnce(&mut BulkWriter<'_, W>) -> Result<T, E>,
    ) -> Result<T, E> {
        let start = self.origin + self.end;
        self.out.seek(SeekFrom::Start(start))?;
        let mut stream = BulkWriter { out: &mut self.out, start, position: 0, len: 0, head: Vec::new() };
        let done = write(&mut stream)?;
        let (len, head) = (stream.len, stream.head);
        if len < MINI_CUTOFF {
            self.short.push((name.to_vec(), head));
            return Ok(done);
        }
        let padded = len.next_multiple_of(SECTOR as u64);
        self.out.seek(SeekFrom::Start(start + len))?;
        io::copy(&mut io::Read::take(io::repeat(0), padded - len), &mut self.out)?;
        self.bulk.push(Bulk { name: name.to_vec(), len_bytes: len });
        self.end += padded;
        Ok(done)
    }

    /// Writes everything else and the header; gives the output back, which stands at the end of the file, and the file's length.
    pub fn finish(mut self, streams: &[Stream<'_>]) -> Result<(W, u64), WriteError> {
        let mut all = streams.to_vec();
        all.extend(self.short.iter().map(|(name, data)| Stream { name, data }));
        let frame = frame(self.clsid, &self.bulk, &all)?;
        self.out.seek(SeekFrom::Start(self.origin))?;
        self.out.write_all(&frame.header)?;
        self.out.seek(SeekFrom::Start(self.origin + self.end))?;
        for sector in bulk_fat(&self.bulk)? {
            self.out.write_all(&sector)?;
        }
        self.out.write_all(&frame.tail)?;
        self.out.flush()?;
        Ok((self.out, frame.file_len()))
    }
}

/// Where a bulk stream's bytes go; position 0 is the stream's start.
#[derive(Debug)]
pub struct BulkWriter<'w, W> {
    out: &'w mut W,
    start: u64,
    position: u64,
    len: u64,
    /// The first bytes once more, should there be no others: a short stream does not stay where it was written.
    head: Vec<u8>,
}

impl<W: Write + Seek> Write for BulkWriter<'_, W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.out.write(buf)?;
        let written = crate::stream::moved(buf, n)?;
        for (at, byte) in (self.position..MINI_CUTOFF).zip(written) {
            let Ok(at) = usize::try_from(at) else { break };
            if at >= self.head.len() {
                self.head.resize(at + 1, 0);
            }
            if let Some(place) = self.head.get_mut(at) {
                *place = *byte;
            }
        }
        self.position += n as u64;
        self.len = self.len.max(self.position);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write + Seek> Seek for BulkWriter<'_, W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(by) => (self.len, by),
            SeekFrom::Current(by) => (self.position, by),
        };
        let wanted = from.checked_add_signed(by).filter(|at| *at <= self.len).ok_or(io::ErrorKind::InvalidInput)?;
        self.out.seek(SeekFrom::Start(self.start + wanted))?;
        self.position = wanted;
        Ok(wanted)
    }
}
