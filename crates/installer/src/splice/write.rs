//! Writing a splice's result: to a file, to a stream, into a digest.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use container::{ReadAt, read_at};
use sha2::{Digest, Sha256};

use super::segments::{Segment, Splice};

impl Splice {
    /// Writes the result to a stream.
    pub fn write_to(&self, base: &(impl ReadAt + ?Sized), out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        self.for_each_chunk(base, |chunk| out.write_all(chunk))
    }

    /// Writes the result to an empty file; the kernel copies the kept ranges (`copy_file_range`). What stays where it was is copied in
    /// one go with what lies between, and the patches go over it: a file system with shared extents shares nothing but whole blocks,
    /// and the others copy fastest from the start of a file to the start of a file.
    ///
    /// `base` must be a handle of its own: its cursor moves.
    pub fn write_to_file(&self, base: &File, out: &mut File) -> io::Result<()> {
        let unmoved = self.located().filter_map(|(at, segment)| match segment {
            Segment::Keep(range) if range.start == at => Some(range.end),
            _ => None,
        });
        let copied = unmoved.max().unwrap_or(0);
        copy(base, 0..copied, out)?;
        for (at, segment) in self.located() {
            match segment {
                Segment::Put(bytes) => {
                    out.seek(SeekFrom::Start(at))?;
                    out.write_all(bytes)?;
                }
                Segment::Keep(range) if range.start == at => {}
                Segment::Keep(range) => {
                    out.seek(SeekFrom::Start(at))?;
                    copy(base, range.clone(), out)?;
                }
            }
        }
        Ok(())
    }

    /// The segments, each with where it is in the result.
    fn located(&self) -> impl Iterator<Item = (u64, &Segment)> {
        self.segments.iter().scan(0, |end, segment| {
            let at = *end;
            *end += segment.len();
            Some((at, segment))
        })
    }

    /// The SHA-256 of the result.
    pub fn sha256(&self, base: &(impl ReadAt + ?Sized)) -> io::Result<[u8; 32]> {
        let mut digest = Sha256::new();
        self.for_each_chunk(base, |chunk| {
            digest.update(chunk);
            Ok(())
        })?;
        Ok(digest.finalize().into())
    }

    fn for_each_chunk(
        &self,
        base: &(impl ReadAt + ?Sized),
        mut each: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        for segment in &self.segments {
            match segment {
                Segment::Put(bytes) => each(bytes)?,
                Segment::Keep(range) => read_at::pieces(base, range.clone(), |error| error, &mut each)?,
            }
        }
        Ok(())
    }
}

/// Copies a range to where `out` stands.
fn copy(mut base: &File, range: Range<u64>, out: &mut File) -> io::Result<()> {
    base.seek(SeekFrom::Start(range.start))?;
    let wanted = range.end - range.start;
    if io::copy(&mut base.take(wanted), out)? == wanted { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
