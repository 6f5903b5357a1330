//! CFDATA blocks as they are written: compression and the sum over them.

use std::io;

use flate2::{Compress, FlushCompress};

use super::BLOCK;

/// How a folder's bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// MSZIP at a deflate level of 1 to 9.
    Mszip {
        /// The level.
        level: u32,
    },
}

impl Compression {
    /// §2.2: `typeCompress`.
    pub(super) const fn code(self) -> u16 {
        match self {
            Self::None => 0,
            Self::Mszip { .. } => 1,
        }
    }
}

/// Turns a run of raw blocks into CFDATA blocks.
///
/// One deflate stream goes through the run; a flush ends each block on a byte, and an empty final block makes a
/// stream of its own of it. That saves filling the window 32 KiB at a time, and it keeps the output free of what the compressor
/// did before: after `reset` and `set_dictionary` (zlib-rs 0.6) its hash chains depend on stale bytes of the window.
pub(super) struct Packer {
    deflate: Option<Compress>,
    scratch: Vec<u8>,
}

/// A final deflate block without content: fixed codes, end of block.
const EMPTY_FINAL: [u8; 2] = [3, 0];

impl Packer {
    /// A packer for a run of blocks that comes after `window`.
    pub(super) fn new(compression: Compression, window: &[u8]) -> io::Result<Self> {
        let deflate = match compression {
            Compression::None => None,
            Compression::Mszip { level } => {
                let mut deflate = Compress::new(flate2::Compression::new(level.clamp(1, 9)), false);
                if !window.is_empty() {
                    deflate.set_dictionary(window).map_err(io::Error::other)?;
                }
                Some(deflate)
            }
        };
        Ok(Self { deflate, scratch: Vec::with_capacity(2 * BLOCK) })
    }

    /// Appends the CFDATA block of `block`.
    pub(super) fn pack(&mut self, block: &[u8], last: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let Some(deflate) = &mut self.deflate else {
            push(out, block, block.len());
            return Ok(());
        };
        self.scratch.clear();
        self.scratch.extend(b"CK");
        let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
        deflate.compress_vec(block, &mut self.scratch, flush).map_err(io::Error::other)?;
        if !last {
            self.scratch.extend(EMPTY_FINAL);
        }
        // A block that does not shrink is stored, so that no block is longer than 32,775 bytes (§2.4: 32,780).
        if self.scratch.len() > block.len() + 7 {
            let len = u16::try_from(block.len()).map_err(io::Error::other)?;
            self.scratch.truncate(2);
            self.scratch.push(1);
            self.scratch.extend(len.to_le_bytes());
            self.scratch.extend((!len).to_le_bytes());
            self.scratch.extend(block);
        }
        push(out, &self.scratch, block.len());
        Ok(())
    }
}

/// §2.4: checksum, both lengths, data.
fn push(out: &mut Vec<u8>, data: &[u8], raw_len: usize) {
    let lengths = u32::try_from(raw_len << 16 | data.len()).unwrap_or(u32::MAX);
    out.extend((checksum(data) ^ lengths).to_le_bytes());
    out.extend(lengths.to_le_bytes());
    out.extend(data);
}

/// §3.1: exclusive or of little-endian words; the last one to three bytes count in the other direction.
fn checksum(data: &[u8]) -> u32 {
    let (words, rest) = data.as_chunks::<4>();
    let sum = words.iter().fold(0, |sum, word| sum ^ u32::from_le_bytes(*word));
    sum ^ rest.iter().fold(0, |last, byte| last << 8 | u32::from(*byte))
}
