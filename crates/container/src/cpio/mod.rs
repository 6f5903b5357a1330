//! cpio in its portable ASCII form ("odc"), the archive inside a flat package's `Payload` and `Scripts`; and in its new
//! ASCII form ([`newc`]), the archive inside an rpm, which the same reader reads.
//!
//! No kept library serves: `cpio-archive` writes `nlink = 0`, does not pad and pulls a calendar in.
//!
//! # What is where
//!
//! ```text
//! entry    header, 76 octal digits    070707 dev ino mode uid gid nlink rdev mtime namesize filesize
//!          name, NUL-terminated       namesize counts the NUL
//!          data                       filesize bytes, no padding
//! …
//! trailer  an entry named TRAILER!!!  no data
//! padding  zeros to 512
//! ```
//!
//! The format is "cpio -o -c" of POSIX.1-1988 (pax, *cpio Interchange Format*). Field widths, in digits: magic, dev,
//! ino, mode, uid, gid, nlink, rdev 6 each; mtime 11; namesize 6; filesize 11. So a file ends at 8 GiB, and the
//! inode numbers repeat after 262,143 entries.
//!
//! # What Apple's tools do, and we with them
//!
//! - Names are `.`, `./Agent.app`, `./Agent.app/Contents`: always relative, the root first, a folder before what
//!   lies in it.
//! - Inodes are numbered in sequence from 1; `dev` and `rdev` are 0.
//! - A folder's `nlink` is 2 + the number of its children, a file's is 1. Real archives have hard links as well
//!   (several names with one inode); we write none and read each name as a file of its own.
//! - A symbolic link's data is its target, without a NUL.
//! - After the trailer come zeros up to a multiple of 512. The reader takes any number of zeros and refuses
//!   everything else, so that nothing can hide behind the end.
//!
//! # What the reader refuses
//!
//! Absolute names, `..`, empty parts, a name twice, a name below a link or a file, device nodes, anything but octal
//! digits in a header, a missing trailer. An installer unpacks as root: a name that leaves the folder is not repaired,
//! it is an error.

mod header;
pub mod newc;
mod read;
mod write;

pub use header::{DIRECTORY, REGULAR, SPECIAL, SYMLINK, TYPE_MASK};
pub use read::{Entry, Limits, Reader};
pub use write::{Header, Writer};

#[cfg(test)]
mod tests;
