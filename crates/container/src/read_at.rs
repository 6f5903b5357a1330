//! Positioned reads.
//!
//! A base is read at known offsets, never from start to end, and the same base serves many stamps at once; so
//! readers here take a [`ReadAt`] (length + read at an offset, no cursor, no lock) instead of `Read + Seek`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use crate::reader::{Error, Malformed, Problem};

/// The longest piece of what is read a piece at a time: long enough that a system call for each does not count.
pub(crate) const PIECE_BYTES: usize = 256 << 10;

/// Bytes of a known length that can be read at any offset, by many at once.
pub trait ReadAt: Send + Sync {
    /// The length in bytes.
    fn len(&self) -> u64;

    /// Fills `buf` from `offset`; an end before that is [`io::ErrorKind::UnexpectedEof`].
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;

    /// Whether there are no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the bytes of `range` to `out`, a piece at a time. A range beyond the end is [`io::ErrorKind::UnexpectedEof`].
    fn copy_to(&self, range: Range<u64>, out: &mut dyn Write) -> io::Result<()> {
        pieces(self, range, |error| error, |piece| out.write_all(piece))
    }
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let found = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..)?.get(..buf.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(found);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        Vec::len(self) as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.as_slice().read_at(offset, buf)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        (**self).read_at(offset, buf)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for std::sync::Arc<T> {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        (**self).read_at(offset, buf)
    }
}

/// An open file and its length, taken once.
#[derive(Debug)]
pub struct FileAt {
    file: File,
    len: u64,
}

impl FileAt {
    /// Takes an open file; its length is asked once, here.
    pub fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }

    /// The file itself, for what only a file can do (reflinks, `copy_file_range`).
    #[must_use]
    pub const fn file(&self) -> &File {
        &self.file
    }
}

impl ReadAt for FileAt {
    fn len(&self) -> u64 {
        self.len
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buf, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, mut offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        while !buf.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(&self.file, buf, offset)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => {
                    offset += n as u64;
                    buf = buf.get_mut(n..).ok_or(io::ErrorKind::InvalidData)?;
                }
            }
        }
        Ok(())
    }
}

/// A part of something larger, seen as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Window<T> {
    inner: T,
    start: u64,
    len: u64,
}

impl<T: ReadAt> Window<T> {
    /// The `len` bytes of `inner` from `start`; a window beyond the end is refused as `structure`.
    pub fn new(structure: &'static str, inner: T, start: u64, len: u64) -> Result<Self, Malformed> {
        let found = inner.len().saturating_sub(start);
        if len > found {
            return Err(Malformed { structure, offset: start, problem: Problem::Truncated { needed: len, found } });
        }
        Ok(Self { inner, start, len })
    }

    /// Where the window starts in what it looks at.
    pub const fn start(&self) -> u64 {
        self.start
    }
}

impl<T: ReadAt> ReadAt for Window<T> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64).ok_or(io::ErrorKind::UnexpectedEof)?;
        if end > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.inner.read_at(self.start + offset, buf)
    }
}

/// Reads `len` bytes at `offset`, which are a `structure`. Nothing is allocated for bytes that are not there,
/// nor for more than `limit` bytes.
pub fn read_vec(
    file: &(impl ReadAt + ?Sized),
    structure: &'static str,
    offset: u64,
    len: u64,
    limit: usize,
) -> Result<Vec<u8>, Error> {
    let wrong = |problem| Malformed { structure, offset, problem };
    let found = file.len().saturating_sub(offset);
    if len > found {
        return Err(wrong(Problem::Truncated { needed: len, found }).into());
    }
    let size = usize::try_from(len)
        .ok()
        .filter(|size| *size <= limit)
        .ok_or_else(|| wrong(Problem::Value { field: "length", found: len, expected: "within this reader's limit" }))?;
    let mut out = vec![0; size];
    file.read_at(offset, &mut out).map_err(Error::io(structure))?;
    Ok(out)
}

/// Gives the bytes of `range` to `take`, a piece at a time. `failed` says what a failed read is (a range beyond the end is one, with
/// [`io::ErrorKind::UnexpectedEof`]); what `take` fails with is given back as it is.
pub fn pieces<E>(
    file: &(impl ReadAt + ?Sized),
    range: Range<u64>,
    failed: impl FnOnce(io::Error) -> E,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let length = |left: u64| PIECE_BYTES.min(usize::try_from(left).unwrap_or(usize::MAX));
    let mut buffer = vec![0; length(range.end.saturating_sub(range.start))];
    let mut at = range.start;
    while at < range.end {
        buffer.truncate(length(range.end - at));
        if let Err(error) = file.read_at(at, &mut buffer) {
            return Err(failed(error));
        }
        take(&buffer)?;
        at += buffer.len() as u64;
    }
    Ok(())
}

/// A cursor over a [`ReadAt`], for libraries that want `Read + Seek`.
#[derive(Debug, Clone)]
pub struct Cursor<T> {
    inner: T,
    position: u64,
}

impl<T: ReadAt> Cursor<T> {
    /// A cursor at the start.
    pub const fn new(inner: T) -> Self {
        Self { inner, position: 0 }
    }

    /// Where the next read starts.
    pub const fn position(&self) -> u64 {
        self.position
    }
}

impl<T: ReadAt> Read for Cursor<T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.inner.len().saturating_sub(self.position);
        let n = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let Some(part) = buf.get_mut(..n) else { return Ok(0) };
        self.inner.read_at(self.position, part)?;
        self.position += n as u64;
        Ok(n)
    }
}

impl<T: ReadAt> Seek for Cursor<T> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(by) => (self.inner.len(), by),
            SeekFrom::Current(by) => (self.position, by),
        };
        self.position = from.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes() -> Vec<u8> {
        (0..PIECE_BYTES as u32 * 2 + 17).map(|i| i.to_le_bytes()[0]).collect()
    }

    #[test]
    fn pieces_come_to_the_range() {
        let bytes = bytes();
        let mut out = Vec::new();
        bytes.copy_to(3..bytes.len() as u64, &mut out).unwrap();
        assert_eq!(out, bytes[3..]);
        out.clear();
        bytes.copy_to(7..7, &mut out).unwrap();
        assert!(out.is_empty());
        let error = bytes.copy_to(0..bytes.len() as u64 + 1, &mut out).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_window_ends_where_it_ends() {
        let bytes = b"0123456789".as_slice();
        let w = Window::new("part", bytes, 2, 5).unwrap();
        let mut buf = [0; 5];
        w.read_at(0, &mut buf).unwrap();
        assert_eq!(&buf, b"23456");
        assert!(w.read_at(1, &mut buf).is_err());
        assert!(Window::new("part", bytes, 6, 5).is_err());
    }

    #[test]
    fn a_cursor_reads_to_the_end() {
        let mut c = Cursor::new(b"abc".as_slice());
        let mut out = String::new();
        c.read_to_string(&mut out).unwrap();
        assert_eq!(out, "abc");
        assert_eq!(c.seek(SeekFrom::End(-1)).unwrap(), 2);
    }

    #[test]
    fn nothing_is_allocated_for_a_lying_length() {
        let e = read_vec(b"abc".as_slice(), "toc", 1, u64::MAX, 1 << 20).unwrap_err();
        assert_eq!(e.to_string(), "toc at 0x1: needs 18446744073709551615 bytes, found 2");
    }
}
