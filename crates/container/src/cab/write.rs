//! Writes a cabinet front to back; only the header is written twice, when the sizes are known.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;

pub use super::mszip::Compression;
use super::{BLOCK, DosTime, HEADER, MAX_BLOCKS, NAME_IS_UTF, blocks};

/// A file that goes into a cabinet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name in the cabinet; an MSI looks files up by the keys of its `File` table.
    pub name: String,
    /// Its length; the content must have exactly so many bytes.
    pub size_bytes: u64,
    /// Its date.
    pub modified: DosTime,
    /// §2.3: read-only 1, hidden 2, system 4, archive 0x20.
    pub attributes: u16,
}

/// Files that are compressed as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// How.
    pub compression: Compression,
    /// Which, in the order of their bytes.
    pub files: Vec<File>,
}

/// Why a cabinet could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A name that is empty, longer than 255 bytes or has a NUL.
    #[error("a cabinet cannot hold a file named {name:?}")]
    Name {
        /// The name.
        name: String,
    },
    /// More files or folders than the header can count.
    #[error("a cabinet cannot hold {count} files or folders")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// A folder, or the whole cabinet, beyond 2 GiB.
    #[error("a folder of {bytes} bytes is more than the 2 GiB that a cabinet can have")]
    TooLarge {
        /// How large.
        bytes: u64,
    },
    /// The content does not have the length that was announced.
    #[error("{name} has not the {announced} bytes it had when it was measured")]
    Changed {
        /// The file.
        name: String,
        /// The length that was announced.
        announced: u64,
    },
    /// A file's content could not be read.
    #[error("read {name}: {source}")]
    Read {
        /// The file.
        name: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The output failed.
    #[error("write the cabinet: {0}")]
    Write(io::Error),
}

/// Opens a file's content, given its name in the cabinet.
pub(crate) type Open<'a> = dyn FnMut(&str) -> io::Result<Box<dyn Read + 'a>> + 'a;

/// Writes a cabinet of `folders` where `out` stands, leaves it at the cabinet's end, and gives the cabinet's length.
/// The bytes do not depend on `threads`.
pub fn write<W: Write + Seek + ?Sized>(
    out: &mut W,
    folders: &[Folder],
    threads: NonZeroUsize,
    open: &mut Open<'_>,
) -> Result<u64, WriteError> {
    let head_len = refuse(folders)?;
    let origin = out.stream_position().map_err(WriteError::Write)?;
    out.write_all(&vec![0; head_len]).map_err(WriteError::Write)?;
    let mut end = head_len as u64;
    let mut placed = Vec::with_capacity(folders.len());
    for folder in folders {
        let mut source = Source { files: folder.files.iter(), open, current: None, failed: None };
        let written = blocks::write(&mut source, folder.compression, threads, out);
        if let Some(failed) = source.failed {
            return Err(failed);
        }
        let written = written.map_err(WriteError::Write)?;
        placed.push((number(end)?, u16::try_from(written.blocks).unwrap_or(u16::MAX)));
        end += written.bytes;
    }
    let head = head(folders, &placed, number(end)?)?;
    out.seek(SeekFrom::Start(origin)).map_err(WriteError::Write)?;
    out.write_all(&head).map_err(WriteError::Write)?;
    out.seek(SeekFrom::Start(origin + end)).map_err(WriteError::Write)?;
    Ok(end)
}

/// Refuses what the format cannot hold; gives the length of what comes before the data.
fn refuse(folders: &[Folder]) -> Result<usize, WriteError> {
    let files = folders.iter().flat_map(|folder| &folder.files);
    let count = files.clone().count().max(folders.len());
    if count > usize::from(u16::MAX - 3) {
        return Err(WriteError::TooMany { count });
    }
    let mut len = HEADER + 8 * folders.len();
    for file in files {
        if file.name.is_empty() || file.name.len() > 255 || file.name.contains('\0') {
            return Err(WriteError::Name { name: file.name.clone() });
        }
        len += 16 + file.name.len() + 1;
    }
    for folder in folders {
        let bytes = folder.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.size_bytes));
        if bytes > MAX_BLOCKS * BLOCK as u64 {
            return Err(WriteError::TooLarge { bytes });
        }
    }
    Ok(len)
}

/// §2.1 to §2.3. `placed` is where each folder's data starts and how many blocks it has.
fn head(folders: &[Folder], placed: &[(u32, u16)], cabinet_len: u32) -> Result<Vec<u8>, WriteError> {
    let files: usize = folders.iter().map(|folder| folder.files.len()).sum();
    let files_start = number((HEADER + 8 * folders.len()) as u64)?;
    let mut out = Vec::new();
    out.extend(b"MSCF");
    for word in [0, cabinet_len, 0, files_start, 0] {
        out.extend(word.to_le_bytes());
    }
    out.extend([3, 1]); // version 1.3
    for half in [folders.len(), files, 0, 0, 0] {
        // counts, flags, set, number in the set
        out.extend(u16::try_from(half).unwrap_or(u16::MAX).to_le_bytes());
    }
    for (folder, (start, blocks)) in folders.iter().zip(placed) {
        out.extend(start.to_le_bytes());
        out.extend(blocks.to_le_bytes());
        out.extend(folder.compression.code().to_le_bytes());
    }
    for (index, folder) in folders.iter().enumerate() {
        let mut start = 0;
        for file in &folder.files {
            out.extend(number(file.size_bytes)?.to_le_bytes());
            out.extend(number(start)?.to_le_bytes());
            let utf = if file.name.is_ascii() { 0 } else { NAME_IS_UTF };
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            for half in [index, file.modified.date, file.modified.time, file.attributes | utf] {
                out.extend(half.to_le_bytes());
            }
            out.extend(file.name.as_bytes());
            out.push(0);
            start += file.size_bytes;
        }
    }
    Ok(out)
}

/// A 32-bit field; no cabinet of ours goes beyond 2 GiB.
fn number(bytes: u64) -> Result<u32, WriteError> {
    u32::try_from(bytes).ok().filter(|bytes| i32::try_from(*bytes).is_ok()).ok_or(WriteError::TooLarge { bytes })
}

/// A folder's files as one stream of bytes; checks that each has the length that was announced.
struct Source<'s, 'o> {
    files: std::slice::Iter<'s, File>,
    open: &'s mut Open<'o>,
    /// The file being read, its content, and how many bytes are still to come.
    current: Option<(&'s File, Box<dyn Read + 'o>, u64)>,
    failed: Option<WriteError>,
}

impl Source<'_, '_> {
    fn fail<T>(&mut self, error: WriteError) -> io::Result<T> {
        self.failed = Some(error);
        Err(io::ErrorKind::Other.into())
    }
}

impl Read for Source<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some((file, content, left)) = &mut self.current else {
                let Some(file) = self.files.next() else { return Ok(0) };
                match (self.open)(&file.name) {
                    Ok(content) => self.current = Some((file, content, file.size_bytes)),
                    Err(source) => return self.fail(WriteError::Read { name: file.name.clone(), source }),
                }
                continue;
            };
            // One byte more than is left shows a file that has grown.
            let most = usize::try_from(left.saturating_add(1)).unwrap_or(usize::MAX).min(buf.len());
            let Some(room) = buf.get_mut(..most) else { return Ok(0) };
            let (name, announced) = (&file.name, file.size_bytes);
            match content.read(room) {
                Ok(0) if *left == 0 => self.current = None,
                Ok(n) if n as u64 > *left || n == 0 => {
                    let name = name.clone();
                    return self.fail(WriteError::Changed { name, announced });
                }
                Ok(n) => {
                    *left -= n as u64;
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    let name = name.clone();
                    return self.fail(WriteError::Read { name, source });
                }
            }
        }
    }
}
