//! Which sectors hold what: a pure function of lengths, for both versions of the format.
//!
//! ```text
//! header | bulk streams | FAT of nothing else | rest of the FAT | DIFAT | directory | mini FAT | mini stream | regular streams
//! ```

use super::refusal::{LONGEST, Refusal};
use super::{DIFAT_IN_HEADER, DIFSECT, ENDOFCHAIN, ENTRY, FATSECT, FREESECT, MINI_CUTOFF, MINI_SECTOR, SIGNATURE};

/// The two versions of the format, by what differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// 512-byte sectors.
    Three,
    /// 4096-byte sectors.
    Four,
}

impl Version {
    pub(super) const fn shift(self) -> u16 {
        match self {
            Self::Three => 9,
            Self::Four => 12,
        }
    }

    /// Bytes in a sector, which are also those of the header with its padding.
    pub(super) const fn sector(self) -> u64 {
        1 << self.shift()
    }
}

/// The regions of a compound file, in sectors. They lie in the order of the fields.
#[derive(Debug, Clone)]
pub(super) struct Geometry {
    pub(super) version: Version,
    /// The sectors of each bulk stream.
    bulk: Vec<u64>,
    pub(super) fat_sectors: u64,
    pub(super) difat_sectors: u64,
    pub(super) directory_sectors: u64,
    pub(super) mini_fat_sectors: u64,
    /// 64-byte sectors of the mini stream.
    pub(super) mini_sectors: u64,
    /// The sectors of each other stream of 4096 bytes and more.
    regular: Vec<u64>,
}

/// What a file has to hold, by lengths in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contents<'a> {
    /// Streams at the front, each of 4096 bytes or more.
    pub(super) bulk: &'a [u64],
    /// Streams in the mini stream.
    pub(super) mini: &'a [u64],
    /// Streams of 4096 bytes and more that are not at the front.
    pub(super) regular: &'a [u64],
    /// Storages, the root not counted.
    pub(super) storages: u64,
}

impl Geometry {
    pub(super) fn new(version: Version, contents: Contents<'_>) -> Result<Self, Refusal> {
        let Contents { bulk, mini, regular, storages } = contents;
        let bytes = [bulk, mini, regular].into_iter().flatten().fold(0, |sum: u64, len| sum.saturating_add(*len));
        if bytes > LONGEST {
            return Err(Refusal::TooLarge { bytes });
        }
        let sector = version.sector();
        let entries = 1 + (bulk.len() + mini.len() + regular.len()) as u64 + storages;
        let mini_sectors = mini.iter().map(|len| len.div_ceil(MINI_SECTOR)).sum::<u64>();
        let mut geometry = Self {
            version,
            bulk: bulk.iter().map(|len| len.div_ceil(sector)).collect(),
            fat_sectors: 0,
            difat_sectors: 0,
            directory_sectors: entries.div_ceil(sector / ENTRY as u64),
            mini_fat_sectors: mini_sectors.div_ceil(sector / 4),
            mini_sectors,
            regular: regular.iter().map(|len| len.div_ceil(sector)).collect(),
        };
        geometry.settle()?;
        Ok(geometry)
    }

    /// Finds the smallest FAT that describes itself too. As it is the smallest, no sector of it is wholly free.
    fn settle(&mut self) -> Result<(), Refusal> {
        let entries = self.fat_entries();
        self.fat_sectors = self.bulk_sectors() / entries + 1;
        loop {
            // A DIFAT sector's last entry is the number of the next one.
            self.difat_sectors = self.fat_sectors.saturating_sub(DIFAT_IN_HEADER as u64).div_ceil(entries - 1);
            let bytes = self.file_len();
            if bytes > LONGEST {
                return Err(Refusal::TooLarge { bytes });
            }
            if self.fat_sectors * entries >= self.sectors() {
                return Ok(());
            }
            self.fat_sectors += 1;
        }
    }

    /// FAT entries in a sector.
    const fn fat_entries(&self) -> u64 {
        self.version.sector() / 4
    }

    fn bulk_sectors(&self) -> u64 {
        self.bulk.iter().sum()
    }

    /// FAT sectors that describe nothing but bulk streams.
    pub(super) fn bulk_fat_sectors(&self) -> u64 {
        self.bulk_sectors() / self.fat_entries()
    }

    pub(super) fn tail_start(&self) -> u64 {
        (1 + self.bulk_sectors() + self.bulk_fat_sectors()) * self.version.sector()
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
    pub(super) fn mini_start(&self) -> u32 {
        if self.mini_sectors == 0 { ENDOFCHAIN } else { number(self.mini_fat_start() + self.mini_fat_sectors) }
    }

    /// The length of the mini stream in bytes.
    pub(super) const fn mini_size(&self) -> u64 {
        self.mini_sectors * MINI_SECTOR
    }

    fn mini_stream_sectors(&self) -> u64 {
        self.mini_size().div_ceil(self.version.sector())
    }

    fn regular_start(&self) -> u64 {
        self.mini_fat_start() + self.mini_fat_sectors + self.mini_stream_sectors()
    }

    /// The first sector of each bulk stream.
    pub(super) fn bulk_starts(&self) -> impl Iterator<Item = u32> {
        starts(0, &self.bulk)
    }

    /// The first sector of each regular stream.
    pub(super) fn regular_starts(&self) -> impl Iterator<Item = u32> {
        starts(self.regular_start(), &self.regular)
    }

    fn sectors(&self) -> u64 {
        self.regular_start() + self.regular.iter().sum::<u64>()
    }

    pub(super) fn file_len(&self) -> u64 {
        (1 + self.sectors()) * self.version.sector()
    }

    /// All regions in the order of their sectors: how many, and the FAT's mark when they are not a chain.
    fn regions(&self) -> impl Iterator<Item = (u64, Option<u32>)> {
        let chains = [self.directory_sectors, self.mini_fat_sectors, self.mini_stream_sectors()];
        let bulk = self.bulk.iter().map(|sectors| (*sectors, None));
        let tables = [(self.fat_sectors, Some(FATSECT)), (self.difat_sectors, Some(DIFSECT))];
        let rest = chains.into_iter().chain(self.regular.iter().copied());
        bulk.chain(tables).chain(rest.map(|sectors| (sectors, None)))
    }

    /// Appends the FAT sectors `from..to`.
    pub(super) fn write_fat(&self, from: u64, to: u64, out: &mut Vec<u8>) {
        let (first, end) = (from * self.fat_entries(), to * self.fat_entries());
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
    pub(super) fn write_difat(&self, out: &mut Vec<u8>) {
        let mut rest = self.fat_numbers().skip(DIFAT_IN_HEADER);
        for i in 0..self.difat_sectors {
            for _ in 1..self.fat_entries() {
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

    /// Appends the mini FAT for streams of these lengths.
    pub(super) fn write_mini_fat(&self, lengths: impl Iterator<Item = u64>, out: &mut Vec<u8>) {
        let mut next = 0;
        for len in lengths {
            let after = next + len.div_ceil(MINI_SECTOR);
            for sector in next..after {
                let link = if sector + 1 == after { ENDOFCHAIN } else { number(sector + 1) };
                out.extend(link.to_le_bytes());
            }
            next = after;
        }
        pad(out, self.version, 0xFF);
    }

    /// §2.2: the header, and the rest of its sector.
    pub(super) fn header(&self) -> Vec<u8> {
        let mini_fat = if self.mini_fat_sectors == 0 { ENDOFCHAIN } else { number(self.mini_fat_start()) };
        let difat = if self.difat_sectors == 0 { ENDOFCHAIN } else { number(self.difat_start()) };
        let (major, directory_sectors) = match self.version {
            // §2.2: not counted in version 3.
            Version::Three => (3, 0),
            Version::Four => (4, self.directory_sectors),
        };
        let mut out = Vec::with_capacity(4096);
        out.extend(SIGNATURE);
        out.extend([0; 16]); // class, unused
        for half in [0x3E, major, 0xFFFE, self.version.shift(), 6, 0, 0, 0_u16] {
            // minor and major version, byte order, sector and mini sector shift, reserved
            out.extend(half.to_le_bytes());
        }
        for word in [
            number(directory_sectors),
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
        pad(&mut out, self.version, 0);
        out
    }
}

/// Where each of several streams starts that follow each other.
fn starts(first: u64, sectors: &[u64]) -> impl Iterator<Item = u32> {
    sectors.iter().scan(first, |next, sectors| {
        let start = *next;
        *next += sectors;
        Some(number(start))
    })
}

/// A sector number; [`Geometry::settle`] has refused everything that does not fit.
pub(super) fn number(sector: u64) -> u32 {
    u32::try_from(sector).unwrap_or(FREESECT)
}

/// Fills the last sector.
pub(super) fn pad(out: &mut Vec<u8>, version: Version, with: u8) {
    out.resize((out.len() as u64).next_multiple_of(version.sector()) as usize, with);
}
