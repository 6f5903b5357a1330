//! CFDATA blocks as they are written: compression and the sum over them.

use std::io;

use libdeflater::{CompressionLvl, Compressor};

use super::BLOCK;
use crate::deflate::cut;

/// What a stored block has more than its bytes: `CK`, its type, LEN and NLEN.
const STORED_BYTES: usize = 7;

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

/// Turns runs of raw blocks into CFDATA blocks.
///
/// A run is deflated at once and then cut: each block is a deflate stream of its own, whose window starts with the 32 KiB before it
/// (MS-MCI), but for the first one of a run.
pub(super) struct Packer {
    deflate: Option<Compressor>,
    stream: Vec<u8>,
}

impl Packer {
    /// A packer for any number of runs.
    pub(super) fn new(compression: Compression) -> io::Result<Self> {
        let deflate = match compression {
            Compression::None => None,
            Compression::Mszip { level } => {
                let level = i32::try_from(level).ok().and_then(|level| CompressionLvl::new(level).ok());
                let refused = || io::Error::new(io::ErrorKind::InvalidInput, "libdeflate has levels up to 12");
                Some(Compressor::new(level.ok_or_else(refused)?))
            }
        };
        Ok(Self { deflate, stream: Vec::new() })
    }

    /// Appends the CFDATA blocks of `run`.
    pub(super) fn pack(&mut self, run: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let Some(deflate) = &mut self.deflate else {
            run.chunks(BLOCK).for_each(|block| push(out, block, block.len()));
            return Ok(());
        };
        self.stream.resize(deflate.deflate_compress_bound(run.len()), 0);
        let len = deflate.deflate_compress(run, &mut self.stream).map_err(io::Error::other)?;
        let stream = self.stream.get(..len).unwrap_or_default();
        let mut block = Vec::with_capacity(BLOCK + STORED_BYTES);
        cut(stream, run, BLOCK, &mut |deflated, raw| {
            block.clear();
            block.extend(b"CK");
            // A block that does not shrink is stored, so that no block is longer than 32,775 bytes (§2.4: 32,780).
            if deflated.len() < raw.len() + STORED_BYTES - block.len() {
                block.extend(deflated);
            } else {
                let len = u16::try_from(raw.len()).unwrap_or(u16::MAX);
                block.push(1);
                block.extend(len.to_le_bytes());
                block.extend((!len).to_le_bytes());
                block.extend(raw);
            }
            push(out, &block, raw.len());
        })
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
