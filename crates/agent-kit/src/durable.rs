//! Small files that are there as a whole or not at all, and outlive a power cut.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::error::{AtPath, Result};

/// What a file is called that is not written to its end.
const PARTIAL: &str = "partial";
/// How the names of files begin that `doctor` writes to see whether it can.
pub(crate) const DOCTOR: &str = "doctor.";

/// Writes a file: a temporary one beside it, `fsync`, a rename, `fsync` of the folder. Only the agent's own account reads it.
///
/// The temporary file's name has the whole name of the file and the process in it, so that no other writer removes or renames it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = path.with_file_name(format!("{name}.{}.{PARTIAL}", std::process::id()));
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).at("replace", &partial),
        _ => {}
    }
    let mut file = private().open(&partial).at("create", &partial)?;
    file.write_all(bytes).at("write", &partial)?;
    file.sync_all().at("write", &partial)?;
    drop(file);
    fs::rename(&partial, path).at("write", path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Removes what other processes have not written to the end. Only for who has the folder's lock; what `doctor` writes without it stays.
pub(crate) fn remove_partial(folder: &Path) -> Result {
    for entry in fs::read_dir(folder).at("read", folder)? {
        let path = entry.at("read", folder)?.path();
        let is_doctors = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(DOCTOR));
        if path.extension().is_some_and(|extension| extension == PARTIAL) && !is_doctors {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Removes a file, which may be gone already.
pub(crate) fn remove(path: &Path) -> Result {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).at("remove", path),
        Ok(()) => path.parent().map_or(Ok(()), sync_folder),
    }
}

/// Reads a file of at most `most` bytes; nothing when it is not there. A longer file is cut, which no reader of ours takes for whole.
pub(crate) fn read(path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    use std::io::Read;
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.at("open", path)?,
    };
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).at("read", path)?;
    Ok(Some(bytes))
}

/// Makes a folder that only the agent's own account may enter. One that is there keeps the rights that its installer gave it.
pub(crate) fn folder(path: &Path) -> Result {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).at("create", path)
}

/// A new file that only the agent's own account may read. On Windows the folder's access list says so, which the installer has set.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Brings a rename onto the disk. Windows has no such call, and NTFS writes its journal by itself.
pub(crate) fn sync_folder(folder: &Path) -> Result {
    #[cfg(test)]
    tests::SYNCED.with_borrow_mut(|synced| synced.push(folder.to_owned()));
    if cfg!(unix) { File::open(folder).and_then(|folder| folder.sync_all()).at("sync", folder) } else { Ok(()) }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::RefCell;
    use std::path::PathBuf;

    use super::*;

    thread_local! {
        /// The folders that were brought onto the disk.
        pub(crate) static SYNCED: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
    }

    #[test]
    fn what_a_process_has_begun_is_not_another_ones() {
        let folder = tempfile::tempdir().unwrap();
        let (key, identity) = (folder.path().join("device.key"), folder.path().join("device.json"));
        let of_other = folder.path().join("device.key.1.partial");
        fs::write(&of_other, "begun by process 1").unwrap();
        write(&key, b"key").unwrap();
        write(&identity, b"identity").unwrap();
        assert!(of_other.is_file());
        fs::write(folder.path().join("doctor.2.partial"), "x").unwrap();
        remove_partial(folder.path()).unwrap();
        assert!(!of_other.is_file() && folder.path().join("doctor.2.partial").is_file() && key.is_file());
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.json");
        let partial = format!("device.json.{}.partial", std::process::id());
        fs::write(path.with_file_name(partial), "left by a crash").unwrap();
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path, 100).unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(read(&path, 100).unwrap(), None);
    }
}
