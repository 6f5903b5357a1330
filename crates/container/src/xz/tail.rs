//! Finds the last block by the index, reads it, and replaces it.

use std::io;

use super::header::{
    CHECK_BYTES, CHUNK_UNCOMPRESSED, FILTER_LZMA2, FLAGS_ONE_FILTER, FOOTER_BYTES, FOOTER_MAGIC, MAX_TAIL,
    STREAM_FLAGS, STREAM_HEADER_BYTES, STREAM_MAGIC,
};
use super::write::{Index, Sizes};
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

/// An index of more bytes than this is refused; this one is for a terabyte.
const MAX_INDEX: usize = 1 << 20;
/// The tail's block: header, one chunk, padding, check.
const MAX_TAIL_BLOCK: usize = MAX_TAIL + 64;

/// The tail of a stream, found and checked.
#[derive(Debug, Clone)]
pub struct Tail {
    before: Index,
    bytes: Vec<u8>,
}

impl Tail {
    /// Finds the tail of the stream that is the `len` bytes at `start`. Reads header, footer, index and last block.
    pub fn open(file: &(impl ReadAt + ?Sized), start: u64, len: u64) -> Result<Self, Error> {
        stream_header(file, start)?;
        let end = start.saturating_add(len);
        let index_bytes = footer(file, end)?;
        let index_at = end.saturating_sub(FOOTER_BYTES + index_bytes);
        let raw = read_vec(file, "xz index", index_at, index_bytes, MAX_INDEX)?;
        let mut before = Index { blocks: index(&raw, index_at)? };
        let no_block =
            Malformed { structure: "xz index", offset: index_at, problem: Problem::Missing { what: "a block" } };
        let last = before.blocks.pop().ok_or(no_block)?;
        let at = start + before.tail_offset();
        let size = last.unpadded.next_multiple_of(4);
        if at + size != index_at {
            let problem = Problem::Mismatch { what: "the blocks' sizes and the stream's length" };
            return Err(Malformed { structure: "xz index", offset: index_at, problem }.into());
        }
        let block = read_vec(file, "xz tail block", at, size, MAX_TAIL_BLOCK)?;
        let bytes = tail_block(&block, at, last)?;
        Ok(Self { before, bytes })
    }

    /// The tail's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes of the stream are kept when the tail is replaced, and which bytes follow them.
    pub fn replace(&self, tail: &[u8]) -> io::Result<(u64, Vec<u8>)> {
        Ok((self.before.tail_offset(), self.before.end_with(tail)?))
    }
}

fn stream_header(file: &(impl ReadAt + ?Sized), start: u64) -> Result<(), Error> {
    let bytes = read_vec(file, "xz stream header", start, STREAM_HEADER_BYTES, 12)?;
    let mut reader = Reader::new("xz stream header", start, &bytes);
    let magic = reader.wrong(Problem::Missing { what: "the magic" });
    if reader.array::<6>()? != STREAM_MAGIC {
        return Err(magic.into());
    }
    let flags = reader.wrong(Problem::Data { what: "the check is not CRC32" });
    if reader.array::<2>()? != STREAM_FLAGS {
        return Err(flags.into());
    }
    let crc = reader.wrong(Problem::Mismatch { what: "the flags and their checksum" });
    if reader.u32_le()? != crc32fast::hash(&STREAM_FLAGS) {
        return Err(crc.into());
    }
    Ok(())
}

/// The index's length, from the footer that ends at `end`.
fn footer(file: &(impl ReadAt + ?Sized), end: u64) -> Result<u64, Error> {
    let at = end.saturating_sub(FOOTER_BYTES);
    let bytes = read_vec(file, "xz stream footer", at, FOOTER_BYTES, 12)?;
    let mut reader = Reader::new("xz stream footer", at, &bytes);
    let wrong = |problem| Malformed { structure: "xz stream footer", offset: at, problem };
    let crc = reader.u32_le()?;
    let fields = reader.clone().take(6)?;
    let units = reader.u32_le()?;
    let flags = reader.array::<2>()?;
    if reader.array::<2>()? != FOOTER_MAGIC {
        return Err(wrong(Problem::Missing { what: "the magic `YZ`" }).into());
    }
    if crc32fast::hash(fields) != crc || flags != STREAM_FLAGS {
        return Err(wrong(Problem::Mismatch { what: "the footer, its checksum and the stream header" }).into());
    }
    Ok((u64::from(units) + 1) * 4)
}

fn index(bytes: &[u8], at: u64) -> Result<Vec<Sizes>, Malformed> {
    let mut reader = Reader::new("xz index", at, bytes);
    let Some((fields, _)) = bytes.split_last_chunk::<4>() else {
        return Err(reader.wrong(Problem::Truncated { needed: 4, found: bytes.len() as u64 }));
    };
    let indicator = reader.wrong(Problem::Missing { what: "the index indicator" });
    if reader.u8()? != 0 {
        return Err(indicator);
    }
    let count = vli(&mut reader)?;
    // Each record takes two bytes at least.
    if count > (bytes.len() / 2) as u64 {
        let problem = Problem::Value { field: "number of records", found: count, expected: "what the index can hold" };
        return Err(reader.wrong(problem));
    }
    let mut blocks = Vec::new();
    for _ in 0..count {
        let unpadded_at = reader.clone();
        let block = Sizes { unpadded: vli(&mut reader)?, uncompressed: vli(&mut reader)? };
        // Above that, sums could overflow; no file is that long.
        if block.unpadded < 5 || block.unpadded > 1 << 40 || block.uncompressed > 1 << 40 {
            let expected = "from 5 to 2^40, as a block's sizes are";
            return Err(unpadded_at.wrong(Problem::Value { field: "size", found: block.unpadded, expected }));
        }
        blocks.push(block);
    }
    let padding = reader.len().saturating_sub(4);
    let not_zero = reader.wrong(Problem::Data { what: "the padding is too long or not zero" });
    if padding > 3 || reader.take(padding)?.iter().any(|byte| *byte != 0) {
        return Err(not_zero);
    }
    let crc = reader.wrong(Problem::Mismatch { what: "the index and its checksum" });
    if reader.u32_le()? != crc32fast::hash(fields) {
        return Err(crc);
    }
    reader.finish()?;
    Ok(blocks)
}

/// The content of the last block, which must be one uncompressed chunk, or nothing.
fn tail_block(bytes: &[u8], at: u64, sizes: Sizes) -> Result<Vec<u8>, Malformed> {
    let mut reader = Reader::new("xz block header", at, bytes);
    let header_bytes = (usize::from(reader.clone().u8()?) + 1) * 4;
    let mut header = reader.sub("xz block header", header_bytes)?;
    // `sub` has found that many bytes.
    let (fields, _) = bytes.split_at(header_bytes.saturating_sub(4));
    header.skip(1)?;
    let flags = header.wrong(Problem::Data { what: "the last block is not one that can be replaced" });
    if header.u8()? != FLAGS_ONE_FILTER {
        return Err(flags);
    }
    let compressed = vli(&mut header)?;
    let uncompressed = vli(&mut header)?;
    if header.u8()? != FILTER_LZMA2 || header.u8()? != 1 {
        return Err(flags);
    }
    header.skip(1)?;
    let padding = header.len().saturating_sub(4);
    let crc = header.wrong(Problem::Mismatch { what: "the block header and its checksum" });
    if header.take(padding)?.iter().any(|byte| *byte != 0) || header.u32_le()? != crc32fast::hash(fields) {
        return Err(crc);
    }
    let lengths = reader.wrong(Problem::Mismatch { what: "the sizes in the index and in the block header" });
    let unpadded = (header_bytes as u64).saturating_add(compressed).saturating_add(CHECK_BYTES);
    if (unpadded, uncompressed) != (sizes.unpadded, sizes.uncompressed) {
        return Err(lengths);
    }
    let mut chunks = reader.sub("lzma2 chunks", usize::try_from(compressed).unwrap_or(usize::MAX))?;
    let content = chunk(&mut chunks)?;
    chunks.finish()?;
    let mut check = reader.renamed("xz block check");
    let padding = check.len().saturating_sub(4);
    let mismatch = check.wrong(Problem::Mismatch { what: "the block and its checksum" });
    if check.take(padding)?.iter().any(|byte| *byte != 0) || check.u32_le()? != crc32fast::hash(content) {
        return Err(mismatch);
    }
    if content.len() as u64 != uncompressed {
        return Err(lengths);
    }
    Ok(content.to_vec())
}

fn chunk<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let kind = reader.wrong(Problem::Data { what: "the last block is compressed, so it cannot be replaced" });
    let content = match reader.u8()? {
        0 => return Ok(&[]),
        CHUNK_UNCOMPRESSED => {
            let size = usize::from(reader.u16_be()?) + 1;
            reader.take(size)?
        }
        _ => return Err(kind),
    };
    if reader.u8()? == 0 { Ok(content) } else { Err(kind) }
}

/// A variable-length integer of up to nine bytes, without a superfluous zero byte at the end (§1.2).
fn vli(reader: &mut Reader<'_>) -> Result<u64, Malformed> {
    let wrong = reader.wrong(Problem::Data { what: "a number is longer than it may be" });
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let byte = reader.u8()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return if byte == 0 && shift > 0 { Err(wrong) } else { Ok(number) };
        }
    }
    Err(wrong)
}
