//! The numbers of a member: its header, its trailer, and the subfield that says where the tail is.

/// The input's bytes per job.
pub const CHUNK_BYTES: usize = 1 << 20;
/// A tail has at most this many bytes: one stored block.
pub const MAX_TAIL: usize = 0xffff;

/// ID1, ID2, CM (RFC 1952 §2.3.1).
pub(super) const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// FLG.FEXTRA.
pub(super) const FLAG_EXTRA: u8 = 4;
/// Operating system: Unix. gzip's own choice on every system that matters to a deb or pkg.
pub(super) const OS_UNIX: u8 = 3;
/// The header without extra fields.
pub(super) const HEADER_BYTES: u64 = 10;
/// SI1, SI2 of our extra subfield.
pub(super) const SUBFIELD_ID: [u8; 2] = *b"Sw";
/// The subfield's version.
pub(super) const SUBFIELD_VERSION: u8 = 1;
/// version, tail offset u64, prefix length u64, prefix CRC u32; little-endian as everything in gzip.
pub(super) const SUBFIELD_BYTES: u16 = 21;
/// Header, XLEN, subfield header, subfield.
pub(super) const TAIL_HEADER_BYTES: u64 = HEADER_BYTES + 2 + 4 + SUBFIELD_BYTES as u64;
/// What a sync flush ends with: an empty stored block's LEN and NLEN.
pub(super) const SYNC_END: [u8; 4] = [0, 0, 0xff, 0xff];
/// CRC32 and ISIZE.
pub(super) const TRAILER_BYTES: u64 = 8;
