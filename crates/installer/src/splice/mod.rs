//! The one idea: an installer for a tenant is a base and a few patches.
//!
//! ```text
//!   base    |ar|control|data header|████████████ 70 MB of data ████████████|tail|
//!            └──── replaced ──────┘└──────────────── kept ────────────────┘└ replaced
//!   splice  Put(1 KiB)             Keep(1180..70_001_180)                   Put(700 B)
//!   stamp   |ar|control|data header|████████████ 70 MB of data ████████████|tail with the token|
//! ```
//!
//! A format turns a token into a [`Splice`]: an ordered list of kept ranges of the base and small pieces of new
//! bytes. From then on no format is needed. The splice knows the length of the result before the first byte is
//! written; it can be written to a file with the kernel copying the kept ranges, streamed, cut to an HTTP range,
//! hashed, or read at any offset as if it were a file ([`View`]), which is how every stamp is read back before
//! it is handed out. Making one costs O(token); nothing here is proportional to the base but the writing itself.
//!
//! **Invariants**, made by [`Splice::new`] and relied on everywhere: kept ranges lie inside the base, ascend and do
//! not overlap; no segment is empty; two neighbours of one sort are merged (kept ranges only where they touch).
//! Ascending means that a reader of the result reads the base from front to back exactly once, so a base on a
//! slow disk or behind HTTP is as good as one in memory.

mod prefix;
mod segments;
mod settle;
mod view;
mod write;

pub use prefix::PrefixDigests;
pub use segments::{Segment, Splice, SpliceError};
pub use view::{Piece, Pieces, View};

#[cfg(test)]
mod tests;
