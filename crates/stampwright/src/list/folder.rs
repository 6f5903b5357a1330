//! A batch into a folder: `DIR/NAME/FILE`, on all cores, resumable.
//!
//! The file's name stays that of the base, because Group Policy and Windows Installer depend on it; the row's name is a
//! folder. A file is written under another name, renamed when it is whole, and noted in the manifest when it is on the
//! disk. Waiting for the disk after each file would cost more than everything else together, so files go in groups: one
//! `syncfs` for the group, then its lines in the manifest, then one `fsync` for those. A run that is killed leaves at most
//! a group that is whole but not noted. The next run finds those files in their places, compares each with what it would
//! have written, and adopts what is right: nothing is made twice, and no second token is minted for a file that has one.

use std::path::Path;
use std::sync::Arc;

use container::workers::{Workers, cores};

use super::done::Done;
use super::group::Group;
use super::journal::{Entry, Journal};
use super::names;
use super::rows::{List, ListRow, refuse};
use super::table::Problem;
use super::work::Work;
use crate::disk;
use crate::error::{Error, Result};
use crate::observer::{Activity, Event, Observer, Unit};

/// How many files may be made while a group is synced.
const AHEAD: usize = 128;
/// What a file and its folder take beside the file's bytes: an inode and a block each.
const OVERHEAD_BYTES: u64 = 2 * 4096;

impl List {
    /// Stamps every row into a folder. The same call goes on after an interruption.
    pub fn to_folder(self: &Arc<Self>, folder: &Path, observer: &dyn Observer) -> Result<Done> {
        make_parents(folder)?;
        let mut journal = Journal::open(folder)?;
        let finished = finished(self, &journal, folder, observer)?;
        // A file that is in its place already is adopted, or replaced by one of its size.
        let is_new =
            |(row, entry): &(&ListRow, &Option<Entry>)| entry.is_none() && !folder.join(self.path(row)).is_file();
        let new = self.rows.iter().zip(&finished).filter(is_new).count();
        check_space(self, folder, new, observer)?;

        let activity = Activity::new(observer, "stamping", self.rows.len() as u64, Unit::Installers);
        let work = Work { list: Arc::clone(self), folder: folder.to_path_buf(), finished };
        let mut workers = Workers::new(cores(), AHEAD, move |row: usize| work.row(row));
        let mut group = Group::new(folder)?;
        let mut failure = None;
        for row in 0..self.rows.len() {
            let made = workers.push(row).map_err(Error::io("write to", folder))?;
            if let Err(error) = made.transpose().and_then(|made| group.take(made, &mut journal, &activity)) {
                failure = Some(error);
                break;
            }
        }
        // What is under way is finished and noted, whatever happened.
        while let Some(made) = workers.pop().map_err(Error::io("write to", folder))? {
            if let Err(error) = made.and_then(|made| group.take(Some(made), &mut journal, &activity)) {
                failure.get_or_insert(error);
            }
        }
        let closed = group.close(&mut journal);
        drop(activity);
        if let Some(failure) = failure.or(closed.err()) {
            let (done, all) = (journal.entries.len(), self.rows.len());
            return Err(failure.hint(format!("{done} of {all} are finished; the same command goes on from there")));
        }
        let done = group.done;
        journal.finish()?;
        Ok(done)
    }
}

/// Makes the folder and those above it; the folder itself is its owner's.
fn make_parents(folder: &Path) -> Result<()> {
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        crate::output::folder(parent)?;
    }
    crate::output::refuse_stream(folder)?;
    if folder.is_dir() {
        return Ok(());
    }
    disk::make_folder(folder).map_err(Error::io("make", folder))
}

/// What an earlier run has finished of each row. It must fit the row, or the folder is not this list's.
fn finished(list: &List, journal: &Journal, folder: &Path, observer: &dyn Observer) -> Result<Vec<Option<Entry>>> {
    let mut problems = Vec::new();
    let mut finished = Vec::new();
    for row in &list.rows {
        let entry = journal.entries.get(&names::folded(&row.name));
        let kept = entry.and_then(|entry| match fits(list, row, entry, folder) {
            Ok(kept) => kept.then(|| entry.clone()),
            Err(message) => {
                problems.push(Problem { line: row.line, message });
                None
            }
        });
        finished.push(kept);
    }
    if problems.is_empty() { Ok(finished) } else { Err(refuse(&list.name, &problems, observer)) }
}

/// Whether a line of the manifest is of this row and its file is there; an error where it is of something else.
fn fits(list: &List, row: &ListRow, entry: &Entry, folder: &Path) -> Result<bool, String> {
    let another = |what: &str| Err(format!("the folder has a file of this name with another {what}"));
    if entry.base_sha256 != list.base_sha256 || entry.file != list.path(row) {
        return another("base");
    }
    if row.serial.is_some() && entry.serial_number.is_some() && entry.serial_number != row.serial {
        return another("serial number");
    }
    if row.token.as_ref().is_some_and(|token| token.token().fingerprint() != entry.token_fingerprint) {
        return another("token");
    }
    let there = std::fs::symlink_metadata(folder.join(&entry.file));
    let is_there = there.is_ok_and(|there| there.is_file() && there.len() == entry.size);
    if !is_there && row.token.is_none() {
        return Err(
            "its file was finished, with a token of its own, and is gone or cut off; put it back, or take its \
                    line out of the manifest to mint another token"
                .to_owned(),
        );
    }
    Ok(is_there)
}

fn check_space(list: &List, folder: &Path, files: usize, observer: &dyn Observer) -> Result<()> {
    let Some(free) = disk::free(folder).map_err(Error::io("ask for free space in", folder))? else { return Ok(()) };
    let files = files as u64;
    let needed = files.saturating_mul(list.max_installer_bytes().saturating_add(OVERHEAD_BYTES));
    let short = |what: &str, needed: u64, found: u64| {
        let message = format!("{}: {files} files need {needed} {what}, {found} are free", folder.display());
        Err(Error::machine(message).hint("nothing was written; make space, or give a folder on another disk"))
    };
    // A file and its folder.
    if let Some(nodes) = free.files.filter(|nodes| *nodes < files.saturating_mul(2)) {
        return short("inodes", files * 2, nodes);
    }
    if needed <= free.bytes {
        return Ok(());
    }
    if list.base.bytes().has_reflinks(folder) {
        let note = format!("{needed} bytes, {} are free; copies share blocks on this file system", free.bytes);
        observer.notice(&Event::Note(&note));
        return Ok(());
    }
    short("bytes", needed, free.bytes)
}
