//! gzip: one member, deflated on all cores, whose last bytes can be replaced.
//!
//! ```text
//! header    1f 8b 08 FLG 00000000 XFL 03                    RFC 1952 §2.3; no name, no time
//!           [ XLEN, subfield "Sw": version, tail offset, prefix length, prefix CRC ]   only with a tail
//! deflate   chunk, chunk, …                                 each ends with an empty stored block (a sync flush),
//!                                                           so at a byte boundary
//!           03 00                                           the last block, empty; or, with a tail,
//!           01 LEN NLEN bytes                               one stored block with BFINAL: the tail (RFC 1951 §3.2.4)
//! trailer   CRC32 ISIZE                                     of everything
//! ```
//!
//! *In parallel.* The input is cut into chunks of [`CHUNK_BYTES`]; each is deflated by itself with the 32 KiB before
//! it as dictionary, as pigz does. The cut does not depend on the number of threads, so neither do the bytes.
//!
//! *The tail.* A stored block is its bytes; to replace them, only the block's header, the bytes and the trailer
//! change. Deflate has no index, so where the tail starts, and length and CRC32 of what is before it, stand in an extra
//! field of the header, which no gzip reader minds. The CRC of the whole is combined from the two.
//!
//! One member, because some readers stop after the first one and only some say so.
//!
//! `flate2` (with zlib-rs) deflates and inflates; it has neither threads nor stored blocks at a place of one's choice.
//! zlib-rs 0.6.8 panics at level 1 when a compressor is reset after it ran out of output space; here each chunk has
//! its own compressor and more space than it can need.

mod decode;
mod tail;
mod write;

pub use decode::decode;
pub use tail::{Tail, TailWriter};
pub use write::Writer;

/// The input's bytes per job.
pub const CHUNK_BYTES: usize = 256 << 10;
/// A tail has at most this many bytes: one stored block.
pub const TAIL_LIMIT: usize = 0xffff;

/// ID1, ID2, CM (RFC 1952 §2.3.1).
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// FLG.FEXTRA.
const FLAG_EXTRA: u8 = 4;
/// Operating system: Unix. gzip's own choice on every system that matters to a deb or pkg.
const OS_UNIX: u8 = 3;
/// The header without extra fields.
const HEADER_BYTES: u64 = 10;
/// SI1, SI2 of our extra subfield.
const SUBFIELD_ID: [u8; 2] = *b"Sw";
/// The subfield's version.
const SUBFIELD_VERSION: u8 = 1;
/// version, tail offset u64, prefix length u64, prefix CRC u32; little-endian as everything in gzip.
const SUBFIELD_BYTES: u16 = 21;
/// Header, XLEN, subfield header, subfield.
const TAIL_HEADER_BYTES: u64 = HEADER_BYTES + 2 + 4 + SUBFIELD_BYTES as u64;
/// What a sync flush ends with: an empty stored block's LEN and NLEN.
const SYNC_END: [u8; 4] = [0, 0, 0xff, 0xff];
/// CRC32 and ISIZE.
const TRAILER_BYTES: u64 = 8;
