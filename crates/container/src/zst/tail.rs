//! Finds the last block by walking the blocks' headers, reads it, and replaces it.

use std::io;

use super::header::{BLOCK_HEADER_BYTES, DESCRIPTOR, HEADER_BYTES, MAGIC, MAX_TAIL};
use super::write::end_with;
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

/// More blocks than this are refused: 16 GiB of input, a tenth of a second's walk.
const MAX_BLOCKS: u32 = 1 << 17;
/// `Block_Maximum_Size` (RFC 8878 §3.1.1.2.3).
const MAX_BLOCK: u64 = 128 << 10;

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
        for _ in 0..MAX_BLOCKS {
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
        let problem =
            Problem::Value { field: "number of blocks", found: u64::from(MAX_BLOCKS) + 1, expected: "131072 at most" };
        Err(wrong(at, problem).into())
    }

    /// Finds a tail whose length is a multiple of `unit` from the frame's end, without the walk: the one place near
    /// the end where the header of a last raw block stands just as many bytes from the end as it says. Where there
    /// is no such place, or more than one, the walk decides. It does not prove that the blocks before lead there;
    /// [`Tail::open`] does, and so does decoding the frame.
    pub fn open_from_end(file: &(impl ReadAt + ?Sized), start: u64, len: u64, unit: usize) -> Result<Self, Error> {
        frame_header(file, start)?;
        let near = len.saturating_sub(HEADER_BYTES).min(MAX_TAIL as u64 + BLOCK_HEADER_BYTES);
        let from = start.saturating_add(len).saturating_sub(near);
        let end = read_vec(file, "zstd block", from, near, MAX_TAIL + 3)?;
        let mut candidates = (0..=MAX_TAIL).step_by(unit.max(1)).filter_map(|size| {
            let at = end.len().checked_sub(size + BLOCK_HEADER_BYTES as usize)?;
            let (header, bytes) = end.get(at..)?.split_at_checked(BLOCK_HEADER_BYTES as usize)?;
            let expected = raw_header(size as u64);
            (header == expected.get(..3)?).then(|| Self { offset: from - start + at as u64, bytes: bytes.to_vec() })
        });
        match (candidates.next(), candidates.next()) {
            (Some(tail), None) => Ok(tail),
            _ => Self::open(file, start, len),
        }
    }

    /// The tail that starts so many bytes into the frame: the header of a last raw block must stand there, and its data end
    /// with the frame. As with [`Tail::open_from_end`], nothing proves that the blocks before lead there.
    pub fn at(file: &(impl ReadAt + ?Sized), start: u64, len: u64, offset: u64) -> Result<Self, Error> {
        frame_header(file, start)?;
        let at = start.saturating_add(offset);
        let end = start.saturating_add(len);
        let block = block_header(file, at)?;
        let after = at.saturating_add(BLOCK_HEADER_BYTES + block.len);
        if offset < HEADER_BYTES || after > end || !block.last {
            return Err(wrong(at, Problem::Data { what: "the last block does not start here" }).into());
        }
        last(file, start, at, end, &block)
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

/// The header of a last raw block of that size, and a byte too many.
fn raw_header(size: u64) -> [u8; 8] {
    (size << 3 | 1).to_le_bytes()
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
    if size > MAX_BLOCK {
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
    let bytes = read_vec(file, "zstd block", data, block.len, MAX_TAIL)?;
    Ok(Tail { offset: at - start, bytes })
}

const fn wrong(offset: u64, problem: Problem) -> Malformed {
    Malformed { structure: "zstd block", offset, problem }
}
