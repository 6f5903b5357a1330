//! The rows of the header that list files: sorted by path, one value of each row per file.

use std::collections::BTreeMap;

use container::cpio::{DIRECTORY, REGULAR, SYMLINK, TYPE_MASK};
use container::rpm::{CONFIG, GHOST, Value, Writer, tag};

use super::names::{live_token_path, state_path};
use super::tree::is_system_folder;
use crate::format::BuildError;
use crate::payload::{Node, Payload};
use crate::product::{Platform, Product};

/// `RPMFILE_NOREPLACE`: an administrator's file stays, and the package's lies beside it.
const NOREPLACE: u32 = 16;
/// `RPMFILE_LICENSE`.
const LICENSE: u32 = 128;
/// What `rpm -V` compares: everything.
const VERIFY_ALL: u32 = u32::MAX;
/// FILESIZES has 32 bits, and so has a size in a cpio.
const MAX_FILE_BYTES: u64 = u32::MAX as u64;
/// A SHA-256 that is not known yet.
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What the header says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Type and permissions.
    pub(super) mode: u32,
    pub(super) size: u32,
    /// SHA-256 in hexadecimal digits; empty for what is not a regular file, and for a ghost.
    pub(super) digest: String,
    pub(super) target: String,
    flags: u32,
    verify: u32,
}

impl Row {
    const fn new(mode: u32) -> Self {
        Self { mode, size: 0, digest: String::new(), target: String::new(), flags: 0, verify: VERIFY_ALL }
    }

    /// The token's row, before the token is known.
    pub(super) fn token() -> Self {
        Self { digest: NO_DIGEST.to_owned(), ..Self::new(REGULAR | 0o600) }
    }

    /// Whether the payload has an entry for it.
    pub(super) const fn is_ghost(&self) -> bool {
        self.flags & GHOST != 0
    }
}

/// The files of a package by their paths, without `/` in front: the order of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files(pub(super) BTreeMap<String, Row>);

impl Files {
    /// The rows of a base: what its payload has, but for folders that are the system's, and the ghosts.
    pub(super) fn new(product: &Product, payload: &Payload) -> Result<Self, BuildError> {
        let package = product.package();
        let is_config = |path: &str| {
            let mut files = product.files_for(Platform::Linux);
            path.starts_with("etc/") || files.any(|file| file.config && file.destination == path)
        };
        let mut rows = BTreeMap::new();
        for (path, node) in payload.iter() {
            let row = match node {
                Node::Folder { .. } if is_system_folder(path) => continue,
                Node::Folder { mode } => Row::new(DIRECTORY | mode),
                Node::Link { target } => {
                    Row { target: target.clone(), size: small(target.len() as u64)?, ..Row::new(SYMLINK | 0o777) }
                }
                Node::File { mode, source } => {
                    let flags = match path {
                        _ if is_config(path) => CONFIG | NOREPLACE,
                        _ if path.starts_with("usr/share/licenses/") => LICENSE,
                        _ => 0,
                    };
                    let (size, digest) = (small(source.len())?, NO_DIGEST.to_owned());
                    Row { size, digest, flags, ..Row::new(REGULAR | mode) }
                }
            };
            rows.insert(path.to_owned(), row);
        }
        if !product.token_slot() {
            return Ok(Self(rows));
        }
        // What the scripts and the agent make: the package's, so that a removal takes it along, and no `rpm -V` minds it.
        let folders = [
            (format!("etc/{package}"), 0o755),
            (format!("usr/lib/{package}"), 0o755),
            (format!("var/lib/{package}"), 0o700),
        ];
        for (path, mode) in folders {
            rows.entry(path).or_insert(Row::new(DIRECTORY | mode));
        }
        for path in [live_token_path(package), state_path(package)] {
            rows.insert(path, Row { flags: GHOST, verify: 0, ..Row::new(REGULAR | 0o600) });
        }
        Ok(Self(rows))
    }

    /// The bytes of all files together, ghosts not among them.
    pub(super) fn total(&self) -> u64 {
        self.0
            .values()
            .filter(|row| row.mode & TYPE_MASK == REGULAR && !row.is_ghost())
            .map(|row| u64::from(row.size))
            .sum()
    }

    /// Puts the rows into a header.
    pub(super) fn put(&self, header: &mut Writer, mtime: u32) {
        let mut folders: Vec<String> = Vec::new();
        let (mut names, mut folder_of) = (Vec::new(), Vec::new());
        for path in self.0.keys() {
            let (folder, name) = path
                .rsplit_once('/')
                .map_or((String::new(), path.as_str()), |(folder, name)| (format!("{folder}/"), name));
            let folder = format!("/{folder}");
            let at = folders.iter().position(|other| *other == folder).unwrap_or_else(|| {
                folders.push(folder);
                folders.len() - 1
            });
            names.push(name.to_owned());
            folder_of.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
        let count = self.0.len();
        let rows = || self.0.values();
        let all = |number: u32| Value::U32(vec![number; count]);
        let every = |text: &str| Value::Texts(vec![text.to_owned(); count]);
        header
            .put(tag::BASENAMES, Value::Texts(names))
            .put(tag::DIRNAMES, Value::Texts(folders))
            .put(tag::DIRINDEXES, Value::U32(folder_of))
            .put(tag::FILEMODES, Value::U16(rows().map(|row| u16::try_from(row.mode).unwrap_or(u16::MAX)).collect()))
            .put(tag::FILERDEVS, Value::U16(vec![0; count]))
            .put(tag::FILEMTIMES, all(mtime))
            .put(tag::FILELINKTOS, Value::Texts(rows().map(|row| row.target.clone()).collect()))
            .put(tag::FILEFLAGS, Value::U32(rows().map(|row| row.flags).collect()))
            .put(tag::FILEVERIFYFLAGS, Value::U32(rows().map(|row| row.verify).collect()))
            .put(tag::FILEUSERNAME, every("root"))
            .put(tag::FILEGROUPNAME, every("root"))
            .put(tag::FILEDEVICES, all(1))
            .put(tag::FILEINODES, Value::U32((1..).take(count).collect()))
            .put(tag::FILELANGS, every(""))
            .put(tag::FILEDIGESTALGO, Value::number(8));
        self.put_contents(header);
    }

    /// Puts in what depends on the files' bytes.
    pub(super) fn put_contents(&self, header: &mut Writer) {
        let rows = || self.0.values();
        let total = u32::try_from(self.total()).unwrap_or(u32::MAX);
        header
            .put(tag::FILESIZES, Value::U32(rows().map(|row| row.size).collect()))
            .put(tag::FILEDIGESTS, Value::Texts(rows().map(|row| row.digest.clone()).collect()))
            .put(tag::SIZE, Value::number(total));
    }
}

fn small(len: u64) -> Result<u32, BuildError> {
    let too_large = BuildError::TooLarge { what: "a file of the payload", found: len, limit: MAX_FILE_BYTES };
    u32::try_from(len).map_err(|_| too_large)
}

/// Makes room for the token's row, the `at`-th, in the rows of a base's header. `None`: the header has other rows than a base's.
pub(super) fn insert_token(header: &mut Writer, at: usize, path: &str, mtime: u32) -> Option<()> {
    let (folder, name) = path.rsplit_once('/')?;
    let folder = format!("/{folder}/");
    let Some(Value::Texts(folders)) = header.get(tag::DIRNAMES) else { return None };
    let mut folders = folders.clone();
    let folder_at = folders.iter().position(|other| *other == folder).unwrap_or_else(|| {
        folders.push(folder);
        folders.len() - 1
    });
    let row = Row::token();
    let texts = [
        (tag::BASENAMES, name),
        (tag::FILEDIGESTS, row.digest.as_str()),
        (tag::FILELINKTOS, ""),
        (tag::FILEUSERNAME, "root"),
        (tag::FILEGROUPNAME, "root"),
        (tag::FILELANGS, ""),
    ];
    for (tag, text) in texts {
        let Some(Value::Texts(values)) = header.get(tag) else { return None };
        header.put(tag, Value::Texts(inserted(values, at, text.to_owned())?));
    }
    let inode = {
        let Some(Value::U32(values)) = header.get(tag::FILEINODES) else { return None };
        values.iter().max()?.checked_add(1)?
    };
    let numbers = [
        (tag::DIRINDEXES, u32::try_from(folder_at).ok()?),
        (tag::FILESIZES, 0),
        (tag::FILEMTIMES, mtime),
        (tag::FILEFLAGS, row.flags),
        (tag::FILEVERIFYFLAGS, row.verify),
        (tag::FILEDEVICES, 1),
        (tag::FILEINODES, inode),
    ];
    for (tag, number) in numbers {
        let Some(Value::U32(values)) = header.get(tag) else { return None };
        header.put(tag, Value::U32(inserted(values, at, number)?));
    }
    for (tag, number) in [(tag::FILEMODES, u16::try_from(row.mode).ok()?), (tag::FILERDEVS, 0)] {
        let Some(Value::U16(values)) = header.get(tag) else { return None };
        header.put(tag, Value::U16(inserted(values, at, number)?));
    }
    header.put(tag::DIRNAMES, Value::Texts(folders));
    Some(())
}

fn inserted<T: Clone>(values: &[T], at: usize, value: T) -> Option<Vec<T>> {
    let (before, after) = values.split_at_checked(at)?;
    Some([before, &[value], after].concat())
}
