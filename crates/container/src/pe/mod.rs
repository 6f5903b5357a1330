//! Windows executables, as far as an agent check and a Windows Installer table need them.
//!
//! ```text
//! 0x00          DOS header    "MZ" … e_lfanew at 0x3c
//! e_lfanew      "PE\0\0"
//! +4            COFF header   Machine, NumberOfSections, SizeOfOptionalHeader, Characteristics
//! +24           optional header, magic 0x10b (PE32) or 0x20b (PE32+)
//!   +64           CheckSum                                   not signed
//!   +96 / +112    data directories: 2 resource, 4 security   entry 4 not signed
//! …             section table, 40 bytes each
//! …             sections      .text, .rsrc (the version resource), …
//! end of file   certificate table, found by directory 4      not signed; holds the signature
//!   dwLength u32, wRevision u16 = 0x0200, wCertificateType u16 = 0x0002, a PKCS #7 SignedData, zeros up to 8
//! ```
//!
//! Names and numbers are those of Microsoft's "PE Format" page, and of "Windows Authenticode Portable Executable
//! Signature Format" (2008) for what is signed. Two rules are stricter than the loader's, because bytes that
//! no signature covers are where others hid configuration, and lost their certificates for it:
//!
//! * The certificate table is the last thing in the file and overlaps no section.
//! * It holds one entry of one kind. Two entries are legal and were last seen around 2012: a second signature is
//!   now nested in the first as an unsigned attribute.
//!
//! Seen in real files: bytes behind the message inside its entry. No signature covers them, Windows takes them all the same unless
//! `EnableCertPaddingCheck` is on, and then counts the signature as absent; so they are given to the caller, who says so.
//!
//! The 2008 document hashes section by section in the order of their file offsets. With sections that neither
//! overlap nor leave gaps this is the file from start to end without the three unsigned places, and Windows
//! itself, `osslsigncode` and this module hash it so.
//!
//! | file | noun |
//! |---|---|
//! | `headers` | [`Image`]: machine, sections, directories |
//! | `certificate` | the certificate table, and the digest that its signature must name |
//! | `sign` | [`Unsigned`]: a signature, written |
//! | `resource` | the resource tree down to the version resource |
//! | `clr` | the header of .NET: whether a 32-bit image of pure IL runs on any processor |
//! | `version` | [`Version`]: the four-part file version and the languages |
//!
//! The `object` and `goblin` crates parse the headers as well, but want the whole file in memory or mapped, and
//! have neither the certificate rules nor the version resource; what is read here is a few kilobytes.

mod certificate;
mod clr;
mod headers;
mod resource;
mod sign;
mod version;

pub use certificate::Certificate;
pub use headers::{Image, Machine, is_pe};
pub use sign::Unsigned;
pub use version::Version;
