//! CFDATA blocks as they are written: compression and the sum over them.

use std::io;

use libdeflater::{CompressionLvl, Compressor};

use super::BLOCK;

/// How a folder's bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// MSZIP at a level of 1 to 12, libdeflate's.
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

/// Turns raw blocks into CFDATA blocks.
///
/// Each block is a deflate stream of its own. MS-MCI lets its window start with the 32 KiB before it; libdeflate looks back no further
/// than its input, and is smaller without that history than zlib with it, in two thirds of the time.
pub(super) struct Packer {
    deflate: Option<Compressor>,
    scratch: Vec<u8>,
}

impl Packer {
    /// A packer for any number of blocks.
    pub(super) fn new(compression: Compression) -> io::Result<Self> {
        let deflate = match compression {
            Compression::None => None,
            Compression::Mszip { level } => {
                let level = i32::try_from(level).ok().and_then(|level| CompressionLvl::new(level).ok());
                let refused = || io::Error::new(io::ErrorKind::InvalidInput, "libdeflate has levels up to 12");
                Some(Compressor::new(level.ok_or_else(refused)?))
            }
        };
        Ok(Self { deflate, scratch: Vec::with_capacity(2 * BLOCK) })
    }

    /// Appends the CFDATA block of `block`.
    pub(super) fn pack(&mut self, block: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let Some(deflate) = &mut self.deflate else {
            push(out, block, block.len());
            return Ok(());
        };
        self.scratch.clear();
        self.scratch.extend(b"CK");
        self.scratch.resize(2 + deflate.deflate_compress_bound(block.len()), 0);
        let room = self.scratch.get_mut(2..).unwrap_or_default();
        let len = deflate.deflate_compress(block, room).map_err(io::Error::other)?;
        self.scratch.truncate(2 + len);
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
