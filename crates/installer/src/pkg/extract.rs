//! Taking an installer apart.

use std::collections::BTreeSet;

use container::cpio::Reader;
use container::reader::{Malformed, Problem};
use container::xar::Data;

use super::names::TOKEN_NAME;
use super::reader::{PackageReader, Script};
use crate::format::{Area, EntryKind, Extracted, ReadError, Sink};

/// A symbolic link's target is not longer.
const MAX_TARGET_BYTES: u64 = 4096;
const MAX_BOM_BYTES: usize = 24 << 20;

pub(super) fn extract(pkg: &PackageReader<'_>, sink: &mut dyn Sink) -> Result<(), ReadError> {
    if pkg.components.is_empty() {
        pkg.component()?;
    }
    document(pkg, "Distribution", "Distribution", sink)?;
    let mut placed = BTreeSet::new();
    for component in &pkg.components {
        // The only component's files lie beside Distribution; those of several each in a folder of its name.
        let folder = if pkg.components.len() == 1 { "" } else { component.as_str() };
        for name in ["PackageInfo", "Bom"] {
            document(pkg, &format!("{component}{name}"), &format!("{folder}{name}"), sink)?;
        }
        for script in pkg.scripts_of(component)? {
            if script.entry.path != "." {
                extract_script(&script, folder, sink)?;
            }
        }
        let location = location(&pkg.package_info(component)?.install_location)?;
        if pkg.has(&format!("{component}Payload")) {
            let data = pkg.archive.data(&format!("{component}Payload"))?;
            payload(pkg, data, &Place { location: &location, component }, &mut placed, sink)?;
        }
    }
    Ok(())
}

/// One member as metadata, where it is there.
fn document(pkg: &PackageReader<'_>, member: &str, name: &str, sink: &mut dyn Sink) -> Result<(), ReadError> {
    if !pkg.has(member) {
        return Ok(());
    }
    let content = pkg.archive.read(pkg.file, pkg.archive.data(member)?, MAX_BOM_BYTES)?;
    let kind = EntryKind::File(content.len() as u64);
    sink.entry(&Extracted { area: Area::Metadata, path: name, kind, mode: 0o644 }, &mut content.as_slice())
}

fn extract_script(script: &Script, folder: &str, sink: &mut dyn Sink) -> Result<(), ReadError> {
    let mode = script.entry.mode & 0o7777;
    if script.entry.path == TOKEN_NAME && folder.is_empty() {
        let kind = EntryKind::File(script.content.len() as u64);
        let entry = Extracted { area: Area::Token, path: TOKEN_NAME, kind, mode: 0o600 };
        return sink.entry(&entry, &mut &*script.content);
    }
    let path = format!("{folder}Scripts/{}", script.entry.path);
    let target = String::from_utf8_lossy(&script.content);
    let kind = if script.entry.is_directory() {
        EntryKind::Folder
    } else if script.entry.is_symlink() {
        EntryKind::Link(&target)
    } else {
        EntryKind::File(script.content.len() as u64)
    };
    sink.entry(&Extracted { area: Area::Metadata, path: &path, kind, mode }, &mut &*script.content)
}

/// Where a payload goes.
struct Place<'a> {
    location: &'a str,
    component: &'a str,
}

/// Streams a payload, each path with the install location before it. `placed`: what other components have put down.
fn payload(
    pkg: &PackageReader<'_>,
    data: &Data,
    place: &Place<'_>,
    placed: &mut BTreeSet<String>,
    sink: &mut dyn Sink,
) -> Result<(), ReadError> {
    let location = place.location;
    // first the whole, so that a damaged payload leaves no half of itself
    pkg.archive.verify(pkg.file, data)?;
    let mut archive = Reader::new(pkg.unpacked(data)?);
    while let Some(entry) = archive.next_entry()? {
        let mut path = match (location, entry.path.as_str()) {
            // the install location itself: the system's folder, whose mode is not ours to set
            (_, ".") => continue,
            ("", path) => path.to_owned(),
            (_, path) => format!("{location}/{path}"),
        };
        // The folders that components have in common are one folder; of files each keeps its own.
        if pkg.components.len() > 1 && !placed.insert(path.clone()) {
            if entry.is_directory() {
                continue;
            }
            path = format!("{}{path}", place.component);
        }
        let mode = entry.mode & 0o7777;
        let target;
        let kind = if entry.is_directory() {
            EntryKind::Folder
        } else if entry.is_symlink() {
            let problem = Problem::Text { what: "a link's target is not UTF-8" };
            target = String::from_utf8(archive.data(MAX_TARGET_BYTES)?).map_err(|_| Malformed {
                structure: "Payload",
                offset: entry.offset,
                problem,
            })?;
            EntryKind::Link(&target)
        } else {
            EntryKind::File(entry.size)
        };
        sink.entry(&Extracted { area: Area::Payload, path: &path, kind, mode }, &mut archive)?;
    }
    Ok(())
}

/// The install location without the `/` at its start: empty for the root.
fn location(text: &str) -> Result<String, Malformed> {
    let plain = text.trim_matches('/');
    let parts = plain.is_empty() || plain.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if text.starts_with('/') && parts {
        return Ok(plain.to_owned());
    }
    let problem = Problem::Text { what: "install-location is not an absolute path" };
    Err(Malformed { structure: "PackageInfo", offset: Malformed::NOWHERE, problem })
}
