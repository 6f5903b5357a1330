//! The bill of materials (`Bom`) of a flat package: every path the payload installs, with mode, owner, size and CRC.
//!
//! `installer` compares what it unpacks with it and keeps it as the receipt; `lsbom` prints it. No kept library
//! serves: `apple-bom` 0.3 cannot write (its builder panics always) and aborts on hostile files; it judges the tests.
//! Apple has published nothing: what follows is what `mkbom` writes.
//!
//! # The store
//!
//! ```text
//! 0    header      "BOMStore", version 1, blocks in use, (index at, len), (variables at, len)    all u32 BE
//! 32   variables   count; each: block number, name length u8, name without NUL
//! 512  blocks      whatever a number points at
//!      index       count; each: (address, length); number 0 is the null block
//!      free list   count, each (address, length), and two null pointers; 0 here, Apple's reader takes it for granted,
//!                  `pkgbuild` lists the room between its blocks and has 2730 places in the index, most of them null
//! ```
//!
//! | block | variable | content |
//! |---|---|---|
//! | 1 | BomInfo | version 1, paths + 1, one record per CPU type: (type, 0, bytes, 0); 0 is "no executable" |
//! | 2, 3 | Paths | tree of 4096-byte nodes and its root |
//! | 4, 5 | HLIndex | the same for hard links: empty |
//! | 6, 7, 8 | VIndex | version 1, tree number, 0, 0; an empty tree of 128-byte nodes |
//! | 9, 10 | Size64 | tree of 128-byte nodes for files from 4 GiB on: empty, larger files are refused |
//! | 11… | | three blocks for each path: record, name, key |
//!
//! # The tree
//!
//! `"tree"`, version 1, root node, node size, number of entries, u8 0. A node: leaf u16 (1 or 0), count u16, next,
//! previous, then (key, value) block numbers. One leaf is the root itself; more of them hang under one root whose
//! entries are (leaf, last value of that leaf), and are chained by next and previous.
//!
//! ```text
//! key     path number (from 1), record block
//! value   number of the folder it lies in (0 for the root), the last part of the name, NUL
//! record  type u8 (1 file, 2 folder, 3 link), 1, flags u16 (15: all fields, not examined for code), mode u16,
//!         uid, gid, mtime, size, u8 1, then   file: cksum, 8 zeros (35 bytes in all)
//!                                             program (flag 0x2000, pkgbuild's): cksum, u8 1, slices u32, each
//!                                                      CPU type, CPU subtype, size, cksum; 8 zeros
//!                                             name only (flags 1, the `._` beside a file): 8 zeros (31)
//!                                             folder: 8 zeros (31)
//!                                             link: cksum of the target, its length + 1, target, NUL, 8 zeros
//! ```
//!
//! # Rules that Apple's readers hold and others do not
//!
//! - Entries ascend by (parent number, name): breadth first. `lsbom` silently stops at the first that does not.
//! - The root `.` is a folder like others: 40755 and an owner, never zeros.
//! - The checksum is that of POSIX `cksum`, length included, not zip's CRC-32.
//! - `blocks in use` does not count the null block, whose address embala sets and Apple's tools do not.

mod cksum;
mod entry;
mod read;
mod write;

pub use cksum::Cksum;
pub use entry::{Entry, Kind};
pub use read::{Bom, Path, read};
pub use write::write;

#[cfg(test)]
mod tests;
