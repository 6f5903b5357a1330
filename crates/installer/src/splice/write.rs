//! Writing a splice's result: to a file, to a stream, into a digest.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use container::ReadAt;
use sha2::{Digest, Sha256};

use super::{Segment, Splice};

/// Large enough that a system call's cost vanishes, small enough for every cache.
const CHUNK_BYTES: usize = 256 * 1024;

impl Splice {
    /// Writes the result to a stream.
    pub fn write_to(&self, base: &(impl ReadAt + ?Sized), out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        self.for_each_chunk(base, |chunk| out.write_all(chunk))
    }

    /// Writes the result to a file; the kernel copies the kept ranges where it can (`copy_file_range`, which on
    /// file systems with shared extents copies nothing at all).
    ///
    /// `base` must be a handle of its own: its cursor moves.
    pub fn write_to_file(&self, base: &File, out: &mut File) -> io::Result<()> {
        let mut cursor = base;
        for segment in &self.segments {
            match segment {
                Segment::Put(bytes) => out.write_all(bytes)?,
                Segment::Keep(range) => {
                    cursor.seek(SeekFrom::Start(range.start))?;
                    let wanted = range.end - range.start;
                    if io::copy(&mut cursor.take(wanted), out)? != wanted {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
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
