//! xz: one stream of several blocks, encoded on all cores, whose last block can be replaced.
//!
//! ```text
//! stream header   fd 37 7a 58 5a 00, flags 00 01, CRC32                    The .xz File Format 1.2.1, §2.1.1
//! block           header: size, flags, compressed and uncompressed size,   §3.1
//!                         [x86 filter,] LZMA2 filter, padding, CRC32
//!                 LZMA2 chunks, 00; padding to 4; CRC32 of the content     §3.2, §3.3
//! block, …
//! the tail        a block whose only chunk is an *uncompressed* one (control byte 01)
//! index           00, number of blocks, (unpadded size, uncompressed size) per block, padding, CRC32    §4
//! stream footer   CRC32, size of the index, flags, "YZ"                    §2.1.2
//! ```
//!
//! *In parallel.* Each block of [`BLOCK_BYTES`] is encoded by itself. The header carries both sizes, so decoders with
//! threads (dpkg's liblzma among them) can use them too.
//!
//! *The tail.* Replacing the last block means a new block, index and footer, a few hundred bytes; the blocks before
//! it are kept. A second *stream* instead would be lost: dpkg stops after the first one without an error.
//!
//! *The settings.* A binary search tree over an 8 MiB dictionary as in xz's level 6, but with a shorter "nice" match
//! length, which costs some size and saves more time; for x86 code the branch filter wins the size back and more. The
//! filter for arm64 is not used: it came with xz 5.4, and dpkg on older systems would refuse the file.
//!
//! `lzma-rust2` encodes LZMA2, filters, and decodes whole streams. Its own multi-threaded writer takes no block of our
//! making at the end, has no sizes in the block headers and no limit on memory.

mod decode;
mod header;
mod tail;
mod write;

pub use decode::decode;
pub use header::{BLOCK_BYTES, MAX_TAIL};
pub use tail::Tail;
pub use write::{Code, Writer};
