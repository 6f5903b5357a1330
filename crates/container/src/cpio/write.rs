//! Writing a cpio archive, one entry after the other.

use std::io::{self, Write};

use super::header::{MAGIC, TRAILER};

/// The archive's length is a multiple of this.
const BLOCK_BYTES: u64 = 512;
/// Inode numbers have six octal digits; 0 is left out.
const MAX_INODE: u32 = 0o777_777;
/// The largest number in eleven octal digits.
const MAX_ELEVEN_DIGITS: u64 = 0o77_777_777_777;

/// What an entry's header says.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    /// The name as it is stored: `.` or `./…`.
    pub name: &'a str,
    /// File type and permissions.
    pub mode: u32,
    /// How many links the file has: 1, or for a folder 2 + its children.
    pub links: u32,
    /// How many bytes of data follow.
    pub size: u64,
}

/// Writes an archive whose entries all belong to root and have one modification time.
///
/// After [`Writer::entry`], exactly `size` bytes are written through [`Write`].
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    mtime: u64,
    inode: u32,
    written: u64,
    owed: u64,
}

impl<W: Write> Writer<W> {
    /// An archive into `out`, with `mtime` (seconds since 1970) for every entry.
    pub fn new(out: W, mtime: u64) -> Self {
        Self { out, mtime: mtime.min(MAX_ELEVEN_DIGITS), inode: 0, written: 0, owed: 0 }
    }

    /// Goes on with an archive that has `entries` entries and `written` bytes already.
    pub fn resume(out: W, mtime: u64, entries: u32, written: u64) -> Self {
        Self { inode: entries, written, ..Self::new(out, mtime) }
    }

    /// How many bytes the archive has so far.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Begins an entry; the one before it must have got all its data.
    pub fn entry(&mut self, header: &Header<'_>) -> io::Result<()> {
        self.inode = if self.inode == MAX_INODE { 1 } else { self.inode + 1 };
        self.header(header, self.inode, self.mtime)
    }

    fn header(&mut self, header: &Header<'_>, inode: u32, mtime: u64) -> io::Result<()> {
        if self.owed != 0 {
            return Err(refused("an entry got less data than its header says"));
        }
        let name_bytes = header.name.len() + 1;
        let fits = header.size <= MAX_ELEVEN_DIGITS && name_bytes <= 0o777_777 && header.links <= 0o777_777;
        if !fits || header.name.contains('\0') {
            return Err(refused("an entry's name, size or link count does not fit a cpio header"));
        }
        let mut head = MAGIC.to_vec();
        let size = header.size;
        write!(
            head,
            "{:06o}{inode:06o}{:06o}{:06o}{:06o}{:06o}{:06o}{mtime:011o}{name_bytes:06o}{size:011o}{}\0",
            0, header.mode, 0, 0, header.links, 0, header.name
        )?;
        self.put(&head)?;
        self.owed = header.size;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Writes the trailer and the padding and gives the sink back.
    pub fn finish(mut self) -> io::Result<W> {
        self.header(&Header { name: TRAILER, mode: 0, links: 1, size: 0 }, 0, 0)?;
        let padding = self.written.next_multiple_of(BLOCK_BYTES) - self.written;
        io::copy(&mut io::Read::take(io::repeat(0), padding), &mut self.out)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if buf.len() as u64 > self.owed {
            return Err(refused("an entry got more data than its header says"));
        }
        let n = self.out.write(buf)?;
        self.owed -= n as u64;
        self.written += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
