//! Writes an archive whose members are streamed: the size is filled in when the member has ended.

use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;

use super::header::{HEADER_BYTES, HEADER_END, MAGIC};

/// Where in a member's header the size stands, from the start of the header.
pub const SIZE_FIELD: Range<u64> = 48..58;

/// The ten bytes of a header's size field.
pub fn size_field(len: u64) -> io::Result<[u8; 10]> {
    let mut field = [b' '; 10];
    put(&mut field, &len.to_string())?;
    Ok(field)
}

/// A writer of archives: owner root, mode 0644, one time for all members.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    mtime: u64,
}

impl<W: Write + Seek> Writer<W> {
    /// Starts an archive.
    pub fn new(mut out: W, mtime: u64) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        Ok(Self { out, mtime })
    }

    /// Writes a member with the bytes that `content` writes; it must leave the position at their end.
    pub fn member<E: From<io::Error>>(
        &mut self,
        name: &str,
        content: impl FnOnce(&mut W) -> Result<(), E>,
    ) -> Result<(), E> {
        let header_at = self.out.stream_position()?;
        self.out.write_all(&header(name, self.mtime, 0)?)?;
        content(&mut self.out)?;
        let end = self.out.stream_position()?;
        let len = end.saturating_sub(header_at + HEADER_BYTES);
        self.out.seek(SeekFrom::Start(header_at + SIZE_FIELD.start))?;
        self.out.write_all(&size_field(len)?)?;
        self.out.seek(SeekFrom::Start(end))?;
        if len % 2 == 1 {
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Ends the archive.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

fn header(name: &str, mtime: u64, len: u64) -> io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(60);
    for (text, width) in [
        (name.to_owned(), 16),
        (mtime.to_string(), 12),
        ("0".to_owned(), 6),
        ("0".to_owned(), 6),
        ("100644".to_owned(), 8),
        (len.to_string(), 10),
    ] {
        let mut field = vec![b' '; width];
        put(&mut field, &text)?;
        header.extend(field);
    }
    header.extend(HEADER_END);
    Ok(header)
}

fn put(field: &mut [u8], text: &str) -> io::Result<()> {
    let too_long = || io::Error::new(io::ErrorKind::InvalidInput, "too long for a field of an ar header");
    field.get_mut(..text.len()).ok_or_else(too_long)?.copy_from_slice(text.as_bytes());
    Ok(())
}
