//! Reading a bill of materials, strictly: what `lsbom` would skip over in silence is an error here.

use std::collections::{BTreeMap, BTreeSet};

use super::cksum::Cksum;
use super::entry::Kind;
use crate::reader::{Malformed, Problem, Reader};

/// A store with more blocks than this is not read.
const MAX_BLOCKS: u32 = 1 << 20;

/// A record says more than its path's name and mode.
const FLAG_ATTRIBUTES: u16 = 0x000e;
/// A file was looked at and is a program: its slices follow its checksum.
const FLAG_PROGRAM: u16 = 0x2000;
/// CPU type, CPU subtype, size and checksum of a slice.
const SLICE_BYTES: usize = 16;

/// What a bill of materials says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bom {
    /// The paths, in the order of the tree: the root `.` first, then breadth first.
    pub paths: Vec<Path>,
}

/// One path of a bill of materials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The whole path: `.` or `Agent.app/Contents`.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// File type and permissions, as stored; of a path that is only named they may be zero.
    pub mode: u16,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The modification time, in seconds since 1970.
    pub mtime: u32,
}

/// Reads a whole bill of materials.
pub fn read(file: &[u8]) -> Result<Bom, Malformed> {
    let store = Store::open(file)?;
    let paths = store.paths(store.variable("Paths")?)?;
    let mut info = store.block("bom info", store.variable("BomInfo")?)?;
    version(&mut info)?;
    let found = info.u32_be()?;
    // mkbom counts one more than there are paths
    if u64::from(found) != paths.len() as u64 + 1 {
        return Err(info.wrong(Problem::Value {
            field: "number of paths",
            found: found.into(),
            expected: "paths + 1",
        }));
    }
    // hard links, and the upper halves of sizes from 4 GiB on; neither is needed to compare what there is
    for name in ["HLIndex", "Size64"] {
        store.tree(store.variable(name)?)?;
    }
    Ok(Bom { paths })
}

/// The blocks and variables of the file.
struct Store<'a> {
    file: &'a [u8],
    blocks: Vec<(u32, u32)>,
    variables: BTreeMap<&'a [u8], u32>,
}

/// The head of a tree.
struct Tree {
    root: u32,
    entries: u32,
}

impl<'a> Store<'a> {
    fn open(file: &'a [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new("bom header", 0, file);
        if r.take(8)? != b"BOMStore" {
            return Err(wrong("bom header", 0, Problem::Text { what: "the magic is not BOMStore" }));
        }
        version(&mut r)?;
        let used = r.u32_be()?;
        let (index_at, index_bytes) = (r.u32_be()?, r.u32_be()?);
        let (variables_at, variables_bytes) = (r.u32_be()?, r.u32_be()?);
        let blocks = Self::index(within("bom index", file, index_at, index_bytes)?, file)?;
        // The null block does not count; embala gives it an address like the others, and no bytes.
        let count = |is_used: fn(&&(u32, u32)) -> bool| blocks.iter().filter(is_used).count() as u64;
        if !(count(|(_, len)| *len != 0)..=count(|(at, _)| *at != 0)).contains(&used.into()) {
            return Err(wrong("bom header", 12, Problem::Mismatch { what: "the number of blocks and the index" }));
        }
        let variables = Self::names(within("bom variables", file, variables_at, variables_bytes)?)?;
        Ok(Self { file, blocks, variables })
    }

    fn index(mut r: Reader<'a>, file: &[u8]) -> Result<Vec<(u32, u32)>, Malformed> {
        let count = r.u32_be()?;
        if count > MAX_BLOCKS {
            return Err(r.wrong(Problem::Value {
                field: "number of blocks",
                found: count.into(),
                expected: "≤ 1048576",
            }));
        }
        let mut blocks = Vec::new();
        for _ in 0..count {
            let (at, len) = (r.u32_be()?, r.u32_be()?);
            within("bom block", file, at, len)?;
            blocks.push((at, len));
        }
        // pkgbuild leaves room between its blocks and lists it here; nothing is read from it
        for _ in 0..r.u32_be()? {
            let (at, len) = (r.u32_be()?, r.u32_be()?);
            within("bom free block", file, at, len)?;
        }
        // mkbom writes two null pointers after the list
        if r.take_rest().iter().any(|b| *b != 0) {
            return Err(r.wrong(Problem::Text { what: "the free list has entries beyond its count" }));
        }
        Ok(blocks)
    }

    fn names(mut r: Reader<'a>) -> Result<BTreeMap<&'a [u8], u32>, Malformed> {
        let mut out = BTreeMap::new();
        for _ in 0..r.u32_be()? {
            let block = r.u32_be()?;
            let len = r.u8()?;
            if out.insert(r.take(len.into())?, block).is_some() {
                return Err(r.wrong(Problem::Twice { what: "a variable" }));
            }
        }
        r.finish()?;
        Ok(out)
    }

    fn variable(&self, name: &'static str) -> Result<u32, Malformed> {
        let missing = || wrong("bom variables", 0, Problem::Missing { what: name });
        self.variables.get(name.as_bytes()).copied().ok_or_else(missing)
    }

    fn block(&self, structure: &'static str, number: u32) -> Result<Reader<'a>, Malformed> {
        let found = usize::try_from(number).ok().and_then(|n| self.blocks.get(n)).filter(|_| number != 0);
        let (at, len) = found.ok_or_else(|| {
            let expected = "that of a block";
            wrong(structure, 0, Problem::Value { field: "block number", found: number.into(), expected })
        })?;
        within(structure, self.file, *at, *len)
    }

    fn tree(&self, number: u32) -> Result<Tree, Malformed> {
        let mut r = self.block("bom tree", number)?;
        if r.take(4)? != b"tree" {
            return Err(r.wrong(Problem::Text { what: "the magic is not tree" }));
        }
        version(&mut r)?;
        let (root, _node_bytes, entries, _) = (r.u32_be()?, r.u32_be()?, r.u32_be()?, r.u8()?);
        r.finish()?;
        Ok(Tree { root, entries })
    }

    /// The leaves under a root of at most two levels, checked against the chain that links them.
    fn leaves(&self, root: u32) -> Result<Vec<Node>, Malformed> {
        let top = self.node(root)?;
        if top.leaf {
            return Ok(vec![top]);
        }
        let mut leaves: Vec<Node> = Vec::new();
        let mut seen = BTreeSet::from([root]);
        let mut previous = 0;
        for &(number, last) in &top.pairs {
            if !seen.insert(number) {
                return Err(wrong("bom node", top.offset, Problem::Cycle { what: "the tree" }));
            }
            let leaf = self.node(number)?;
            let chained = leaf.previous == previous && leaves.last().is_none_or(|before| before.next == number);
            if !leaf.leaf || !chained || leaf.pairs.last().map(|(_, value)| *value) != Some(last) {
                return Err(wrong(
                    "bom node",
                    leaf.offset,
                    Problem::Mismatch { what: "the tree and the chain of its leaves" },
                ));
            }
            previous = number;
            leaves.push(leaf);
        }
        match leaves.last() {
            Some(Node { next: 0, .. }) => Ok(leaves),
            _ => Err(wrong("bom node", top.offset, Problem::Mismatch { what: "the tree and the chain of its leaves" })),
        }
    }

    fn node(&self, number: u32) -> Result<Node, Malformed> {
        let mut r = self.block("bom node", number)?;
        let offset = r.offset();
        let (leaf, count, next, previous) = (r.u16_be()?, r.u16_be()?, r.u32_be()?, r.u32_be()?);
        let pairs = (0..count).map(|_| Ok((r.u32_be()?, r.u32_be()?))).collect::<Result<_, Malformed>>()?;
        Ok(Node { leaf: leaf == 1, next, previous, pairs, offset })
    }

    fn paths(&self, number: u32) -> Result<Vec<Path>, Malformed> {
        let tree = self.tree(number)?;
        let mut names: BTreeMap<u32, String> = BTreeMap::new();
        let mut before: Option<(u32, &[u8])> = None;
        let mut out = Vec::new();
        let mut bytes = 0;
        for (key, value) in self.leaves(tree.root)?.into_iter().flat_map(|leaf| leaf.pairs) {
            let mut key = self.block("bom path", key)?;
            let (id, record) = (key.u32_be()?, key.u32_be()?);
            key.finish()?;
            let mut value = self.block("bom name", value)?;
            let offset = value.offset();
            let parent = value.u32_be()?;
            let name = c_string(&mut value)?;
            if before.is_some_and(|before| before >= (parent, name)) {
                let what = "the names do not ascend by folder and name";
                return Err(wrong("bom name", offset, Problem::Text { what }));
            }
            before = Some((parent, name));
            let path = whole_path(&names, parent, name).map_err(|problem| wrong("bom name", offset, problem))?;
            bytes += path.len();
            if bytes > MAX_NAMES_BYTES || names.insert(id, path.clone()).is_some() {
                return Err(wrong("bom path", offset, Problem::Twice { what: "a path number" }));
            }
            out.push(self.record(record, path)?);
        }
        if out.len() as u64 != u64::from(tree.entries) {
            return Err(wrong("bom tree", 0, Problem::Mismatch { what: "the number of entries and the leaves" }));
        }
        Ok(out)
    }

    fn record(&self, number: u32, path: String) -> Result<Path, Malformed> {
        let mut r = self.block("bom record", number)?;
        let offset = r.offset();
        let (kind, _, flags, mode) = (r.u8()?, r.u8()?, r.u16_be()?, r.u16_be()?);
        let (uid, gid, mtime, size, _) = (r.u32_be()?, r.u32_be()?, r.u32_be()?, r.u32_be()?, r.u8()?);
        let kind = match (kind, mode & 0o170_000) {
            // Where nothing but the path is said, the mode may be zero: macOS 11 writes the root of an application's component so.
            (1, 0o100_000 | 0) | (2, 0o040_000 | 0) if flags & FLAG_ATTRIBUTES == 0 => Kind::Named,
            (1, 0o100_000) => {
                let cksum = r.u32_be()?;
                if flags & FLAG_PROGRAM != 0 {
                    r.skip(1)?;
                    for _ in 0..r.u32_be()? {
                        r.skip(SLICE_BYTES)?;
                    }
                }
                Kind::File { size: size.into(), cksum }
            }
            (2, 0o040_000) => Kind::Directory,
            (3, 0o120_000) => {
                let (sum, len) = (r.u32_be()?, r.u32_be()?);
                let mut text = r.sub("bom link", usize::try_from(len).unwrap_or(usize::MAX))?;
                let target = c_string(&mut text)?;
                if Cksum::of(target) != sum {
                    return Err(wrong("bom link", offset, Problem::Mismatch { what: "the checksum and the target" }));
                }
                Kind::Link { target: utf8(offset, target)? }
            }
            _ => return Err(wrong("bom record", offset, Problem::Mismatch { what: "the type and the mode" })),
        };
        // Apple's reader takes these eight bytes for granted
        if r.array::<8>()? != [0; 8] {
            return Err(r.wrong(Problem::Text { what: "the record does not end with zeros" }));
        }
        r.finish()?;
        Ok(Path { path, kind, mode, uid, gid, mtime })
    }
}

/// All paths together may not take more than this: a chain of folders makes them grow with the square of its length.
const MAX_NAMES_BYTES: usize = 16 << 20;

/// One node of a tree.
struct Node {
    leaf: bool,
    next: u32,
    previous: u32,
    pairs: Vec<(u32, u32)>,
    offset: u64,
}

fn whole_path(names: &BTreeMap<u32, String>, parent: u32, name: &[u8]) -> Result<String, Problem> {
    let name = std::str::from_utf8(name).map_err(|_| Problem::Text { what: "the name is not UTF-8" })?;
    if parent == 0 {
        let root = names.is_empty() && name == ".";
        return if root { Ok(name.to_owned()) } else { Err(Problem::Text { what: "the first path is not the root" }) };
    }
    if name.is_empty() || name == "." || name == ".." || name.contains('/') {
        return Err(Problem::Text { what: "the name is not one part of a path" });
    }
    match names.get(&parent).map(String::as_str) {
        Some(".") => Ok(name.to_owned()),
        Some(folder) => Ok(format!("{folder}/{name}")),
        None => Err(Problem::Missing { what: "the folder that the path lies in" }),
    }
}

fn c_string<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    match r.take_rest().split_last() {
        Some((0, text)) if !text.contains(&0) => Ok(text),
        _ => Err(r.wrong(Problem::Text { what: "the text does not end with its only NUL" })),
    }
}

fn utf8(offset: u64, text: &[u8]) -> Result<String, Malformed> {
    let text = std::str::from_utf8(text);
    text.map(str::to_owned).map_err(|_| wrong("bom link", offset, Problem::Text { what: "the target is not UTF-8" }))
}

fn version(r: &mut Reader<'_>) -> Result<(), Malformed> {
    match r.u32_be()? {
        1 => Ok(()),
        found => Err(r.wrong(Problem::Value { field: "version", found: found.into(), expected: "1" })),
    }
}

fn within<'a>(structure: &'static str, file: &'a [u8], at: u32, len: u32) -> Result<Reader<'a>, Malformed> {
    let found = usize::try_from(at).ok().zip(usize::try_from(len).ok());
    let part = found.and_then(|(at, len)| file.get(at..)?.get(..len));
    let truncated = Problem::Truncated { needed: len.into(), found: (file.len() as u64).saturating_sub(at.into()) };
    part.map(|part| Reader::new(structure, at.into(), part)).ok_or_else(|| wrong(structure, at.into(), truncated))
}

const fn wrong(structure: &'static str, offset: u64, problem: Problem) -> Malformed {
    Malformed { structure, offset, problem }
}
