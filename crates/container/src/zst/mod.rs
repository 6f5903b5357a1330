//! zstd: one frame, compressed on all cores, whose last block can be replaced.
//!
//! ```text
//! frame header   28 b5 2f fd, descriptor 00, window              RFC 8878 §3.1.1.1: no content size, no dictionary,
//!                                                                no checksum
//! blocks         3 bytes: last flag, type, size; then the data   §3.1.1.2
//! the tail       a raw block with the last flag
//! ```
//!
//! *In parallel.* libzstd cuts the input into jobs of a fixed size; the bytes do not depend on the number of threads, as long
//! as there is at least one worker.
//!
//! *The tail.* libzstd is told to flush, never to end the frame; the last block is ours. Replacing it changes nothing
//! before it. A second *frame* would be lost: dpkg stops after the first one without an error. That is also why the
//! place of the tail is not kept in a skippable frame: [`Tail::open`] walks the blocks' headers instead, three bytes
//! for each 128 KiB of input; [`Tail::open_from_end`] spares the walk for tails of whole tar blocks. The frame has no
//! checksum, because a replaced tail could not update it; dpkg has its own for what matters, and the deb's `md5sums`
//! is checked by `verify`.
//!
//! Readers: dpkg before 1.21.18 (Debian 11 and older) cannot read zstd at all.
//!
//! `zstd` compresses and decompresses; it has no stored blocks at a place of one's choice.

mod decode;
mod header;
mod tail;
mod write;

pub use decode::decode;
pub use header::MAX_TAIL;
pub use tail::Tail;
pub use write::Writer;
