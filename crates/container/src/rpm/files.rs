//! The files that a header lists.

use super::header::Header;
use super::tag;
use crate::cpio::{DIRECTORY, REGULAR, SYMLINK, TYPE_MASK};
use crate::reader::Malformed;

/// A flag of a file: it is configuration (`RPMFILE_CONFIG`).
pub const CONFIG: u32 = 1;
/// A flag of a file: the package owns it and does not bring it (`RPMFILE_GHOST`).
pub const GHOST: u32 = 64;
/// More files than any package has.
const MAX_FILES: usize = 200_000;

/// What a header says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path, without a `/` in front.
    pub path: String,
    /// File type and permissions.
    pub mode: u32,
    /// How many bytes it has; of no meaning for a folder.
    pub size: u64,
    /// Its digest in hexadecimal digits; empty for what is not a regular file.
    pub digest: String,
    /// What it is to the package: [`CONFIG`], [`GHOST`] and others.
    pub flags: u32,
    /// What `rpm -V` compares.
    pub verify_flags: u32,
    /// Its owner's name.
    pub user: String,
    /// Its group's name.
    pub group: String,
    /// A symbolic link's target.
    pub target: String,
    /// Its time, in seconds since 1970.
    pub mtime: u64,
}

impl File {
    /// Whether it is a folder.
    #[must_use]
    pub const fn is_directory(&self) -> bool {
        self.mode & TYPE_MASK == DIRECTORY
    }

    /// Whether it is a regular file.
    #[must_use]
    pub const fn is_regular(&self) -> bool {
        self.mode & TYPE_MASK == REGULAR
    }

    /// Whether it is a symbolic link.
    #[must_use]
    pub const fn is_symlink(&self) -> bool {
        self.mode & TYPE_MASK == SYMLINK
    }

    /// Whether the payload does not have it.
    #[must_use]
    pub const fn is_ghost(&self) -> bool {
        self.flags & GHOST != 0
    }
}

impl Header {
    /// The files, in the header's order. A header without any is one of a package without files.
    pub fn files(&self) -> Result<Vec<File>, Malformed> {
        if self.has(tag::OLDFILENAMES) {
            return Err(self.wrong(tag::OLDFILENAMES, "the files are listed in the way of rpm 3"));
        }
        let Some(names) = self.texts(tag::BASENAMES)? else { return Ok(Vec::new()) };
        if names.len() > MAX_FILES {
            return Err(self.wrong(tag::BASENAMES, "the package has more than 200000 files"));
        }
        let count = names.len();
        let folders = self.texts(tag::DIRNAMES)?.ok_or_else(|| self.missing("DIRNAMES"))?;
        let folder_of = self.row(tag::DIRINDEXES, "DIRINDEXES", count)?;
        let modes = self.row(tag::FILEMODES, "FILEMODES", count)?;
        let sizes = match self.has(tag::LONGFILESIZES) {
            true => self.row(tag::LONGFILESIZES, "LONGFILESIZES", count)?,
            false => self.row(tag::FILESIZES, "FILESIZES", count)?,
        };
        let digests = self.text_row(tag::FILEDIGESTS, "FILEDIGESTS", count)?;
        let users = self.text_row(tag::FILEUSERNAME, "FILEUSERNAME", count)?;
        let groups = self.text_row(tag::FILEGROUPNAME, "FILEGROUPNAME", count)?;
        let targets = self.text_row(tag::FILELINKTOS, "FILELINKTOS", count)?;
        let flags = self.row(tag::FILEFLAGS, "FILEFLAGS", count)?;
        let verify_flags = self.row(tag::FILEVERIFYFLAGS, "FILEVERIFYFLAGS", count)?;
        let mtimes = self.row(tag::FILEMTIMES, "FILEMTIMES", count)?;
        let texts = digests.into_iter().zip(users).zip(groups).zip(targets);
        let numbers = modes.into_iter().zip(sizes).zip(flags).zip(verify_flags).zip(mtimes);
        let mut files = Vec::with_capacity(count);
        for (((name, folder), texts), numbers) in names.into_iter().zip(folder_of).zip(texts).zip(numbers) {
            let (((digest, user), group), target) = texts;
            let ((((mode, size), flags), verify_flags), mtime) = numbers;
            let folder = usize::try_from(folder).ok().and_then(|folder| folders.get(folder));
            let path = folder.and_then(|folder| path(folder, &name));
            let path = path.ok_or_else(|| self.wrong(tag::BASENAMES, "a path is not one inside the file system"))?;
            let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            let (mode, flags, verify_flags) = (number(mode), number(flags), number(verify_flags));
            files.push(File { path, mode, size, digest, flags, verify_flags, user, group, target, mtime });
        }
        Ok(files)
    }

    fn row(&self, tag: u32, name: &'static str, count: usize) -> Result<Vec<u64>, Malformed> {
        let row = self.numbers(tag)?.ok_or_else(|| self.missing(name))?;
        if row.len() == count { Ok(row) } else { Err(self.wrong(tag, "a row has another length than BASENAMES")) }
    }

    fn text_row(&self, tag: u32, name: &'static str, count: usize) -> Result<Vec<String>, Malformed> {
        let row = self.texts(tag)?.ok_or_else(|| self.missing(name))?;
        if row.len() == count { Ok(row) } else { Err(self.wrong(tag, "a row has another length than BASENAMES")) }
    }
}

/// A folder and a name in it as one path, if each part is a name. A source package's files have no folder.
fn path(folder: &str, name: &str) -> Option<String> {
    let folder = folder.strip_prefix('/').unwrap_or(folder);
    if !(folder.is_empty() || folder.ends_with('/')) || name.contains('/') {
        return None;
    }
    let path = format!("{folder}{name}");
    let plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    plain.then_some(path)
}
