//! The plain form: header, deflate blocks, trailer.

use std::io::{self, Write};

use flate2::{Compress, Compression, FlushCompress};
use libdeflater::{CompressionLvl, Compressor};

use super::header::{CHUNK_BYTES, HEADER_BYTES, MAGIC, OS_UNIX};
use crate::deflate::open_end;
use crate::workers::{Workers, cores};

/// Compresses what is written to it into one gzip member.
pub struct Writer<W> {
    deflate: Deflate<W>,
}

impl<W: Write> Writer<W> {
    /// Writes the header; `level` is 0 to 12, libdeflate's.
    pub fn new(out: W, level: u32) -> io::Result<Self> {
        Self::with_threads(out, level, cores())
    }

    /// The same with a given number of threads; the bytes do not depend on it.
    pub fn with_threads(mut out: W, level: u32, threads: usize) -> io::Result<Self> {
        out.write_all(&header(0, level))?;
        Ok(Self { deflate: Deflate::new(out, level, threads) })
    }

    /// Ends the member.
    pub fn finish(self) -> io::Result<W> {
        let mut deflated = self.deflate.finish()?;
        // An empty block of fixed codes with BFINAL: 1, 01, 0000000 and padding.
        deflated.out.write_all(&[0x03, 0x00])?;
        deflated.out.write_all(&trailer(&deflated.crc, deflated.len))?;
        Ok(deflated.out)
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.deflate.write(buf)
    }

    /// Does nothing: chunks are cut by length only, so that the bytes do not depend on who flushes when.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The ten bytes that a member starts with.
pub(super) fn header(flags: u8, level: u32) -> [u8; HEADER_BYTES as usize] {
    // XFL 2: slowest, best; 4: fastest; gzip itself writes 2 for level 9 and 4 for level 1.
    let xfl = match level {
        9.. => 2,
        0 | 1 => 4,
        _ => 0,
    };
    let [id1, id2, method] = MAGIC;
    [id1, id2, method, flags, 0, 0, 0, 0, xfl, OS_UNIX]
}

/// CRC32 and ISIZE; the latter is the length modulo 2^32 (RFC 1952 §2.3.1).
#[allow(clippy::cast_possible_truncation)]
pub(super) fn trailer(crc: &crc32fast::Hasher, len: u64) -> [u8; 8] {
    let mut out = [0; 8];
    let (a, b) = out.split_at_mut(4);
    a.copy_from_slice(&crc.clone().finalize().to_le_bytes());
    b.copy_from_slice(&(len as u32).to_le_bytes());
    out
}

/// Deflate blocks that end at a byte boundary and without a last block.
pub(super) struct Deflate<W> {
    out: W,
    chunk: Vec<u8>,
    workers: Workers<Vec<u8>, io::Result<Piece>>,
    crc: crc32fast::Hasher,
    len: u64,
    written: u64,
}

/// What [`Deflate`] leaves when all is written.
pub(super) struct Deflated<W> {
    pub(super) out: W,
    pub(super) crc: crc32fast::Hasher,
    /// Bytes that came in.
    pub(super) len: u64,
    /// Bytes that went out.
    pub(super) written: u64,
}

struct Piece {
    deflated: Vec<u8>,
    crc: crc32fast::Hasher,
}

impl<W: Write> Deflate<W> {
    pub(super) fn new(out: W, level: u32, threads: usize) -> Self {
        Self {
            out,
            chunk: Vec::new(),
            workers: Workers::new(threads, threads, move |data: Vec<u8>| piece(&data, level)),
            crc: crc32fast::Hasher::new(),
            len: 0,
            written: 0,
        }
    }

    fn cut(&mut self) -> io::Result<()> {
        let data = std::mem::take(&mut self.chunk);
        self.len += data.len() as u64;
        if let Some(piece) = self.workers.push(data)? {
            self.put(&piece?)?;
        }
        Ok(())
    }

    fn put(&mut self, piece: &Piece) -> io::Result<()> {
        self.crc.combine(&piece.crc);
        self.written += piece.deflated.len() as u64;
        self.out.write_all(&piece.deflated)
    }

    /// Writes out what has come in.
    pub(super) fn settle(&mut self) -> io::Result<&mut W> {
        if !self.chunk.is_empty() {
            self.cut()?;
        }
        while let Some(piece) = self.workers.pop()? {
            self.put(&piece?)?;
        }
        Ok(&mut self.out)
    }

    pub(super) fn finish(mut self) -> io::Result<Deflated<W>> {
        self.settle()?;
        Ok(Deflated { out: self.out, crc: self.crc, len: self.len, written: self.written })
    }

    pub(super) fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = buf.len().min(CHUNK_BYTES.saturating_sub(self.chunk.len()));
        self.chunk.extend_from_slice(buf.split_at(n).0);
        if self.chunk.len() == CHUNK_BYTES {
            self.cut()?;
        }
        Ok(n)
    }
}

fn piece(data: &[u8], level: u32) -> io::Result<Piece> {
    let deflated = if level == 0 { stored(data)? } else { deflate(data, level)? };
    let mut crc = crc32fast::Hasher::new();
    crc.update(data);
    Ok(Piece { deflated, crc })
}

/// A compressor of its own for each chunk: its bytes depend on nothing but the chunk.
fn deflate(data: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let level = i32::try_from(level).ok().and_then(|level| CompressionLvl::new(level).ok());
    let level = level.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "libdeflate has levels up to 12"))?;
    let mut compressor = Compressor::new(level);
    let mut deflated = vec![0; compressor.deflate_compress_bound(data.len())];
    let len = compressor.deflate_compress(data, &mut deflated).map_err(io::Error::other)?;
    deflated.truncate(len);
    open_end(&mut deflated)?;
    Ok(deflated)
}

/// Stored blocks that end as a sync flush does.
fn stored(data: &[u8]) -> io::Result<Vec<u8>> {
    let mut deflater = Compress::new(Compression::none(), false);
    // 5 bytes for at least 2^14.
    let mut deflated = Vec::with_capacity(data.len() + data.len() / 1024 + (40 << 10));
    deflater.compress_vec(data, &mut deflated, FlushCompress::Sync)?;
    if deflater.total_in() != data.len() as u64 || deflated.len() == deflated.capacity() {
        return Err(io::Error::other("deflate needs more space than its worst case"));
    }
    Ok(deflated)
}
