//! cpio in its new ASCII form ("newc", SVR4), the archive inside an rpm, written entry by entry.
//!
//! ```text
//! entry    header, 110 bytes     070701 ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor
//!                                namesize check: 8 hexadecimal digits each
//!          name, NUL-terminated  then zeros to a multiple of 4, header and name together
//!          data                  then zeros to a multiple of 4
//! stripped 07070X and the number of a file in the rpm's header, 8 hexadecimal digits, then zeros to a multiple of 4 and the data: what rpm
//!          writes into packages of version 6 and into those with a file of 4 GiB and more (rpm, lib/cpio.c). Read, never written
//! trailer  an entry named TRAILER!!!, without data and without padding to 512
//! ```
//!
//! Names start with `./`: rpm finds each entry in its header by name and takes the path without it as well, but
//! `rpm2cpio | cpio` would then write to `/`. Owner and mode stand here for other readers; rpm takes them from its header.

use std::io::{self, Write};

use super::header::TRAILER;

/// The magic of the new ASCII form.
pub(super) const MAGIC: &[u8; 6] = b"070701";
/// The magic of an entry without a header, which has the number of a listed file.
pub(super) const STRIPPED_MAGIC: &[u8; 6] = b"07070X";
/// Magic and number of such an entry.
pub(super) const STRIPPED_BYTES: usize = 14;
/// A header without its name.
pub(crate) const HEADER_BYTES: usize = 110;
/// Names and data end at a multiple of this.
pub(crate) const ALIGN: usize = 4;

/// What an entry's header says. Everything belongs to root.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    /// The path without `./`.
    pub path: &'a str,
    /// A number of its own for each entry.
    pub inode: u32,
    /// File type and permissions.
    pub mode: u32,
    /// How many links it has.
    pub links: u32,
    /// Its time, in seconds since 1970.
    pub mtime: u32,
    /// How many bytes of data follow; [`padding`] comes after them.
    pub size: u32,
}

/// Writes an entry's header and name.
pub fn header(out: &mut impl Write, header: &Header<'_>) -> io::Result<()> {
    named(out, &format!("./{}", header.path), header)
}

/// The entry that ends an archive.
#[must_use]
pub fn trailer() -> Vec<u8> {
    let mut out = Vec::new();
    let header = Header { path: "", inode: 0, mode: 0, links: 1, mtime: 0, size: 0 };
    // Writing to memory does not fail, and the name has no NUL.
    let _ = named(&mut out, TRAILER, &header);
    out
}

/// The zeros after a name that ends, or data that end, at such an offset from the archive's start.
#[must_use]
pub fn padding(end: u64) -> &'static [u8] {
    let over = (end % ALIGN as u64) as usize;
    ZEROS.get(..(ALIGN - over) % ALIGN).unwrap_or_default()
}

/// As many zeros as padding can have.
static ZEROS: [u8; ALIGN] = [0; ALIGN];

fn named(out: &mut impl Write, name: &str, header: &Header<'_>) -> io::Result<()> {
    if name.contains('\0') {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "an entry's name has a NUL in it"));
    }
    let Header { inode, mode, links, mtime, size, .. } = header;
    let name_bytes = name.len() + 1;
    out.write_all(MAGIC)?;
    write!(out, "{inode:08x}{mode:08x}{:08x}{:08x}{links:08x}{mtime:08x}{size:08x}", 0, 0)?;
    write!(out, "{:08x}{:08x}{:08x}{:08x}{name_bytes:08x}{:08x}{name}\0", 0, 0, 0, 0, 0)?;
    out.write_all(padding((HEADER_BYTES + name_bytes) as u64))
}
