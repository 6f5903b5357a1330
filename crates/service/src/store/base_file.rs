//! A file of the store, opened once, and whether it is still what it was.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A base's file. All downloads of the base share it.
///
/// A file can be truncated or rewritten in place by who may write to the store, and neither `sendfile` nor `pread` would notice the
/// second. So what `fstat` says is kept and compared before and after every download. The change time is part of it: a program can set
/// the modification time back, and this one it cannot.
///
/// One thing is beyond that: `sendfile` hands the pages of the file to the socket, so whoever rewrites them while they wait there, after the last
/// check, changes what is sent. A base that is served from memory ([`BaseFile::open_in_memory`]) has no such moment.
#[derive(Debug)]
pub(crate) struct BaseFile {
    file: File,
    path: PathBuf,
    seen: Seen,
    /// Device and inode of the file at `path` when it was opened: only that one goes.
    place: (u64, u64),
    /// Held while a file is put into its place or removed from it.
    places: Places,
    /// Whether the file goes when the last download of it has ended.
    is_withdrawn: AtomicBool,
}

/// The lock of a store's places: a base that comes must not be taken for the withdrawn one that goes from the same place.
pub(super) type Places = Arc<Mutex<()>>;

/// What `fstat` says of a file that nothing may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Seen {
    /// What a file's metadata say.
    #[must_use]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl BaseFile {
    /// Opens a file of the store, and asks the system to read it ahead: a cold file would block a worker in `sendfile`.
    ///
    /// # Errors
    /// The system refuses it.
    pub(crate) fn open(path: &Path, places: Places) -> io::Result<Self> {
        let file = File::open(path)?;
        let seen = Seen::of(&file.metadata()?);
        // Only advice: a file system that has none of it serves the file as well.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::WillNeed);
        Ok(Self::of(file, path, seen, seen, places))
    }

    fn of(file: File, path: &Path, seen: Seen, at_place: Seen, places: Places) -> Self {
        let place = (at_place.device, at_place.inode);
        Self { file, path: path.to_path_buf(), seen, place, places, is_withdrawn: AtomicBool::new(false) }
    }

    /// Copies a file of the store into memory and seals it: nothing, this process included, can change it from then on.
    ///
    /// # Errors
    /// The system refuses, or has no memory for it.
    pub(crate) fn open_in_memory(path: &Path, places: Places) -> io::Result<Self> {
        use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
        let sealed = File::from(memfd_create("stampwright-base", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
        let mut stored = File::open(path)?;
        io::copy(&mut stored, &mut &sealed)?;
        fcntl_add_seals(&sealed, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
        let seen = Seen::of(&sealed.metadata()?);
        let at_place = Seen::of(&stored.metadata()?);
        Ok(Self::of(sealed, path, seen, at_place, places))
    }

    /// Its handle, for `sendfile`.
    #[must_use]
    pub(crate) const fn handle(&self) -> &File {
        &self.file
    }

    /// Its length when it was opened.
    #[cfg(test)]
    pub(crate) const fn len_bytes(&self) -> u64 {
        self.seen.size
    }

    /// Checks that the file is still the one that was opened, unchanged.
    ///
    /// # Errors
    /// It was changed, or the system does not say.
    pub(crate) fn check(&self) -> io::Result<()> {
        if Seen::of(&self.file.metadata()?) == self.seen {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, Changed))
        }
    }

    /// Fills `buf` from an offset.
    ///
    /// # Errors
    /// The file ends before that, or the system refuses.
    pub(crate) fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }

    /// Another handle, which shares the file's place on the disk.
    ///
    /// # Errors
    /// The system has no more handles.
    pub(crate) fn duplicate(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// The file goes when it is no longer used; downloads that run go on.
    pub(super) fn withdraw(&self, withdrawn: bool) {
        self.is_withdrawn.store(withdrawn, Ordering::Release);
    }
}

impl Drop for BaseFile {
    /// A file that could not be removed is removed at the next start, because nothing lists it. One that has come into its place meanwhile
    /// is another base's.
    fn drop(&mut self) {
        if self.is_withdrawn.load(Ordering::Acquire) {
            let _places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            let there = fs::metadata(&self.path).map(|metadata| (metadata.dev(), metadata.ino()));
            if there.is_ok_and(|there| there == self.place) {
                let _ = fs::remove_file(&self.path);
            }
        }
    }
}

/// The file was changed while the service had it open.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the base's file in the store was changed from outside")]
pub(crate) struct Changed;

/// Whether an error says that a base was changed: truncated counts, because then a read ends early.
#[must_use]
pub(crate) fn is_change(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
        || error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Changed>)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(folder: &Path) -> PathBuf {
        let path = folder.join("base");
        fs::write(&path, b"0123456789").unwrap();
        path
    }

    #[test]
    fn a_file_that_is_left_alone_stays_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let base = BaseFile::open(&file(folder.path()), Places::default()).unwrap();
        base.check().unwrap();
        let mut read = [0; 4];
        base.read_at(3, &mut read).unwrap();
        assert_eq!(&read, b"3456");
        base.check().unwrap();
    }

    #[test]
    fn truncated_rewritten_and_set_back_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path());
        let base = BaseFile::open(&path, Places::default()).unwrap();
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        let mut rewrite = fs::OpenOptions::new().write(true).open(&path).unwrap();
        rewrite.write_all(b"x").unwrap();
        rewrite.set_modified(before).unwrap();
        assert!(is_change(&base.check().unwrap_err()), "the modification time was set back");

        let base = BaseFile::open(&path, Places::default()).unwrap();
        rewrite.set_len(5).unwrap();
        assert!(is_change(&base.check().unwrap_err()));
        assert!(is_change(&base.read_at(3, &mut [0; 4]).unwrap_err()));
    }

    #[test]
    fn a_withdrawn_file_goes_with_its_last_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path());
        let base = std::sync::Arc::new(BaseFile::open(&path, Places::default()).unwrap());
        let download = base.clone();
        base.withdraw(true);
        drop(base);
        download.check().unwrap();
        assert!(path.exists());
        drop(download);
        assert!(!path.exists());
    }

    #[test]
    fn what_came_into_its_place_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path());
        let base = BaseFile::open(&path, Places::default()).unwrap();
        base.withdraw(true);
        let newer = folder.path().join("newer");
        fs::write(&newer, b"0123456789").unwrap();
        fs::rename(&newer, &path).unwrap();
        drop(base);
        assert!(path.exists());
    }
}
