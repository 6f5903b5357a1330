//! The numbers that writer and reader share.

/// The lead's magic.
pub(super) const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
/// The lead's length.
pub const LEAD_BYTES: u64 = 96;
/// `RPMSIGTYPE_HEADERSIG`: the only kind of signature that there still is.
pub(super) const LEAD_SIGNATURE: u16 = 5;
/// A header's magic, its version, and four bytes that are reserved.
pub(super) const HEADER_MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
/// Magic, number of entries, length of the data.
pub(super) const INTRO_BYTES: usize = 16;
/// An index entry; also a region's data.
pub(super) const ENTRY_BYTES: usize = 16;
