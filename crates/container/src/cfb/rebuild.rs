//! Writes a compound file anew with some streams of its root replaced, added or left out: what signing does to a file.
//!
//! The result is compact (see the [module](super)), whatever the source was: no free, lost or trailing sector, every count
//! right, every stream in sectors that follow each other, property sets (names that start with U+0005) behind all
//! others, and the signature last of all. Version, class ids, state bits and times stay: a signature may cover them. Streams that lie at the
//! front of the source, one after the other from the first sector on, stay there; so for a file of [`layout`](super::layout)
//! the result is what a layout of the new streams gives.
//!
//! The content is copied in pieces; what is in memory is the directory and the new streams.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;

use super::check::Defect;
use super::geometry::{Contents, Geometry, Version, number};
use super::layout::is_name;
use super::read::{Compound, Entry, Kind};
use super::refusal::Refusal;
use super::tree::{self, Meta, Root, Row};
use super::{MINI_CUTOFF, MINI_SECTOR};
use crate::read_at::{self, ReadAt};
use crate::reader::{Error, Malformed, Problem};

/// Storages in storages.
const MAX_DEPTH: usize = 32;

/// A change to a stream of the root.
#[derive(Debug, Clone, Copy)]
pub enum Edit<'a> {
    /// The stream has this content; it is added when there is none.
    Put {
        /// Its name as it is stored.
        name: &'a [u16],
        /// Its content.
        data: &'a [u8],
    },
    /// The stream is left out when there is one.
    Drop {
        /// Its name as it is stored.
        name: &'a [u16],
    },
}

impl<'a> Edit<'a> {
    const fn name(&self) -> &'a [u16] {
        match self {
            Self::Put { name, .. } | Self::Drop { name } => name,
        }
    }
}

/// Why a compound file could not be rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The source cannot be read.
    #[error(transparent)]
    Read(#[from] Error),
    /// The source claims something twice, or its chains do not hold what they must: a copy would be a guess.
    #[error("the compound file is damaged: {0}")]
    Damaged(Defect),
    /// The result would not fit into a compound file.
    #[error(transparent)]
    Refusal(#[from] Refusal),
    /// The output failed.
    #[error("write the compound file: {0}")]
    Write(#[from] io::Error),
}

impl From<Malformed> for RebuildError {
    fn from(malformed: Malformed) -> Self {
        Self::Read(malformed.into())
    }
}

/// Where the result has its streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuilt {
    /// The length of the file in bytes.
    pub(crate) file_len: u64,
    /// Where the last stream starts in the file, if it is not in the mini stream.
    pub last: Option<u64>,
}

/// Writes `compound` with these edits to `out`, front to back.
pub fn rebuild<R: ReadAt>(
    compound: &Compound<R>,
    edits: &[Edit<'_>],
    out: &mut (impl Write + ?Sized),
) -> Result<Rebuilt, RebuildError> {
    sound(compound)?;
    let plan = Plan::new(compound, edits)?;
    plan.write(compound, out)
}

/// Refuses what could be copied in two ways. What is merely not compact is not carried over.
fn sound<R: ReadAt>(compound: &Compound<R>) -> Result<(), RebuildError> {
    let mended = |defect: &Defect| {
        use Defect::{DirectorySectors, EmptyFat, Free, MiniFree, MiniOrphan, Orphan, RedRed, Trailing};
        matches!(
            defect,
            Trailing { .. }
                | Free { .. }
                | Orphan { .. }
                | EmptyFat { .. }
                | MiniFree { .. }
                | MiniOrphan { .. }
                | DirectorySectors { .. }
                | RedRed { .. }
        )
    };
    // The last sector of some writers' files is cut short; what lies in it is checked when it is read.
    let harmless = |defect: &Defect| mended(defect) || matches!(defect, Defect::CutShort { .. });
    match compound.check()?.into_iter().find(|defect| !harmless(defect)) {
        Some(defect) => Err(RebuildError::Damaged(defect)),
        None => Ok(()),
    }
}

/// Where a stream's bytes come from.
#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    Old(&'a Entry),
    New(&'a [u8]),
}

impl Source<'_> {
    fn len(&self) -> u64 {
        match self {
            Self::Old(entry) => entry.size,
            Self::New(data) => <[u8]>::len(data) as u64,
        }
    }
}

/// One entry of the new directory.
#[derive(Debug, Clone)]
struct Item<'a> {
    name: &'a [u16],
    meta: Meta,
    /// `None`: a storage.
    source: Option<Source<'a>>,
    children: Option<Range<usize>>,
}

/// The new file: entries in the directory's order, and which of them lie where.
struct Plan<'a> {
    geometry: Geometry,
    root: Root,
    items: Vec<Item<'a>>,
    /// How many items the root has.
    top_level: usize,
    bulk: Vec<usize>,
    mini: Vec<usize>,
    regular: Vec<usize>,
}

impl<'a> Plan<'a> {
    fn new<R: ReadAt>(compound: &'a Compound<R>, edits: &[Edit<'a>]) -> Result<Self, RebuildError> {
        let (items, top_level) = collect(compound, edits)?;
        let sector = 1 << compound.fat.sectors.shift;
        let bulk = front(&items, sector);
        let streams = || items.iter().enumerate().filter_map(|(at, item)| Some((at, item.source?)));
        let mini: Vec<usize> = streams().filter(|(_, s)| s.len() < MINI_CUTOFF).map(|(at, _)| at).collect();
        let mut regular: Vec<usize> = streams()
            .filter(|(at, source)| source.len() >= MINI_CUTOFF && !bulk.contains(at))
            .map(|(at, _)| at)
            .collect();
        let name = |at: &usize| items.get(*at).map_or(&[] as &[u16], |item| item.name);
        let signature: Vec<u16> = crate::msidb::name::DIGITAL_SIGNATURE.encode_utf16().collect();
        regular.sort_by_key(|at| (name(at).first() == Some(&5), name(at) == signature && *at < top_level));
        let lengths = |which: &[usize]| -> Vec<u64> {
            which.iter().filter_map(|at| Some(items.get(*at)?.source?.len())).collect()
        };
        let version = if compound.version() == 3 { Version::Three } else { Version::Four };
        let storages = items.iter().filter(|item| item.source.is_none()).count() as u64;
        let (front, small, others) = (lengths(&bulk), lengths(&mini), lengths(&regular));
        let contents = Contents { bulk: &front, mini: &small, regular: &others, storages };
        let geometry = Geometry::new(version, contents)?;
        let old = compound.root().ok_or(Malformed {
            structure: "directory",
            offset: Malformed::NOWHERE,
            problem: Problem::Missing { what: "the root entry" },
        })?;
        let root = Root {
            clsid: old.clsid,
            state: old.state,
            // §2.6.1: zeros for the root. Some tools write a time, and osslsigncode refuses their files; no signature covers it.
            created: 0,
            modified: old.modified,
            mini_start: geometry.mini_start(),
            mini_size: geometry.mini_size(),
        };
        Ok(Self { geometry, root, items, top_level, bulk, mini, regular })
    }

    /// The directory's rows.
    fn rows(&self) -> Vec<Row<'a>> {
        let mut starts: BTreeMap<usize, u32> = BTreeMap::new();
        starts.extend(self.bulk.iter().copied().zip(self.geometry.bulk_starts()));
        starts.extend(self.regular.iter().copied().zip(self.geometry.regular_starts()));
        let mut next = 0;
        for at in &self.mini {
            starts.insert(*at, number(next));
            next += self.source(*at).map_or(0, |source| source.len().div_ceil(MINI_SECTOR));
        }
        let row = |(at, item): (usize, &Item<'a>)| Row {
            name: item.name,
            start: starts.get(&at).copied().unwrap_or(0),
            size: item.source.map_or(0, |source| source.len()),
            meta: item.meta,
            children: item.children.clone(),
        };
        self.items.iter().enumerate().map(row).collect()
    }

    fn source(&self, at: usize) -> Option<Source<'a>> {
        self.items.get(at)?.source
    }

    fn write<R: ReadAt>(
        &self,
        compound: &Compound<R>,
        out: &mut (impl Write + ?Sized),
    ) -> Result<Rebuilt, RebuildError> {
        let geometry = &self.geometry;
        let sector = geometry.version.sector();
        out.write_all(&geometry.header())?;
        for at in &self.bulk {
            self.copy(compound, *at, sector, out)?;
        }
        for index in 0..geometry.fat_sectors {
            let mut fat = Vec::new();
            geometry.write_fat(index, index + 1, &mut fat);
            out.write_all(&fat)?;
        }
        let mut tables = Vec::new();
        geometry.write_difat(&mut tables);
        let sector_bytes = usize::try_from(sector).unwrap_or(usize::MAX);
        tables.extend(tree::directory(self.root, &self.rows(), self.top_level, sector_bytes));
        let small = self.mini.iter().filter_map(|at| Some(self.source(*at)?.len()));
        geometry.write_mini_fat(small, &mut tables);
        out.write_all(&tables)?;
        for at in &self.mini {
            self.copy(compound, *at, MINI_SECTOR, out)?;
        }
        fill(geometry.mini_size(), sector, out)?;
        for at in &self.regular {
            self.copy(compound, *at, sector, out)?;
        }
        out.flush()?;
        let last = self.regular.last().and_then(|at| self.source(*at));
        let last = last.map(|source| geometry.file_len() - source.len().next_multiple_of(sector));
        Ok(Rebuilt { file_len: geometry.file_len(), last })
    }

    /// Copies one stream and fills its last sector.
    fn copy<R: ReadAt>(
        &self,
        compound: &Compound<R>,
        at: usize,
        sector: u64,
        out: &mut (impl Write + ?Sized),
    ) -> Result<(), RebuildError> {
        let Some(source) = self.source(at) else { return Ok(()) };
        match source {
            Source::New(data) => out.write_all(data)?,
            Source::Old(entry) => {
                let stream = compound.stream(entry)?;
                read_at::pieces(
                    &stream,
                    0..stream.len(),
                    |error| Error::io("read a stream")(error).into(),
                    |piece| Ok::<(), RebuildError>(out.write_all(piece)?),
                )?;
            }
        }
        Ok(fill(source.len(), sector, out)?)
    }
}

/// The new directory: the root's entries first, then those of each storage. Siblings lie side by side, sorted.
fn collect<'a, R: ReadAt>(
    compound: &'a Compound<R>,
    edits: &[Edit<'a>],
) -> Result<(Vec<Item<'a>>, usize), RebuildError> {
    let mut below: BTreeMap<u32, Vec<&Entry>> = BTreeMap::new();
    for entry in compound.entries() {
        below.entry(entry.parent).or_default().push(entry);
    }
    let edit_of = |entry: &Entry| edits.iter().find(|edit| edit.name() == entry.name);
    let mut level: Vec<(Item<'a>, Option<u32>)> = Vec::new();
    for entry in below.remove(&0).unwrap_or_default() {
        match edit_of(entry) {
            None => level.push(old(entry)),
            Some(_) if entry.kind == Kind::Storage => {
                let problem = Problem::Text { what: "a storage has the name of a stream that is to be replaced" };
                return Err(Malformed { structure: "directory", offset: Malformed::NOWHERE, problem }.into());
            }
            Some(Edit::Drop { .. }) => {}
            Some(Edit::Put { data, .. }) => {
                let (item, _) = old(entry);
                level.push((Item { source: Some(Source::New(data)), ..item }, None));
            }
        }
    }
    for edit in edits {
        let Edit::Put { name, data } = edit else { continue };
        if !level.iter().any(|(item, _)| item.name == *name) {
            let source = Some(Source::New(data));
            level.push((Item { name, meta: Meta::default(), source, children: None }, None));
        }
    }
    let top_level = level.len();
    let mut items: Vec<Item<'a>> = Vec::new();
    // Storages whose children are still to be placed: where the storage is, and its number in the source.
    let mut waiting = std::collections::VecDeque::new();
    place(level, &mut items, &mut waiting, 0)?;
    while let Some((at, id, depth)) = waiting.pop_front() {
        if depth > MAX_DEPTH {
            let problem = Problem::Text { what: "storages lie too deep in each other" };
            return Err(Malformed { structure: "directory", offset: Malformed::NOWHERE, problem }.into());
        }
        let children = below.remove(&id).unwrap_or_default().into_iter().map(old).collect();
        let range = place(children, &mut items, &mut waiting, depth)?;
        if let Some(storage) = items.get_mut(at) {
            storage.children = Some(range);
        }
    }
    Ok((items, top_level))
}

/// A storage that waits for its children: where it is, its number in the source, how deep it lies.
type Waiting = std::collections::VecDeque<(usize, u32, usize)>;

/// Appends siblings in their order.
fn place<'a>(
    mut level: Vec<(Item<'a>, Option<u32>)>,
    items: &mut Vec<Item<'a>>,
    waiting: &mut Waiting,
    depth: usize,
) -> Result<Range<usize>, RebuildError> {
    level.sort_by(|(a, _), (b, _)| tree::compare_siblings(a.name, b.name));
    if let Some((bad, _)) = level.iter().find(|(item, _)| !is_name(item.name)) {
        return Err(Refusal::Name { units: bad.name.len() }.into());
    }
    let key = |pair: &[(Item<'_>, Option<u32>)]| match pair {
        [(a, _), (b, _)] => tree::compare_siblings(a.name, b.name).is_eq(),
        _ => false,
    };
    if level.windows(2).any(key) {
        return Err(Refusal::Twice.into());
    }
    let start = items.len();
    for (item, storage) in level {
        if let Some(id) = storage {
            waiting.push_back((items.len(), id, depth + 1));
        }
        items.push(item);
    }
    Ok(start..items.len())
}

/// An entry as it was, and its number if it is a storage.
fn old(entry: &Entry) -> (Item<'_>, Option<u32>) {
    let Entry { clsid, state, created, modified, .. } = *entry;
    let meta = Meta { clsid, state, created, modified };
    let is_stream = entry.kind == Kind::Stream;
    let source = is_stream.then_some(Source::Old(entry));
    let children = (!is_stream).then_some(0..0);
    (Item { name: &entry.name, meta, source, children }, (!is_stream).then_some(entry.id))
}

/// The unchanged streams that lie one after the other from the first sector on.
fn front(items: &[Item<'_>], sector: u64) -> Vec<usize> {
    let mut regular: Vec<(u32, u64, usize)> = items
        .iter()
        .enumerate()
        .filter_map(|(at, item)| match item.source? {
            Source::Old(entry) if !entry.is_mini() && item.name.first() != Some(&5) => {
                Some((entry.start, entry.size, at))
            }
            _ => None,
        })
        .collect();
    regular.sort_unstable();
    let mut next = 0;
    let mut front = Vec::new();
    for (start, size, at) in regular {
        if u64::from(start) != next {
            break;
        }
        next += size.div_ceil(sector);
        front.push(at);
    }
    front
}

/// Zeros from `len` to the next border of `sector` bytes.
fn fill(len: u64, sector: u64, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let zeros = len.next_multiple_of(sector) - len;
    out.write_all(&vec![0; usize::try_from(zeros).unwrap_or(0)])
}

#[cfg(test)]
mod tests;
