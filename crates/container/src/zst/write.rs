//! Writes a frame: libzstd's blocks, then the tail.

use std::io::{self, Write};

use zstd::stream::raw::{CParameter, Encoder, Operation, OutBuffer};

use super::header::{DESCRIPTOR, MAGIC, MAX_TAIL};
use crate::workers::cores;

/// What one of libzstd's workers compresses at a time. Its own choice is four windows, which leaves cores without work at the end.
const JOB_BYTES: u32 = 8 << 20;
/// Each worker holds a job, its output and its tables; more than eight would take too much memory.
const MAX_THREADS: usize = 8;
/// The window, as log2: 4 MiB, that of libzstd's levels 9 to 15. The levels below it find a hundredth more with it, for no more time.
const WINDOW_LOG: u32 = 22;
/// The window of an empty frame: 2^(10 + 11) bytes (RFC 8878 §3.1.1.1.2).
const WINDOW: u8 = 11 << 3;
/// A raw block with the last flag: type 0 in bits 1 and 2, flag in bit 0, size from bit 3.
const LAST: u32 = 1;

/// Compresses what is written to it into one zstd frame.
pub struct Writer<W> {
    out: W,
    encoder: Encoder<'static>,
    buffer: Vec<u8>,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// A frame at `level`, 1 to 19, with a window of 4 MiB at each of them.
    pub fn new(out: W, level: i32) -> io::Result<Self> {
        Self::with_threads(out, level, cores().min(MAX_THREADS))
    }

    /// The same with a given number of threads; the bytes do not depend on it.
    pub fn with_threads(out: W, level: i32, threads: usize) -> io::Result<Self> {
        let mut encoder = Encoder::new(level.clamp(1, 19))?;
        encoder.set_parameter(CParameter::NbWorkers(u32::try_from(threads.max(1)).unwrap_or(1)))?;
        encoder.set_parameter(CParameter::JobSize(JOB_BYTES))?;
        encoder.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
        encoder.set_parameter(CParameter::ContentSizeFlag(false))?;
        encoder.set_parameter(CParameter::ChecksumFlag(false))?;
        Ok(Self { out, encoder, buffer: vec![0; 256 << 10], written: 0 })
    }

    /// Writes out all that comes before the tail.
    pub fn settle(&mut self) -> io::Result<&mut W> {
        let mut buffer = std::mem::take(&mut self.buffer);
        loop {
            let mut output = OutBuffer::around(buffer.as_mut_slice());
            let left = self.encoder.flush(&mut output)?;
            let made = output.pos();
            self.put(made_of(&buffer, made)?)?;
            if left == 0 {
                break;
            }
        }
        if self.written == 0 {
            self.put(&MAGIC)?;
            self.put(&[DESCRIPTOR, WINDOW])?;
        }
        self.buffer = buffer;
        Ok(&mut self.out)
    }

    /// Ends the frame with `tail` as its last block.
    pub fn finish_with_tail(mut self, tail: &[u8]) -> io::Result<W> {
        self.settle()?;
        self.out.write_all(&end_with(tail)?)?;
        Ok(self.out)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// What the encoder has put into the buffer. It cannot have put more than there is room for.
fn made_of(buffer: &[u8], made: usize) -> io::Result<&[u8]> {
    buffer.get(..made).ok_or_else(|| io::Error::other("zstd claims more output than it had room for"))
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let read = loop {
            let status = self.encoder.run_on_buffers(buf, &mut buffer)?;
            self.put(made_of(&buffer, status.bytes_written)?)?;
            // While all workers are busy, a step may only give output; zero would mean the end to `write_all`.
            if status.bytes_read > 0 || buf.is_empty() {
                break status.bytes_read;
            }
        };
        self.buffer = buffer;
        Ok(read)
    }

    /// Does nothing: a flush would cut a block, and the bytes would depend on who flushes when.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The last block.
pub(super) fn end_with(tail: &[u8]) -> io::Result<Vec<u8>> {
    let len = u32::try_from(tail.len()).ok().filter(|_| tail.len() <= MAX_TAIL);
    let len = len.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a tail is longer than 65535 bytes"))?;
    let [a, b, c, _] = ((len << 3) | LAST).to_le_bytes();
    let mut out = Vec::with_capacity(3 + tail.len());
    out.extend([a, b, c]);
    out.extend(tail);
    Ok(out)
}
