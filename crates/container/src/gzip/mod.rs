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
//! *In parallel.* The input is cut into chunks of [`CHUNK_BYTES`]; each is deflated by itself. The cut does not depend on the number
//! of threads, so neither do the bytes.
//!
//! *The tail.* A stored block is its bytes; to replace them, only the block's header, the bytes and the trailer
//! change. Deflate has no index, so where the tail starts, and length and CRC32 of what is before it, stand in an extra
//! field of the header, which no gzip reader minds. The CRC of the whole is combined from the two.
//!
//! One member, because some readers stop after the first one and only some say so.
//!
//! libdeflate deflates: the same size in a quarter of the time that zlib takes. It writes whole streams, whose ends are taken off.
//! What is read, and what is only stored, goes through `flate2` (zlib-rs).

mod decode;
mod header;
mod tail;
mod write;

pub use decode::decode;
pub use header::{CHUNK_BYTES, MAX_TAIL};
pub use tail::{Prefix, PrefixWriter, Tail, TailWriter};
pub use write::Writer;
