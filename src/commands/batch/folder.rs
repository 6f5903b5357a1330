//! A batch into a folder: `DIR/NAME/FILE`, on all cores, resumable.
//!
//! The file's name stays that of the base, because Group Policy and Windows Installer depend on it; the row's name is a
//! folder. A file is written under another name, renamed when it is whole, and noted in the manifest when it is on the
//! disk. Waiting for the disk after each file would cost more than everything else together, so files go in groups: one
//! `syncfs` for the group, then its lines in the manifest, then one `fsync` for those. A run that is killed leaves at most
//! a group that is whole but not noted. The next run finds those files in their places, compares each with what it would
//! have written, and adopts what is right: nothing is made twice, and no second token is minted for a file that has one.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use container::ReadAt;
use container::at::{Cursor, FileAt};
use container::workers::{Workers, cores};
use installer::Token;
use installer::proof::{hex, sha256};
use installer::splice::Splice;

use super::disk;
use super::journal::{Entry, Journal};
use super::table::{Problem, Row};
use super::{Batch, Done};
use crate::failure::Failure;
use crate::once::Once;
use crate::progress::Count;

/// A group is closed when it has so many files, or so many bytes, or when this time has gone by.
const GROUP_FILES: usize = 512;
const GROUP_BYTES: u64 = 1 << 30;
const GROUP_TIME: Duration = Duration::from_secs(2);
/// How many files may be made while a group is synced.
const AHEAD: usize = 128;
/// What a file and its folder take beside the file's bytes: an inode and a block each.
const OVERHEAD_BYTES: u64 = 2 * 4096;
/// The name of a file on its way. The same every time, so that a killed run leaves nothing that the next does not find.
const PART: &str = ".stampwright-part";

/// What the workers share.
struct Work {
    batch: Arc<Batch>,
    folder: PathBuf,
    /// The manifest's line for each row that is finished already.
    finished: Vec<Option<Entry>>,
    /// Handles of the base: each worker takes one, because copying moves its cursor.
    handles: Mutex<Vec<File>>,
}

/// One finished file.
struct Made {
    entry: Entry,
    how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// Stamped now.
    Stamped,
    /// In its place, but not in the manifest.
    Adopted,
    /// In its place and in the manifest.
    Kept,
}

/// Stamps every row into `folder`.
pub fn run(batch: Arc<Batch>, folder: &Path) -> Result<Done, Failure> {
    make_parents(folder)?;
    let mut journal = Journal::open(folder)?;
    let finished = finished(&batch, &journal, folder)?;
    // A file that is in its place already is adopted, or replaced by one of its size.
    let is_new = |(row, entry): &(&Row, &Option<Entry>)| entry.is_none() && !folder.join(batch.path(row)).is_file();
    let new = batch.rows.iter().zip(&finished).filter(is_new).count();
    check_space(&batch, folder, new)?;

    let count = Count::new("stamping", batch.rows.len());
    let handles = Mutex::new(handles(&batch)?);
    let work = Work { batch: Arc::clone(&batch), folder: folder.to_path_buf(), finished, handles };
    let mut workers = Workers::new(cores(), AHEAD, move |row: usize| work.row(row));
    let mut group = Group::new(folder)?;
    let mut failure = None;
    for row in 0..batch.rows.len() {
        let made = workers.push(row).map_err(Failure::io("write to", folder))?;
        if let Err(error) = made.transpose().and_then(|made| group.take(made, &mut journal, &count)) {
            failure = Some(error);
            break;
        }
    }
    // What is under way is finished and noted, whatever happened.
    while let Some(made) = workers.pop().map_err(Failure::io("write to", folder))? {
        if let Err(error) = made.and_then(|made| group.take(Some(made), &mut journal, &count)) {
            failure.get_or_insert(error);
        }
    }
    let closed = group.close(&mut journal);
    drop(count);
    if let Some(failure) = failure.or(closed.err()) {
        let (done, all) = (journal.entries.len(), batch.rows.len());
        return Err(failure.hint(format!("{done} of {all} are finished; the same command goes on from there")));
    }
    let done = group.done;
    journal.finish()?;
    Ok(done)
}

/// Makes the folder and those above it; the folder itself is its owner's.
fn make_parents(folder: &Path) -> Result<(), Failure> {
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        crate::output::folder(parent)?;
    }
    if folder.is_dir() {
        return Ok(());
    }
    disk::make_folder(folder).map_err(Failure::io("make", folder))
}

/// What an earlier run has finished of each row. It must fit the row, or the folder is not this list's.
fn finished(batch: &Batch, journal: &Journal, folder: &Path) -> Result<Vec<Option<Entry>>, Failure> {
    let mut problems = Vec::new();
    let mut finished = Vec::new();
    for row in &batch.rows {
        let entry = journal.entries.get(&super::names::folded(&row.name));
        let kept = entry.and_then(|entry| match fits(batch, row, entry, folder) {
            Ok(kept) => kept.then(|| entry.clone()),
            Err(message) => {
                problems.push(Problem { line: row.line, message });
                None
            }
        });
        finished.push(kept);
    }
    if problems.is_empty() { Ok(finished) } else { Err(super::refuse(&batch.list, &problems)) }
}

/// Whether a line of the manifest is of this row and its file is there; an error where it is of something else.
fn fits(batch: &Batch, row: &Row, entry: &Entry, folder: &Path) -> Result<bool, String> {
    let another = |what: &str| Err(format!("the folder has a file of this name with another {what}"));
    if entry.base_sha256 != batch.base_sha256 || entry.file != batch.path(row) {
        return another("base");
    }
    if row.serial.is_some() && entry.serial_number.is_some() && entry.serial_number != row.serial {
        return another("serial number");
    }
    if row.token.as_ref().is_some_and(|token| token.fingerprint() != entry.token_fingerprint) {
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

fn check_space(batch: &Batch, folder: &Path, files: usize) -> Result<(), Failure> {
    let Some(free) = disk::free(folder).map_err(Failure::io("ask for free space in", folder))? else { return Ok(()) };
    let files = files as u64;
    let needed = files.saturating_mul(batch.most_bytes().saturating_add(OVERHEAD_BYTES));
    let short = |what: &str, needed: u64, found: u64| {
        let message = format!("{}: {files} files need {needed} {what}, {found} are free", folder.display());
        Err(Failure::machine(message).hint("nothing was written; make space, or give a folder on another disk"))
    };
    // A file and its folder.
    if let Some(nodes) = free.files.filter(|nodes| *nodes < files.saturating_mul(2)) {
        return short("inodes", files * 2, nodes);
    }
    if needed <= free.bytes {
        return Ok(());
    }
    if disk::has_reflinks(folder, batch.base.bytes().file()) {
        eprintln!("note: {needed} bytes, {} are free; copies share blocks on this file system", free.bytes);
        return Ok(());
    }
    short("bytes", needed, free.bytes)
}

/// Handles of the base for all workers. A base that was exchanged meanwhile is not the one that was opened.
fn handles(batch: &Batch) -> Result<Vec<File>, Failure> {
    let io = |error| Failure::io("open", &batch.path)(error);
    (0..cores())
        .map(|_| {
            let file = File::open(&batch.path).map_err(io)?;
            let is_same = disk::is_same(&file, batch.base.bytes().file()).map_err(io)?;
            if is_same { Ok(file) } else { Err(Failure::wrong("the base was exchanged meanwhile").about(&batch.path)) }
        })
        .collect()
}

impl Work {
    fn row(&self, at: usize) -> Result<Made, Failure> {
        let lost = || Failure::wrong("a row was lost");
        let row = self.batch.rows.get(at).ok_or_else(lost)?;
        let finished = self.finished.get(at).ok_or_else(lost)?;
        let path = self.folder.join(self.batch.path(row));
        match finished {
            Some(entry) => self.keep(row, entry, &path),
            None => match self.adopt(row, &path)? {
                Some(entry) => Ok(Made { entry, how: How::Adopted }),
                None => self.make(row, &path),
            },
        }
    }

    /// Looks at a finished file once more: its digest, or without digests the token in it.
    fn keep(&self, row: &Row, entry: &Entry, path: &Path) -> Result<Made, Failure> {
        let file = open(path)?;
        let is_right = match &entry.sha256 {
            Some(expected) => digest_of(&file, path)? == *expected,
            None => {
                let token = self.batch.base.format().token(&file).ok().flatten();
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
        Err(Failure::wrong("is not the file that was finished here; it has a token of its own, and is left alone")
            .about(path))
    }

    /// A file that is in its place but not in the manifest: this row's, if it is the base with this row's token.
    fn adopt(&self, row: &Row, path: &Path) -> Result<Option<Entry>, Failure> {
        if !std::fs::symlink_metadata(path).is_ok_and(|there| there.is_file()) {
            return Ok(None);
        }
        let file = open(path)?;
        let found = self.batch.base.format().token(&file).ok().flatten();
        let is_ours = |token: &Token| match (&row.token, &self.batch.minter, &row.serial) {
            (Some(ours), ..) => ours == token,
            (None, Some(minter), Some(serial)) => minter.has_minted(token, serial),
            _ => false,
        };
        let Some(token) = found.filter(is_ours) else { return Ok(None) };
        let splice = self.batch.stamp(&token)?;
        let digest = digest_of(&file, path)?;
        let expected = hex(&splice.sha256(self.batch.base.bytes()).map_err(Failure::io("read", &self.batch.path))?);
        // A signature has a time and a random number in it, so it is held to its own content instead.
        let is_right = match &self.batch.way {
            None => digest == expected,
            Some(_) => crate::commands::sign::read_back(self.batch.base.format(), &file, path).is_ok(),
        };
        if !is_right {
            return Ok(None);
        }
        let entry = self.batch.entry(row, &token, &splice, self.batch.digests.then_some(digest));
        Ok(Some(Entry { size: file.len(), ..entry }))
    }

    fn make(&self, row: &Row, path: &Path) -> Result<Made, Failure> {
        let token = self.batch.token(row)?;
        let splice = self.batch.stamp(&token)?;
        let io = |error| Failure::io("write", path)(error);
        let folder = path.parent().unwrap_or(&self.folder);
        disk::make_folder(folder).map_err(io)?;
        let part = folder.join(PART);
        self.write(&splice, &part).and_then(|()| std::fs::rename(&part, path)).map_err(|error| {
            // What is left of it has a token in it.
            let _ = std::fs::remove_file(&part);
            io(error)
        })?;
        let digest = match self.batch.digests {
            true => {
                Some(hex(&splice.sha256(self.batch.base.bytes()).map_err(Failure::io("read", &self.batch.path))?))
            }
            false => None,
        };
        Ok(Made { entry: self.batch.entry(row, &token, &splice, digest), how: How::Stamped })
    }

    fn write(&self, splice: &Splice, part: &Path) -> io::Result<()> {
        match std::fs::remove_file(part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        disk::owner_only(&mut options);
        let mut file = options.open(part)?;
        let pool = || self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        let base = pool().pop().ok_or_else(|| io::Error::other("more workers than handles"))?;
        let written = splice.write_to_file(&base, &mut file);
        pool().push(base);
        written?;
        if disk::SYNCS_AT_ONCE { Ok(()) } else { file.sync_all() }
    }
}

fn open(path: &Path) -> Result<FileAt, Failure> {
    File::open(path).and_then(FileAt::new).map_err(Failure::io("open", path))
}

fn digest_of(file: &FileAt, path: &Path) -> Result<String, Failure> {
    let (_, digest) = sha256(&mut Cursor::new(file)).map_err(Failure::io("read", path))?;
    Ok(hex(&digest))
}

/// Files that are written but perhaps not on the disk, and what was done so far.
struct Group {
    entries: Vec<Entry>,
    bytes: u64,
    since: Instant,
    folder: File,
    path: PathBuf,
    done: Done,
}

impl Group {
    fn new(path: &Path) -> Result<Self, Failure> {
        let folder = File::open(path).map_err(Failure::io("open", path))?;
        let (entries, done) = (Vec::new(), Done::default());
        Ok(Self { entries, bytes: 0, since: Instant::now(), folder, path: path.to_path_buf(), done })
    }

    fn take(&mut self, made: Option<Made>, journal: &mut Journal, count: &Count) -> Result<(), Failure> {
        let Some(Made { entry, how }) = made else { return Ok(()) };
        count.advance();
        self.done.files += 1;
        self.done.bytes += entry.size;
        match how {
            How::Stamped => self.done.stamped += 1,
            How::Adopted | How::Kept => self.done.found += 1,
        }
        if how == How::Kept {
            journal.entries.insert(super::names::folded(&entry.name), entry);
            return Ok(());
        }
        self.bytes += entry.size;
        self.entries.push(entry);
        let is_full =
            self.entries.len() >= GROUP_FILES || self.bytes >= GROUP_BYTES || self.since.elapsed() >= GROUP_TIME;
        if is_full { self.close(journal) } else { Ok(()) }
    }

    /// Brings the group onto the disk and notes it.
    fn close(&mut self, journal: &mut Journal) -> Result<(), Failure> {
        if !self.entries.is_empty() {
            disk::sync(&self.folder).map_err(Failure::io("write to", &self.path))?;
        }
        self.bytes = 0;
        let noted = journal.append(std::mem::take(&mut self.entries));
        self.since = Instant::now();
        noted
    }
}
