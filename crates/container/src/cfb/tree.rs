//! The directory as it is written: entries in name order and a balanced red-black tree over them (§2.6.4).

use super::{ENDOFCHAIN, ENTRY, NOSTREAM};

const STREAM: u8 = 2;
const ROOT: u8 = 5;
const RED: u8 = 0;
const BLACK: u8 = 1;

/// What the directory says about one stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) name: &'a [u16],
    pub(super) start: u32,
    pub(super) size: u64,
}

/// The order of siblings: shorter names first, then by upper-case code units.
pub(super) fn sibling_key(name: &[u16]) -> (usize, Vec<u16>) {
    (name.len(), name.iter().map(|unit| upper(*unit)).collect())
}

/// Simple upper case of one code unit; what would become several characters or a surrogate stays as it is.
fn upper(unit: u16) -> u16 {
    let Some(letter) = char::from_u32(u32::from(unit)) else { return unit };
    let mut several = letter.to_uppercase();
    match (several.next(), several.next()) {
        (Some(one), None) => u16::try_from(u32::from(one)).unwrap_or(unit),
        _ => unit,
    }
}

/// Where the root entry points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Root {
    pub(super) clsid: [u8; 16],
    pub(super) mini_start: u32,
    pub(super) mini_size: u64,
}

/// The directory's sectors: the root entry, `rows` (already in sibling order), and unused entries to the end.
pub(super) fn directory(root: Root, rows: &[Row<'_>], sector_size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity((1 + rows.len()).saturating_mul(ENTRY).next_multiple_of(sector_size));
    let mut links = vec![Link { left: NOSTREAM, right: NOSTREAM, color: BLACK }; rows.len()];
    // The first `full` levels of a tree whose halves differ by one at most are full, so they can all be black;
    // what hangs below them is red and has no children.
    let full = (rows.len() + 1).ilog2();
    let top = link(&mut links, 0, rows.len(), 0, full);

    let root_name: Vec<u16> = "Root Entry".encode_utf16().collect();
    let root_row = Row { name: &root_name, start: root.mini_start, size: root.mini_size };
    let root_link = Link { left: NOSTREAM, right: NOSTREAM, color: BLACK };
    entry(&mut out, ROOT, root_row, root_link, top, root.clsid);
    for (row, link) in rows.iter().zip(&links) {
        entry(&mut out, STREAM, *row, *link, NOSTREAM, [0; 16]);
    }
    while out.len() % sector_size != 0 {
        // §2.6.3: an unused entry is zero but for its three links.
        out.extend([0; 0x44]);
        out.extend([0xFF; 12]);
        out.extend([0; ENTRY - 0x44 - 12]);
    }
    out
}

#[derive(Debug, Clone, Copy)]
struct Link {
    left: u32,
    right: u32,
    color: u8,
}

/// Makes a tree of `links[from..to]` and gives the entry number of its top; entry numbers start after the root's.
fn link(links: &mut [Link], from: usize, to: usize, depth: u32, full: u32) -> u32 {
    if from >= to {
        return NOSTREAM;
    }
    let middle = from.midpoint(to);
    let left = link(links, from, middle, depth + 1, full);
    let right = link(links, middle + 1, to, depth + 1, full);
    if let Some(own) = links.get_mut(middle) {
        *own = Link { left, right, color: if depth < full { BLACK } else { RED } };
    }
    u32::try_from(middle + 1).unwrap_or(NOSTREAM)
}

/// §2.6.1: one directory entry; all times are zero.
fn entry(out: &mut Vec<u8>, kind: u8, row: Row<'_>, link: Link, child: u32, clsid: [u8; 16]) {
    let end = out.len() + ENTRY;
    out.extend(row.name.iter().flat_map(|unit| unit.to_le_bytes()));
    out.resize(end - ENTRY + 64, 0);
    let name_bytes = u16::try_from(2 * row.name.len() + 2).unwrap_or(64);
    out.extend(name_bytes.to_le_bytes());
    out.extend([kind, link.color]);
    for number in [link.left, link.right, child] {
        out.extend(number.to_le_bytes());
    }
    out.extend(clsid);
    out.extend([0; 4 + 8 + 8]); // state bits, created, modified
    let start = if row.size == 0 { ENDOFCHAIN } else { row.start };
    out.extend(start.to_le_bytes());
    out.extend(row.size.to_le_bytes());
}
