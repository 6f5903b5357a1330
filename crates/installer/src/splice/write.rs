//! Writing a splice's result: to a file, to a stream, into a digest.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use container::ReadAt;
use sha2::{Digest, Sha256};

use super::{Segment, Splice};

/// Large enough that a system call's cost vanishes, small enough for every cache.
const CHUNK_BYTES: usize = 256 * 1024;
/// What file systems allocate and share.
const BLOCK_BYTES: u64 = 4096;

impl Splice {
    /// Writes the result to a stream.
    pub fn write_to(&self, base: &(impl ReadAt + ?Sized), out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        self.for_each_chunk(base, |chunk| out.write_all(chunk))
    }

    /// Writes the result to a file, from its start; the kernel copies the kept ranges where it can (`copy_file_range`). A file system
    /// with shared extents shares whole blocks and nothing else, so a range that has not moved is copied in three parts: to the first
    /// boundary of a block, the blocks, and the rest.
    ///
    /// `base` must be a handle of its own: its cursor moves.
    pub fn write_to_file(&self, base: &File, out: &mut File) -> io::Result<()> {
        let mut written = 0;
        for segment in &self.segments {
            match segment {
                Segment::Put(bytes) => out.write_all(bytes)?,
                Segment::Keep(range) => keep(base, range, out, written)?,
            }
            written += segment.len();
        }
        Ok(())
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
        let mut buffer = Vec::new();
        for segment in &self.segments {
            match segment {
                Segment::Put(bytes) => each(bytes)?,
                Segment::Keep(range) => {
                    let mut at = range.start;
                    while at < range.end {
                        let n = CHUNK_BYTES.min(usize::try_from(range.end - at).unwrap_or(usize::MAX));
                        buffer.resize(n, 0);
                        base.read_at(at, &mut buffer)?;
                        each(&buffer)?;
                        at += n as u64;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Copies a range to where `out` stands, at `to`.
fn keep(base: &File, range: &Range<u64>, out: &mut File, to: u64) -> io::Result<()> {
    let mut cursor = base;
    cursor.seek(SeekFrom::Start(range.start))?;
    let (first, last) = (range.start.next_multiple_of(BLOCK_BYTES), range.end - range.end % BLOCK_BYTES);
    let has_moved = range.start % BLOCK_BYTES != to % BLOCK_BYTES;
    let ends = if has_moved || first >= last { [range.end; 3] } else { [first, last, range.end] };
    let mut at = range.start;
    for end in ends {
        let wanted = end - at;
        if wanted > 0 && io::copy(&mut cursor.take(wanted), out)? != wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        at = end;
    }
    Ok(())
}
