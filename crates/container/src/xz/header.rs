//! The numbers of a stream: its header and footer, its blocks and their filters.

/// The input's bytes per block.
pub const BLOCK_BYTES: usize = 16 << 20;
/// A tail has at most this many bytes, so that it is one chunk (and no longer than in gzip).
pub const MAX_TAIL: usize = 0xffff;

pub(super) const STREAM_MAGIC: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];
pub(super) const FOOTER_MAGIC: [u8; 2] = *b"YZ";
/// Stream flags: the check is a CRC32, as dpkg-deb has it (§2.1.1.2).
pub(super) const STREAM_FLAGS: [u8; 2] = [0, 1];
pub(super) const STREAM_HEADER_BYTES: u64 = 12;
pub(super) const FOOTER_BYTES: u64 = 12;
/// The check's size.
pub(super) const CHECK_BYTES: u64 = 4;
/// Filter ID of LZMA2 (§5.3.1).
pub(super) const FILTER_LZMA2: u8 = 0x21;
/// Filter ID of the x86 branch filter (§5.3.2).
pub(super) const FILTER_X86: u8 = 0x04;
/// LZMA2's property byte: a dictionary of 4 KiB, the smallest; the tail's chunk needs none.
pub(super) const TAIL_DICTIONARY: u8 = 0;
/// Block flags: one filter, both sizes present (§3.1.2).
pub(super) const FLAGS_ONE_FILTER: u8 = 0xc0;
/// Control byte of an uncompressed chunk that resets the dictionary.
pub(super) const CHUNK_UNCOMPRESSED: u8 = 1;
