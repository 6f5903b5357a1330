//! Keeps the catalog equal to a folder: what comes in is imported, what goes is withdrawn.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use stampwright::{Error, ErrorKind, Result};

use super::base_file::Seen;
use super::catalog::{Digest, Store, files};
use super::import::{Incoming, Label, Origin};

/// A folder, and what was seen in it.
#[derive(Debug)]
pub(crate) struct Watch {
    folder: PathBuf,
    known: BTreeMap<OsString, Known>,
}

/// A file of the folder.
#[derive(Debug)]
struct Known {
    seen: Seen,
    /// `None`: it is not a base, or still being written.
    digest: Option<Digest>,
    /// Whether it has been looked at in this state.
    is_tried: bool,
    /// Whether the machine failed at it, e.g. for want of space: the next look tries again.
    is_failing: bool,
}

/// What a look at the folder found.
#[derive(Debug)]
pub(crate) enum Noticed {
    /// A base came, under this name.
    Added(String),
    /// A base went.
    Withdrawn(String),
    /// A file is not a base that can be served.
    Refused(Error),
}

impl Watch {
    /// Watches a folder.
    #[must_use]
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self { folder, known: BTreeMap::new() }
    }

    /// Looks at the folder. A new file is taken when it looks the same twice, because it may still be written; at the start at once.
    ///
    /// # Errors
    /// The folder cannot be read; then nothing is withdrawn.
    pub(crate) fn look(&mut self, store: &Store, now: u64, is_start: bool) -> Result<Vec<Noticed>> {
        let mut found = BTreeMap::new();
        for path in files(&self.folder)? {
            let name = path.file_name().unwrap_or_default().to_owned();
            // Prepare manifests and receipts lie beside bases.
            let is_beside = path.extension().is_some_and(|extension| extension == "json");
            let is_hidden = name.to_string_lossy().starts_with('.');
            if let (false, Ok(metadata)) = (is_beside || is_hidden, fs::metadata(&path)) {
                found.insert(name, (path, Seen::of(&metadata)));
            }
        }
        let mut noticed = Vec::new();
        for (name, (path, seen)) in &found {
            let known = self.known.get(name).filter(|known| known.seen == *seen);
            let is_settled = known.is_some() || is_start;
            let is_served = known.and_then(|known| known.digest).is_some_and(|digest| store.get(&digest).is_some());
            let was_failing = known.is_some_and(|known| known.is_failing);
            let is_refused = known.is_some_and(|known| known.is_tried && known.digest.is_none() && !known.is_failing);
            if is_served || is_refused {
                continue;
            }
            let mut now_known = Known { seen: *seen, digest: None, is_tried: is_settled, is_failing: false };
            if is_settled {
                match import(path, store, now) {
                    Ok((digest, is_new)) => {
                        now_known.digest = Some(digest);
                        noticed.extend(is_new.then(|| Noticed::Added(name.to_string_lossy().into_owned())));
                    }
                    Err(error) => {
                        now_known.is_failing = error.kind() == ErrorKind::Machine;
                        // Said once, not at each look.
                        noticed.extend((!now_known.is_failing || !was_failing).then_some(Noticed::Refused(error)));
                    }
                }
            }
            self.known.insert(name.clone(), now_known);
        }
        self.known.retain(|name, _| found.contains_key(name));
        noticed.extend(self.withdraw(store)?);
        Ok(noticed)
    }

    /// Withdraws the bases that came from a folder and are in it no more; after a restart as well.
    fn withdraw(&self, store: &Store) -> Result<Vec<Noticed>> {
        let mut noticed = Vec::new();
        let is_unsettled = self.known.values().any(|known| known.digest.is_none() && !known.is_tried);
        for entry in store.list().into_iter().filter(|entry| entry.label().origin() == Origin::Folder) {
            let digest = entry.base().sha256()?;
            let is_there = self.known.values().any(|known| known.digest == Some(digest));
            // A file that is just being replaced: its old base is served until the new one is there.
            if !is_there && !is_unsettled && store.withdraw(&digest)? {
                noticed.push(Noticed::Withdrawn(entry.listed().file_name.clone()));
            }
        }
        Ok(noticed)
    }
}

fn import(path: &Path, store: &Store, now: u64) -> Result<(Digest, bool)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let about = |error: Error| error.about(path);
    let label =
        Label::new(&name, Origin::Folder, now).and_then(|label| label.with_manifest_beside(path)).map_err(about)?;
    let incoming = Incoming::copy_of(path, store.folder())?;
    let (entry, is_new) = store.add(incoming, label).map_err(about)?;
    Ok((entry.base().sha256()?, is_new))
}
