//! Pieces of installer file formats that no kept library gives, as bytes.
//!
//! Nothing here knows a product, a token, a key, a clock or a path: a module takes bytes and gives bytes.
//! Each module opens with a tour that says which library was missing what. Writers and readers of one format
//! live in separate files and share no code, so that a mistake in one cannot hide in the other.
//!
//! | module | what |
//! |---|---|
//! | [`read_at`] | positioned reads: files, memory, windows |
//! | [`reader`] | the one consuming reader for untrusted input, and the error it gives |
//! | [`stream`] | streams, a piece at a time |
//! | [`workers`] | work on all cores, results in order |
//! | [`ar`] | the outer archive of a deb |
//! | [`gzip`], [`xz`], [`zst`] | streams whose last block can be replaced without touching the others |
//! | [`bzip2`], [`lzma`] | streams that are only read: members of older debs |
//! | [`cfb`], [`cab`], [`msidb`] | the compound file, the cabinet and the database tables of an MSI |
//! | [`rpm`], [`midstate`] | the headers and the payload of an rpm, and a digest that goes on where another stopped |
//! | [`xar`], [`bom`], [`cpio`] | the archive, the bill of materials and the payload of a flat package |
//! | [`zip`] | archives of stored members, written to a stream |
//! | [`xml`], [`property_list`] | small XML documents and Apple's property lists, read whole within limits |
//! | [`code_resources`] | what a code signature says of the other files of an application |
//! | [`digest`], [`authenticode`] | the digests that signatures name, and what that of an MSI is over |
//! | [`der`] | ASN.1 values in DER and BER, walked through and patched |
//! | [`cms`] | signed messages and certificates, with their bytes and places kept |
//! | [`slot`] | the places outside of a signature that hold a token |
//! | [`pe`], [`macho`], [`elf`] | executables, as far as an agent check needs them |

pub mod ar;
pub mod authenticode;
pub mod bom;
pub mod bzip2;
pub mod cab;
pub mod cfb;
pub mod cms;
pub mod code_resources;
pub mod cpio;
mod decoded;
mod deflate;
pub mod der;
pub mod digest;
pub mod elf;
pub mod gzip;
pub mod lzma;
pub mod macho;
pub mod midstate;
pub mod msidb;
pub mod pe;
pub mod property_list;
pub mod read_at;
pub mod reader;
pub mod rpm;
pub mod slot;
pub mod stream;
pub mod workers;
pub mod xar;
pub mod xml;
pub mod xz;
pub mod zip;
pub mod zst;

pub use read_at::ReadAt;
pub use reader::{Error, Malformed, Problem, Reader};
