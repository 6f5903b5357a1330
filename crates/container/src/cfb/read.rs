//! Reads a compound file by the route the system takes: header, directory, and of the FAT only what a wanted stream needs.

use std::cmp::Ordering;
use std::io;

pub use super::chain::{Extent, Extents};
use super::chain::{Fat, Sectors};
use super::{DIFAT_IN_HEADER, ENDOFCHAIN, ENTRY, MINI_CUTOFF, MINI_SECTOR, NOSTREAM, SIGNATURE};
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

/// The directory is held in memory; an MSI has a hundred entries.
const MAX_ENTRIES: u64 = 1 << 15;
/// So is the mini FAT: enough for 64 MiB of streams under 4096 bytes.
const MAX_MINI_FAT: u64 = 4 << 20;

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bytes with a name.
    Stream,
    /// A folder.
    Storage,
}

/// One stream or storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the directory.
    pub id: u32,
    /// The number of the storage it is in; 0 is the root.
    pub parent: u32,
    /// What it is.
    pub kind: Kind,
    /// Its name, as stored.
    pub name: Vec<u16>,
    /// The class of a storage.
    pub clsid: [u8; 16],
    /// State bits, which a signature's metadata digest covers.
    pub state: u32,
    /// Creation time in 100 ns since 1601.
    pub created: u64,
    /// Modification time in 100 ns since 1601.
    pub modified: u64,
    /// The first sector, or mini sector.
    pub start: u32,
    /// The length in bytes.
    pub size: u64,
}

impl Entry {
    /// Whether the content lies in the mini stream.
    #[must_use]
    pub const fn is_mini(&self) -> bool {
        self.size < MINI_CUTOFF
    }
}

/// §2.2, as far as it matters after the opening.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) version: u16,
    pub(super) directory_sectors: u32,
    pub(super) directory_start: u32,
    pub(super) mini_fat_start: u32,
}

/// A directory entry before it is known what it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub(super) kind: u8,
    pub(super) red: bool,
    pub(super) left: u32,
    pub(super) right: u32,
    pub(super) child: u32,
    pub(super) entry: Entry,
}

/// An open compound file.
#[derive(Debug, Clone)]
pub struct Compound<R> {
    pub(super) file: R,
    pub(super) header: Header,
    pub(super) fat: Fat,
    pub(super) raw: Vec<Raw>,
    pub(super) mini_fat: Vec<u32>,
    mini_stream: Extents,
    entries: Vec<Entry>,
}

impl<R: ReadAt> Compound<R> {
    /// Reads header, DIFAT, directory and mini FAT. What it costs depends on these, not on the length of the file.
    pub fn open(file: R) -> Result<Self, Error> {
        let (header, fat) = open_header(&file)?;
        let size = fat.sectors.size();
        let most = MAX_ENTRIES * ENTRY as u64 / size;
        let directory = fat.chain(&file, "directory", header.directory_start, most, false)?;
        let raw = read_directory(&load(&file, "directory", &directory)?, header.version)?;
        let Some(root) = raw.first().filter(|root| root.kind == 5) else {
            let problem = Problem::Missing { what: "the root entry" };
            return Err(Malformed { structure: "directory", offset: Malformed::NOWHERE, problem }.into());
        };
        let mini_sectors = root.entry.size.div_ceil(MINI_SECTOR);
        let most = (4 * mini_sectors).div_ceil(size);
        if most * size > MAX_MINI_FAT {
            let problem = Problem::Value {
                field: "size of the mini stream",
                found: root.entry.size,
                expected: "within this reader's limit of 64 MiB",
            };
            return Err(Malformed { structure: "root entry", offset: 0x78, problem }.into());
        }
        let (mut mini_stream, mut mini_fat) = (Extents::default(), Vec::new());
        if root.entry.size > 0 {
            let sectors = root.entry.size.div_ceil(size);
            mini_stream = fat.chain(&file, "mini stream", root.entry.start, sectors, true)?;
            mini_stream.truncate(root.entry.size);
            let extents = fat.chain(&file, "mini FAT", header.mini_fat_start, MAX_MINI_FAT / size, false)?;
            let bytes = load(&file, "mini FAT", &extents)?;
            mini_fat = words(&bytes).collect();
        }
        let entries = walk(&raw)?;
        Ok(Self { file, header, fat, raw, mini_fat, mini_stream, entries })
    }

    /// The class of the root, which says what kind of document this is.
    #[must_use]
    pub fn clsid(&self) -> [u8; 16] {
        self.raw.first().map_or([0; 16], |root| root.entry.clsid)
    }

    /// State bits, creation and modification time of the root.
    #[must_use]
    pub fn root(&self) -> Option<&Entry> {
        self.raw.first().map(|root| &root.entry)
    }

    /// The format's version, 3 or 4.
    #[must_use]
    pub const fn version(&self) -> u16 {
        self.header.version
    }

    /// Every stream and storage, each storage's in its sibling order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The stream `name` of the root, searched as the system does: down the tree.
    #[must_use]
    pub fn find(&self, name: &[u16]) -> Option<&Entry> {
        let mut id = self.raw.first()?.child;
        for _ in 0..self.raw.len() {
            let raw = self.raw.get(usize::try_from(id).ok()?)?;
            id = match compare(name, &raw.entry.name) {
                Ordering::Less => raw.left,
                Ordering::Greater => raw.right,
                Ordering::Equal => return Some(&raw.entry).filter(|_| raw.kind == 2),
            };
        }
        None
    }

    /// Where in the file a stream's bytes are.
    pub fn extents(&self, stream: &Entry) -> Result<Extents, Error> {
        if stream.size == 0 {
            return Ok(Extents::default());
        }
        if stream.is_mini() {
            return self.mini_extents(stream);
        }
        let size = self.fat.sectors.size();
        let mut extents = self.fat.chain(&self.file, "stream", stream.start, stream.size.div_ceil(size), true)?;
        extents.truncate(stream.size);
        Ok(extents)
    }

    /// The whole content of a stream of at most `limit` bytes.
    pub fn read(&self, stream: &Entry, limit: usize) -> Result<Vec<u8>, Error> {
        let size = usize::try_from(stream.size).ok().filter(|size| *size <= limit).ok_or(Malformed {
            structure: "stream",
            offset: Malformed::NOWHERE,
            problem: Problem::Value { field: "size", found: stream.size, expected: "within this reader's limit" },
        })?;
        let extents = self.extents(stream)?;
        let mut out = vec![0; size];
        extents.read_at(&self.file, 0, &mut out).map_err(Error::io("read a stream"))?;
        Ok(out)
    }

    /// A stream's bytes, to be read at any offset.
    pub fn stream(&self, stream: &Entry) -> Result<StreamAt<&R>, Error> {
        Ok(StreamAt { extents: self.extents(stream)?, file: &self.file })
    }

    /// The mini sectors of a short stream, as bytes of the file.
    fn mini_extents(&self, stream: &Entry) -> Result<Extents, Error> {
        let wrong = |problem| Malformed { structure: "mini stream", offset: u64::from(stream.start), problem };
        let mut extents = Extents::default();
        let (mut next, mut left) = (stream.start, stream.size);
        while left > 0 {
            let link = usize::try_from(next).ok().and_then(|next| self.mini_fat.get(next)).copied();
            let (start, len) = (u64::from(next) * MINI_SECTOR, left.min(MINI_SECTOR));
            let (Some(link), Some(part)) = (link, self.mini_stream.part(start, len)) else {
                return Err(wrong(Problem::Truncated { needed: stream.size, found: stream.size - left }).into());
            };
            for extent in part {
                extents.push(extent.start, extent.len)?;
            }
            left -= len;
            next = link;
        }
        if next != ENDOFCHAIN {
            return Err(wrong(Problem::Data { what: "a stream's chain is longer than the stream" }).into());
        }
        Ok(extents)
    }
}

/// A stream of an open compound file.
#[derive(Debug, Clone)]
pub struct StreamAt<R> {
    extents: Extents,
    file: R,
}

impl<R: ReadAt> ReadAt for StreamAt<R> {
    fn len(&self) -> u64 {
        self.extents.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.extents.read_at(&self.file, offset, buf)
    }
}

/// §2.2 and the DIFAT.
fn open_header(file: &impl ReadAt) -> Result<(Header, Fat), Error> {
    const NAME: &str = "compound file header";
    let bytes = read_vec(file, NAME, 0, 512, 512)?;
    let mut r = Reader::new(NAME, 0, &bytes);
    if r.array()? != SIGNATURE {
        return Err(r.wrong(Problem::Mismatch { what: "the signature and that of a compound file" }).into());
    }
    r.skip(16 + 2)?; // class, minor version
    let version = r.u16_le()?;
    let expected = match version {
        3 => 9,
        4 => 12,
        _ => {
            let (found, expected) = (version.into(), "3 or 4");
            return Err(r.wrong(Problem::Value { field: "major version", found, expected }).into());
        }
    };
    for (field, wanted, text) in [
        ("byte order", 0xFFFE, "65534"),
        ("sector shift", expected, "9 in version 3, 12 in version 4"),
        ("mini sector shift", 6, "6"),
    ] {
        let found = r.u16_le()?;
        if found != wanted {
            return Err(r.wrong(Problem::Value { field, found: found.into(), expected: text }).into());
        }
    }
    r.skip(6)?; // reserved
    let (directory_sectors, fat_sectors, directory_start) = (r.u32_le()?, r.u32_le()?, r.u32_le()?);
    r.skip(4)?; // transaction number
    let cutoff = r.u32_le()?;
    if u64::from(cutoff) != MINI_CUTOFF {
        let (found, expected) = (cutoff.into(), "4096");
        return Err(r.wrong(Problem::Value { field: "mini stream cutoff", found, expected }).into());
    }
    let mini_fat_start = r.u32_le()?;
    r.skip(4)?; // number of mini FAT sectors
    let difat_start = r.u32_le()?;
    r.skip(4)?; // number of DIFAT sectors
    let mut head = [0; DIFAT_IN_HEADER];
    for place in &mut head {
        *place = r.u32_le()?;
    }
    r.finish()?;
    let sectors = Sectors { shift: expected.into(), file_len: file.len() };
    let fat = Fat::open(file, sectors, fat_sectors, &head, difat_start)?;
    Ok((Header { version, directory_sectors, directory_start, mini_fat_start }, fat))
}

/// The whole content of a structure whose length has been limited before.
pub(super) fn load(file: &impl ReadAt, structure: &'static str, extents: &Extents) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    for run in extents.runs() {
        out.extend(read_vec(file, structure, run.start, run.len, 64 << 20)?);
    }
    Ok(out)
}

/// Little-endian 32-bit numbers.
pub(super) fn words(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word))
}

/// §2.6.1: every entry, used or not.
fn read_directory(bytes: &[u8], version: u16) -> Result<Vec<Raw>, Malformed> {
    let mut reader = Reader::new("directory", 0, bytes);
    let mut raw = Vec::with_capacity(bytes.len() / ENTRY);
    while !reader.is_empty() {
        let id = u32::try_from(raw.len()).unwrap_or(NOSTREAM);
        raw.push(read_entry(reader.sub("directory entry", ENTRY)?, id, version)?);
    }
    Ok(raw)
}

fn read_entry(mut r: Reader<'_>, id: u32, version: u16) -> Result<Raw, Malformed> {
    let start_of_entry = r.clone();
    let units = r.take(64)?.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
    let name_bytes = r.u16_le()?;
    let kind = r.u8()?;
    if kind != 0 && !(2..=64).contains(&name_bytes) {
        let (found, expected) = (name_bytes.into(), "2 to 64");
        return Err(r.wrong(Problem::Value { field: "length of the name", found, expected }));
    }
    let name: Vec<u16> = units.take(usize::from(name_bytes / 2).saturating_sub(1)).collect();
    if ![0, 1, 2, 5].contains(&kind) || (kind == 5) != (id == 0) {
        let (found, expected) = (kind.into(), "5 for the root, 1 or 2 for others");
        return Err(start_of_entry.wrong(Problem::Value { field: "type", found, expected }));
    }
    let red = r.u8()? == 0;
    let (left, right, child) = (r.u32_le()?, r.u32_le()?, r.u32_le()?);
    let clsid = r.array()?;
    let (state, created, modified) = (r.u32_le()?, r.u64_le()?, r.u64_le()?);
    let start = r.u32_le()?;
    let mut size = r.u64_le()?;
    if version == 3 {
        size &= 0xFFFF_FFFF;
    }
    let entry_kind = if kind == 2 { Kind::Stream } else { Kind::Storage };
    let entry = Entry { id, parent: 0, kind: entry_kind, name, clsid, state, created, modified, start, size };
    Ok(Raw { kind, red, left, right, child, entry })
}

/// The entries that the trees reach, in order; an entry that is reached twice is refused.
fn walk(raw: &[Raw]) -> Result<Vec<Entry>, Malformed> {
    let wrong =
        |id: u32, problem| Malformed { structure: "directory entry", offset: u64::from(id) * ENTRY as u64, problem };
    let mut seen = vec![false; raw.len()];
    let mut out = Vec::new();
    // Each step is an entry to go into, or one whose left side is done.
    let mut steps: Vec<(u32, u32, bool)> = raw.first().map(|root| (root.child, 0, false)).into_iter().collect();
    while let Some((id, parent, left_done)) = steps.pop() {
        if id == NOSTREAM {
            continue;
        }
        let index = usize::try_from(id).unwrap_or(usize::MAX);
        let Some(here) = raw.get(index).filter(|here| here.kind == 1 || here.kind == 2) else {
            return Err(wrong(id, Problem::Missing { what: "an entry that another one names" }));
        };
        if left_done {
            out.push(Entry { parent, ..here.entry.clone() });
            if here.kind == 1 {
                steps.push((here.child, id, false));
            }
            continue;
        }
        match seen.get_mut(index) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(wrong(id, Problem::Cycle { what: "the directory's tree" })),
        }
        steps.extend([(here.right, parent, false), (id, parent, true), (here.left, parent, false)]);
    }
    Ok(out)
}

/// §2.6.4: the order of siblings.
pub(super) fn compare(a: &[u16], b: &[u16]) -> Ordering {
    let upper = |units: &[u16]| -> Vec<u16> {
        let one = |unit: &u16| match char::from_u32((*unit).into()) {
            Some(c) if c.is_ascii() => u16::from(u8::try_from(c).unwrap_or(0).to_ascii_uppercase()),
            Some(c) if c.to_uppercase().len() == 1 => {
                c.to_uppercase().next().and_then(|c| u16::try_from(u32::from(c)).ok()).unwrap_or(*unit)
            }
            _ => *unit,
        };
        units.iter().map(one).collect()
    };
    a.len().cmp(&b.len()).then_with(|| upper(a).cmp(&upper(b)))
}
