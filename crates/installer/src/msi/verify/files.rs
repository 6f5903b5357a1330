//! Folders, components, files, and what the cabinet really holds.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use container::msidb::Row;
use container::reader::Error;
use container::stream;
use md5::{Digest, Md5};

use crate::format::ReadError;
use crate::guid::is_guid;
use crate::msi::extract::{InstalledFile, file_paths};
use crate::report::Report;

use super::tables::Tables;
use crate::msi::read::Installer;

const REGISTRY_KEY_PATH: i32 = 0x4;
const BITS_64: i32 = 0x100;

pub(super) fn check(installer: &Installer<'_>, tables: &Tables<'_>, report: &mut Report) -> Result<(), ReadError> {
    components(tables, report);
    let files = file_paths(installer)?;
    let mut seen = BTreeSet::new();
    for file in files.values() {
        report.check(seen.insert(file.path.to_lowercase()), "msi-file-twice", "table File", || {
            format!("two files are installed as {}", file.path)
        });
    }
    media(tables, report);
    compare(tables, report);
    cabinet(installer, tables, &files, report)
}

fn components(tables: &Tables<'_>, report: &mut Report) {
    let place = "table Component";
    let in_feature: BTreeSet<_> = tables.column("FeatureComponents", "Component_").collect();
    let created: BTreeSet<_> = tables.column("CreateFolder", "Component_").collect();
    let mut codes = BTreeSet::new();
    for row in tables.rows("Component") {
        let name = row.text("Component").unwrap_or_default();
        let code = row.text("ComponentId").unwrap_or_default();
        report.check(is_guid(&code), "msi-component-code", place, || {
            format!("{name} has the code {code:?}, must be a GUID in braces and upper case")
        });
        report.check(codes.insert(code), "msi-component-code", place, || format!("{name} has another one's code"));
        let attributes = row.int("Attributes").unwrap_or(0);
        report.check(attributes & BITS_64 != 0, "msi-64-bit", place, || format!("{name} is not marked as 64-bit"));
        report.check(in_feature.contains(&name), "msi-component-feature", place, || format!("{name} is in no feature"));
        let right = match row.text("KeyPath") {
            None => created.contains(&name),
            Some(key) => {
                let table = if attributes & REGISTRY_KEY_PATH == 0 { "File" } else { "Registry" };
                let of = |found: Row<'_>| found.text("Component_").is_some_and(|component| component == name);
                tables.get(table).and_then(|t| t.find(table, &key)).is_some_and(of)
            }
        };
        report.check(right, "msi-key-path", place, || {
            format!("{name} has a key path that is not its own file or registry value, or none and no folder")
        });
    }
}

/// One medium, numbered 1, that covers all files (ICE71).
fn media(tables: &Tables<'_>, report: &mut Report) {
    let mut rows = tables.rows("Media");
    let (first, second) = (rows.next(), rows.next());
    let sequences: Vec<i32> = tables.rows("File").filter_map(|row| row.int("Sequence")).collect();
    let unique: BTreeSet<i32> = sequences.iter().copied().collect();
    report.check(unique.len() == sequences.len(), "msi-file-sequence", "table File", || {
        "two files have one sequence number".to_owned()
    });
    let last = first.and_then(|row| row.int("LastSequence")).unwrap_or(0);
    let disk = first.and_then(|row| row.int("DiskId"));
    report.check(disk == Some(1) && second.is_none(), "msi-media", "table Media", || {
        "there must be one medium, and its DiskId must be 1".to_owned()
    });
    report.check(unique.last().is_none_or(|largest| *largest == last), "msi-media", "table Media", || {
        format!("LastSequence is {last}, must be the last file's")
    });
}

/// Each file is compared by a version or by a hash, not by both (ICE60).
fn compare(tables: &Tables<'_>, report: &mut Report) {
    let hashed: BTreeSet<_> = tables.column("MsiFileHash", "File_").collect();
    for row in tables.rows("File") {
        let file = row.text("File").unwrap_or_default();
        let versioned = row.text("Version").is_some();
        report.check(versioned != hashed.contains(&file), "msi-file-version", "table File", || {
            format!("{file} must have either a version or a hash")
        });
        report.check(versioned == row.text("Language").is_some(), "msi-file-version", "table File", || {
            format!("{file} must have a language exactly when it has a version")
        });
    }
}

/// The cabinet's files are those of the table: names, order, sizes, hashes.
fn cabinet(
    installer: &Installer<'_>,
    tables: &Tables<'_>,
    files: &BTreeMap<String, InstalledFile>,
    report: &mut Report,
) -> Result<(), ReadError> {
    let place = "cabinet";
    let mut by_sequence: Vec<(i32, String)> =
        tables.rows("File").filter_map(|row| Some((row.int("Sequence")?, row.text("File")?.into_owned()))).collect();
    by_sequence.sort_unstable();
    let cabinet = installer.cabinet()?;
    let same_order = cabinet.files().iter().map(|file| &file.name).eq(by_sequence.iter().map(|(_, key)| key));
    report.check(same_order, "msi-cabinet-files", place, || {
        "its files are not those of the table File, in the order of their sequence".to_owned()
    });
    cabinet.each(|file, content| {
        let row = files.get(&file.name);
        let size = row.map_or(-1, |row| i64::from(row.size));
        report.check(i64::try_from(file.size_bytes).is_ok_and(|found| found == size), "msi-file-size", place, || {
            format!("{} has {} bytes, the table File says {size}", file.name, file.size_bytes)
        });
        // A file with a version has no hash. What is not read here is decoded and checked all the same.
        if let Some(row) = tables.get("MsiFileHash").and_then(|t| t.find("File_", &file.name)) {
            let hash = digest(content)?;
            report.check(stated_hash(&row) == Some(hash), "msi-file-hash", place, || {
                format!("{} is not the file that MsiFileHash describes", file.name)
            });
        }
        Ok::<(), ReadError>(())
    })?;
    Ok(())
}

fn digest(content: &mut dyn Read) -> Result<[u8; 16], ReadError> {
    let mut md5 = Md5::new();
    stream::pieces(
        content,
        |error| ReadError::from(Error::io("read the cabinet")(error)),
        |piece| {
            md5.update(piece);
            Ok(())
        },
    )?;
    Ok(md5.finalize().into())
}

pub(super) fn stated_hash(row: &Row<'_>) -> Option<[u8; 16]> {
    let mut hash = [0; 16];
    let parts = ["HashPart1", "HashPart2", "HashPart3", "HashPart4"];
    for (bytes, part) in hash.chunks_exact_mut(4).zip(parts) {
        bytes.copy_from_slice(&row.int(part)?.to_le_bytes());
    }
    Some(hash)
}
