//! One row of a list into a folder: kept, adopted or stamped.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use container::ReadAt;
use container::read_at::{Cursor, FileAt};
use installer::proof::{hex, sha256};
use installer::{AcceptedToken, Token};

use super::journal::Entry;
use super::rows::{List, ListRow};
use crate::error::{Error, Result};
use crate::stamp::Stamp;
use crate::{disk, sign};

/// The name of a file on its way. The same every time, so that a killed run leaves nothing that the next does not find.
const PART: &str = ".stampwright-part";

/// What the workers share.
pub(super) struct Work {
    pub(super) list: Arc<List>,
    pub(super) folder: PathBuf,
    /// The manifest's line for each row that is finished already.
    pub(super) finished: Vec<Option<Entry>>,
}

/// One finished file.
pub(super) struct Made {
    pub(super) entry: Entry,
    pub(super) how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Stamped now.
    Stamped,
    /// In its place, but not in the manifest.
    Adopted,
    /// In its place and in the manifest.
    Kept,
}

impl Work {
    pub(super) fn row(&self, at: usize) -> Result<Made> {
        let lost = || Error::wrong("a row was lost");
        let row = self.list.rows.get(at).ok_or_else(lost)?;
        let finished = self.finished.get(at).ok_or_else(lost)?;
        let path = self.folder.join(self.list.path(row));
        match finished {
            Some(entry) => self.keep(row, entry, &path),
            None => match self.adopt(row, &path)? {
                Some(entry) => Ok(Made { entry, how: How::Adopted }),
                None => self.make(row, &path),
            },
        }
    }

    /// Looks at a finished file once more: its digest, or without digests the token in it.
    fn keep(&self, row: &ListRow, entry: &Entry, path: &Path) -> Result<Made> {
        let file = open(path)?;
        let is_right = match &entry.sha256 {
            // What a token of the list gives is known: the line is not asked what it was.
            Some(expected) => {
                let found = digest_of(&file, path)?;
                found == *expected && self.expected(row, &file)?.is_none_or(|expected| expected == found)
            }
            None => {
                let token = self.token_in(&file);
                token.is_some_and(|token| token.fingerprint() == entry.token_fingerprint)
            }
        };
        if is_right {
            return Ok(Made { entry: Entry { line: row.line, ..entry.clone() }, how: How::Kept });
        }
        // A token from the list gives the same file again; one that was minted is nowhere else.
        if row.token.is_some() {
            return self.make(row, path);
        }
        Err(Error::wrong("is not the file that was finished here; it has a token of its own, and is left alone")
            .about(path))
    }

    /// The digest of the row's file where it can be known: a token of the list, and no signature, which has a time in it.
    fn expected(&self, row: &ListRow, file: &FileAt) -> Result<Option<String>> {
        let (Some(token), None) = (&row.token, &self.list.signer) else { return Ok(None) };
        let token = self.with_number_of(file, token.clone());
        Ok(Some(hex(&self.list.stamp(&token)?.sha256()?)))
    }

    /// The token for a file that is there: a stamp of an earlier moment has that moment's number.
    fn with_number_of(&self, file: &FileAt, token: AcceptedToken) -> AcceptedToken {
        match self.number_in(file) {
            Some(number) => self.list.numbered(token.with_number(number)),
            None => self.list.numbered(token),
        }
    }

    /// A file that is in its place but not in the manifest: this row's, if it is the base with this row's token.
    fn adopt(&self, row: &ListRow, path: &Path) -> Result<Option<Entry>> {
        if !std::fs::symlink_metadata(path).is_ok_and(|there| there.is_file()) {
            return Ok(None);
        }
        let file = open(path)?;
        let found = self.token_in(&file);
        let is_ours = |token: &Token| match (&row.token, &self.list.minter, &row.serial) {
            (Some(ours), ..) => ours.token() == token,
            (None, Some(minter), Some(serial)) => minter.has_minted(token, serial),
            _ => false,
        };
        let Some(token) = found.filter(is_ours) else { return Ok(None) };
        let Ok(token) = self.list.base.accept(token, self.list.now) else { return Ok(None) };
        let token = self.with_number_of(&file, token);
        let stamp = self.list.stamp(&token)?;
        let digest = digest_of(&file, path)?;
        // A signature has a time and a random number in it, so it is held to its own content instead.
        let is_right = match &self.list.signer {
            None => digest == hex(&stamp.sha256()?),
            Some(_) => self
                .list
                .base
                .format()
                .open(&file)
                .map_err(Into::into)
                .and_then(|file| sign::read_back(&*file, path, self.list.now))
                .is_ok(),
        };
        if !is_right {
            return Ok(None);
        }
        let entry = self.list.entry(row, &token, &stamp, self.list.digests.then_some(digest));
        Ok(Some(Entry { size: file.len(), ..entry }))
    }

    /// The number in a file, of a format that shows one.
    fn number_in(&self, file: &FileAt) -> Option<u64> {
        self.list.base.format().open(file).and_then(|file| file.stamp_number()).ok().flatten()
    }

    /// The token in a file; none if it is no installer or has none.
    fn token_in(&self, file: &FileAt) -> Option<Token> {
        self.list.base.format().open(file).and_then(|file| file.token()).ok().flatten()
    }

    fn make(&self, row: &ListRow, path: &Path) -> Result<Made> {
        let token = self.list.token(row)?;
        let stamp = self.list.stamp(&token)?;
        let io = |error| Error::io("write", path)(error);
        let folder = path.parent().unwrap_or(&self.folder);
        disk::make_folder(folder).map_err(io)?;
        let part = folder.join(PART);
        write(&stamp, &part).and_then(|()| std::fs::rename(&part, path)).map_err(|error| {
            // What is left of it has a token in it.
            let _ = std::fs::remove_file(&part);
            io(error)
        })?;
        let digest = self.list.digest(&stamp)?;
        Ok(Made { entry: self.list.entry(row, &token, &stamp, digest), how: How::Stamped })
    }
}

fn write(stamp: &Stamp, part: &Path) -> io::Result<()> {
    match std::fs::remove_file(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    disk::owner_only(&mut options);
    let mut file = options.open(part)?;
    stamp.write_to_file(&mut file)?;
    if disk::SYNCS_AT_ONCE { Ok(()) } else { file.sync_all() }
}

fn open(path: &Path) -> Result<FileAt> {
    File::open(path).and_then(FileAt::new).map_err(Error::io("open", path))
}

fn digest_of(file: &FileAt, path: &Path) -> Result<String> {
    let (_, digest) = sha256(&mut Cursor::new(file)).map_err(Error::io("read", path))?;
    Ok(hex(&digest))
}
