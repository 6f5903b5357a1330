//! Files that reach the disk together, and then the manifest.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use installer::format::Progress;

use super::done::Done;
use super::journal::{Entry, Journal};
use super::names;
use super::work::{How, Made};
use crate::disk;
use crate::error::{Error, Result};
use crate::observer::Activity;

/// A group is closed when it has so many files, or so many bytes, or when this time has gone by.
const GROUP_FILES: usize = 512;
const GROUP_BYTES: u64 = 1 << 30;
const GROUP_TIME: Duration = Duration::from_secs(2);

/// Files that are written but perhaps not on the disk, and what was done so far.
pub(super) struct Group {
    entries: Vec<Entry>,
    bytes: u64,
    since: Instant,
    /// None where a folder cannot be opened as a file; each file is synced by itself there.
    folder: Option<File>,
    path: PathBuf,
    pub(super) done: Done,
}

impl Group {
    pub(super) fn new(path: &Path) -> Result<Self> {
        let folder = disk::open_folder(path).map_err(Error::io("open", path))?;
        let (entries, done) = (Vec::new(), Done::default());
        Ok(Self { entries, bytes: 0, since: Instant::now(), folder, path: path.to_path_buf(), done })
    }

    pub(super) fn take(&mut self, made: Option<Made>, journal: &mut Journal, activity: &Activity<'_>) -> Result<()> {
        let Some(Made { entry, how }) = made else { return Ok(()) };
        activity.advance(1);
        self.done.files += 1;
        self.done.bytes += entry.size;
        match how {
            How::Stamped => self.done.stamped += 1,
            How::Adopted | How::Kept => self.done.found += 1,
        }
        if how == How::Kept {
            journal.entries.insert(names::folded(&entry.name), entry);
            return Ok(());
        }
        self.bytes += entry.size;
        self.entries.push(entry);
        let is_full =
            self.entries.len() >= GROUP_FILES || self.bytes >= GROUP_BYTES || self.since.elapsed() >= GROUP_TIME;
        if is_full { self.close(journal) } else { Ok(()) }
    }

    /// Brings the group onto the disk and notes it.
    pub(super) fn close(&mut self, journal: &mut Journal) -> Result<()> {
        if let Some(folder) = self.folder.as_ref().filter(|_| !self.entries.is_empty()) {
            disk::sync(folder).map_err(Error::io("write to", &self.path))?;
        }
        self.bytes = 0;
        let noted = journal.append(std::mem::take(&mut self.entries));
        self.since = Instant::now();
        noted
    }
}
