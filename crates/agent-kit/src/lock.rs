//! One process at a time has the state folder: two would make two keys, and each would write what the other does not know.

use std::fs::{File, OpenOptions};
use std::path::Path;

use crate::durable;
use crate::error::{AtPath, Error, Result};

/// The file that is locked. It is empty, and it stays.
const LOCK: &str = "agent.lock";

/// The state folder is this process's, until this is dropped or the process ends, however it ends.
pub(crate) struct Lock(#[allow(dead_code, reason = "open as long as it is locked")] File);

impl Lock {
    /// Takes the folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::Running`] if another process has it.
    pub(crate) fn take(folder: &Path) -> Result<Self> {
        durable::folder(folder)?;
        let path = folder.join(LOCK);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        lock(&options, &path)
    }
}

#[cfg(unix)]
fn lock(options: &OpenOptions, path: &Path) -> Result<Lock> {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::{FlockOperation, flock};

    let file = options.clone().mode(0o600).open(path).at("open", path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Running { path: path.to_owned() }),
        Err(error) => Err(std::io::Error::from(error)).at("lock", path),
    }
}

/// A file that is opened without sharing is opened once.
#[cfg(windows)]
fn lock(options: &OpenOptions, path: &Path) -> Result<Lock> {
    use std::os::windows::fs::OpenOptionsExt;

    const ERROR_SHARING_VIOLATION: i32 = 32;
    match options.clone().share_mode(0).open(path) {
        Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => {
            Err(Error::Running { path: path.to_owned() })
        }
        file => file.at("open", path).map(Lock),
    }
}
