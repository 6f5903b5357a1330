//! A folder's bytes, block by block, with every sum checked.

use std::fmt;
use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};
use lzxd::{Lzxd, WindowSize};

use super::BLOCK;
use super::head::{File, Folder, Method};
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

/// §2.4: what a block's data can need, and what real files have at most above it.
const MAX_DATA: u16 = 32_780 + 6;
/// The same for LZX, whose blocks can grow by 6144 bytes.
const MAX_LZX_DATA: u16 = 32_768 + 6144;

/// A folder's bytes, one block at a time.
#[derive(Debug)]
pub struct FolderReader<'c, R> {
    data: &'c R,
    /// Bytes of each CFDATA for the application's use.
    reserved: usize,
    method: Method,
    /// Where the next block is.
    at: u64,
    /// Where the next folder's data start.
    end: u64,
    /// How many are to come.
    blocks: u16,
    /// The current block, decompressed; in MSZIP the next one looks back to it.
    block: Vec<u8>,
    /// How much of it has been read.
    used: usize,
    /// How much of the folder has been read.
    position: u64,
    /// Made when the first block needs it: a cabinet can have 65,535 folders, and most of a hostile one's are empty.
    inflate: Option<Decompress>,
    /// The same, with a window of up to 2 MiB.
    lzx: Option<Lzx>,
    pub(super) failed: Option<Malformed>,
}

/// The state of LZX, which goes through a whole folder.
struct Lzx(Lzxd);

impl fmt::Debug for Lzx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lzx")
    }
}

impl Lzx {
    fn new(window_bits: u8) -> Self {
        Self(Lzxd::new(match window_bits {
            ..=15 => WindowSize::KB32,
            16 => WindowSize::KB64,
            17 => WindowSize::KB128,
            18 => WindowSize::KB256,
            19 => WindowSize::KB512,
            20 => WindowSize::MB1,
            21.. => WindowSize::MB2,
        }))
    }
}

impl<'c, R: ReadAt> FolderReader<'c, R> {
    /// A reader of a folder whose data end at `end`.
    pub(super) fn new(data: &'c R, reserved: usize, folder: &Folder, end: u64) -> Self {
        Self {
            data,
            reserved,
            method: folder.method,
            at: folder.start,
            end,
            blocks: folder.blocks,
            block: Vec::new(),
            used: 0,
            position: 0,
            inflate: None,
            lzx: None,
            failed: None,
        }
    }
}

impl<R: ReadAt> FolderReader<'_, R> {
    /// Decompresses the next block; false at the end.
    fn next_block(&mut self) -> Result<bool, Error> {
        let Some(left) = self.blocks.checked_sub(1) else { return Ok(false) };
        self.blocks = left;
        let reserved = self.reserved;
        let head_len = 8 + reserved as u64;
        let head = read_vec(self.data, "CFDATA", self.at, head_len, 8 + 255)?;
        let mut r = Reader::new("CFDATA", self.at, &head);
        let sum = r.u32_le()?;
        let lengths = r.clone().u32_le()?;
        let (packed, raw) = (r.u16_le()?, r.u16_le()?);
        let most = if matches!(self.method, Method::Lzx { .. }) { MAX_LZX_DATA } else { MAX_DATA };
        if packed > most || usize::from(raw) > BLOCK || (left > 0 && usize::from(raw) < BLOCK) {
            let (found, expected) = (lengths.into(), "of a block of 32 KiB, and only the last one shorter");
            return Err(r.wrong(Problem::Value { field: "lengths", found, expected }).into());
        }
        let reserve = r.take(reserved)?;
        let data = read_vec(self.data, "CFDATA", self.at + head_len, packed.into(), most.into())?;
        let offset = self.at;
        let wrong = |problem| Malformed { structure: "CFDATA", offset, problem };
        if sum != 0 && sum != sum_of(&data) ^ sum_of(&[head.get(4..8).unwrap_or_default(), reserve].concat()) {
            return Err(wrong(Problem::Mismatch { what: "the checksum and the data" }).into());
        }
        let next = self.at + head_len + u64::from(packed);
        if next > self.end {
            return Err(wrong(Problem::Data { what: "its data run into the next folder" }).into());
        }
        match self.method {
            Method::Stored => self.block = data,
            Method::Mszip => self.inflate(&data, raw.into()).map_err(wrong)?,
            Method::Lzx { window_bits } => self.unpack(window_bits, &data, raw.into()).map_err(wrong)?,
            Method::Quantum => {
                return Err(wrong(Problem::Data { what: "is packed with Quantum, which is not read" }).into());
            }
        }
        if self.block.len() != usize::from(raw) {
            return Err(wrong(Problem::Mismatch { what: "the block's length and its data" }).into());
        }
        self.at = next;
        self.used = 0;
        Ok(true)
    }

    /// MS-MCI §2: `CK`, then deflate with the block before as its window.
    fn inflate(&mut self, data: &[u8], raw_len: usize) -> Result<(), Problem> {
        let packed = data.strip_prefix(b"CK").ok_or(Problem::Missing { what: "the mark of an MSZIP block" })?;
        let damaged = Problem::Data { what: "the deflate stream is damaged" };
        let inflate = self.inflate.get_or_insert_with(|| Decompress::new(false));
        inflate.reset(false);
        if !self.block.is_empty() {
            inflate.set_dictionary(&self.block).map_err(|_| damaged.clone())?;
        }
        let mut out = Vec::with_capacity(raw_len + 1);
        let done = inflate.decompress_vec(packed, &mut out, FlushDecompress::Finish);
        if done.map_err(|_| damaged.clone())? != Status::StreamEnd {
            return Err(damaged);
        }
        self.block = out;
        Ok(())
    }

    /// \[MS-PATCH\]: one block is one chunk, and the state goes on.
    fn unpack(&mut self, window_bits: u8, data: &[u8], raw_len: usize) -> Result<(), Problem> {
        let damaged = Problem::Data { what: "the LZX stream is damaged" };
        let Lzx(lzx) = self.lzx.get_or_insert_with(|| Lzx::new(window_bits));
        self.block = lzx.decompress_next(data, raw_len).map_err(|_| damaged)?.to_vec();
        Ok(())
    }

    pub(super) fn skip_to(&mut self, file: &File) -> Result<(), Error> {
        if file.start < self.position {
            let problem = Problem::Twice { what: "a stretch of a folder" };
            return Err(Malformed { structure: "CFFILE", offset: file.start, problem }.into());
        }
        self.skip_by(file.start)
    }

    /// Goes on to `position` of the folder, which must be there.
    pub(super) fn skip_by(&mut self, position: u64) -> Result<(), Error> {
        while self.position < position {
            if self.used == self.block.len() && !self.next_block()? {
                let problem = Problem::Truncated { needed: position, found: self.position };
                return Err(Malformed { structure: "folder", offset: self.at, problem }.into());
            }
            let left = (self.block.len() - self.used) as u64;
            let step = left.min(position - self.position);
            self.used += usize::try_from(step).unwrap_or(0);
            self.position += step;
        }
        Ok(())
    }

    /// Reads on to the end, so that all of it has been checked.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        while self.next_block()? {}
        Ok(())
    }
}

impl<R: ReadAt> Read for FolderReader<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.used == self.block.len() {
            match self.next_block() {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(Error::Io { source, .. }) => return Err(source),
                Err(Error::Malformed(malformed)) => {
                    self.failed = Some(malformed.clone());
                    return Err(io::Error::new(io::ErrorKind::InvalidData, malformed));
                }
            }
        }
        let rest = self.block.get(self.used..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        self.used += n;
        self.position += n as u64;
        Ok(n)
    }
}

/// §3.1: words are folded together; a rest of one to three bytes is read from its high end.
fn sum_of(bytes: &[u8]) -> u32 {
    let mut sum = 0_u32;
    for word in bytes.chunks(4) {
        sum ^= match *word {
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
            [a, b, c] => u32::from_be_bytes([0, a, b, c]),
            [a, b] => u32::from_be_bytes([0, 0, a, b]),
            [a] => u32::from(a),
            _ => 0,
        };
    }
    sum
}
