//! The form with a tail: writing it, finding the tail again, replacing it.

use std::io::{self, Seek, SeekFrom, Write};

use super::header::{
    FLAG_EXTRA, HEADER_BYTES, MAGIC, MAX_TAIL, SUBFIELD_BYTES, SUBFIELD_ID, SUBFIELD_VERSION, SYNC_END,
    TAIL_HEADER_BYTES, TRAILER_BYTES,
};
use super::write::{Deflate, header, trailer};
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};
use crate::workers::cores;

/// Compresses what is written to it into one gzip member that ends with a tail.
pub struct TailWriter<W> {
    deflate: Deflate<W>,
    start: u64,
}

impl<W: Write + Seek> TailWriter<W> {
    /// Writes the header; `level` is 0 to 9.
    pub fn new(mut out: W, level: u32) -> io::Result<Self> {
        let start = out.stream_position()?;
        out.write_all(&header(FLAG_EXTRA, level))?;
        out.write_all(&(SUBFIELD_BYTES + 4).to_le_bytes())?;
        out.write_all(&SUBFIELD_ID)?;
        out.write_all(&SUBFIELD_BYTES.to_le_bytes())?;
        out.write_all(&[0; SUBFIELD_BYTES as usize])?;
        Ok(Self { deflate: Deflate::new(out, level, cores()), start })
    }

    /// Ends the member with `tail`, and goes back to say in the header where it starts.
    pub fn finish_with_tail(self, tail: &[u8]) -> io::Result<W> {
        let deflated = self.deflate.finish()?;
        let prefix = Prefix {
            tail_offset: TAIL_HEADER_BYTES + deflated.written,
            len: deflated.len,
            crc: deflated.crc.clone().finalize(),
        };
        let mut out = deflated.out;
        out.write_all(&prefix.end_with(tail)?)?;
        let end = out.stream_position()?;
        out.seek(SeekFrom::Start(self.start + HEADER_BYTES + 6))?;
        out.write_all(&prefix.to_subfield())?;
        out.seek(SeekFrom::Start(end))?;
        Ok(out)
    }
}

impl<W: Write> Write for TailWriter<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.deflate.write(buf)
    }

    /// Does nothing, as in [`super::Writer`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compresses what is written to it into one gzip member that ends with a tail, and writes nowhere where the tail starts:
/// for a file that has a better place for it, and a digest that has seen the member's first bytes already.
pub struct PrefixWriter<W> {
    deflate: Deflate<W>,
}

impl<W: Write> PrefixWriter<W> {
    /// Writes the header; `level` is 0 to 9.
    pub fn new(mut out: W, level: u32) -> io::Result<Self> {
        out.write_all(&header(0, level))?;
        Ok(Self { deflate: Deflate::new(out, level, cores()) })
    }

    /// Writes out all that comes before the tail.
    pub fn settle(&mut self) -> io::Result<&mut W> {
        self.deflate.settle()
    }

    /// Ends the member with `tail`, and says where that starts.
    pub fn finish_with_tail(self, tail: &[u8]) -> io::Result<(W, Prefix)> {
        let deflated = self.deflate.finish()?;
        let tail_offset = HEADER_BYTES + deflated.written;
        let prefix = Prefix { tail_offset, len: deflated.len, crc: deflated.crc.clone().finalize() };
        let mut out = deflated.out;
        out.write_all(&prefix.end_with(tail)?)?;
        Ok((out, prefix))
    }
}

impl<W: Write> Write for PrefixWriter<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.deflate.write(buf)
    }

    /// Does nothing, as in [`super::Writer`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What comes before a tail; the extra subfield says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// Where the tail starts, from the start of the member.
    pub tail_offset: u64,
    /// The length of what the blocks before the tail decode to.
    pub len: u64,
    /// Its CRC32.
    pub crc: u32,
}

impl Prefix {
    /// What comes before a tail at `tail_offset`, when `decoded` is what its blocks decode to.
    #[must_use]
    pub fn new(decoded: &[u8], tail_offset: u64) -> Self {
        let mut crc = crc32fast::Hasher::new();
        crc.update(decoded);
        Self { tail_offset, len: decoded.len() as u64, crc: crc.finalize() }
    }

    fn to_subfield(self) -> Vec<u8> {
        let mut out = vec![SUBFIELD_VERSION];
        out.extend(self.tail_offset.to_le_bytes());
        out.extend(self.len.to_le_bytes());
        out.extend(self.crc.to_le_bytes());
        out
    }

    /// What follows the prefix: the stored block and the end of the member.
    ///
    /// # Errors
    /// The tail is longer than one stored block can be.
    pub fn end_with(&self, tail: &[u8]) -> io::Result<Vec<u8>> {
        let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "a tail is longer than one stored block");
        let len = u16::try_from(tail.len()).map_err(too_long)?;
        // Room for all of it: what a vector grows out of is not wiped, and the tail may be a secret.
        let mut out = Vec::with_capacity(5 + tail.len() + TRAILER_BYTES as usize);
        out.push(1);
        out.extend(len.to_le_bytes());
        out.extend((!len).to_le_bytes());
        out.extend(tail);
        out.extend(trailer(&self.crc_with(tail), self.len.wrapping_add(tail.len() as u64)));
        Ok(out)
    }

    fn crc_with(&self, tail: &[u8]) -> crc32fast::Hasher {
        let mut crc = crc32fast::Hasher::new_with_initial_len(self.crc, self.len);
        let mut rest = crc32fast::Hasher::new();
        rest.update(tail);
        crc.combine(&rest);
        crc
    }
}

/// The tail of a member, found and checked.
#[derive(Debug, Clone)]
pub struct Tail {
    prefix: Prefix,
    bytes: Vec<u8>,
}

impl Tail {
    /// Finds the tail of the member that is the `len` bytes at `start`. Reads the header and the last block.
    pub fn open(file: &(impl ReadAt + ?Sized), start: u64, len: u64) -> Result<Self, Error> {
        Self::behind(file, start, len, subfield(file, start)?, TAIL_HEADER_BYTES)
    }

    /// The tail of a member of a [`PrefixWriter`], whose place stands elsewhere. Reads the last block.
    pub fn at(file: &(impl ReadAt + ?Sized), start: u64, len: u64, prefix: Prefix) -> Result<Self, Error> {
        Self::behind(file, start, len, prefix, HEADER_BYTES)
    }

    fn behind(
        file: &(impl ReadAt + ?Sized),
        start: u64,
        len: u64,
        prefix: Prefix,
        header_bytes: u64,
    ) -> Result<Self, Error> {
        let last = prefix.tail_offset.checked_sub(4).filter(|at| *at >= header_bytes);
        let field = Problem::Value { field: "tail offset", found: prefix.tail_offset, expected: "inside the member" };
        // A sync flush ends the prefix, unless the prefix is empty.
        let sync = match last {
            Some(at) if at < len => read_vec(file, "deflate sync flush", start + at, 4, 4)? == SYNC_END,
            None => prefix.tail_offset == header_bytes && prefix.len == 0,
            Some(_) => false,
        };
        let rest = len.checked_sub(prefix.tail_offset).filter(|_| sync);
        let rest = rest.ok_or(Malformed { structure: "gzip tail index", offset: start, problem: field })?;
        let at = start + prefix.tail_offset;
        let limit = MAX_TAIL + 5 + TRAILER_BYTES as usize;
        let block = read_vec(file, "gzip tail", at, rest, limit)?;
        let bytes = stored_block(&block, at, &prefix)?;
        Ok(Self { prefix, bytes })
    }

    /// The tail's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes of the member are kept when the tail is replaced, and which bytes follow them.
    pub fn replace(&self, tail: &[u8]) -> io::Result<(u64, Vec<u8>)> {
        Ok((self.prefix.tail_offset, self.prefix.end_with(tail)?))
    }
}

fn subfield(file: &(impl ReadAt + ?Sized), start: u64) -> Result<Prefix, Error> {
    let bytes = read_vec(file, "gzip header", start, TAIL_HEADER_BYTES, TAIL_HEADER_BYTES as usize)?;
    let mut reader = Reader::new("gzip header", start, &bytes);
    let no_magic = reader.wrong(Problem::Missing { what: "the magic of a deflated gzip member" });
    if reader.array::<3>()? != MAGIC {
        return Err(no_magic.into());
    }
    let no_index = reader.wrong(Problem::Missing { what: "the index of the tail, an extra field `Sw`," });
    let flags = reader.u8()?;
    reader.skip(6)?;
    let lengths = (flags, reader.u16_le()?, reader.array::<2>()?, reader.u16_le()?, reader.u8()?);
    if lengths != (FLAG_EXTRA, SUBFIELD_BYTES + 4, SUBFIELD_ID, SUBFIELD_BYTES, SUBFIELD_VERSION) {
        return Err(no_index.into());
    }
    let prefix = Prefix { tail_offset: reader.u64_le()?, len: reader.u64_le()?, crc: reader.u32_le()? };
    reader.finish()?;
    Ok(prefix)
}

/// The bytes of the last block, which must be a stored one, with the trailer after it.
fn stored_block(block: &[u8], at: u64, prefix: &Prefix) -> Result<Vec<u8>, Malformed> {
    let mut reader = Reader::new("deflate stored block", at, block);
    let kind = reader.wrong(Problem::Data { what: "the last block is not a stored one" });
    // BFINAL 1, BTYPE 00; the five bits up to the byte boundary are ignored by inflaters, written as zeros by us.
    if reader.u8()? != 1 {
        return Err(kind);
    }
    let lengths = reader.wrong(Problem::Mismatch { what: "LEN and NLEN" });
    let (len, not_len) = (reader.u16_le()?, reader.u16_le()?);
    if len != !not_len {
        return Err(lengths);
    }
    let bytes = reader.take(usize::from(len))?.to_vec();
    let mut reader = reader.renamed("gzip trailer");
    let checksum = reader.wrong(Problem::Mismatch { what: "the checksum and the tail index" });
    let expected = trailer(&prefix.crc_with(&bytes), prefix.len.wrapping_add(u64::from(len)));
    if reader.array::<8>()? != expected {
        return Err(checksum);
    }
    reader.finish()?;
    Ok(bytes)
}
