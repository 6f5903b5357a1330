//! Proving what is in an installer by taking it apart: digests of everything that comes out, and a comparison, byte for byte,
//! with what should have gone in.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::Path;

use container::stream;
use sha2::{Digest, Sha256};

use crate::format::{Area, EntryKind, Extracted, Installer, ReadError, Sink};
use crate::payload::{Node, Payload, Source};
use crate::report::Report;

/// The SHA-256 of everything that `content` has, and how much that was.
pub fn sha256(content: &mut dyn Read) -> io::Result<(u64, [u8; 32])> {
    let mut digest = Sha256::new();
    let len = stream::pieces(
        content,
        |error| error,
        |piece| {
            digest.update(piece);
            Ok(())
        },
    )?;
    Ok((len, digest.finalize().into()))
}

pub use container::digest::hex;

/// What one file or link of an installer's payload turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A folder with this mode.
    Folder(u32),
    /// A file with this mode, length and SHA-256.
    File(u32, u64, [u8; 32]),
    /// A link to this.
    Link(String),
}

/// The payload of an installer, by path.
#[derive(Debug, Default)]
pub struct Contents {
    entries: BTreeMap<String, Found>,
}

impl Contents {
    /// Takes an installer's payload apart and hashes it.
    pub fn read(installer: &dyn Installer) -> Result<Self, ReadError> {
        let mut contents = Self::default();
        installer.extract(&mut contents)?;
        Ok(contents)
    }

    /// Takes an installer apart beside the payload that it was built from.
    /// The sources are read again, so a file that changed while the installer was built is found as well.
    pub fn beside<'p>(payload: &'p Payload, installer: &dyn Installer) -> Result<Beside<'p>, ReadError> {
        let mut beside = Beside { payload, contents: Self::default(), different: BTreeSet::new() };
        installer.extract(&mut beside)?;
        Ok(beside)
    }

    fn get(&self, path: &str) -> Option<&Found> {
        self.entries.get(path)
    }

    /// Where in the payload a file with this digest is.
    #[must_use]
    pub fn find(&self, digest: &[u8; 32]) -> Option<&str> {
        self.entries
            .iter()
            .find(|(_, found)| matches!(found, Found::File(_, _, other) if other == digest))
            .map(|(path, _)| path.as_str())
    }

    /// Everything, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Found)> {
        self.entries.iter().map(|(path, found)| (path.as_str(), found))
    }

    fn insert(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        let found = match entry.kind {
            EntryKind::Folder => Found::Folder(entry.mode),
            EntryKind::Link(target) => Found::Link(target.to_owned()),
            EntryKind::HardLink(target) => match self.entries.get(target) {
                Some(file) => file.clone(),
                None => Found::Link(target.to_owned()),
            },
            EntryKind::File(_) => {
                let (len, digest) = sha256(content).map_err(unreadable)?;
                Found::File(entry.mode, len, digest)
            }
        };
        self.entries.insert(entry.path.to_owned(), found);
        Ok(())
    }
}

impl Sink for Contents {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        if entry.area == Area::Payload { self.insert(entry, content) } else { Ok(()) }
    }
}

/// The payload of an installer, compared with the one that it was built from.
#[derive(Debug)]
pub struct Beside<'p> {
    payload: &'p Payload,
    contents: Contents,
    /// The files that are not, byte for byte, what was given.
    different: BTreeSet<String>,
}

impl Beside<'_> {
    /// Checks that everything that was given is there, byte for byte, with its mode where `modes` count.
    pub fn check(&self, modes: bool, report: &mut Report) {
        for (path, node) in self.payload.iter() {
            let found = self.contents.get(path);
            let same = match (node, found) {
                (Node::File { mode, .. }, Some(Found::File(found_mode, ..))) => {
                    (!modes || mode == found_mode) && !self.different.contains(path)
                }
                (Node::Link { target }, Some(Found::Link(found))) => target == found,
                // A format that has no folders of its own makes them when it installs what is in them.
                (Node::Folder { mode }, Some(Found::Folder(found))) => !modes || mode == found,
                (Node::Folder { .. }, None) => true,
                _ => false,
            };
            report.check(same, "payload-differs", path, || match found {
                Some(_) => "differs from what was given to be installed".to_owned(),
                None => "is missing from the installer".to_owned(),
            });
        }
    }

    /// The SHA-256 of what came out of the installer for a file on the disk that went into it.
    #[must_use]
    pub fn digest_of(&self, source: &Path) -> Option<[u8; 32]> {
        let from = |node: &Node| matches!(node, Node::File { source: Source::Disk { path, .. }, .. } if path == source);
        let (path, _) = self.payload.iter().find(|(_, node)| from(node))?;
        match self.contents.get(path)? {
            Found::File(_, _, digest) => Some(*digest),
            Found::Folder(_) | Found::Link(_) => None,
        }
    }
}

impl Sink for Beside<'_> {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        if entry.area != Area::Payload {
            return Ok(());
        }
        let (EntryKind::File(_), Some(Node::File { source, .. })) = (entry.kind, self.payload.get(entry.path)) else {
            return self.contents.insert(entry, content);
        };
        let mut pair =
            Pair { found: content, given: source.open().map_err(unreadable)?, buffer: Vec::new(), same: true };
        self.contents.insert(entry, &mut pair)?;
        if !pair.was_same().map_err(unreadable)? {
            self.different.insert(entry.path.to_owned());
        }
        Ok(())
    }
}

/// Reads what was found, and compares it with what was given on the way.
struct Pair<'a, 'p> {
    found: &'a mut dyn Read,
    given: Box<dyn Read + Send + 'p>,
    buffer: Vec<u8>,
    same: bool,
}

impl Pair<'_, '_> {
    /// Whether both were the same, and ended together.
    fn was_same(mut self) -> io::Result<bool> {
        Ok(self.same && self.given.read(&mut [0])? == 0)
    }
}

impl Read for Pair<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.found.read(buf)?;
        if self.same {
            self.buffer.resize(buf.len().max(self.buffer.len()), 0);
            let found = stream::moved(buf, n)?;
            let given = self.buffer.get_mut(..n).ok_or(io::ErrorKind::InvalidData)?;
            self.same = match self.given.read_exact(given) {
                Ok(()) => found == given,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
                Err(error) => return Err(error),
            };
        }
        Ok(n)
    }
}

const fn unreadable(source: io::Error) -> ReadError {
    ReadError::Io { verb: "read the payload", source }
}
