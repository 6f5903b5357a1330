//! Proving what is in an installer by taking it apart: digests of everything that comes out, compared with what
//! should have gone in.

use std::collections::BTreeMap;
use std::io::{self, Read};

use container::ReadAt;
use sha2::{Digest, Sha256};

use crate::format::{Area, Extracted, Format, ReadError, Sink, What};
use crate::payload::{Node, Payload, Source};
use crate::report::Report;

/// The SHA-256 of everything that `content` has, and how much that was.
pub fn sha256(content: &mut dyn Read) -> io::Result<(u64, [u8; 32])> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    let mut len = 0;
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok((len, digest.finalize().into())),
            Ok(n) => {
                digest.update(buffer.get(..n).unwrap_or_default());
                len += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
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

impl Sink for Contents {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        if entry.area != Area::Payload {
            return Ok(());
        }
        let found = match entry.what {
            What::Folder => Found::Folder(entry.mode),
            What::Link(target) => Found::Link(target.to_owned()),
            What::File(_) => {
                let (len, digest) = sha256(content).map_err(|source| ReadError::Io { verb: entry_verb(), source })?;
                Found::File(entry.mode, len, digest)
            }
        };
        self.entries.insert(entry.path.to_owned(), found);
        Ok(())
    }
}

const fn entry_verb() -> &'static str {
    "read the payload"
}

impl Contents {
    /// Takes an installer's payload apart and hashes it.
    pub fn read(format: &dyn Format, file: &dyn ReadAt) -> Result<Self, ReadError> {
        let mut contents = Self::default();
        format.extract(file, &mut contents)?;
        Ok(contents)
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

    /// Checks that everything in `payload` is here, byte for byte, with its mode where `modes` count.
    /// The sources are read again, so a file that changed while the installer was built is found as well.
    pub fn check(&self, payload: &Payload, modes: bool, report: &mut Report) -> io::Result<()> {
        for (path, node) in payload.iter() {
            let found = self.entries.get(path);
            let same = match (node, found) {
                (Node::File { mode, source }, Some(Found::File(found_mode, len, digest))) => {
                    (!modes || mode == found_mode) && source_digest(source)? == (*len, *digest)
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
        Ok(())
    }
}

fn source_digest(source: &Source) -> io::Result<(u64, [u8; 32])> {
    sha256(&mut *source.open()?)
}
