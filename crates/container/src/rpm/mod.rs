//! RPM packages of format 4: lead, two headers, and a compressed cpio archive.
//!
//! The crate `rpm` holds a whole payload in memory, when it reads and when it writes, takes a package whose payload lacks
//! a file for a good one, and cannot write a header over a payload that is kept. Here is what a splice needs.
//!
//! # What is where
//!
//! ```text
//! lead               96 bytes: ed ab ee db, 03 00, type, arch, name[66], os, 5, 16 zeros     nothing reads it any more
//! signature header   a header of region 62; zeros to a multiple of 8 after it                digests and signatures of the next
//! header             a header of region 63                                                   everything that is known of the package
//! payload            cpio ("newc") in one gzip member, zstd frame or xz stream, to the end
//! ```
//!
//! A header ("RPM V4 Package format", *Header structure*; all numbers big-endian):
//!
//! ```text
//! 8e ad e8 01  00 00 00 00  nindex u32  hsize u32
//! index        nindex × { tag u32, type u32, offset i32, count u32 }    offsets into the data
//! data         hsize bytes: numbers aligned to their size, text with a final NUL
//! ```
//!
//! The first entry is the *region*: its 16 bytes of data are the last of the header, in the form of an index entry whose
//! offset is −16 × nindex. It says that the index and the data are one immutable block, the one that digests and
//! signatures are over: from the magic to the last byte of data. Here it must cover the whole header, as rpm 4.16 and
//! newer demand of a package.
//!
//! # What a digest or a signature is over
//!
//! | tag | over |
//! |---|---|
//! | signature 269, 273 (SHA-1, SHA-256), 268 and 267 (OpenPGP) | the header |
//! | header 5092 (SHA-256) | the payload as it lies in the file |
//! | header 1035 | each file |
//! | signature 1004 (MD5), 1002 and 1005 (OpenPGP) | header and payload together: old, and never written here |
//!
//! So a signature over the header alone covers everything, and only the digest of the payload has to be known to make
//! it: [`crate::midstate`] keeps the state of that digest where the payload's replaceable tail begins.
//!
//! # What rpm checks when, and what the reader here checks
//!
//! `rpm -K` compares digests and signatures and does not decode the payload; a package that cannot be installed passes.
//! [`Package::walk`] does what rpm does when it installs: decodes the payload to its end, walks the archive to its
//! trailer, finds each entry in the header and each file of the header in the archive, and compares sizes, targets of
//! links and the digests of what it unpacks. It is stricter where readers differ: one gzip member, frame or stream, and
//! nothing after it.
//!
//! Writing: [`write`](mod@self) is [`Writer`] and [`lead`]; the archive is [`crate::cpio::newc`]. Reading: [`Package`],
//! [`Header`], [`File`].

mod files;
mod header;
mod layout;
mod package;
mod stripped;
pub mod tag;
mod walk;
mod write;

pub use files::{CONFIG, File, GHOST};
pub use header::{Header, Type};
pub use layout::LEAD_BYTES;
pub use package::{Lead, Package};
pub use walk::Decoded;
pub use write::{LeadKind, Value, Writer, lead};

#[cfg(test)]
mod tests;
