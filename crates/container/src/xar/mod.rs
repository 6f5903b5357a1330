//! XAR, the archive that a flat package is.
//!
//! No kept library serves: `apple-xar` cannot write, refuses what Apple itself writes (`<signature-creation-time>`),
//! never checks a member's checksum, and aborts on a header that lies about a length. It judges the tests.
//!
//! # What is where
//!
//! ```text
//! 0    header       "xar!", u16 header length (28), u16 version 1, u64 length of the table of contents compressed,
//!                   u64 the same inflated, u32 checksum kind (1 SHA-1, 3 SHA-256, 4 SHA-512)       all big-endian
//! 28   table of contents   XML, one zlib stream
//!      heap         everything else; offsets in the table of contents count from here
//!        0          checksum of the *compressed* table of contents, 20 bytes
//!                   signatures: RSA and CMS over that checksum
//!                   members
//!      trailer      what lies behind the last extent; a stapled notarization ticket lives there
//! ```
//!
//! ```xml
//! <xar><toc>
//!   <creation-time>2024-01-01T00:00:00</creation-time>
//!   <checksum style="sha1"><offset>0</offset><size>20</size></checksum>
//!   <signature style="RSA"><offset>20</offset><size>256</size><KeyInfo>…</KeyInfo></signature>
//!   <x-signature style="CMS">…</x-signature>
//!   <file id="1"><name>Distribution</name><type>file</type>
//!     <data><offset>20</offset>
//!       <length>601</length>   in the heap
//!       <size>1544</size>      unpacked
//!       <encoding style="application/x-gzip"/>   a zlib stream, in spite of its name; octet-stream is stored
//!       <archived-checksum style="sha1">…</archived-checksum>
//!       <extracted-checksum style="sha1">…</extracted-checksum></data></file>
//!   <file id="2"><name>agent.pkg</name><type>directory</type><file id="3">…
//! ```
//!
//! # What the signature covers
//!
//! The checksum, so the compressed table of contents, so through the checksums in it every member. What no element
//! names (holes in the heap, bytes behind it) is covered by nothing; so is every member for a reader that does not
//! check it, and `pkgutil` is the only one known to. Our reader offers the check for each member and reports holes.
//!
//! # What is chosen for stamping
//!
//! The writer puts members into the heap in the order it is given, so a small member that changes comes last. The
//! table of contents is padded and stored in its zlib stream, so its length does not change either. Then another
//! version of the archive is: header, table of contents and checksum anew, the same heap up to the last member in the
//! same place, and the new last member.
//!
//! # Deviations seen
//!
//! - libarchive knows SHA-1 and MD5 only, so the writer takes SHA-1, as Apple's `productbuild` does.
//! - Apple writes `mode`, `uid`, times, `FinderCreateTime`, `ea`; some tools leave nearly all of it out. The reader
//!   skips what it does not know.
//! - Old archives write `<name enctype="base64">`, and some repeat `<name>`; both are refused.

mod header;
mod read;
mod sign;
pub mod slot;
mod trailer;
mod write;

pub use header::CHECKSUM_BYTES;
pub use read::{Archive, Data, Encoding, Member, MemberKind, Signature, open, table_of_contents};
pub use sign::{Packing, Room, SignedHead, signed_head};
pub use trailer::{Trailer, trailer};
pub use write::{File, FileData, Node, Stored, Toc, head};

#[cfg(test)]
mod tests;
