//! A copy-on-write file over a base, whose dirty pages become a splice.
//!
//! For edits that a library makes: it is given something that reads, writes and seeks like a file, and the base is
//! never touched. Pages are 4096 bytes, the sector of a version 4 compound file and the page of most systems.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

use container::ReadAt;

use super::segments::{Segment, Splice, SpliceError};

use crate::secret::SecretBytes;

const PAGE_BYTES: u64 = 4096;

/// `Read + Write + Seek` over a base that stays as it is; see the module.
#[derive(Debug)]
pub struct Overlay<B> {
    base: B,
    base_len: u64,
    len: u64,
    position: u64,
    dirty: BTreeMap<u64, SecretBytes>,
}

impl<B: ReadAt> Overlay<B> {
    /// An overlay with nothing changed yet, at the start.
    pub fn new(base: B) -> Self {
        let base_len = base.len();
        Self { base, base_len, len: base_len, position: 0, dirty: BTreeMap::new() }
    }

    /// The length of the edited file in bytes.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether the edited file has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many pages were written to.
    pub fn dirty_pages(&self) -> usize {
        self.dirty.len()
    }

    /// Cuts or extends (with zeros) the edited file.
    pub fn set_len(&mut self, len: u64) {
        if len < self.len {
            self.dirty.split_off(&len.div_ceil(PAGE_BYTES));
            // What lay behind the new end must not come back if the file grows again.
            self.base_len = self.base_len.min(len);
            if let Some(page) = self.dirty.get_mut(&(len / PAGE_BYTES)) {
                let keep = (len % PAGE_BYTES) as usize;
                page.iter_mut().skip(keep).for_each(|byte| *byte = 0);
            }
        }
        self.len = len;
    }

    /// The edits as a splice of the base.
    pub fn into_splice(self) -> Result<Splice, SpliceError> {
        let mut segments = Vec::new();
        let mut at = 0;
        for (number, page) in &self.dirty {
            let start = number * PAGE_BYTES;
            segments.extend(self.untouched(at..start));
            let n = PAGE_BYTES.min(self.len - start) as usize;
            segments.push(Segment::put(page.get(..n).unwrap_or_default()));
            at = start + n as u64;
        }
        segments.extend(self.untouched(at..self.len));
        Splice::new(self.base.len(), segments)
    }

    /// What an undirtied stretch is: bytes of the base, then zeros where the file was extended.
    fn untouched(&self, range: std::ops::Range<u64>) -> [Segment; 2] {
        let kept = range.start.min(self.base_len)..range.end.min(self.base_len);
        let zeros = usize::try_from(range.end.saturating_sub(range.start.max(kept.end))).unwrap_or(usize::MAX);
        [Segment::Keep(kept), Segment::put(vec![0; zeros])]
    }

    /// Fills `buf` from the base, with zeros where there is none.
    fn read_base(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let there = self.base_len.saturating_sub(offset).min(buf.len() as u64) as usize;
        let (from_base, zeros) = buf.split_at_mut(there);
        zeros.fill(0);
        if from_base.is_empty() { Ok(()) } else { self.base.read_at(offset, from_base) }
    }

    /// The page and the place in it of the cursor, and how much of `wanted` bytes fits there.
    fn place(&self, wanted: usize) -> (u64, std::ops::Range<usize>) {
        let within = (self.position % PAGE_BYTES) as usize;
        (self.position / PAGE_BYTES, within..(within + wanted).min(PAGE_BYTES as usize))
    }
}

impl<B: ReadAt> Read for Overlay<B> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let (page, within) = self.place(buf.len().min(left));
        let n = within.len();
        let Some(here) = buf.get_mut(..n) else { return Ok(0) };
        match self.dirty.get(&page).and_then(|page| page.get(within)) {
            Some(bytes) => here.copy_from_slice(bytes),
            None => self.read_base(self.position, here)?,
        }
        self.position += n as u64;
        Ok(n)
    }
}

impl<B: ReadAt> Write for Overlay<B> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (number, within) = self.place(bytes.len());
        let n = within.len();
        if !self.dirty.contains_key(&number) {
            let mut page = SecretBytes::new(vec![0; PAGE_BYTES as usize]);
            self.read_base(number * PAGE_BYTES, &mut page)?;
            self.dirty.insert(number, page);
        }
        if let Some(here) = self.dirty.get_mut(&number).and_then(|page| page.get_mut(within)) {
            here.copy_from_slice(container::stream::moved(bytes, n)?);
        }
        self.position += n as u64;
        self.len = self.len.max(self.position);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<B: ReadAt> Seek for Overlay<B> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(by) => (self.len, by),
            SeekFrom::Current(by) => (self.position, by),
        };
        self.position = from.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
