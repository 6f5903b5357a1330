//! Files that appear whole or not at all: written beside their place under another name, synced, then renamed.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::{NamedTempFile, TempDir};

use crate::error::{Error, Result};

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
    pub fn create(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Err(Error::usage(format!("{} is a folder, must be a file", path.display())));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .prefix(".stampwright-")
            .tempfile_in(folder)
            .map_err(Error::io("write to", folder))?;
        Ok(Self { file, path: path.to_path_buf() })
    }

    /// Where the file is until it is finished.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The file to write to. Until it is finished its owner alone can read it.
    #[must_use]
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Writes a JSON document and a line ending.
    pub fn json(&mut self, document: &impl Serialize) -> Result<()> {
        let file = self.file.as_file_mut();
        serde_json::to_writer_pretty(&mut *file, document)
            .map_err(Into::into)
            .and_then(|()| file.write_all(b"\n"))
            .map_err(Error::io("write", &self.path))
    }

    /// A second handle, for reading back.
    pub fn reopen(&self) -> Result<File> {
        self.file.reopen().map_err(Error::io("read back", &self.path))
    }

    /// Puts the file in its place, where nothing may be yet.
    pub fn finish_new(self, readers: Readers) -> Result<()> {
        set_readers(self.file.as_file(), readers).map_err(Error::io("write", &self.path))?;
        self.file.as_file().sync_all().map_err(Error::io("write", &self.path))?;
        self.file.persist_noclobber(&self.path).map_err(|error| Error::io("write", &self.path)(error.error))?;
        Ok(())
    }

    /// Puts the file in its place.
    pub fn finish(self, readers: Readers) -> Result<()> {
        set_readers(self.file.as_file(), readers).map_err(Error::io("write", &self.path))?;
        self.file.as_file().sync_all().map_err(Error::io("write", &self.path))?;
        self.file.persist(&self.path).map_err(|error| Error::io("write", &self.path)(error.error))?;
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

/// A folder on its way, filled beside its place. Until it is finished, its owner alone can enter it.
#[derive(Debug)]
pub struct PendingFolder {
    partial: TempDir,
    path: PathBuf,
    replaces: bool,
}

impl PendingFolder {
    /// Starts a folder that will be at `path`, where nothing may be yet but an empty folder.
    pub fn create(path: &Path) -> Result<Self> {
        Self::start(path, false)
    }

    /// Starts a folder that will be at `path`, and takes the place of what is there.
    pub fn replace(path: &Path) -> Result<Self> {
        Self::start(path, true)
    }

    fn start(path: &Path, replaces: bool) -> Result<Self> {
        if !replaces && fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::wrong(format!("{} is not empty", path.display())).hint("nothing was changed"));
        }
        if path.is_file() {
            return Err(Error::usage(format!("{} is a file, must be a folder", path.display())));
        }
        let parent = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        folder(parent)?;
        let partial = tempfile::Builder::new()
            .prefix(".stampwright-")
            .tempdir_in(parent)
            .map_err(Error::io("write to", parent))?;
        Ok(Self { partial, path: path.to_path_buf(), replaces })
    }

    /// Where to put its files.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.partial.path()
    }

    /// Sets who may read it, with everything in it, and puts it in its place.
    pub fn finish(self, readers: Readers) -> Result<()> {
        let failed = || Error::io("write", &self.path);
        set_tree(self.partial.path(), readers).map_err(failed())?;
        if self.replaces && self.path.exists() {
            fs::remove_dir_all(&self.path).map_err(failed())?;
        }
        self.place()
    }

    /// Puts it in its place as it is.
    pub fn place(self) -> Result<()> {
        // An empty folder may be there already; it gives way.
        let _ = fs::remove_dir(&self.path);
        // Kept only once it is there: until then, dropping it removes it.
        fs::rename(self.partial.path(), &self.path).map_err(Error::io("write", &self.path))?;
        let _ = self.partial.keep();
        Ok(())
    }
}

fn set_tree(path: &Path, readers: Readers) -> std::io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            set_tree(&entry?.path(), readers)?;
        }
    }
    set_mode(path, readers, metadata.is_dir())
}

#[cfg(unix)]
fn set_mode(path: &Path, readers: Readers, is_folder: bool) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = match (readers, is_folder) {
        (Readers::Owner, true) => 0o700,
        (Readers::Owner, false) => 0o600,
        (Readers::All, true) => 0o755,
        (Readers::All, false) => 0o644,
    };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: Readers, _: bool) -> std::io::Result<()> {
    Ok(())
}

/// Makes a folder and those above it.
pub fn folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(Error::io("make", path))
}
