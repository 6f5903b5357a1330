//! Files and folders on their way: under a name of their own, held by a lock, and removed by the next run where a killed one left them.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::{Builder, NamedTempFile, TempDir};

use crate::disk;

/// What every name of ours starts with.
const PREFIX: &str = ".stampwright-";
/// So often a name is taken again that another run has just cleaned away.
const MAX_TRIES: usize = 16;

/// A file in this folder that its owner alone can read, locked for as long as it is open.
pub(super) fn file(folder: &Path) -> io::Result<NamedTempFile> {
    remove_leftovers(folder);
    for _ in 0..MAX_TRIES {
        let file = Builder::new().prefix(PREFIX).tempfile_in(folder)?;
        if disk::lock(file.as_file())? && file.path().symlink_metadata().is_ok() {
            return Ok(file);
        }
    }
    Err(io::Error::other("another run removes every temporary file"))
}

/// A folder in this folder that its owner alone can enter, and the lock that holds it.
pub(super) fn folder(parent: &Path) -> io::Result<(TempDir, Option<File>)> {
    remove_leftovers(parent);
    for _ in 0..MAX_TRIES {
        let folder = Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let Some(lock) = disk::open_folder(folder.path())? else { return Ok((folder, None)) };
        if disk::lock(&lock)? && folder.path().symlink_metadata().is_ok() {
            return Ok((folder, Some(lock)));
        }
    }
    Err(io::Error::other("another run removes every temporary folder"))
}

/// Removes what a killed run left here. Whatever cannot be looked at or removed stays: it is not this run's business.
fn remove_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !is_ours {
            continue;
        }
        let Some(lock) = disk::abandoned(&entry.path()) else { continue };
        let is_folder = lock.metadata().is_ok_and(|found| found.is_dir());
        let _ = if is_folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
    }
}

/// What the user's umask leaves of a mode. Asked of a file that is made for it: the only other way would change it for all threads.
#[cfg(unix)]
pub(super) fn masked(folder: &Path, mode: u32) -> io::Result<u32> {
    use std::os::unix::fs::PermissionsExt;
    let all = fs::Permissions::from_mode(0o777);
    let probe = Builder::new().prefix(PREFIX).permissions(all).tempfile_in(folder)?;
    Ok(mode & probe.as_file().metadata()?.permissions().mode() & 0o777)
}
