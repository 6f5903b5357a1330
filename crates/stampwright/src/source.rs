//! The bytes of a base: a file, or anything else that can be read at any offset.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use container::ReadAt;
use container::read_at::FileAt;
use installer::splice::Splice;

use crate::disk;

/// What a base was opened from.
pub(crate) enum Source {
    File {
        file: FileAt,
        /// Where it is, if it was opened by its path.
        path: Option<PathBuf>,
        /// Handles of the same file with a cursor of their own: the kernel copies from a handle's cursor.
        handles: Mutex<Vec<File>>,
    },
    Other(Box<dyn ReadAt>),
}

impl Source {
    pub(crate) fn file(file: FileAt, path: Option<&Path>) -> Self {
        Self::File { file, path: path.map(Path::to_path_buf), handles: Mutex::new(Vec::new()) }
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } => path.as_deref(),
            Self::Other(_) => None,
        }
    }

    /// Whether files in this folder can share their blocks with it.
    pub(crate) fn has_reflinks(&self, folder: &Path) -> bool {
        match self {
            Self::File { file, .. } => disk::has_reflinks(folder, file.file()),
            Self::Other(_) => false,
        }
    }

    /// Writes a splice of it to an empty file; the kernel copies what is kept, where there is a handle for that.
    pub(crate) fn write_to_file(&self, splice: &Splice, out: &mut File) -> io::Result<()> {
        let Self::File { handles, .. } = self else { return splice.write_to(self, out) };
        let pool = || handles.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = pool().pop();
        let Some(handle) = handle.or_else(|| self.reopened()) else { return splice.write_to(self, out) };
        let written = splice.write_to_file(&handle, out);
        pool().push(handle);
        written
    }

    /// One more handle of the file that was opened; none if another one lies there now.
    fn reopened(&self) -> Option<File> {
        let Self::File { file: opened, path, .. } = self else { return None };
        let file = File::open(path.as_ref()?).ok()?;
        disk::is_same(&file, opened.file()).ok()?.then_some(file)
    }
}

impl ReadAt for Source {
    fn len(&self) -> u64 {
        match self {
            Self::File { file, .. } => file.len(),
            Self::Other(other) => other.len(),
        }
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        match self {
            Self::File { file, .. } => file.read_at(offset, buf),
            Self::Other(other) => other.read_at(offset, buf),
        }
    }
}
