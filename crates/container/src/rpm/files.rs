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
        let Some(names) = Names::read(self)? else { return Ok(Vec::new()) };
        let rows = Rows::read(self, names.len())?;
        (0..names.len())
            .map(|at| rows.file(names.path(self, at)?, at).ok_or_else(|| self.missing("a file's row")))
            .collect()
    }

    /// The file with this path and where it stands in the header's order. The other files' rows are counted and not read, so
    /// this costs little more than a look at their names.
    pub fn file(&self, path: &str) -> Result<Option<(usize, File)>, Malformed> {
        let Some(names) = Names::read(self)? else { return Ok(None) };
        let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
        let mut found = None;
        for at in names.positions(name) {
            if names.folder(at).is_some_and(|other| other.trim_matches('/') == folder) {
                let rows = Rows::read(self, names.len())?;
                let file = rows.file(names.path(self, at)?, at).ok_or_else(|| self.missing("a file's row"))?;
                if found.replace((at, file)).is_some() {
                    return Err(self.wrong(tag::BASENAMES, "a path is listed twice"));
                }
            }
        }
        Ok(found)
    }

    fn row(&self, tag: u32, name: &'static str, count: usize) -> Result<Vec<u64>, Malformed> {
        let row = self.numbers(tag)?.ok_or_else(|| self.missing(name))?;
        if row.len() == count { Ok(row) } else { Err(self.wrong(tag, "a row has another length than BASENAMES")) }
    }

    fn text_row(&self, tag: u32, name: &'static str, count: usize) -> Result<Vec<&str>, Malformed> {
        let row = self.strs(tag)?.ok_or_else(|| self.missing(name))?;
        if row.len() == count { Ok(row) } else { Err(self.wrong(tag, "a row has another length than BASENAMES")) }
    }
}

/// The files' names and folders.
struct Names<'h> {
    names: Vec<&'h str>,
    folders: Vec<&'h str>,
    folder_of: Vec<u64>,
}

impl<'h> Names<'h> {
    fn read(header: &'h Header) -> Result<Option<Self>, Malformed> {
        if header.has(tag::OLDFILENAMES) {
            return Err(header.wrong(tag::OLDFILENAMES, "the files are listed in the way of rpm 3"));
        }
        let Some(names) = header.strs(tag::BASENAMES)? else { return Ok(None) };
        if names.len() > MAX_FILES {
            return Err(header.wrong(tag::BASENAMES, "the package has more than 200000 files"));
        }
        let folders = header.strs(tag::DIRNAMES)?.ok_or_else(|| header.missing("DIRNAMES"))?;
        let folder_of = header.row(tag::DIRINDEXES, "DIRINDEXES", names.len())?;
        Ok(Some(Self { names, folders, folder_of }))
    }

    const fn len(&self) -> usize {
        self.names.len()
    }

    /// Where files with this name stand.
    fn positions(&self, name: &str) -> impl Iterator<Item = usize> {
        self.names.iter().enumerate().filter(move |(_, other)| **other == name).map(|(at, _)| at)
    }

    fn folder(&self, at: usize) -> Option<&'h str> {
        let folder = usize::try_from(*self.folder_of.get(at)?).ok()?;
        self.folders.get(folder).copied()
    }

    fn path(&self, header: &Header, at: usize) -> Result<String, Malformed> {
        let path = self.folder(at).zip(self.names.get(at)).and_then(|(folder, name)| path(folder, name));
        path.ok_or_else(|| header.wrong(tag::BASENAMES, "a path is not one inside the file system"))
    }
}

/// What the header says of the files, each row as long as there are files.
struct Rows<'h> {
    modes: Vec<u64>,
    sizes: Vec<u64>,
    digests: Vec<&'h str>,
    users: Vec<&'h str>,
    groups: Vec<&'h str>,
    targets: Vec<&'h str>,
    flags: Vec<u64>,
    verify_flags: Vec<u64>,
    mtimes: Vec<u64>,
}

impl<'h> Rows<'h> {
    fn read(header: &'h Header, count: usize) -> Result<Self, Malformed> {
        let sizes = match header.has(tag::LONGFILESIZES) {
            true => header.row(tag::LONGFILESIZES, "LONGFILESIZES", count)?,
            false => header.row(tag::FILESIZES, "FILESIZES", count)?,
        };
        Ok(Self {
            modes: header.row(tag::FILEMODES, "FILEMODES", count)?,
            sizes,
            digests: header.text_row(tag::FILEDIGESTS, "FILEDIGESTS", count)?,
            users: header.text_row(tag::FILEUSERNAME, "FILEUSERNAME", count)?,
            groups: header.text_row(tag::FILEGROUPNAME, "FILEGROUPNAME", count)?,
            targets: header.text_row(tag::FILELINKTOS, "FILELINKTOS", count)?,
            flags: header.row(tag::FILEFLAGS, "FILEFLAGS", count)?,
            verify_flags: header.row(tag::FILEVERIFYFLAGS, "FILEVERIFYFLAGS", count)?,
            mtimes: header.row(tag::FILEMTIMES, "FILEMTIMES", count)?,
        })
    }

    /// One file; `None` where there is no such row.
    fn file(&self, path: String, at: usize) -> Option<File> {
        let number = |row: &[u64]| row.get(at).map(|number| u32::try_from(*number).unwrap_or(u32::MAX));
        let text = |row: &[&str]| row.get(at).map(|text| (*text).to_owned());
        Some(File {
            path,
            mode: number(&self.modes)?,
            size: *self.sizes.get(at)?,
            digest: text(&self.digests)?,
            flags: number(&self.flags)?,
            verify_flags: number(&self.verify_flags)?,
            user: text(&self.users)?,
            group: text(&self.groups)?,
            target: text(&self.targets)?,
            mtime: *self.mtimes.get(at)?,
        })
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
