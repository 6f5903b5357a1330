//! Where everything of a version 4 compound file lies: a pure function of the streams.
//!
//! [`frame`] gives what lies around the bulk streams: the header before them and the tail after them and
//! after the part of the FAT that describes nothing else. It never sees a byte of a bulk stream.

use super::tree::{self, Root, Row};
use super::{DIFAT_IN_HEADER, DIFSECT, ENDOFCHAIN, FATSECT, FREESECT, MINI_CUTOFF, MINI_SECTOR, SIGNATURE};

/// The size of a sector, and of the header.
pub const SECTOR: usize = 4096;
const SECTOR_BYTES: u64 = SECTOR as u64;
const FAT_ENTRIES: u64 = SECTOR_BYTES / 4;
/// A DIFAT sector's last entry is the number of the next one.
const DIFAT_ENTRIES: u64 = FAT_ENTRIES - 1;
/// §2.7: the sector at 2 GiB - 256 is for byte-range locks and must not hold data; we stop before it.
pub const LONGEST: u64 = 0x7FFF_F000;

/// Streams that no compound file of ours can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// §2.6.1: 1 to 31 UTF-16 units, none of them NUL, `/`, `\`, `:` or `!`.
    #[error("a stream name of {units} UTF-16 units is empty, too long, or has a forbidden character")]
    Name {
        /// Its length.
        units: usize,
    },
    /// Two names that differ at most in case.
    #[error("two streams have one name")]
    Twice,
    /// The file would reach the range-lock sector.
    #[error("the file would have {bytes} bytes, more than the 2 GiB that a compound file can have")]
    TooLarge {
        /// Its length.
        bytes: u64,
    },
    /// A bulk stream shorter than 4096 bytes belongs into the mini stream.
    #[error("a bulk stream of {bytes} bytes is too short to have sectors of its own")]
    TooShort {
        /// Its length.
        bytes: u64,
    },
}

/// A stream whose content goes into the tail.
#[derive(Debug, Clone, Copy)]
pub struct Stream<'a> {
    /// Its name as it is stored.
    pub name: &'a [u16],
    /// Its content.
    pub data: &'a [u8],
}

/// A stream that lies at the front of the file, in sectors that follow each other.
#[derive(Debug, Clone)]
pub struct Bulk {
    /// Its name as it is stored.
    pub name: Vec<u16>,
    /// Its length, 4096 at least.
    pub len_bytes: u64,
}

/// What lies around the bulk streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The first 4096 bytes of the file.
    pub header: Vec<u8>,
    /// Where the tail starts; what lies between is the bulk streams and the FAT of nothing else.
    pub tail_start: u64,
    /// Everything from there to the end of the file.
    pub tail: Vec<u8>,
}

impl Frame {
    /// The length of the whole file.
    #[must_use]
    pub fn file_len(&self) -> u64 {
        self.tail_start + self.tail.len() as u64
    }
}

/// The header and the tail of a file that holds `bulk` at its front and `streams` in its tail.
pub fn frame(clsid: [u8; 16], bulk: &[Bulk], streams: &[Stream<'_>]) -> Result<Frame, Refusal> {
    let plan = Plan::new(bulk, streams)?;
    let mut tail = Vec::with_capacity(usize::try_from(plan.file_len() - plan.tail_start()).unwrap_or(0));
    plan.write_fat(plan.bulk_fat_sectors(), plan.fat_sectors, &mut tail);
    plan.write_difat(&mut tail);
    let root = Root { clsid, mini_start: plan.mini_start(), mini_size: plan.mini_sectors * MINI_SECTOR };
    tail.extend(tree::directory(root, &plan.rows, SECTOR));
    plan.write_mini(&mut tail);
    for stream in &plan.regular {
        tail.extend(stream.data);
        pad(&mut tail, SECTOR, 0);
    }
    Ok(Frame { header: plan.header(), tail_start: plan.tail_start(), tail })
}

/// The sectors of the FAT that describe nothing but bulk streams, one after the other; they lie between the streams and
/// the tail.
pub fn bulk_fat(bulk: &[Bulk]) -> Result<impl Iterator<Item = Vec<u8>>, Refusal> {
    let plan = Plan::new(bulk, &[])?;
    Ok((0..plan.bulk_fat_sectors()).map(move |sector| {
        let mut out = Vec::with_capacity(SECTOR);
        plan.write_fat(sector, sector + 1, &mut out);
        out
    }))
}

/// Which sectors hold what. The regions lie in the order of the fields.
struct Plan<'a> {
    /// The sectors of each bulk stream.
    bulk: Vec<u64>,
    fat_sectors: u64,
    difat_sectors: u64,
    directory_sectors: u64,
    mini_fat_sectors: u64,
    /// 64-byte sectors of the mini stream.
    mini_sectors: u64,
    /// Streams in the mini stream, in sibling order.
    mini: Vec<Stream<'a>>,
    /// Streams of 4096 bytes and more; property sets last, so that a signature ends the file.
    regular: Vec<Stream<'a>>,
    /// All streams in sibling order.
    rows: Vec<Row<'a>>,
}

impl<'a> Plan<'a> {
    fn new(bulk: &'a [Bulk], streams: &[Stream<'a>]) -> Result<Self, Refusal> {
        let mut sorted = streams.to_vec();
        sorted.sort_by_cached_key(|stream| tree::sibling_key(stream.name));
        let (mini, mut regular): (Vec<_>, Vec<_>) =
            sorted.into_iter().partition(|stream| (stream.data.len() as u64) < MINI_CUTOFF);
        regular.sort_by_key(|stream| stream.name.first() == Some(&5));
        if let Some(short) = bulk.iter().find(|stream| stream.len_bytes < MINI_CUTOFF) {
            return Err(Refusal::TooShort { bytes: short.len_bytes });
        }
        let lengths = bulk.iter().map(|stream| stream.len_bytes).chain(streams.iter().map(|s| s.data.len() as u64));
        let bytes = lengths.fold(0, u64::saturating_add);
        if bytes > LONGEST {
            return Err(Refusal::TooLarge { bytes });
        }
        let mini_sectors = mini.iter().map(|s| (s.data.len() as u64).div_ceil(MINI_SECTOR)).sum::<u64>();
        let mut plan = Plan {
            bulk: bulk.iter().map(|stream| stream.len_bytes.div_ceil(SECTOR_BYTES)).collect(),
            fat_sectors: 0,
            difat_sectors: 0,
            directory_sectors: ((1 + bulk.len() + streams.len()) as u64).div_ceil(SECTOR_BYTES / 128),
            mini_fat_sectors: mini_sectors.div_ceil(FAT_ENTRIES),
            mini_sectors,
            mini,
            regular,
            rows: Vec::new(),
        };
        plan.settle()?;
        plan.rows = plan.rows(bulk)?;
        Ok(plan)
    }

    /// Finds the smallest FAT that describes itself too. As it is the smallest, no sector of it is wholly free.
    fn settle(&mut self) -> Result<(), Refusal> {
        let bulk = self.bulk_sectors();
        self.fat_sectors = bulk / FAT_ENTRIES + 1;
        loop {
            self.difat_sectors = self.fat_sectors.saturating_sub(DIFAT_IN_HEADER as u64).div_ceil(DIFAT_ENTRIES);
            let bytes = self.file_len();
            if bytes > LONGEST {
                return Err(Refusal::TooLarge { bytes });
            }
            if self.fat_sectors * FAT_ENTRIES >= self.sectors() {
                return Ok(());
            }
            self.fat_sectors += 1;
        }
    }

    /// The directory's rows, sorted, with the place of each stream.
    fn rows(&self, bulk: &'a [Bulk]) -> Result<Vec<Row<'a>>, Refusal> {
        let mut rows = Vec::with_capacity(bulk.len() + self.mini.len() + self.regular.len());
        let mut next = 0;
        for (stream, sectors) in bulk.iter().zip(&self.bulk) {
            rows.push(Row { name: &stream.name, start: number(next), size: stream.len_bytes });
            next += sectors;
        }
        next = self.regular_start();
        for stream in &self.regular {
            let size = stream.data.len() as u64;
            rows.push(Row { name: stream.name, start: number(next), size });
            next += size.div_ceil(SECTOR_BYTES);
        }
        next = 0;
        for stream in &self.mini {
            let size = stream.data.len() as u64;
            rows.push(Row { name: stream.name, start: number(next), size });
            next += size.div_ceil(MINI_SECTOR);
        }
        if let Some(bad) = rows.iter().find(|row| !is_name(row.name)) {
            return Err(Refusal::Name { units: bad.name.len() });
        }
        rows.sort_by_cached_key(|row| tree::sibling_key(row.name));
        let twice = rows.windows(2).any(|pair| match pair {
            [a, b] => tree::sibling_key(a.name) == tree::sibling_key(b.name),
            _ => false,
        });
        if twice { Err(Refusal::Twice) } else { Ok(rows) }
    }

    fn bulk_sectors(&self) -> u64 {
        self.bulk.iter().sum()
    }

    fn bulk_fat_sectors(&self) -> u64 {
        self.bulk_sectors() / FAT_ENTRIES
    }

    fn tail_start(&self) -> u64 {
        (1 + self.bulk_sectors() + self.bulk_fat_sectors()) * SECTOR_BYTES
    }

    fn difat_start(&self) -> u64 {
        self.bulk_sectors() + self.fat_sectors
    }

    fn directory_start(&self) -> u64 {
        self.difat_start() + self.difat_sectors
    }

    fn mini_fat_start(&self) -> u64 {
        self.directory_start() + self.directory_sectors
    }

    /// The first sector of the mini stream, if there is one.
    fn mini_start(&self) -> u32 {
        if self.mini_sectors == 0 { ENDOFCHAIN } else { number(self.mini_fat_start() + self.mini_fat_sectors) }
    }

    fn mini_stream_sectors(&self) -> u64 {
        (self.mini_sectors * MINI_SECTOR).div_ceil(SECTOR_BYTES)
    }

    fn regular_start(&self) -> u64 {
        self.mini_fat_start() + self.mini_fat_sectors + self.mini_stream_sectors()
    }

    fn sectors(&self) -> u64 {
        let regular: u64 = self.regular.iter().map(|s| (s.data.len() as u64).div_ceil(SECTOR_BYTES)).sum();
        self.regular_start() + regular
    }

    fn file_len(&self) -> u64 {
        (1 + self.sectors()) * SECTOR_BYTES
    }

    /// All regions in the order of their sectors: how many, and the FAT's mark when they are not a chain.
    fn regions(&self) -> impl Iterator<Item = (u64, Option<u32>)> {
        let chains = [self.directory_sectors, self.mini_fat_sectors, self.mini_stream_sectors()];
        let regular = self.regular.iter().map(|s| (s.data.len() as u64).div_ceil(SECTOR_BYTES));
        let bulk = self.bulk.iter().map(|sectors| (*sectors, None));
        let tables = [(self.fat_sectors, Some(FATSECT)), (self.difat_sectors, Some(DIFSECT))];
        bulk.chain(tables).chain(chains.into_iter().chain(regular).map(|sectors| (sectors, None)))
    }

    /// Appends the FAT sectors `from..to`.
    fn write_fat(&self, from: u64, to: u64, out: &mut Vec<u8>) {
        let (first, end) = (from * FAT_ENTRIES, to * FAT_ENTRIES);
        let mut start = 0;
        for (sectors, mark) in self.regions() {
            let after = start + sectors;
            for sector in start.max(first)..after.min(end) {
                let next = if sector + 1 == after { ENDOFCHAIN } else { number(sector + 1) };
                out.extend(mark.unwrap_or(next).to_le_bytes());
            }
            start = after;
        }
        for _ in start.max(first)..end {
            out.extend(FREESECT.to_le_bytes());
        }
    }

    /// Appends the DIFAT sectors.
    fn write_difat(&self, out: &mut Vec<u8>) {
        let mut rest = self.fat_numbers().skip(DIFAT_IN_HEADER);
        for i in 0..self.difat_sectors {
            for _ in 0..DIFAT_ENTRIES {
                out.extend(rest.next().unwrap_or(FREESECT).to_le_bytes());
            }
            let last = i + 1 == self.difat_sectors;
            let next = if last { ENDOFCHAIN } else { number(self.difat_start() + i + 1) };
            out.extend(next.to_le_bytes());
        }
    }

    /// The numbers of the FAT's sectors, which follow the bulk streams.
    fn fat_numbers(&self) -> impl Iterator<Item = u32> + use<> {
        let first = self.bulk_sectors();
        (first..first + self.fat_sectors).map(number)
    }

    /// Appends the mini FAT and the mini stream.
    fn write_mini(&self, out: &mut Vec<u8>) {
        let mut next = 0;
        for stream in &self.mini {
            let after = next + (stream.data.len() as u64).div_ceil(MINI_SECTOR);
            for sector in next..after {
                let link = if sector + 1 == after { ENDOFCHAIN } else { number(sector + 1) };
                out.extend(link.to_le_bytes());
            }
            next = after;
        }
        pad(out, SECTOR, 0xFF);
        for stream in &self.mini {
            out.extend(stream.data);
            pad(out, MINI_SECTOR as usize, 0);
        }
        pad(out, SECTOR, 0);
    }

    /// §2.2: the header, and the rest of its sector.
    fn header(&self) -> Vec<u8> {
        let mini_fat = if self.mini_fat_sectors == 0 { ENDOFCHAIN } else { number(self.mini_fat_start()) };
        let difat = if self.difat_sectors == 0 { ENDOFCHAIN } else { number(self.difat_start()) };
        let mut out = Vec::with_capacity(SECTOR);
        out.extend(SIGNATURE);
        out.extend([0; 16]); // class, unused
        for half in [0x3E, 4, 0xFFFE, 12, 6, 0, 0, 0_u16] {
            // minor and major version, byte order, sector and mini sector shift, reserved
            out.extend(half.to_le_bytes());
        }
        for word in [
            number(self.directory_sectors),
            number(self.fat_sectors),
            number(self.directory_start()),
            0, // transaction number
            number(MINI_CUTOFF),
            mini_fat,
            number(self.mini_fat_sectors),
            difat,
            number(self.difat_sectors),
        ] {
            out.extend(word.to_le_bytes());
        }
        for sector in self.fat_numbers().chain(std::iter::repeat(FREESECT)).take(DIFAT_IN_HEADER) {
            out.extend(sector.to_le_bytes());
        }
        pad(&mut out, SECTOR, 0);
        out
    }
}

/// A sector number; [`Plan::settle`] has refused everything that does not fit.
fn number(sector: u64) -> u32 {
    u32::try_from(sector).unwrap_or(FREESECT)
}

fn pad(out: &mut Vec<u8>, to: usize, with: u8) {
    out.resize(out.len().next_multiple_of(to), with);
}

/// §2.6.1: what a name may be.
fn is_name(name: &[u16]) -> bool {
    let forbidden =
        |unit: &u16| [0, u16::from(b'/'), u16::from(b'\\'), u16::from(b':'), u16::from(b'!')].contains(unit);
    (1..=31).contains(&name.len()) && !name.iter().any(forbidden)
}
