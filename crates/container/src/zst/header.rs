//! The numbers of a frame: its header and those of its blocks.

/// A tail has at most this many bytes, as in gzip; a raw block could hold 128 KiB.
pub const MAX_TAIL: usize = 0xffff;

/// `Magic_Number` 0xFD2FB528.
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// `Frame_Header_Descriptor`: no content size, not a single segment, no checksum, no dictionary.
pub(super) const DESCRIPTOR: u8 = 0;
/// Magic, descriptor, window.
pub(super) const HEADER_BYTES: u64 = 6;
/// A block's header.
pub(super) const BLOCK_HEADER_BYTES: u64 = 3;
