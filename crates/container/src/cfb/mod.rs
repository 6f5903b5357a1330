//! The compound file (MS-CFB): the file system inside an MSI.
//!
//! # What is where
//!
//! ```text
//! sector -1   header: versions, counts, the first 109 entries of the DIFAT           §2.2
//! sector n    one of
//!   FAT          next sector of each sector: FREESECT, ENDOFCHAIN, FATSECT, DIFSECT  §2.3
//!   DIFAT        where the FAT sectors are, from the 110th on                        §2.5
//!   directory    128-byte entries, siblings in a red-black tree                      §2.6
//!   mini FAT     the same as the FAT for 64-byte sectors of the mini stream          §2.4
//!   mini stream  content of the streams under 4096 bytes, owned by the root entry
//!   a stream's own bytes, when it has 4096 or more
//! ```
//!
//! A version 3 file has 512-byte sectors, a version 4 file (what the MSI tools write today) has 4096-byte
//! sectors; sector `n` is at `(n + 1) << shift`.
//!
//! # What Windows demands beyond the specification
//!
//! A signed MSI is refused when its file is longer than its sectors account for (CVE-2020-1464), when free
//! sectors lie inside it, or when the root entry's size is not the size of the mini stream; `msiexec` reads
//! no more directory sectors than a version 4 header counts. Unused room inside the mini stream is taken: published, validly
//! signed installers have it. So [`layout`] writes files that are
//! *compact*: every sector is in a chain, the file ends with the last of them, and all counts are right.
//! [`check`](read::Compound::check) reports what is not.
//!
//! # The layout that makes stamping cheap
//!
//! ```text
//! header | bulk streams (the cabinet) | FAT that describes only them | tail: rest of the FAT, DIFAT,
//!                                                                      directory, mini FAT, mini stream,
//!                                                                      the other streams
//! ```
//!
//! The tail is a function of the small streams and of the *number* of bulk sectors. Other small streams
//! mean another header and another tail; the cabinet and its part of the FAT stay where they are, and the
//! result is byte for byte what a fresh layout of the same streams gives.
//!
//! # Why not the `cfb` crate
//!
//! It has no say over sectors (none of the above can be had), and its directory entries do not tell where a stream
//! lies. It judges both of our halves in the tests, in its strict mode.
//!
//! Deviations seen in real files: version 3 entries whose upper 32 bits of the size are not zero (§2.6.1 says
//! to ignore them), wholly free FAT sectors at the end, a last sector that is cut short, a count of directory sectors
//! that lags behind (jsign #88).

mod chain;
pub mod check;
mod geometry;
pub mod layout;
pub mod read;
pub mod rebuild;
mod refusal;
mod tree;
pub mod write;

/// §2.1: highest number that a real sector can have.
const MAXREGSECT: u32 = 0xFFFF_FFFA;
/// §2.1: marks a sector that holds a part of the DIFAT.
const DIFSECT: u32 = 0xFFFF_FFFC;
/// §2.1: marks a sector that holds a part of the FAT.
const FATSECT: u32 = 0xFFFF_FFFD;
/// §2.1: end of a chain.
const ENDOFCHAIN: u32 = 0xFFFF_FFFE;
/// §2.1: a sector that nothing uses.
const FREESECT: u32 = 0xFFFF_FFFF;
/// §2.6.1: no such directory entry.
const NOSTREAM: u32 = 0xFFFF_FFFF;
/// §2.2: identifies the file.
const SIGNATURE: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
/// §2.2: how many DIFAT entries the header holds.
const DIFAT_IN_HEADER: usize = 109;
/// §2.2: streams shorter than this live in the mini stream.
const MINI_CUTOFF: u64 = 4096;
/// §2.2: size of a sector of the mini stream.
const MINI_SECTOR: u64 = 64;
/// §2.6.1: size of a directory entry.
const ENTRY: usize = 128;

/// The root class of a Windows Installer database: {000C1084-0000-0000-C000-000000000046}.
pub const MSI_CLSID: [u8; 16] = [0x84, 0x10, 0x0C, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46];

#[cfg(test)]
mod tests;
