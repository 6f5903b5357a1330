//! Folders that appear whole or not at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::place::folder_of;
use super::readers::Readers;
use super::temporary;
use crate::error::{Error, Result};

/// A folder on its way, filled beside its place. Until it is finished, its owner alone can enter it.
#[derive(Debug)]
pub struct PendingFolder {
    partial: TempDir,
    path: PathBuf,
    replaces: bool,
    /// Says to other runs that this one is alive.
    lock: Option<File>,
}

impl PendingFolder {
    /// Starts a folder that will be at `path`, where nothing may be yet but an empty folder.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        Self::start(path, false)
    }

    /// Starts a folder that will be at `path`, and takes the place of what is there.
    pub(crate) fn replace(path: &Path) -> Result<Self> {
        Self::start(path, true)
    }

    fn start(path: &Path, replaces: bool) -> Result<Self> {
        refuse_stream(path)?;
        if !replaces && fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::wrong(format!("{} is not empty", path.display())).hint("nothing was changed"));
        }
        let parent = folder_of(path);
        folder(parent)?;
        let (partial, lock) = temporary::folder(parent).map_err(Error::io("write to", parent))?;
        Ok(Self { partial, path: path.to_path_buf(), replaces, lock })
    }

    /// Where to put its files.
    #[must_use]
    pub(crate) fn root(&self) -> &Path {
        self.partial.path()
    }

    /// Sets who may read it, with everything in it, and puts it in its place.
    pub(crate) fn finish(self, readers: Readers) -> Result<()> {
        let failed = || Error::io("write", &self.path);
        let all = readers.folder_mode(folder_of(&self.path)).map_err(failed())?;
        set_tree(self.partial.path(), all).map_err(failed())?;
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
        drop(self.lock);
        Ok(())
    }
}

/// A folder's place can be no stream and no file.
pub(crate) fn refuse_stream(path: &Path) -> Result<()> {
    if super::place::descriptor(path).is_some() {
        return Err(Error::usage(format!("{} is a stream, must be a folder", path.display())));
    }
    if fs::metadata(path).is_ok_and(|found| !found.is_dir()) {
        return Err(Error::usage(format!("{} is a file, must be a folder", path.display())));
    }
    Ok(())
}

/// `mode` is a folder's; files have no search bits.
fn set_tree(path: &Path, mode: u32) -> std::io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            set_tree(&entry?.path(), mode)?;
        }
    }
    set_mode(path, if metadata.is_dir() { mode } else { mode & 0o666 })
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> std::io::Result<()> {
    Ok(())
}

/// Makes a folder and those above it.
pub fn folder(path: &Path) -> Result<()> {
    refuse_stream(path)?;
    fs::create_dir_all(path).map_err(Error::io("make", path))
}
