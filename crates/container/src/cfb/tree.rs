//! The directory as it is written: entries in name order and a balanced red-black tree over them (§2.6.4).

use std::cmp::Ordering;
use std::ops::{Range, RangeInclusive};

use super::{ENDOFCHAIN, ENTRY, NOSTREAM};

const STORAGE: u8 = 1;
const STREAM: u8 = 2;
const ROOT: u8 = 5;
const RED: u8 = 0;
const BLACK: u8 = 1;

/// What the directory says about one stream or storage.
#[derive(Debug, Clone)]
pub(super) struct Row<'a> {
    pub(super) name: &'a [u16],
    pub(super) start: u32,
    pub(super) size: u64,
    pub(super) meta: Meta,
    /// A storage's children, by their place among the rows.
    pub(super) children: Option<Range<usize>>,
}

/// What an entry has besides a place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meta {
    pub(super) clsid: [u8; 16],
    pub(super) state: u32,
    pub(super) created: u64,
    pub(super) modified: u64,
}

impl<'a> Row<'a> {
    /// A stream without class, state and times.
    pub(super) const fn stream(name: &'a [u16], start: u32, size: u64) -> Self {
        let meta = Meta { clsid: [0; 16], state: 0, created: 0, modified: 0 };
        Self { name, start, size, meta, children: None }
    }
}

/// Whether two neighbours in sibling order have one name.
pub(super) fn has_twins(siblings: &[Row<'_>]) -> bool {
    siblings.windows(2).any(|pair| match pair {
        [a, b] => compare_siblings(a.name, b.name).is_eq(),
        _ => false,
    })
}

/// The order of siblings: shorter names first, then by upper-case code units.
pub(super) fn compare_siblings(a: &[u16], b: &[u16]) -> Ordering {
    let by_units = || {
        let differing = a.iter().zip(b).filter(|(a, b)| a != b);
        let mut orders = differing.map(|(a, b)| upper(*a).cmp(&upper(*b)));
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    a.len().cmp(&b.len()).then_with(by_units)
}

/// From the CJK radicals to the end of Vai no letter has case, and the names of an MSI's tables are written in there.
const CASELESS: RangeInclusive<u16> = 0x2E80..=0xA63F;

/// Simple upper case of one code unit; what would become several characters or a surrogate stays as it is.
fn upper(unit: u16) -> u16 {
    if let Ok(ascii) = u8::try_from(unit)
        && ascii.is_ascii()
    {
        return ascii.to_ascii_uppercase().into();
    }
    if CASELESS.contains(&unit) {
        return unit;
    }
    let Some(letter) = char::from_u32(u32::from(unit)) else { return unit };
    let mut several = letter.to_uppercase();
    match (several.next(), several.next()) {
        (Some(one), None) => u16::try_from(u32::from(one)).unwrap_or(unit),
        _ => unit,
    }
}

/// The root entry, and where it points.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Root {
    pub(super) clsid: [u8; 16],
    pub(super) state: u32,
    pub(super) created: u64,
    pub(super) modified: u64,
    pub(super) mini_start: u32,
    pub(super) mini_size: u64,
}

/// The directory's sectors: the root entry, `rows` (the root's own `top_level` ones first; siblings side by side and in their
/// order), and unused entries to the end.
pub(super) fn directory(root: Root, rows: &[Row<'_>], top_level: usize, sector_size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity((1 + rows.len()).saturating_mul(ENTRY).next_multiple_of(sector_size));
    let mut links = vec![Link { left: NOSTREAM, right: NOSTREAM, color: BLACK }; rows.len()];
    let top = tree(&mut links, 0..top_level);
    let tops: Vec<u32> =
        rows.iter().map(|row| row.children.clone().map_or(NOSTREAM, |r| tree(&mut links, r))).collect();

    let root_name: Vec<u16> = "Root Entry".encode_utf16().collect();
    let Root { clsid, state, created, modified, mini_start, mini_size } = root;
    let meta = Meta { clsid, state, created, modified };
    let root_row = Row { name: &root_name, start: mini_start, size: mini_size, meta, children: None };
    let root_link = Link { left: NOSTREAM, right: NOSTREAM, color: BLACK };
    entry(&mut out, ROOT, &root_row, root_link, top);
    for ((row, link), child) in rows.iter().zip(&links).zip(tops) {
        let kind = if row.children.is_some() { STORAGE } else { STREAM };
        entry(&mut out, kind, row, *link, child);
    }
    while out.len() % sector_size != 0 {
        // §2.6.3: an unused entry is zero but for its three links.
        out.extend([0; 0x44]);
        out.extend([0xFF; 12]);
        out.extend([0; ENTRY - 0x44 - 12]);
    }
    out
}

/// Makes a tree of the siblings `range` and gives the entry number of its top.
fn tree(links: &mut [Link], range: Range<usize>) -> u32 {
    // The first `full` levels of a tree whose halves differ by one at most are full, so they can all be black;
    // what hangs below them is red and has no children.
    let full = (range.len() + 1).ilog2();
    link(links, range.start, range.end, 0, full)
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

/// §2.6.1: one directory entry.
fn entry(out: &mut Vec<u8>, kind: u8, row: &Row<'_>, link: Link, child: u32) {
    let end = out.len() + ENTRY;
    out.extend(row.name.iter().flat_map(|unit| unit.to_le_bytes()));
    out.resize(end - ENTRY + 64, 0);
    let name_bytes = u16::try_from(2 * row.name.len() + 2).unwrap_or(64);
    out.extend(name_bytes.to_le_bytes());
    out.extend([kind, link.color]);
    for number in [link.left, link.right, child] {
        out.extend(number.to_le_bytes());
    }
    out.extend(row.meta.clsid);
    out.extend(row.meta.state.to_le_bytes());
    out.extend(row.meta.created.to_le_bytes());
    out.extend(row.meta.modified.to_le_bytes());
    let start = match kind {
        // §2.6.3: a storage has none.
        STORAGE => 0,
        _ if row.size == 0 => ENDOFCHAIN,
        _ => row.start,
    };
    out.extend(start.to_le_bytes());
    out.extend(row.size.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, without the ways around it.
    fn defined(a: &[u16], b: &[u16]) -> Ordering {
        let upper = |unit: &u16| match char::from_u32(u32::from(*unit)).map(char::to_uppercase).map(Vec::from_iter) {
            Some(several) => match *several {
                [one] => u16::try_from(u32::from(one)).unwrap_or(*unit),
                _ => *unit,
            },
            None => *unit,
        };
        a.len().cmp(&b.len()).then_with(|| a.iter().map(upper).cmp(b.iter().map(upper)))
    }

    #[test]
    fn every_code_unit_is_ordered_by_its_upper_case() {
        for unit in 0..=u16::MAX {
            for other in [u16::from(b'A'), u16::from(b'z'), 0x0416, 0x3800, 0x4840, 0xA640] {
                let (a, b) = ([0x3800, unit, 1], [0x3800, other, 2]);
                assert_eq!(compare_siblings(&a, &b), defined(&a, &b), "{unit:#x} {other:#x}");
                let (a, b) = ([unit], [other]);
                assert_eq!(compare_siblings(&a, &b), defined(&a, &b), "{unit:#x} {other:#x}");
            }
        }
    }
}
