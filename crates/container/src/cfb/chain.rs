//! Chains of sectors as they are read: the FAT on demand, one of its sectors at a time, and what a chain comes to.

use std::io;

use super::{DIFAT_IN_HEADER, ENDOFCHAIN, FREESECT, MAXREGSECT};
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

/// A fragmented stream costs memory per piece; no writer produces more pieces than this.
const MAX_EXTENTS: usize = 1 << 20;

/// A run of bytes of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Where it starts in the file.
    pub start: u64,
    /// How many bytes it has.
    pub len: u64,
}

/// The bytes of a stream, as runs of bytes of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extents {
    runs: Vec<Extent>,
    /// Where each run starts in the stream.
    starts: Vec<u64>,
    len: u64,
}

impl Extents {
    /// The runs in the stream's order; neighbours are merged.
    #[must_use]
    pub fn runs(&self) -> &[Extent] {
        &self.runs
    }

    /// The stream's length.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether the stream has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a run at the end.
    pub(super) fn push(&mut self, start: u64, len: u64) -> Result<(), Malformed> {
        if let Some(last) = self.runs.last_mut().filter(|last| last.start + last.len == start) {
            last.len += len;
        } else {
            if self.runs.len() >= MAX_EXTENTS {
                let problem =
                    Problem::Value { field: "number of pieces", found: MAX_EXTENTS as u64, expected: "smaller" };
                return Err(Malformed { structure: "stream", offset: start, problem });
            }
            self.runs.push(Extent { start, len });
            self.starts.push(self.len);
        }
        self.len += len;
        Ok(())
    }

    /// Cuts the stream to `len` bytes.
    pub(super) fn truncate(&mut self, len: u64) {
        while self.starts.last().is_some_and(|start| *start >= len) {
            self.starts.pop();
            self.runs.pop();
        }
        if let (Some(start), Some(run)) = (self.starts.last(), self.runs.last_mut()) {
            run.len = run.len.min(len - start);
        }
        self.len = self.len.min(len);
    }

    /// The bytes `offset..offset + len` of the stream; `None` when they go beyond it.
    pub(super) fn part(&self, mut offset: u64, mut len: u64) -> Option<impl Iterator<Item = Extent>> {
        if offset.checked_add(len)? > self.len {
            return None;
        }
        let mut at = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        Some(std::iter::from_fn(move || {
            if len == 0 {
                return None;
            }
            let (run, start) = (self.runs.get(at)?, self.starts.get(at)?);
            let skip = offset - start;
            let extent = Extent { start: run.start + skip, len: len.min(run.len - skip) };
            offset += extent.len;
            len -= extent.len;
            at += 1;
            Some(extent)
        }))
    }

    /// Fills `buf` from `offset` of the stream.
    pub(super) fn read_at(&self, file: &(impl ReadAt + ?Sized), offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let mut rest = buf;
        for extent in self.part(offset, rest.len() as u64).ok_or(io::ErrorKind::UnexpectedEof)? {
            let n = usize::try_from(extent.len).map_err(|_| io::ErrorKind::UnexpectedEof)?;
            let (head, tail) = rest.split_at_mut_checked(n).ok_or(io::ErrorKind::UnexpectedEof)?;
            file.read_at(extent.start, head)?;
            rest = tail;
        }
        Ok(())
    }
}

/// Sectors: how large they are and how many the file has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sectors {
    pub(super) shift: u32,
    pub(super) file_len: u64,
}

impl Sectors {
    pub(super) const fn size(self) -> u64 {
        1 << self.shift
    }

    /// How many the file has, a last one that is cut short included.
    pub(super) const fn count(self) -> u64 {
        self.file_len.div_ceil(self.size()).saturating_sub(1)
    }

    pub(super) const fn offset(self, sector: u32) -> u64 {
        (sector as u64 + 1) << self.shift
    }

    /// FAT entries in a sector.
    pub(super) const fn entries(self) -> u64 {
        self.size() / 4
    }
}

/// Where the FAT is; its content is read when it is needed.
#[derive(Debug, Clone)]
pub(super) struct Fat {
    pub(super) sectors: Sectors,
    /// The sectors that hold it.
    pub(super) places: Vec<u32>,
    /// The sectors that hold the DIFAT.
    pub(super) difat: Vec<u32>,
}

impl Fat {
    /// Follows the DIFAT: `head` from the header, `first` its first sector.
    pub(super) fn open(
        file: &impl ReadAt,
        sectors: Sectors,
        count: u32,
        head: &[u32; DIFAT_IN_HEADER],
        first: u32,
    ) -> Result<Self, Error> {
        let wrong = |field, found: u64, expected| Malformed {
            structure: "compound file header",
            offset: 0x2C,
            problem: Problem::Value { field, found, expected },
        };
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        if u64::from(count) > sectors.count() {
            return Err(wrong("number of FAT sectors", count.into(), "no more than the file has sectors").into());
        }
        let mut places: Vec<u32> = head.iter().copied().take(wanted).collect();
        let mut difat = Vec::new();
        let mut next = first;
        while places.len() < wanted {
            if u64::from(next) >= sectors.count() {
                return Err(wrong("number of FAT sectors", count.into(), "as many as the DIFAT names").into());
            }
            difat.push(next);
            let bytes = read_vec(file, "DIFAT sector", sectors.offset(next), sectors.size(), 4096)?;
            let mut reader = Reader::new("DIFAT sector", sectors.offset(next), &bytes);
            while reader.len() > 4 {
                let place = reader.u32_le()?;
                if places.len() < wanted {
                    places.push(place);
                }
            }
            next = reader.u32_le()?;
        }
        if let Some(bad) = places.iter().find(|place| u64::from(**place) >= sectors.count()) {
            return Err(wrong("place of a FAT sector", u64::from(*bad), "a sector of the file").into());
        }
        Ok(Self { sectors, places, difat })
    }

    /// The FAT's sector number `index`.
    pub(super) fn sector(&self, file: &impl ReadAt, index: u64) -> Result<Vec<u8>, Error> {
        let place = usize::try_from(index).ok().and_then(|index| self.places.get(index)).ok_or(Malformed {
            structure: "FAT",
            offset: Malformed::NOWHERE,
            problem: Problem::Missing { what: "the entry of a sector" },
        })?;
        read_vec(file, "FAT sector", self.sectors.offset(*place), self.sectors.size(), 4096)
    }

    /// The chain of `structure` that starts at `first`: at most `most` sectors, and exactly so many if `exact`.
    pub(super) fn chain(
        &self,
        file: &impl ReadAt,
        structure: &'static str,
        first: u32,
        most: u64,
        exact: bool,
    ) -> Result<Extents, Error> {
        let mut extents = Extents::default();
        let mut cached: Option<(u64, Vec<u8>)> = None;
        let (mut next, mut seen) = (first, 0_u64);
        while next != ENDOFCHAIN && !(next == FREESECT && seen == 0) {
            let wrong = |problem| Malformed { structure, offset: self.sectors.offset(next.min(MAXREGSECT)), problem };
            if next > MAXREGSECT || u64::from(next) >= self.sectors.count() {
                let (found, expected) = (u64::from(next), "a sector of the file");
                return Err(wrong(Problem::Value { field: "next sector", found, expected }).into());
            }
            if seen >= most.min(self.sectors.count()) {
                return Err(wrong(Problem::Data { what: "its chain is too long or runs in a circle" }).into());
            }
            extents.push(self.sectors.offset(next), self.sectors.size())?;
            seen += 1;
            let (index, within) = (u64::from(next) / self.sectors.entries(), u64::from(next) % self.sectors.entries());
            let bytes = match cached.take() {
                Some((have, bytes)) if have == index => bytes,
                _ => self.sector(file, index)?,
            };
            let mut reader = Reader::new("FAT sector", 0, &bytes);
            reader.skip(usize::try_from(4 * within).unwrap_or(usize::MAX))?;
            next = reader.u32_le()?;
            cached = Some((index, bytes));
        }
        if exact && seen != most {
            let problem = Problem::Truncated {
                needed: most.saturating_mul(self.sectors.size()),
                found: seen * self.sectors.size(),
            };
            return Err(Malformed { structure, offset: self.sectors.offset(first.min(MAXREGSECT)), problem }.into());
        }
        Ok(extents)
    }
}
