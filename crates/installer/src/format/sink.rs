//! Where the pieces of an installer go when it is taken apart.

use std::io::Read;

use super::errors::ReadError;

/// Takes what is in an installer, piece by piece.
pub trait Sink {
    /// One piece. `content` has a file's bytes, streamed, and nothing for folders and links. A sink need not read it.
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError>;
}

/// One piece of an installer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extracted<'a> {
    /// Which part it belongs to.
    pub area: Area,
    /// Its path in that part: `/` between the parts, relative, without `.` and `..`: checked by the reader.
    pub path: &'a str,
    /// What it is.
    pub kind: EntryKind<'a>,
    /// Its permission bits; 0o644 or 0o755 where the format has none.
    pub mode: u32,
}

/// Which part of an installer something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// What gets installed.
    Payload,
    /// What the operating system's installer reads: control files, tables, scripts.
    Metadata,
    /// The enrollment token.
    Token,
}

/// What a piece of an installer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind<'a> {
    /// A folder.
    Folder,
    /// A file of this many bytes.
    File(u64),
    /// A symbolic link to this.
    Link(&'a str),
    /// Another name of a file of the same area that came before, by its path.
    HardLink(&'a str),
}
