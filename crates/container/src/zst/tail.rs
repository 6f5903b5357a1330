//! Finds the last block by walking the blocks' headers, reads it, and replaces it.

use std::io;

use super::write::end_with;
use super::{BLOCK_HEADER_BYTES, DESCRIPTOR, HEADER_BYTES, MAGIC, TAIL_LIMIT};
use crate::at::{ReadAt, read_vec};
use crate::bytes::{Error, Malformed, Problem, Reader};

/// More blocks than this are refused: 16 GiB of input, a tenth of a second's walk.
const BLOCKS_LIMIT: u32 = 1 << 17;
/// `Block_Maximum_Size` (RFC 8878 §3.1.1.2.3).
const BLOCK_LIMIT: u64 = 128 << 10;

/// The tail of a frame, found and checked.
#[derive(Debug, Clone)]
pub struct Tail {
    offset: u64,
    bytes: Vec<u8>,
}

/// `Block_Type` (RFC 8878 §3.1.1.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Raw,
    Rle,
    Compressed,
}

struct Header {
    last: bool,
    kind: Kind,
    /// Bytes after the header.
    len: u64,
}

impl Tail {
    /// Finds the tail of the frame that is the `len` bytes at `start`. Reads the blocks' headers and the last block.
    pub fn open(file: &(impl ReadAt + ?Sized), start: u64, len: u64) -> Result<Self, Error> {
        frame_header(file, start)?;
        let end = start.saturating_add(len);
        let mut at = start.saturating_add(HEADER_BYTES);
        for _ in 0..BLOCKS_LIMIT {
            let block = block_header(file, at)?;
            let after = at.saturating_add(BLOCK_HEADER_BYTES + block.len);
            if after > end {
                let problem = Problem::Truncated { needed: after - at, found: end.saturating_sub(at) };
                return Err(wrong(at, problem).into());
            }
            if block.last {
                return last(file, start, at, end, &block);
            }
            at = after;
        }
        let problem = Problem::Value {
            field: "number of blocks",
            found: u64::from(BLOCKS_LIMIT) + 1,
            expected: "131072 at most",
        };
        Err(wrong(at, problem).into())
    }

    /// The tail's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes of the frame are kept when the tail is replaced, and which bytes follow them.
    pub fn replace(&self, tail: &[u8]) -> io::Result<(u64, Vec<u8>)> {
        Ok((self.offset, end_with(tail)?))
    }
}

fn frame_header(file: &(impl ReadAt + ?Sized), start: u64) -> Result<(), Error> {
    let bytes = read_vec(file, "zstd frame header", start, HEADER_BYTES, 6)?;
    let mut reader = Reader::new("zstd frame header", start, &bytes);
    let magic = reader.wrong(Problem::Missing { what: "the magic" });
    if reader.array::<4>()? != MAGIC {
        return Err(magic.into());
    }
    let kind = reader.wrong(Problem::Data {
        what: "the frame has a content size, a checksum or a dictionary, so its last block cannot be replaced",
    });
    if reader.u8()? != DESCRIPTOR {
        return Err(kind.into());
    }
    Ok(())
}

fn block_header(file: &(impl ReadAt + ?Sized), at: u64) -> Result<Header, Error> {
    let needed = at.saturating_add(BLOCK_HEADER_BYTES);
    if needed > file.len() {
        let problem = Problem::Truncated { needed: BLOCK_HEADER_BYTES, found: file.len().saturating_sub(at) };
        return Err(wrong(at, problem).into());
    }
    // No vector here: a stamp walks thousands of headers.
    let mut bytes = [0; 4];
    let [a, b, c, _] = &mut bytes;
    let mut three = [0; 3];
    file.read_at(at, &mut three).map_err(Error::io("read a zstd block header"))?;
    [*a, *b, *c] = three;
    let number = u32::from_le_bytes(bytes);
    let size = u64::from(number >> 3);
    let kind = match (number >> 1) & 3 {
        0 => Kind::Raw,
        1 => Kind::Rle,
        2 => Kind::Compressed,
        _ => return Err(wrong(at, Problem::Data { what: "the block's type is reserved" }).into()),
    };
    if size > BLOCK_LIMIT {
        let problem = Problem::Value { field: "size", found: size, expected: "131072 at most" };
        return Err(wrong(at, problem).into());
    }
    Ok(Header { last: number & 1 == 1, kind, len: if kind == Kind::Rle { 1 } else { size } })
}

fn last(file: &(impl ReadAt + ?Sized), start: u64, at: u64, end: u64, block: &Header) -> Result<Tail, Error> {
    if block.kind != Kind::Raw {
        return Err(wrong(at, Problem::Data { what: "the last block is compressed, so it cannot be replaced" }).into());
    }
    let data = at + BLOCK_HEADER_BYTES;
    let left = end - data - block.len;
    if left > 0 {
        return Err(wrong(data + block.len, Problem::Trailing { bytes: left }).into());
    }
    let bytes = read_vec(file, "zstd block", data, block.len, TAIL_LIMIT)?;
    Ok(Tail { offset: at - start, bytes })
}

const fn wrong(offset: u64, problem: Problem) -> Malformed {
    Malformed { structure: "zstd block", offset, problem }
}
