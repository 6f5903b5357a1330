//! Finds one stream in a compound file ([MS-CFB]): header, sector tables, the root's tree of names, the stream's chain. Everything is
//! looked up where it is needed, so a package of any size costs some kilobytes. Every walk has an end, and as walks lie within walks
//! (a name's sector is the n-th of a chain, each step of which looks into a list), all of them together have one: a number of reads.

use crate::Refusal;

/// The most bytes of a signature that are read.
const MOST_BYTES: u64 = 1 << 20;
/// Streams shorter than this are in the mini stream.
const MINI_CUTOFF_BYTES: u64 = 4096;
const MINI_SECTOR_BYTES: u64 = 64;
const LAST_SECTOR: u32 = 0xFFFF_FFFA;
const NO_ENTRY: u32 = 0xFFFF_FFFF;
/// The most names that a package has, and the most that are looked at on the way to one.
const MOST_ENTRIES: u32 = 16_384;
const MOST_STEPS: u32 = 1024;
const ENTRY_BYTES: u64 = 128;
/// The most reads that one search takes. A genuine file of 2 GiB in sectors of 512 bytes, whose tables take the longest walks, needs about
/// a tenth of them.
pub const MOST_READS: u32 = 1 << 18;
/// How many sectors of the sector table the header names.
const IN_HEADER: u32 = 109;

/// Bytes at positions.
pub trait Source {
    /// Fills `buffer` with the bytes at `offset`; whether all were there.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> bool;
}

impl Source for &[u8] {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> bool {
        let range = usize::try_from(offset).ok().and_then(|at| Some(at..at.checked_add(buffer.len())?));
        let Some(bytes) = range.and_then(|range| self.get(range)) else { return false };
        buffer.copy_from_slice(bytes);
        true
    }
}

/// The stream of that name at the root of a compound file.
pub fn stream(file: &mut dyn Source, name: &str) -> Result<Vec<u8>, Refusal> {
    let mut file = Compound::open(file).ok_or(Refusal::Wrong("the package is not a compound file"))?;
    let damaged = Refusal::Wrong("the package's sectors do not hold together");
    let root = file.entry(0).ok_or(damaged)?;
    let wanted: Vec<u16> = name.encode_utf16().collect();
    let found = file.find(root.child, &wanted).ok_or(damaged)?.ok_or(Refusal::NoSignature)?;
    if found.size > MOST_BYTES {
        return Err(Refusal::Wrong("the signature is longer than any"));
    }
    file.content(&found, &root).ok_or(damaged)
}

struct Compound<'f> {
    file: &'f mut dyn Source,
    /// What is left of [`MOST_READS`].
    reads_left: u32,
    sector_bytes: u64,
    /// Sectors of the sector table, as counted in the header.
    table_sectors: u32,
    in_header: [u8; 436],
    first_list: u32,
    first_folder: u32,
    first_mini_table: u32,
}

/// A name in the directory.
struct Entry {
    name: Vec<u16>,
    is_stream: bool,
    left: u32,
    right: u32,
    child: u32,
    start: u32,
    size: u64,
}

impl<'f> Compound<'f> {
    fn open(file: &'f mut dyn Source) -> Option<Self> {
        let mut header = [0; 512];
        if !file.read_at(0, &mut header) || !header.starts_with(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]) {
            return None;
        }
        let word = |at: usize| number::<4>(&header, at).map(u32::from_le_bytes);
        let half = |at: usize| number::<2>(&header, at).map(u16::from_le_bytes);
        let sector_bytes = match (half(0x1A)?, half(0x1E)?) {
            (3, 9) => 512,
            (4, 12) => 4096,
            _ => return None,
        };
        if half(0x20)? != 6 || u64::from(word(0x38)?) != MINI_CUTOFF_BYTES {
            return None;
        }
        Some(Self {
            sector_bytes,
            table_sectors: word(0x2C)?,
            in_header: number::<436>(&header, 0x4C)?,
            first_list: word(0x44)?,
            first_folder: word(0x30)?,
            first_mini_table: word(0x3C)?,
            reads_left: MOST_READS,
            file,
        })
    }

    /// Every read after the header's goes through here.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Option<()> {
        self.reads_left = self.reads_left.checked_sub(1)?;
        self.file.read_at(offset, buffer).then_some(())
    }

    fn words_in_sector(&self) -> u32 {
        if self.sector_bytes == 512 { 128 } else { 1024 }
    }

    /// Where a sector is in the file.
    fn offset(&self, sector: u32) -> Option<u64> {
        if sector >= LAST_SECTOR {
            return None;
        }
        u64::from(sector).checked_add(1)?.checked_mul(self.sector_bytes)
    }

    fn word_at(&mut self, offset: u64) -> Option<u32> {
        let mut word = [0; 4];
        self.read_at(offset, &mut word)?;
        Some(u32::from_le_bytes(word))
    }

    /// The `index`th sector of the sector table: named in the header, or in the list that goes on from there.
    fn table_sector(&mut self, index: u32) -> Option<u32> {
        if index >= self.table_sectors {
            return None;
        }
        if index < IN_HEADER {
            let at = usize::try_from(index).ok()?.checked_mul(4)?;
            return number::<4>(&self.in_header, at).map(u32::from_le_bytes);
        }
        let in_one = self.words_in_sector().checked_sub(1)?;
        let index = index.checked_sub(IN_HEADER)?;
        let mut list = self.first_list;
        for _ in 0..index.checked_div(in_one)? {
            let next = self.offset(list)?.checked_add(u64::from(in_one).checked_mul(4)?)?;
            list = self.word_at(next)?;
        }
        let at = self.offset(list)?.checked_add(u64::from(index.checked_rem(in_one)?).checked_mul(4)?)?;
        self.word_at(at)
    }

    /// The sector after `sector` in its chain.
    fn next(&mut self, sector: u32) -> Option<u32> {
        let in_one = self.words_in_sector();
        let table = self.table_sector(sector.checked_div(in_one)?)?;
        let at = self.offset(table)?.checked_add(u64::from(sector.checked_rem(in_one)?).checked_mul(4)?)?;
        self.word_at(at)
    }

    /// The `index`th sector of a chain. No chain that is walked here is longer than what it is walked for.
    fn nth(&mut self, first: u32, index: u64) -> Option<u32> {
        let mut sector = first;
        for _ in 0..index {
            sector = self.next(sector)?;
        }
        Some(sector)
    }

    fn entry(&mut self, id: u32) -> Option<Entry> {
        if id >= MOST_ENTRIES {
            return None;
        }
        let at = u64::from(id).checked_mul(ENTRY_BYTES)?;
        let sector = self.nth(self.first_folder, at.checked_div(self.sector_bytes)?)?;
        let offset = self.offset(sector)?.checked_add(at.checked_rem(self.sector_bytes)?)?;
        let mut bytes = [0; 128];
        self.read_at(offset, &mut bytes)?;
        let word = |at: usize| number::<4>(&bytes, at).map(u32::from_le_bytes);
        let name_bytes = usize::from(u16::from_le_bytes(number::<2>(&bytes, 0x40)?)).checked_sub(2)?;
        let units = bytes.get(..64)?.get(..name_bytes)?.chunks_exact(2);
        let name = units.map(|unit| unit.iter().rev().fold(0, |all, byte| all << 8 | u16::from(*byte))).collect();
        let high = if self.sector_bytes == 512 { 0 } else { word(0x7C)? };
        Some(Entry {
            name,
            is_stream: bytes.get(0x42) == Some(&2),
            left: word(0x44)?,
            right: word(0x48)?,
            child: word(0x4C)?,
            start: word(0x74)?,
            size: u64::from(high) << 32 | u64::from(word(0x78)?),
        })
    }

    /// Looks a name up in a folder's tree ([MS-CFB] §2.6.4: shorter names first, then by upper case).
    fn find(&mut self, top: u32, wanted: &[u16]) -> Option<Option<Entry>> {
        let order = |name: &[u16]| {
            let upper =
                name.iter().map(|unit| u8::try_from(*unit).map_or(*unit, |b| u16::from(b.to_ascii_uppercase())));
            (name.len(), upper.collect::<Vec<u16>>())
        };
        let key = order(wanted);
        let mut at = top;
        for _ in 0..MOST_STEPS {
            if at == NO_ENTRY {
                return Some(None);
            }
            let entry = self.entry(at)?;
            match key.cmp(&order(&entry.name)) {
                std::cmp::Ordering::Less => at = entry.left,
                std::cmp::Ordering::Greater => at = entry.right,
                std::cmp::Ordering::Equal => return entry.is_stream.then_some(Some(entry)),
            }
        }
        None
    }

    fn content(&mut self, entry: &Entry, root: &Entry) -> Option<Vec<u8>> {
        let is_mini = entry.size < MINI_CUTOFF_BYTES;
        let piece_bytes = if is_mini { MINI_SECTOR_BYTES } else { self.sector_bytes };
        let mut content = Vec::new();
        let (mut left, mut sector) = (entry.size, entry.start);
        while left > 0 {
            let offset = if is_mini { self.mini_offset(sector, root)? } else { self.offset(sector)? };
            let now = left.min(piece_bytes);
            let mut piece = [0; 4096];
            let piece = piece.get_mut(..usize::try_from(now).ok()?)?;
            self.read_at(offset, piece)?;
            content.extend_from_slice(piece);
            left = left.checked_sub(now)?;
            if left > 0 {
                sector = if is_mini { self.mini_next(sector)? } else { self.next(sector)? };
            }
        }
        Some(content)
    }

    /// Where a mini sector is in the file: in the root's own stream.
    fn mini_offset(&mut self, mini: u32, root: &Entry) -> Option<u64> {
        let at = u64::from(mini).checked_mul(MINI_SECTOR_BYTES)?;
        if at.checked_add(MINI_SECTOR_BYTES)? > root.size.min(MOST_BYTES << 4) {
            return None;
        }
        let sector = self.nth(root.start, at.checked_div(self.sector_bytes)?)?;
        self.offset(sector)?.checked_add(at.checked_rem(self.sector_bytes)?)
    }

    fn mini_next(&mut self, mini: u32) -> Option<u32> {
        // As many as 16 MiB have.
        if u64::from(mini) > (MOST_BYTES << 4).checked_div(MINI_SECTOR_BYTES)? {
            return None;
        }
        let in_one = self.words_in_sector();
        let table = self.nth(self.first_mini_table, u64::from(mini.checked_div(in_one)?))?;
        let at = self.offset(table)?.checked_add(u64::from(mini.checked_rem(in_one)?).checked_mul(4)?)?;
        self.word_at(at)
    }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

#[cfg(test)]
mod tests;
