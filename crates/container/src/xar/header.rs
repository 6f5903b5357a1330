//! The numbers of an archive's header and heap.

/// The header's first four bytes.
pub(super) const MAGIC: &[u8; 4] = b"xar!";
/// The length of the header that we write, and the shortest there is.
pub(super) const HEADER_BYTES: u16 = 28;
/// The length of a SHA-1 checksum at the start of the heap.
pub const CHECKSUM_BYTES: u64 = 20;
