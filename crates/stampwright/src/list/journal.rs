//! What a batch has done: one JSON line for each finished file, appended as files are finished, and at the end a CSV.
//!
//! The JSON lines are the manifest and the memory of an interrupted run in one. A line is written only after the file that
//! it names, and the folder that the file is in, have reached the disk; so whatever a line names is there, whole, whatever
//! happened afterwards. A last line without its line ending was being written when the machine stopped, and is dropped.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::names::{self, CSV, JSON_LINES};
use crate::disk;
use crate::error::{Error, Result};
use crate::output::{Pending, Readers};

/// A finished file: never the token, only its fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Where its row starts in the list.
    pub line: u64,
    /// The row's name.
    pub name: String,
    /// The device's serial number, where the list has one.
    pub serial_number: Option<String>,
    /// The path in the folder or archive.
    pub file: String,
    /// Its length in bytes.
    pub size: u64,
    /// The file's digest; `None` where none were asked for.
    pub sha256: Option<String>,
    /// The first 16 digits of the token's SHA-256.
    pub token_fingerprint: String,
    /// The id (`jti`) of a signed token.
    pub token_id: Option<String>,
    /// When a signed token expires, in seconds since 1970.
    pub token_expires: Option<u64>,
    /// The base's digest.
    pub base_sha256: String,
}

/// An open manifest, held against other runs for as long as it lives.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    /// By the folded name.
    pub(super) entries: BTreeMap<String, Entry>,
}

impl Journal {
    /// Opens the manifest in a folder, or starts one.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(JSON_LINES);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        disk::owner_only(&mut options);
        let mut file = options.open(&path).map_err(Error::io("open", &path))?;
        if !disk::lock(&file).map_err(Error::io("lock", &path))? {
            return Err(Error::wrong(format!("{}: another run writes to this folder", folder.display())));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(Error::io("read", &path))?;
        // What follows the last line ending was cut, perhaps inside a character.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let text = bytes.get(..whole).map(str::from_utf8).transpose().map_err(|_| {
            Error::wrong(format!("{}: is not UTF-8", path.display()))
                .hint("give a folder that is empty, or was written by this command")
        })?;
        let mut entries = BTreeMap::new();
        for (number, line) in text.unwrap_or_default().lines().enumerate() {
            let entry: Entry = serde_json::from_str(line).map_err(|_| {
                Error::wrong(format!("{}: line {} is no line of a manifest", path.display(), number + 1))
                    .hint("give a folder that is empty, or was written by this command")
            })?;
            entries.insert(names::folded(&entry.name), entry);
        }
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(Error::io("write", &path))?;
        }
        file.seek(SeekFrom::End(0)).map_err(Error::io("read", &path))?;
        Ok(Self { file, path, entries })
    }

    /// Notes files that have reached the disk.
    pub(super) fn append(&mut self, entries: Vec<Entry>) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        write_lines(entries.iter(), &mut lines)?;
        self.file.write_all(&lines).and_then(|()| self.file.sync_data()).map_err(Error::io("write", &self.path))?;
        self.entries.extend(entries.into_iter().map(|entry| (names::folded(&entry.name), entry)));
        Ok(())
    }

    /// Writes both manifests, in the order of the list.
    pub(super) fn finish(self) -> Result<()> {
        let Self { file, path, entries } = self;
        // Windows does not replace a file that is open; elsewhere the lock is held to the end.
        let _held = cfg!(unix).then_some(file);
        let folder = path.parent().unwrap_or(Path::new("."));
        let entries = sorted(entries.values());
        for (name, text) in [(JSON_LINES, json_lines(&entries)?), (CSV, csv(&entries)?)] {
            let path = folder.join(name);
            let mut pending = Pending::create(&path)?;
            pending.file().write_all(&text).map_err(Error::io("write", &path))?;
            pending.finish(Readers::Owner)?;
        }
        Ok(())
    }
}

/// In the order of the list; what an earlier list had comes where its line was.
pub(super) fn sorted<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<&'a Entry> {
    let mut entries: Vec<&Entry> = entries.collect();
    entries.sort_by(|a, b| (a.line, &a.name).cmp(&(b.line, &b.name)));
    entries
}

/// The manifest as JSON lines.
pub(super) fn json_lines(entries: &[&Entry]) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    write_lines(entries.iter().copied(), &mut lines)?;
    Ok(lines)
}

fn write_lines<'a>(entries: impl Iterator<Item = &'a Entry>, lines: &mut Vec<u8>) -> Result<()> {
    for entry in entries {
        serde_json::to_writer(&mut *lines, entry).map_err(Error::wrong)?;
        lines.push(b'\n');
    }
    Ok(())
}

/// The manifest for a spreadsheet.
pub(super) fn csv(entries: &[&Entry]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for entry in entries {
        writer.serialize(guarded(entry)).map_err(Error::wrong)?;
    }
    writer.into_inner().map_err(Error::wrong)
}

/// No field is a formula to a spreadsheet. Names and serial numbers are refused where they are; a token's id is its issuer's.
fn guarded(entry: &Entry) -> Entry {
    let plain = |text: &String| match text.chars().next() {
        Some('\t' | '\r') => format!("'{text}"),
        _ if names::formula(text).is_some() => format!("'{text}"),
        _ => text.clone(),
    };
    Entry {
        line: entry.line,
        name: plain(&entry.name),
        serial_number: entry.serial_number.as_ref().map(plain),
        file: plain(&entry.file),
        size: entry.size,
        sha256: entry.sha256.as_ref().map(plain),
        token_fingerprint: plain(&entry.token_fingerprint),
        token_id: entry.token_id.as_ref().map(plain),
        token_expires: entry.token_expires,
        base_sha256: plain(&entry.base_sha256),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(line: u64, name: &str) -> Entry {
        Entry {
            line,
            name: name.to_owned(),
            serial_number: Some("S, 1".to_owned()),
            file: format!("{name}/A.msi"),
            size: 7,
            sha256: None,
            token_fingerprint: "0123456789abcdef".to_owned(),
            token_id: None,
            token_expires: Some(2),
            base_sha256: "b".to_owned(),
        }
    }

    #[test]
    fn what_was_appended_is_there_again_and_a_torn_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path()).unwrap();
        journal.append(vec![entry(3, "b"), entry(2, "a")]).unwrap();
        drop(journal);
        let path = folder.path().join(JSON_LINES);
        let whole = std::fs::read(&path).unwrap();
        for torn in [&b"{\"line\":4"[..], b"{", b"\xEF\xBF\xBD", b"{\"name\":\"B\xC3", b"\xF0\x9F\x98"] {
            std::fs::write(&path, [&whole[..], torn].concat()).unwrap();
            let mut journal = Journal::open(folder.path()).unwrap();
            assert_eq!(journal.entries.len(), 2);
            journal.append(vec![entry(4, "c")]).unwrap();
            drop(journal);
            assert_eq!(Journal::open(folder.path()).unwrap().entries.len(), 3, "{torn:?}");
        }
        Journal::open(folder.path()).unwrap().finish().unwrap();
        let text = std::fs::read_to_string(folder.path().join(CSV)).unwrap();
        let lines: Vec<_> = text.lines().map(|line| line.split(',').next().unwrap()).collect();
        assert_eq!(lines, ["line", "2", "3", "4"]);
        assert!(text.contains("\"S, 1\""), "{text}");
    }

    #[test]
    fn no_field_is_a_formula() {
        let live = Entry { token_id: Some("=HYPERLINK(\"http://x\")".to_owned()), ..entry(2, "a") };
        let text = String::from_utf8(csv(&[&live]).unwrap()).unwrap();
        assert!(text.contains("\"'=HYPERLINK(\"\"http://x\"\")\""), "{text}");
        // Programs read the JSON lines, which have it as it is.
        assert!(String::from_utf8(json_lines(&[&live]).unwrap()).unwrap().contains("\"=HYPERLINK"));
    }

    #[test]
    fn a_line_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(JSON_LINES), "{}\n").unwrap();
        assert!(Journal::open(folder.path()).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn two_runs_do_not_write_to_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let _first = Journal::open(folder.path()).unwrap();
        assert!(Journal::open(folder.path()).is_err());
    }
}
