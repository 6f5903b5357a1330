//! A splice over its base, read as if it were a file.

use std::fmt;
use std::io;
use std::ops::Range;

use container::ReadAt;
use container::read_at::Cursor;

use super::segments::{Segment, Splice};

/// A stretch of a splice's result.
#[derive(Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// These bytes of the base.
    Keep(Range<u64>),
    /// These new bytes. They may hold a token, so they do not print.
    Put(&'a [u8]),
}

impl fmt::Debug for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep(range) => write!(f, "Keep({range:?})"),
            Self::Put(bytes) => write!(f, "Put({} bytes)", <[u8]>::len(bytes)),
        }
    }
}

/// The pieces of a range of a splice's result, in order; made by [`Splice::slice`].
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    segments: std::slice::Iter<'a, Segment>,
    /// Where the next segment starts in the result.
    at: u64,
    range: Range<u64>,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        while self.at < self.range.end {
            let segment = self.segments.next()?;
            let start = self.at;
            self.at += segment.len();
            let from = self.range.start.max(start) - start;
            let to = self.range.end.min(self.at).saturating_sub(start);
            if from >= to {
                continue;
            }
            return Some(match segment {
                Segment::Keep(range) => Piece::Keep(range.start + from..range.start + to),
                // `from < to <= bytes.len()`, which is a usize
                Segment::Put(bytes) => Piece::Put(bytes.get(from as usize..to as usize)?),
            });
        }
        None
    }
}

impl Splice {
    /// The pieces that make up `range` of the result; a range beyond the end is cut there.
    #[must_use]
    pub fn slice(&self, range: Range<u64>) -> Pieces<'_> {
        let first = self.ends.partition_point(|end| *end <= range.start);
        let at = first.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        Pieces {
            segments: self.segments.get(first..).unwrap_or_default().iter(),
            at,
            range: range.start..range.end.min(self.len()),
        }
    }

    /// The result over its base, to be read at any offset.
    ///
    /// `base` must be the base that the splice was made from: a shorter one gives
    /// [`io::ErrorKind::UnexpectedEof`] where its bytes are missing.
    #[must_use]
    pub const fn over<B: ReadAt>(&self, base: B) -> View<'_, B> {
        View { splice: self, base }
    }

    /// The result over its base, for what wants `Read + Seek`.
    #[must_use]
    pub const fn reader<B: ReadAt>(&self, base: B) -> Cursor<View<'_, B>> {
        Cursor::new(self.over(base))
    }
}

/// A splice over its base, read as if it were a file; made by [`Splice::over`].
#[derive(Debug, Clone, Copy)]
pub struct View<'a, B> {
    splice: &'a Splice,
    base: B,
}

impl<B: ReadAt> ReadAt for View<'_, B> {
    fn len(&self) -> u64 {
        self.splice.len()
    }

    fn read_at(&self, offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64).ok_or(io::ErrorKind::UnexpectedEof)?;
        if end > self.splice.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for piece in self.splice.slice(offset..end) {
            let n = match &piece {
                Piece::Keep(range) => usize::try_from(range.end - range.start).unwrap_or(usize::MAX),
                Piece::Put(bytes) => <[u8]>::len(bytes),
            };
            let (here, rest) = buf.split_at_mut_checked(n).ok_or(io::ErrorKind::UnexpectedEof)?;
            match piece {
                Piece::Keep(range) => self.base.read_at(range.start, here)?,
                Piece::Put(bytes) => <[u8]>::copy_from_slice(here, bytes),
            }
            buf = rest;
        }
        if buf.is_empty() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}
