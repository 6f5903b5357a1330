//! Writing a bill of materials, the way `mkbom` numbers its blocks.

use std::collections::BTreeMap;
use std::io;

use super::cksum::Cksum;
use super::entry::{Entry, Kind, VARIABLES};

/// Where the variables and the blocks start.
const VARIABLES_AT: usize = 32;
const BLOCKS_AT: usize = 512;
const NODE_BYTES: usize = 4096;
const SMALL_NODE_BYTES: usize = 128;
/// Entries of a node of 4096 bytes: 12 bytes of head, 8 bytes each.
const NODE_ENTRIES: usize = (NODE_BYTES - 12) / 8;
/// Flags: all fields are there; not examined for code.
const FLAGS: u16 = 0x000f;
/// The number of the block of the first path's record.
const FIRST_RECORD: u32 = 11;

/// The bill of materials of `entries`, in any order; the root `.` and every folder must be among them.
pub fn write(entries: &[Entry]) -> io::Result<Vec<u8>> {
    let ordered = breadth_first(entries)?;
    let (paths, extra) = path_blocks(&ordered)?;
    let total: u64 = entries.iter().map(|e| if let Kind::File { size, .. } = e.kind { size } else { 0 }).sum();

    let mut blocks = vec![info(ordered.len(), total)];
    blocks.push(tree(3, NODE_BYTES, ordered.len()));
    blocks.push(extra.root);
    blocks.push(tree(5, NODE_BYTES, 0));
    blocks.push(empty_node(NODE_BYTES));
    blocks.push([1_u32.to_be_bytes(), 7_u32.to_be_bytes(), [0; 4]].concat().into_iter().chain([0]).collect());
    blocks.push(tree(8, SMALL_NODE_BYTES, 0));
    blocks.push(empty_node(SMALL_NODE_BYTES));
    blocks.push(tree(10, SMALL_NODE_BYTES, 0));
    blocks.push(empty_node(SMALL_NODE_BYTES));
    blocks.extend(paths);
    blocks.extend(extra.leaves);
    store(&blocks)
}

/// An entry with its number and its folder's.
struct Numbered<'a> {
    entry: &'a Entry,
    number: u32,
    parent: u32,
    name: &'a str,
}

/// Numbers the entries by (number of the folder, name).
fn breadth_first(entries: &[Entry]) -> io::Result<Vec<Numbered<'_>>> {
    let mut children: BTreeMap<&str, BTreeMap<&str, &Entry>> = BTreeMap::new();
    let mut root = None;
    for entry in entries {
        if entry.path == "." {
            root = Some(entry);
            continue;
        }
        let (folder, name) = entry.path.rsplit_once('/').unwrap_or((".", &entry.path));
        let plain = !name.is_empty() && !entry.path.contains('\0');
        if !plain || children.entry(folder).or_default().insert(name, entry).is_some() {
            return Err(refused("a path is there twice or is empty"));
        }
    }
    let root = root.ok_or_else(|| refused("the root is not among the entries"))?;
    let mut out = vec![Numbered { entry: root, number: 1, parent: 0, name: "." }];
    let mut next = 0;
    while let Some(at) = out.get(next) {
        let (folder, parent) = (at.entry.path.as_str(), at.number);
        next += 1;
        for (name, entry) in children.remove(folder).unwrap_or_default() {
            let number = u32::try_from(out.len() + 1).map_err(|_| refused("too many paths"))?;
            out.push(Numbered { entry, number, parent, name });
        }
    }
    if out.len() == entries.len() { Ok(out) } else { Err(refused("a path's folder is not among the entries")) }
}

/// The nodes of the tree of paths.
struct Nodes {
    root: Vec<u8>,
    leaves: Vec<Vec<u8>>,
}

/// Three blocks for each path, and the nodes that list them.
fn path_blocks(ordered: &[Numbered<'_>]) -> io::Result<(Vec<Vec<u8>>, Nodes)> {
    let mut blocks = Vec::with_capacity(ordered.len() * 3);
    let mut pairs = Vec::with_capacity(ordered.len());
    for at in ordered {
        let first = FIRST_RECORD + u32::try_from(blocks.len()).map_err(|_| refused("too many paths"))?;
        blocks.push(record(at.entry)?);
        blocks.push([&at.parent.to_be_bytes(), at.name.as_bytes(), &[0]].concat());
        blocks.push([at.number.to_be_bytes(), first.to_be_bytes()].concat());
        pairs.push((first + 2, first + 1));
    }
    if pairs.len() <= NODE_ENTRIES {
        return Ok((blocks, Nodes { root: node(1, 0, 0, &pairs), leaves: Vec::new() }));
    }
    let first_leaf = FIRST_RECORD + u32::try_from(blocks.len()).map_err(|_| refused("too many paths"))?;
    let chunks: Vec<_> = pairs.chunks(NODE_ENTRIES).collect();
    if chunks.len() > NODE_ENTRIES {
        return Err(refused("too many paths for a tree of two levels"));
    }
    let mut listed = Vec::new();
    let mut leaves = Vec::new();
    for (number, chunk) in (first_leaf..).zip(&chunks) {
        let next = if leaves.len() + 1 == chunks.len() { 0 } else { number + 1 };
        let previous = if leaves.is_empty() { 0 } else { number - 1 };
        listed.push((number, chunk.last().map_or(0, |(_, value)| *value)));
        leaves.push(node(1, next, previous, chunk));
    }
    Ok((blocks, Nodes { root: node(0, 0, 0, &listed), leaves }))
}

fn record(entry: &Entry) -> io::Result<Vec<u8>> {
    let (kind, file_type, size, tail): (u8, u16, u64, Vec<u8>) = match &entry.kind {
        Kind::Directory => (2, 0o040_000, 0, Vec::new()),
        Kind::File { size, cksum } => (1, 0o100_000, *size, cksum.to_be_bytes().to_vec()),
        Kind::Named => return Err(refused("a file without size and checksum")),
        Kind::Link { target } => {
            let length = u32::try_from(target.len() + 1).map_err(|_| refused("a link's target is too long"))?;
            let sum = Cksum::of(target.as_bytes()).to_be_bytes();
            let size = target.len() as u64;
            (3, 0o120_000, size, [&sum, &length.to_be_bytes(), target.as_bytes(), &[0]].concat())
        }
    };
    let size = u32::try_from(size).map_err(|_| refused("a file of 4 GiB or more"))?;
    let mut out = vec![kind, 1];
    out.extend(FLAGS.to_be_bytes());
    out.extend((file_type | (entry.permissions & 0o7777)).to_be_bytes());
    for number in [entry.uid, entry.gid, entry.mtime, size] {
        out.extend(number.to_be_bytes());
    }
    out.push(1);
    out.extend(tail);
    out.extend([0; 8]);
    Ok(out)
}

fn info(paths: usize, total: u64) -> Vec<u8> {
    let [_, _, _, _, low @ ..] = total.to_be_bytes();
    let paths = u32::try_from(paths + 1).unwrap_or(u32::MAX);
    [1_u32.to_be_bytes(), paths.to_be_bytes(), 1_u32.to_be_bytes(), [0; 4], [0; 4], low, [0; 4]].concat()
}

fn tree(root: u32, node_bytes: usize, entries: usize) -> Vec<u8> {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = [*b"tree", 1_u32.to_be_bytes(), root.to_be_bytes(), number(node_bytes), number(entries)].concat();
    out.push(0);
    out
}

fn node(leaf: u16, next: u32, previous: u32, pairs: &[(u32, u32)]) -> Vec<u8> {
    let count = u16::try_from(pairs.len()).unwrap_or(u16::MAX);
    let mut out = [leaf.to_be_bytes(), count.to_be_bytes()].concat();
    for number in [next, previous].into_iter().chain(pairs.iter().flat_map(|(key, value)| [*key, *value])) {
        out.extend(number.to_be_bytes());
    }
    out.resize(out.len().max(NODE_BYTES), 0);
    out
}

fn empty_node(bytes: usize) -> Vec<u8> {
    let mut out = vec![0, 1];
    out.resize(bytes, 0);
    out
}

/// Puts header, variables, blocks, index and free list together.
fn store(blocks: &[Vec<u8>]) -> io::Result<Vec<u8>> {
    let number = |n: usize| u32::try_from(n).map_err(|_| refused("a bill of materials of 4 GiB or more"));
    let mut body = Vec::new();
    let mut index = [number(blocks.len() + 1)?, 0, 0].map(u32::to_be_bytes).concat();
    for block in blocks {
        index.extend(number(BLOCKS_AT + body.len())?.to_be_bytes());
        index.extend(number(block.len())?.to_be_bytes());
        body.extend_from_slice(block);
    }
    // the free list: none, and two null pointers
    index.extend([0; 20]);

    let mut variables = number(VARIABLES.len())?.to_be_bytes().to_vec();
    for (name, block) in VARIABLES.iter().zip([1_u32, 2, 4, 6, 9]) {
        variables.extend(block.to_be_bytes());
        variables.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        variables.extend_from_slice(name.as_bytes());
    }

    let mut out = b"BOMStore".to_vec();
    let (index_at, index_bytes) = (number(BLOCKS_AT + body.len())?, number(index.len())?);
    let header = [1, number(blocks.len())?, index_at, index_bytes, number(VARIABLES_AT)?, number(variables.len())?];
    out.extend(header.map(u32::to_be_bytes).concat());
    out.extend(variables);
    out.resize(BLOCKS_AT, 0);
    out.extend(body);
    out.extend(index);
    Ok(out)
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
