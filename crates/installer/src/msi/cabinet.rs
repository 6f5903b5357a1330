//! The cabinet: every file under its key, compressed on all cores.

use std::io::{self, Read, Seek, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use container::cab::DosTime;
use container::cab::write::{Compression, File, Folder, WriteError, write as write_cabinet};
use sha2::{Digest, Sha256};

use crate::format::{BuildError, Job, Progress};
use crate::payload::Source;

use super::files::CabinetFile;

/// libdeflate's own default.
const LEVEL: u32 = 6;
/// §2.3: the archive bit, which every ordinary file has.
const ARCHIVE: u16 = 0x20;

/// Writes the cabinet.
pub(super) fn write(job: &Job<'_>, files: &[CabinetFile<'_>], out: &mut (impl Write + Seek)) -> Result<(), BuildError> {
    let modified = DosTime::from_unix(job.epoch.secs());
    let file = |file: &CabinetFile<'_>| File {
        name: file.key.clone(),
        size_bytes: file.source.len(),
        modified,
        attributes: ARCHIVE,
    };
    let folder = Folder { compression: Compression::Mszip { level: LEVEL }, files: files.iter().map(file).collect() };
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut open = |name: &str| -> io::Result<Box<dyn Read>> { tracked(job, files, name) };
    write_cabinet(out, &[folder], threads, &mut open).map_err(|error| refused(files, error))?;
    Ok(())
}

fn tracked<'a>(job: &Job<'a>, files: &[CabinetFile<'a>], name: &str) -> io::Result<Box<dyn Read + 'a>> {
    let file = files.iter().find(|file| file.key == name).ok_or(io::ErrorKind::NotFound)?;
    Ok(Box::new(Tracked {
        inner: file.source.open()?,
        progress: job.progress,
        digest: Sha256::new(),
        expected: file.sha256,
    }))
}

fn refused(files: &[CabinetFile<'_>], error: WriteError) -> BuildError {
    match error {
        WriteError::Write(source) => BuildError::Write { verb: "write the cabinet", source },
        WriteError::Read { name, source } => BuildError::Read { path: path_of(files, &name), source },
        WriteError::TooLarge { bytes } => BuildError::TooLarge { what: "the payload", found: bytes, limit: 2 << 30 },
        other => BuildError::Product { field: "product", problem: format!("makes {other}"), hint: None },
    }
}

fn path_of(files: &[CabinetFile<'_>], key: &str) -> PathBuf {
    match files.iter().find(|file| file.key == key).map(|file| file.source) {
        Some(Source::Disk { path, .. }) => path.clone(),
        _ => PathBuf::from(key),
    }
}

/// Reports progress, and refuses a file that is no longer what the tables were made from.
struct Tracked<'a> {
    inner: Box<dyn Read + Send + 'a>,
    progress: &'a dyn Progress,
    digest: Sha256,
    expected: [u8; 32],
}

impl Read for Tracked<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        if n == 0 && !buf.is_empty() && <[u8; 32]>::from(self.digest.clone().finalize()) != self.expected {
            return Err(io::Error::other("the file changed while it was read"));
        }
        self.digest.update(container::stream::moved(buf, n)?);
        self.progress.advance(n as u64);
        Ok(n)
    }
}
