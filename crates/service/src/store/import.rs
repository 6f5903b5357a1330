//! How a base gets into the store: copied beside its place, hashed, brought onto the disk, and named by its digest.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use stampwright::prepare::{Prepared, beside};
use stampwright::{Error, Result};
use tempfile::NamedTempFile;

/// What the store keeps of a base beside its bytes: the file `sha256-….json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Label {
    file_name: String,
    origin: Origin,
    /// When it came, in seconds since 1970: of two bases with the same version the later one is served.
    imported: u64,
    /// The manifest of a prepared base, as its maker wrote it.
    prepared: Option<String>,
}

/// Where a base came from, and so who takes it away again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Origin {
    /// A file in the watched folder: the base goes when the file goes.
    Folder,
    /// `PUT /v1/bases`: it stays until it is deleted.
    Put,
    /// An object in the watched bucket: the base goes when the object goes.
    Bucket,
}

impl Label {
    /// A label for a base that comes now.
    ///
    /// # Errors
    /// The name is not one that every system and every header takes.
    pub(crate) fn new(file_name: &str, origin: Origin, imported: u64) -> Result<Self> {
        check_name(file_name)?;
        Ok(Self { file_name: file_name.to_owned(), origin, imported, prepared: None })
    }

    /// With the prepare manifest that lies beside the base, if one does.
    pub(super) fn with_manifest_beside(mut self, base: &Path) -> Result<Self> {
        let manifest = beside(base);
        if manifest.is_file() {
            Prepared::read(&manifest)?;
            self.prepared = Some(fs::read_to_string(&manifest).map_err(Error::io("read", &manifest))?);
        }
        Ok(self)
    }

    /// With the prepare manifest of a base that is no file here.
    pub(super) fn with_manifest(mut self, manifest: Vec<u8>) -> Result<Self> {
        Prepared::parse(&manifest)?;
        let text = String::from_utf8(manifest).map_err(|_| Error::wrong("the prepare record is not UTF-8"))?;
        self.prepared = Some(text);
        Ok(self)
    }

    /// The constant name of its installers.
    #[must_use]
    pub(crate) fn file_name(&self) -> &str {
        &self.file_name
    }

    pub(super) const fn origin(&self) -> Origin {
        self.origin
    }

    pub(super) const fn imported(&self) -> u64 {
        self.imported
    }

    pub(super) fn prepared(&self) -> Result<Option<Prepared>> {
        self.prepared.as_ref().map(|text| Prepared::parse(text.as_bytes())).transpose()
    }

    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
        let label: Self = serde_json::from_str(&text)
            .map_err(|error| Error::wrong(format!("it is no label: {error}")).about(path))?;
        check_name(&label.file_name)?;
        Ok(label)
    }

    /// Writes it so that it is there whole or not at all.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut temporary = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(folder)
            .map_err(Error::io("create a file in", folder))?;
        // Text first: an error of the disk within one of JSON would not be known as that.
        let text = serde_json::to_vec(self).map_err(|error| Error::machine(error).about(path))?;
        temporary.write_all(&text).map_err(Error::io("write", path))?;
        temporary.as_file().sync_all().map_err(Error::io("sync", path))?;
        temporary.persist(path).map_err(|error| Error::io("rename", path)(error.error))?;
        Ok(())
    }
}

/// What the names of files start with that are not in their place yet; a start of the service removes them.
pub(super) const TEMPORARY: &str = ".incoming-";

/// The name goes into a header and onto every system's disk.
fn check_name(name: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+');
    if name.is_empty() || name.len() > 120 || name.starts_with('.') || !name.bytes().all(is_plain) {
        let message = "the file name must be 1 to 120 characters of A-Z a-z 0-9 . - _ + and not start with a dot";
        return Err(Error::wrong(message));
    }
    Ok(())
}

/// A base that is in the store's folder, but not in its place yet.
#[derive(Debug)]
pub(crate) struct Incoming {
    file: NamedTempFile,
}

impl Incoming {
    /// An empty one, to be written to.
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(folder)
            .map_err(Error::io("create a file in", folder))?;
        Ok(Self { file })
    }

    /// A copy of a file, which shares its blocks where the file system can do that.
    pub(super) fn copy_of(source: &Path, folder: &Path) -> Result<Self> {
        let incoming = Self::new(folder)?;
        // Not a device, a pipe or a link to one: opening those could wait for ever.
        let is_file = fs::metadata(source).map_err(Error::io("read", source))?.is_file();
        if !is_file {
            return Err(Error::wrong("not a regular file").about(source));
        }
        let mut from = File::open(source).map_err(Error::io("open", source))?;
        let mut to = incoming.file.as_file();
        if rustix::fs::ioctl_ficlone(to, &from).is_err() {
            io::copy(&mut from, &mut to).map_err(Error::io("copy", source))?;
        }
        Ok(incoming)
    }

    /// The file to write to.
    ///
    /// # Errors
    /// The system has no more handles.
    pub(crate) fn writer(&self) -> io::Result<File> {
        self.file.as_file().try_clone()
    }

    /// Its digest, read from what was written.
    pub(super) fn sha256(&self) -> Result<[u8; 32]> {
        sha256(self.file.as_file()).map_err(Error::io("read", self.file.path()))
    }

    /// Puts it into its place, read-only.
    pub(super) fn place(self, path: &Path, places: &Mutex<()>) -> Result<()> {
        let file = self.file.as_file();
        file.set_permissions(Permissions::from_mode(0o444)).map_err(Error::io("change the mode of", path))?;
        file.sync_all().map_err(Error::io("sync", path))?;
        {
            let _places = places.lock().unwrap_or_else(PoisonError::into_inner);
            self.file.persist(path).map_err(|error| Error::io("rename", path)(error.error))?;
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", folder))
    }

    pub(super) fn path(&self) -> PathBuf {
        self.file.path().to_path_buf()
    }
}

/// The SHA-256 of a file that is open, from its start.
pub(super) fn sha256(file: &File) -> io::Result<[u8; 32]> {
    let mut digest = Sha256::new();
    let (mut buf, mut offset) = (vec![0; 256 << 10], 0);
    loop {
        let n = file.read_at(&mut buf, offset)?;
        let Some(read) = buf.get(..n).filter(|read| !read.is_empty()) else { break };
        digest.update(read);
        offset += n as u64;
    }
    Ok(digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_header_or_a_system_would_not_take_are_refused() {
        for name in ["", ".hidden", "a/b", "a\"b", "a b", "a\r\nb", "ä.msi", &"x".repeat(121)] {
            assert!(Label::new(name, Origin::Put, 0).is_err(), "{name:?}");
        }
        Label::new("TheOneRMM-Agent_1.0+x.msi", Origin::Put, 0).unwrap();
    }

    #[test]
    fn a_pipe_is_not_copied() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Incoming::copy_of(Path::new("/dev/zero"), folder.path()).is_err());
        assert!(Incoming::copy_of(folder.path(), folder.path()).is_err());
    }
}
