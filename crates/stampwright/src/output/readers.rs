//! Who may read what was written.

use std::fs::File;
use std::io;
use std::path::Path;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner: it has a token in it.
    Owner,
    /// Everybody whom the user's umask lets.
    All,
}

impl Readers {
    /// A folder's mode for them; a file's has no search bits.
    #[cfg(unix)]
    pub(super) fn folder_mode(self, place: &Path) -> io::Result<u32> {
        match self {
            Self::Owner => Ok(0o700),
            Self::All => super::temporary::masked(place, 0o777),
        }
    }

    #[cfg(not(unix))]
    pub(super) fn folder_mode(self, _: &Path) -> io::Result<u32> {
        Ok(0o777)
    }
}

#[cfg(unix)]
pub(super) fn set_readers(file: &File, folder: &Path, readers: Readers) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(readers.folder_mode(folder)? & 0o666))
}

#[cfg(not(unix))]
pub(super) fn set_readers(_: &File, _: &Path, _: Readers) -> io::Result<()> {
    Ok(())
}
