//! What the first start makes in the data folder, and every start reads: the service's own secrets, each in a file for its owner alone.
//!
//! ```text
//! DATA/lock          one process at a time
//! DATA/admin.key     the first API key
//! DATA/issuer.key    mints tokens, where the configuration names no other
//! DATA/enrollment.key hashes what devices say of their hardware, where they enroll; not in the database, for the same reason
//! DATA/sealing.key   seals tokens that are needed later; not in the database, so a copy of that gives no token away
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use stampwright::issuer::{Algorithm, generate};
use stampwright::{Error, Result};
use zeroize::Zeroizing;

use crate::edge::{self, SystemEntropy};

/// The data folder, held by this process.
#[derive(Debug)]
pub(crate) struct Data {
    _lock: File,
}

impl Data {
    /// Makes the folder if it is not there, and takes it.
    ///
    /// # Errors
    /// Another process has it.
    pub(crate) fn take(folder: &Path) -> Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(Error::io("create", folder))?;
        let path = folder.join("lock");
        let lock = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.map_err(Error::io("open", &path))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                Err(Error::usage("another process serves from this folder").about(folder))
            }
            Err(error) => Err(Error::io("lock", &path)(error.into())),
        }
    }
}

/// The PEM of the issuer's own key.
///
/// # Errors
/// It cannot be read or made.
pub(crate) fn issuer_key(folder: &Path) -> Result<Zeroizing<String>> {
    read_or_make(&folder.join("issuer.key"), || Ok(generate(Algorithm::EdDsa, &SystemEntropy)?.to_pem()))
}

/// The key of hashes of hardware, 64 hex digits.
///
/// # Errors
/// It cannot be read or made.
pub(crate) fn enrollment_key(folder: &Path) -> Result<Zeroizing<String>> {
    read_or_make(&folder.join("enrollment.key"), || {
        let random = Zeroizing::new(edge::random::<32>()?);
        Ok(Zeroizing::new(random.iter().map(|byte| format!("{byte:02x}")).collect()))
    })
}

/// Reads a secret, or makes it.
pub(crate) fn read_or_make(path: &Path, make: impl FnOnce() -> Result<Zeroizing<String>>) -> Result<Zeroizing<String>> {
    if path.exists() {
        check_mode(path)?;
        return Ok(Zeroizing::new(fs::read_to_string(path).map_err(Error::io("read", path))?));
    }
    let secret = make()?;
    write_secret(path, &secret)?;
    Ok(secret)
}

/// Refuses a secret that others can read.
///
/// # Errors
/// They can, or there is none.
pub(crate) fn check_mode(path: &Path) -> Result<()> {
    let mode = fs::metadata(path).map_err(Error::io("read", path))?.permissions().mode();
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(Error::wrong("others can read this secret").about(path).hint("chmod 600"))
    }
}

/// A secret that the configuration names: others must not be able to read it.
///
/// # Errors
/// They can, or there is none.
pub(crate) fn secret(path: &Path) -> Result<Zeroizing<String>> {
    const MAX_BYTES: u64 = 64 << 10;
    check_mode(path)?;
    let mut text = Zeroizing::new(String::new());
    let file = File::open(path).map_err(Error::io("open", path))?;
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(Error::io("read", path))?;
    Ok(text)
}

/// Writes a secret so that it is there whole or not at all, for its owner alone.
fn write_secret(path: &Path, secret: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(Error::io("create a file in", folder))?;
    let written = writeln!(file, "{}", secret.trim_end()).and_then(|()| file.as_file().sync_all());
    written.map_err(Error::io("write", path))?;
    file.persist_noclobber(path).map_err(|error| Error::io("rename", path)(error.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_made_once_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let taken = Data::take(&data).unwrap();
        assert!(Data::take(&data).unwrap_err().to_string().contains("another process"));
        let pem = issuer_key(&data).unwrap();
        assert_eq!(issuer_key(&data).unwrap().trim(), pem.trim());
        for name in ["issuer.key", "lock"] {
            assert_eq!(fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
        fs::set_permissions(data.join("issuer.key"), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(issuer_key(&data).is_err());
        drop(taken);
        Data::take(&data).unwrap();
    }
}
