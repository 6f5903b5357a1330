//! Where everything of a version 4 compound file lies: a pure function of the streams.
//!
//! [`frame`] gives what lies around the bulk streams: the header before them and the tail after them and
//! after the part of the FAT that describes nothing else. It never sees a byte of a bulk stream.

use super::geometry::{Contents, Geometry, Version, number, pad};
pub use super::refusal::{LONGEST, Refusal};
use super::tree::{self, Root, Row};
use super::{MINI_CUTOFF, MINI_SECTOR};

/// The size of a sector, and of the header.
pub const SECTOR: usize = 4096;

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
    let geometry = &plan.geometry;
    let mut tail = Vec::with_capacity(usize::try_from(geometry.file_len() - geometry.tail_start()).unwrap_or(0));
    geometry.write_fat(geometry.bulk_fat_sectors(), geometry.fat_sectors, &mut tail);
    geometry.write_difat(&mut tail);
    let root = Root { clsid, mini_start: geometry.mini_start(), mini_size: geometry.mini_size(), ..Root::default() };
    tail.extend(tree::directory(root, &plan.rows, plan.rows.len(), SECTOR));
    plan.write_mini(&mut tail);
    for stream in &plan.regular {
        tail.extend(stream.data);
        pad(&mut tail, Version::Four, 0);
    }
    Ok(Frame { header: geometry.header(), tail_start: geometry.tail_start(), tail })
}

/// The sectors of the FAT that describe nothing but bulk streams, one after the other; they lie between the streams and
/// the tail.
pub fn bulk_fat(bulk: &[Bulk]) -> Result<impl Iterator<Item = Vec<u8>>, Refusal> {
    let geometry = Plan::new(bulk, &[])?.geometry;
    Ok((0..geometry.bulk_fat_sectors()).map(move |sector| {
        let mut out = Vec::with_capacity(SECTOR);
        geometry.write_fat(sector, sector + 1, &mut out);
        out
    }))
}

/// Which stream lies where.
struct Plan<'a> {
    geometry: Geometry,
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
        sorted.sort_by(|a, b| tree::compare_siblings(a.name, b.name));
        let (mini, mut regular): (Vec<_>, Vec<_>) =
            sorted.into_iter().partition(|stream| (stream.data.len() as u64) < MINI_CUTOFF);
        regular.sort_by_key(|stream| stream.name.first() == Some(&5));
        if let Some(short) = bulk.iter().find(|stream| stream.len_bytes < MINI_CUTOFF) {
            return Err(Refusal::TooShort { bytes: short.len_bytes });
        }
        let lengths = |streams: &[Stream<'_>]| -> Vec<u64> { streams.iter().map(|s| s.data.len() as u64).collect() };
        let bulk_lengths: Vec<u64> = bulk.iter().map(|stream| stream.len_bytes).collect();
        let contents =
            Contents { bulk: &bulk_lengths, mini: &lengths(&mini), regular: &lengths(&regular), storages: 0 };
        let geometry = Geometry::new(Version::Four, contents)?;
        let rows = rows(&geometry, bulk, &mini, &regular)?;
        Ok(Plan { geometry, mini, regular, rows })
    }

    /// Appends the mini FAT and the mini stream.
    fn write_mini(&self, out: &mut Vec<u8>) {
        self.geometry.write_mini_fat(self.mini.iter().map(|stream| stream.data.len() as u64), out);
        for stream in &self.mini {
            out.extend(stream.data);
            out.resize(out.len().next_multiple_of(MINI_SECTOR as usize), 0);
        }
        pad(out, Version::Four, 0);
    }
}

/// The directory's rows, sorted, with the place of each stream.
fn rows<'a>(
    geometry: &Geometry,
    bulk: &'a [Bulk],
    mini: &[Stream<'a>],
    regular: &[Stream<'a>],
) -> Result<Vec<Row<'a>>, Refusal> {
    let mut rows = Vec::with_capacity(bulk.len() + mini.len() + regular.len());
    let front = bulk.iter().zip(geometry.bulk_starts());
    rows.extend(front.map(|(stream, start)| Row::stream(&stream.name, start, stream.len_bytes)));
    let tail = regular.iter().zip(geometry.regular_starts());
    rows.extend(tail.map(|(stream, start)| Row::stream(stream.name, start, stream.data.len() as u64)));
    let mut next = 0;
    for stream in mini {
        let size = stream.data.len() as u64;
        rows.push(Row::stream(stream.name, number(next), size));
        next += size.div_ceil(MINI_SECTOR);
    }
    if let Some(bad) = rows.iter().find(|row| !is_name(row.name)) {
        return Err(Refusal::Name { units: bad.name.len() });
    }
    rows.sort_by(|a, b| tree::compare_siblings(a.name, b.name));
    if tree::has_twins(&rows) { Err(Refusal::Twice) } else { Ok(rows) }
}

/// §2.6.1: what a name may be.
pub(super) fn is_name(name: &[u16]) -> bool {
    let forbidden =
        |unit: &u16| [0, u16::from(b'/'), u16::from(b'\\'), u16::from(b':'), u16::from(b'!')].contains(unit);
    (1..=31).contains(&name.len()) && !name.iter().any(forbidden)
}
