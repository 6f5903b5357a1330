//! The order of names, and the digest over names, sizes and times.

use std::cmp::Ordering;

use sha2::digest::Update;

/// The order of names: that of their bytes as UTF-16LE.
#[must_use]
pub fn compare(a: &[u16], b: &[u16]) -> Ordering {
    let bytes = |name: &[u16]| name.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>();
    bytes(a).cmp(&bytes(b))
}

/// What is covered of a stream besides its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf<'a> {
    /// Its name as it is stored.
    pub name: &'a [u16],
    /// Its length in bytes.
    pub size: u64,
    /// Its state bits.
    pub state: u32,
    /// Creation time in 100 ns since 1601.
    pub(crate) created: u64,
    /// Modification time in 100 ns since 1601.
    pub(crate) modified: u64,
}

impl<'a> Leaf<'a> {
    /// A stream without state bits and times.
    #[must_use]
    pub const fn plain(name: &'a [u16], size: u64) -> Self {
        Self { name, size, state: 0, created: 0, modified: 0 }
    }
}

/// Feeds what `MsiDigitalSignatureEx` is the digest of, for a root of this class, without state bits, that has these streams and nothing else.
/// The signature's own streams must not be among them.
pub fn prehash(hasher: &mut impl Update, clsid: [u8; 16], streams: &[Leaf<'_>]) {
    root(hasher, clsid, 0);
    let mut sorted: Vec<&Leaf<'_>> = streams.iter().collect();
    sorted.sort_by(|a, b| compare(a.name, b.name));
    for leaf in sorted {
        stream(hasher, leaf);
    }
}

pub(super) fn root(hasher: &mut impl Update, clsid: [u8; 16], state: u32) {
    hasher.update(&clsid);
    hasher.update(&state.to_le_bytes());
}

pub(super) fn stream(hasher: &mut impl Update, leaf: &Leaf<'_>) {
    name(hasher, leaf.name);
    let [a, b, c, d, ..] = leaf.size.to_le_bytes();
    hasher.update(&[a, b, c, d]);
    rest(hasher, leaf.state, leaf.created, leaf.modified);
}

pub(super) fn name(hasher: &mut impl Update, name: &[u16]) {
    for unit in name {
        hasher.update(&unit.to_le_bytes());
    }
}

pub(super) fn rest(hasher: &mut impl Update, state: u32, created: u64, modified: u64) {
    hasher.update(&state.to_le_bytes());
    hasher.update(&created.to_le_bytes());
    hasher.update(&modified.to_le_bytes());
}
