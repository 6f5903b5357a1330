//! Writes a stream: blocks by workers, then the tail's block, the index and the footer.

use std::io::{self, Write};

use lzma_rust2::filter::bcj::BcjWriter;
use lzma_rust2::{EncodeMode, Lzma2Options, Lzma2Writer, LzmaOptions, MfType};

use super::header::{
    BLOCK_BYTES, CHECK_BYTES, CHUNK_UNCOMPRESSED, FILTER_LZMA2, FILTER_X86, FLAGS_ONE_FILTER, FOOTER_MAGIC, MAX_TAIL,
    STREAM_FLAGS, STREAM_HEADER_BYTES, STREAM_MAGIC, TAIL_DICTIONARY,
};
use crate::workers::{Workers, cores};

/// 8 MiB: what a decoder needs, and a tenth of what an encoder needs.
const DICTIONARY_BYTES: u32 = 8 << 20;
/// LZMA2's property byte for that: (2 | 22 & 1) << (22 / 2 + 11) (§5.3.1).
const DICTIONARY_PROPERTY: u8 = 22;
/// An encoder (hash chains, tree, window) takes 95 MiB and a block in and out 20 MiB; two of them and a block that is
/// being filled stay under 300 MiB. More threads, or blocks that wait, would not.
const MAX_THREADS: usize = 2;
/// The longest number in an index (xz format, 1.2).
const MAX_VLI_BYTES: usize = 9;

/// What kind of machine code most of the input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// x86, 32 or 64 bits.
    X86,
    /// Instructions of four bytes, aligned.
    Arm64,
    /// Something else.
    Other,
}

/// Compresses what is written to it into one xz stream.
pub struct Writer<W> {
    out: W,
    block: Vec<u8>,
    workers: Workers<Vec<u8>, io::Result<Block>>,
    index: Index,
}

struct Block {
    bytes: Vec<u8>,
    sizes: Sizes,
}

impl<W: Write> Writer<W> {
    /// Writes the stream header.
    pub fn new(out: W, code: Code) -> io::Result<Self> {
        Self::with_threads(out, code, cores().min(MAX_THREADS))
    }

    /// The same with a given number of threads; the bytes do not depend on it.
    pub fn with_threads(mut out: W, code: Code, threads: usize) -> io::Result<Self> {
        out.write_all(&STREAM_MAGIC)?;
        out.write_all(&STREAM_FLAGS)?;
        out.write_all(&crc32fast::hash(&STREAM_FLAGS).to_le_bytes())?;
        let workers = Workers::new(threads, 0, move |data: Vec<u8>| encode(&data, code));
        Ok(Self { out, block: Vec::new(), workers, index: Index::default() })
    }

    /// Writes out all that comes before the tail.
    pub fn settle(&mut self) -> io::Result<&mut W> {
        if !self.block.is_empty() {
            self.cut()?;
        }
        while let Some(block) = self.workers.pop()? {
            self.put(block?)?;
        }
        Ok(&mut self.out)
    }

    /// Ends the stream with `tail` as its last block.
    pub fn finish_with_tail(mut self, tail: &[u8]) -> io::Result<W> {
        self.settle()?;
        self.out.write_all(&self.index.end_with(tail)?)?;
        Ok(self.out)
    }

    fn cut(&mut self) -> io::Result<()> {
        let data = std::mem::take(&mut self.block);
        match self.workers.push(data)? {
            Some(block) => self.put(block?),
            None => Ok(()),
        }
    }

    fn put(&mut self, block: Block) -> io::Result<()> {
        self.index.blocks.push(block.sizes);
        self.out.write_all(&block.bytes)
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = buf.len().min(BLOCK_BYTES.saturating_sub(self.block.len()));
        self.block.extend_from_slice(buf.split_at(n).0);
        if self.block.len() == BLOCK_BYTES {
            self.cut()?;
        }
        Ok(n)
    }

    /// Does nothing: blocks are cut by length only, so that the bytes do not depend on who flushes when.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the index says of a block (§4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Header, compressed data and check, without the padding.
    pub(super) unpadded: u64,
    pub(super) uncompressed: u64,
}

/// The blocks before the tail.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    pub(super) blocks: Vec<Sizes>,
}

impl Index {
    /// Where the tail's block starts, from the start of the stream.
    pub(super) fn tail_offset(&self) -> u64 {
        let blocks = self.blocks.iter().map(|block| block.unpadded.next_multiple_of(4));
        STREAM_HEADER_BYTES + blocks.sum::<u64>()
    }

    /// The tail's block, the index and the footer.
    pub(super) fn end_with(&self, tail: &[u8]) -> io::Result<Vec<u8>> {
        if tail.len() > MAX_TAIL {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a tail is longer than one chunk"));
        }
        let chunk = match tail.len().checked_sub(1).and_then(|size| u16::try_from(size).ok()) {
            Some(size) => [&[CHUNK_UNCOMPRESSED][..], &size.to_be_bytes()].concat(),
            None => Vec::new(),
        };
        // Room for the index as well: what a vector grows out of is not wiped, and the tail may be a secret.
        let room = 2 * MAX_VLI_BYTES * (self.blocks.len() + 2) + 64;
        let block = block(&[FILTER_LZMA2, 1, TAIL_DICTIONARY], &[&chunk, tail, &[0]], tail, room);
        let mut out = block.bytes;
        let index = index(self.blocks.iter().chain([&block.sizes]), self.blocks.len() + 1);
        out.extend(&index);
        out.extend(footer(index.len())?);
        Ok(out)
    }
}

fn encode(data: &[u8], code: Code) -> io::Result<Block> {
    let nice_len = if code == Code::X86 { 20 } else { 48 };
    let (lc, lp) = if code == Code::Arm64 { (2, 2) } else { (3, 0) };
    let lzma_options = LzmaOptions::new(DICTIONARY_BYTES, lc, lp, 2, EncodeMode::Normal, nice_len, MfType::Bt4, 0);
    let out = Vec::with_capacity(data.len() / 3);
    let mut lzma2 = Lzma2Writer::new(out, Lzma2Options { lzma_options, chunk_size: None });
    if code == Code::X86 {
        let mut filter = BcjWriter::new_x86(lzma2, 0);
        filter.write_all(data)?;
        let lzma2 = filter.finish()?.finish()?;
        let filters = [FILTER_X86, 0, FILTER_LZMA2, 1, DICTIONARY_PROPERTY];
        return Ok(block(&filters, &[&lzma2], data, 0));
    }
    lzma2.write_all(data)?;
    Ok(block(&[FILTER_LZMA2, 1, DICTIONARY_PROPERTY], &[&lzma2.finish()?], data, 0))
}

/// A block of its filters' flags, its LZMA2 data in parts and its content, with room for `room` bytes behind it. One or two filters, told by
/// the flags' length.
fn block(filters: &[u8], lzma2: &[&[u8]], content: &[u8], room: usize) -> Block {
    let lzma2_len: usize = lzma2.iter().map(|part| part.len()).sum();
    let mut fields = vec![FLAGS_ONE_FILTER | u8::from(filters.len() > 3)];
    vli(&mut fields, lzma2_len as u64);
    vli(&mut fields, content.len() as u64);
    fields.extend(filters);
    fields.resize((fields.len() + 1).next_multiple_of(4) - 1, 0);
    // The size byte counts units of four bytes, the size byte in and the CRC out.
    let mut bytes = Vec::with_capacity(lzma2_len + 64 + room);
    bytes.extend(u8::try_from((fields.len() + 1) / 4));
    bytes.extend(&fields);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    let header = bytes.len() as u64;
    lzma2.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(crc32fast::hash(content).to_le_bytes());
    let sizes = Sizes { unpadded: header + lzma2_len as u64 + CHECK_BYTES, uncompressed: content.len() as u64 };
    Block { bytes, sizes }
}

fn index<'a>(blocks: impl Iterator<Item = &'a Sizes>, count: usize) -> Vec<u8> {
    let mut out = vec![0];
    vli(&mut out, count as u64);
    for block in blocks {
        vli(&mut out, block.unpadded);
        vli(&mut out, block.uncompressed);
    }
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend(crc32fast::hash(&out).to_le_bytes());
    out
}

fn footer(index_bytes: usize) -> io::Result<Vec<u8>> {
    let units = u32::try_from(index_bytes / 4 - 1).map_err(|_| io::Error::other("the xz index is too long"))?;
    let mut fields = units.to_le_bytes().to_vec();
    fields.extend(STREAM_FLAGS);
    let mut out = crc32fast::hash(&fields).to_le_bytes().to_vec();
    out.extend(fields);
    out.extend(FOOTER_MAGIC);
    Ok(out)
}

/// A variable-length integer: seven bits per byte, least significant first (§1.2).
#[allow(clippy::cast_possible_truncation)]
fn vli(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
