//! Files that appear whole or not at all: written beside their place under another name, synced, then renamed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// A file on its way.
#[derive(Debug)]
pub struct Pending {
    file: NamedTempFile,
    path: PathBuf,
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner: it has a token in it.
    Owner,
    /// Everybody.
    All,
}

impl Pending {
    /// Starts a file that will be at `path`.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        if path.is_dir() {
            return Err(Failure::usage(format!("{} is a folder, must be a file", path.display())));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .prefix(".stampwright-")
            .tempfile_in(folder)
            .map_err(Failure::io("write to", folder))?;
        Ok(Self { file, path: path.to_path_buf() })
    }

    /// The file to write to. Until it is finished its owner alone can read it.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// A second handle, for reading back.
    pub fn reopen(&self) -> Result<File, Failure> {
        self.file.reopen().map_err(Failure::io("read back", &self.path))
    }

    /// Puts the file in its place.
    pub fn finish(self, readers: Readers) -> Result<(), Failure> {
        set_readers(self.file.as_file(), readers).map_err(Failure::io("write", &self.path))?;
        self.file.as_file().sync_all().map_err(Failure::io("write", &self.path))?;
        self.file.persist(&self.path).map_err(|error| Failure::io("write", &self.path)(error.error))?;
        Ok(())
    }
}

#[cfg(unix)]
fn set_readers(file: &File, readers: Readers) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::All => 0o644,
    };
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_readers(_: &File, _: Readers) -> std::io::Result<()> {
    Ok(())
}

/// Makes a folder and those above it.
pub fn folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(Failure::io("make", path))
}
