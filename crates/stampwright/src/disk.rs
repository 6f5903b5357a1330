//! What the standard library does not ask of a file system.
//!
//! On other systems than Unix each function does what is left: no lock, no question for space, and files that are synced
//! one by one.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Free space for this user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Free {
    pub(crate) bytes: u64,
    /// How many more files; `None` where the file system has no such limit.
    pub(crate) files: Option<u64>,
}

/// A file that its owner alone can read.
pub(crate) fn owner_only(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// Makes a folder that its owner alone can enter; one that is there already is kept. A link is not a folder here.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "modes are Unix's"))]
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_folder = std::fs::symlink_metadata(path)?.is_dir();
            if is_folder { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
        }
        other => other,
    }
}

/// Whether two handles are of one file.
#[cfg(unix)]
pub(crate) fn is_same(a: &File, b: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (a, b) = (a.metadata()?, b.metadata()?);
    Ok((a.dev(), a.ino()) == (b.dev(), b.ino()))
}

#[cfg(not(unix))]
pub(crate) fn is_same(a: &File, b: &File) -> io::Result<bool> {
    Ok(a.metadata()?.len() == b.metadata()?.len())
}

/// Takes an exclusive lock without waiting; says whether it was free.
#[cfg(unix)]
pub(crate) fn lock(file: &File) -> io::Result<bool> {
    match rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        // Some network file systems have no locks.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOLCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
pub(crate) fn lock(_: &File) -> io::Result<bool> {
    Ok(true)
}

/// A folder as something to lock and to sync. `None`: this system opens no folders.
#[cfg(unix)]
pub(crate) fn open_folder(path: &Path) -> io::Result<Option<File>> {
    File::open(path).map(Some)
}

#[cfg(not(unix))]
pub(crate) fn open_folder(_: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

/// Takes the lock of a file or folder that no run holds. `None`: a run holds it, it is another user's, or locks say nothing here.
#[cfg(unix)]
pub(crate) fn abandoned(path: &Path) -> Option<File> {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(i32::try_from(flags.bits()).ok()?).open(path).ok()?;
    let found = file.metadata().ok()?;
    let is_own = found.uid() == rustix::process::geteuid().as_raw() && (found.is_file() || found.is_dir());
    let is_free = is_own && rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok();
    is_free.then_some(file)
}

#[cfg(not(unix))]
pub(crate) fn abandoned(_: &Path) -> Option<File> {
    None
}

/// How much fits.
#[cfg(unix)]
pub(crate) fn free(folder: &Path) -> io::Result<Option<Free>> {
    let found = rustix::fs::statvfs(folder)?;
    let files = (found.f_files > 0).then_some(found.f_favail);
    Ok(Some(Free { bytes: found.f_bavail.saturating_mul(found.f_frsize), files }))
}

#[cfg(not(unix))]
pub(crate) fn free(_: &Path) -> io::Result<Option<Free>> {
    Ok(None)
}

/// Whether copies share their blocks with the original: tried with an empty-handed clone of `file`.
#[cfg(target_os = "linux")]
pub(crate) fn has_reflinks(folder: &Path, file: &File) -> bool {
    tempfile::tempfile_in(folder).is_ok_and(|copy| rustix::fs::ioctl_ficlone(&copy, file).is_ok())
}

#[cfg(not(target_os = "linux"))]
pub(crate) const fn has_reflinks(_: &Path, _: &File) -> bool {
    false
}

/// Whether [`sync`] does the work for many files at once. Where it does not, each file is synced by itself.
pub(crate) const SYNCS_AT_ONCE: bool = cfg!(target_os = "linux");

/// Brings everything that was written to the file system of `file` onto the disk, and says so when that failed.
#[cfg(target_os = "linux")]
pub(crate) fn sync(file: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(file)?)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn sync(_: &File) -> io::Result<()> {
    Ok(())
}
