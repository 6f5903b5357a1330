//! The file tree that gets installed, settled before any format sees it.
//!
//! Paths have `/` between their parts and none at the start or end; the tree is sorted by path, so a folder always
//! comes before what is in it; folders that the product does not name are there with mode 0755. Owner and group are always
//! root's: no installer of ours has other files. Content is a [`Source`], opened when it is written: a whole agent is
//! never in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The mode of folders that the product does not name.
const FOLDER_MODE: u32 = 0o755;

/// A validated tree; see the [module](self).
#[derive(Debug, Clone, Default)]
pub struct Payload {
    entries: BTreeMap<String, Node>,
}

/// One thing in the tree.
#[derive(Debug, Clone)]
pub enum Node {
    /// A folder.
    Folder {
        /// Its permission bits.
        mode: u32,
    },
    /// A file.
    File {
        /// Its permission bits.
        mode: u32,
        /// Its content.
        source: Source,
    },
    /// A symbolic link.
    Link {
        /// What it points to, as written.
        target: String,
    },
}

/// Where a file's content comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file on the disk, and its length when the tree was made.
    Disk {
        /// Where it is.
        path: PathBuf,
        /// Its length in bytes.
        len: u64,
    },
    /// Bytes, shared.
    Bytes(Arc<[u8]>),
}

/// Why something cannot be in a tree.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// Two things want one path.
    #[error("payload has {path} twice")]
    Twice {
        /// The path.
        path: String,
    },
    /// The path is absolute, empty, has empty parts, `.` or `..`.
    #[error("payload path {path:?} must be relative, without empty parts, . and ..")]
    Path {
        /// The path.
        path: String,
    },
    /// Something lies below a file.
    #[error("payload has {path} below {above}, which is not a folder")]
    BelowFile {
        /// What lies below.
        path: String,
        /// What is no folder.
        above: String,
    },
    /// A source cannot be read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl Source {
    /// Bytes.
    #[must_use]
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(bytes.into().into())
    }

    /// A file on the disk; its length is taken now, and [`Source::open`] gives just as many bytes.
    pub(crate) fn disk(path: impl Into<PathBuf>) -> Result<Self, PayloadError> {
        let path = path.into();
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(Self::Disk { path, len: metadata.len() }),
            Ok(_) => Err(PayloadError::Read { path, source: io::Error::other("not a regular file") }),
            Err(source) => Err(PayloadError::Read { path, source }),
        }
    }

    /// The file on the disk, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Disk { path, .. } => Some(path),
            Self::Bytes(_) => None,
        }
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Disk { len, .. } => *len,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Opens it. Reading gives exactly [`Source::len`] bytes or an error: a file that changes its length while an
    /// installer is built must not become a corrupt installer.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(match self {
            Self::Disk { path, len } => Box::new(Exactly { inner: File::open(path)?, left: *len }),
            Self::Bytes(bytes) => Box::new(&**bytes),
        })
    }
}

/// Reads a known number of bytes; fewer or more is an error.
struct Exactly {
    inner: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let n = self.inner.read(buf)? as u64;
        match self.left.checked_sub(n) {
            Some(_) if n == 0 && self.left > 0 => Err(io::Error::other("the file became shorter while it was read")),
            Some(left) => {
                self.left = left;
                Ok(n as usize)
            }
            None => Err(io::Error::other("the file became longer while it was read")),
        }
    }
}

impl Payload {
    /// An empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a folder. One that is only there because something lies in it gets this mode.
    pub fn folder(&mut self, path: &str, mode: u32) -> Result<&mut Self, PayloadError> {
        self.parents(path)?;
        self.entries.insert(path.to_owned(), Node::Folder { mode });
        Ok(self)
    }

    /// Adds a file.
    pub fn file(&mut self, path: &str, mode: u32, source: Source) -> Result<&mut Self, PayloadError> {
        self.leaf(path, Node::File { mode, source })
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) -> Result<&mut Self, PayloadError> {
        self.leaf(path, Node::Link { target: target.to_owned() })
    }

    /// The tree, folders before what is in them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Node)> {
        self.entries.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// The files only.
    pub fn files(&self) -> impl Iterator<Item = (&str, u32, &Source)> {
        self.iter().filter_map(|(path, node)| match node {
            Node::File { mode, source } => Some((path, *mode, source)),
            _ => None,
        })
    }

    /// What is at a path.
    #[must_use]
    pub(crate) fn get(&self, path: &str) -> Option<&Node> {
        self.entries.get(path)
    }

    /// The bytes of all files together.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.files().map(|(_, _, source)| source.len()).sum()
    }

    fn leaf(&mut self, path: &str, node: Node) -> Result<&mut Self, PayloadError> {
        self.parents(path)?;
        if self.entries.contains_key(path) {
            return Err(PayloadError::Twice { path: path.to_owned() });
        }
        self.entries.insert(path.to_owned(), node);
        Ok(self)
    }

    /// Checks a path and adds the folders above it.
    fn parents(&mut self, path: &str) -> Result<(), PayloadError> {
        if path.split('/').any(|part| matches!(part, "" | "." | "..")) || path.contains('\0') {
            return Err(PayloadError::Path { path: path.to_owned() });
        }
        for (at, _) in path.match_indices('/') {
            let above = path.get(..at).unwrap_or_default();
            match self.entries.get(above) {
                Some(Node::Folder { .. }) => {}
                Some(_) => {
                    return Err(PayloadError::BelowFile { path: path.to_owned(), above: above.to_owned() });
                }
                None => {
                    self.entries.insert(above.to_owned(), Node::Folder { mode: FOLDER_MODE });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_before_what_is_in_them() {
        let mut payload = Payload::new();
        payload.file("usr/lib/x/agent", 0o755, Source::bytes(*b"elf")).unwrap();
        payload.file("etc/x.conf", 0o644, Source::bytes(*b"a")).unwrap();
        payload.folder("usr/lib/x", 0o700).unwrap();
        let paths: Vec<_> = payload.iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["etc", "etc/x.conf", "usr", "usr/lib", "usr/lib/x", "usr/lib/x/agent"]);
        assert!(matches!(payload.get("usr/lib/x"), Some(Node::Folder { mode: 0o700 })));
        assert_eq!(payload.total_bytes(), 4);
    }

    #[test]
    fn paths_that_leave_the_tree_are_refused() {
        for wrong in ["", "/a", "a//b", "a/", "./a", "a/../b", ".."] {
            assert!(Payload::new().file(wrong, 0o644, Source::bytes(*b"")).is_err(), "{wrong:?}");
        }
        let mut payload = Payload::new();
        payload.file("a", 0o644, Source::bytes(*b"")).unwrap();
        assert_eq!(payload.file("a", 0o644, Source::bytes(*b"")).unwrap_err().to_string(), "payload has a twice");
        let below = payload.file("a/b", 0o644, Source::bytes(*b"")).unwrap_err();
        assert_eq!(below.to_string(), "payload has a/b below a, which is not a folder");
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"abc").unwrap();
        let source = Source::disk(file.path()).unwrap();
        for other in [b"abcd".as_slice(), b"ab"] {
            std::fs::write(file.path(), other).unwrap();
            assert!(source.open().unwrap().read_to_end(&mut Vec::new()).is_err());
        }
    }
}
