//! Whether a package of ours is what it says of itself: the digests of its streams, and its layout, byte for byte.

use container::ReadAt;
use container::cfb::read::Entry;
use container::digest::{Algorithm, hex};
use container::msidb::name::{self, DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_EX, SUMMARY_INFORMATION};
use container::read_at::read_vec;

use crate::format::ReadError;
use crate::report::Report;

use super::super::read::Installer;
use super::tables::Tables;

const FIXED: &str = "StampwrightFixedDigest";
const CONTENT: &str = "StampwrightContentDigest";
/// All streams but the cabinet are read into memory; ours have some hundred kilobytes.
const MAX_STREAM_BYTES: usize = 16 << 20;
const SECTOR_BYTES: u64 = 4096;

/// Computes both digests again.
pub(super) fn digests(installer: &Installer<'_>, tables: &Tables<'_>, report: &mut Report) -> Result<(), ReadError> {
    let cabinets: Vec<Vec<u16>> = tables
        .column("Media", "Cabinet")
        .filter_map(|cabinet| Some(utf16(&name::data_stream_name(cabinet.strip_prefix('#')?))))
        .collect();
    let changing = ["_StringPool", "_StringData", "Property"].map(|table| utf16(&name::table_stream_name(table)));
    let strings = utf16(&name::table_stream_name("_StringData"));
    let summary = utf16(SUMMARY_INFORMATION);
    let signature = [DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_EX].map(utf16);
    let stated = |key| tables.property(key).map(|value| value.into_owned()).unwrap_or_default();
    let (stated_fixed, stated_content) = (stated(FIXED), stated(CONTENT));
    let mut entries: Vec<&Entry> = installer.compound().entries().iter().collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let (mut fixed, mut content) = (Algorithm::Sha256.hasher(), Vec::new());
    for entry in entries {
        if cabinets.contains(&entry.name) || signature.contains(&entry.name) {
            continue;
        }
        let mut bytes = installer.compound().read(entry, MAX_STREAM_BYTES)?;
        if changing.contains(&entry.name) || entry.name == summary {
            if entry.name == strings {
                blank(&mut bytes, stated_content.as_bytes());
            }
            content.push((&entry.name, bytes));
        } else {
            extent(&mut fixed, &entry.name, &bytes);
            fixed.update(&bytes);
        }
    }
    let fixed = fixed.finish();
    // The strings first, then the others in the order of their names, then what each is.
    content.sort_by_key(|(name, _)| **name != strings);
    let mut rest = Algorithm::Sha256.hasher();
    rest.update(&fixed);
    content.iter().for_each(|(_, bytes)| rest.update(bytes));
    content.iter().for_each(|(name, bytes)| extent(&mut rest, name, bytes));
    for (property, stated, found) in [(FIXED, stated_fixed, fixed), (CONTENT, stated_content, rest.finish())] {
        let found = hex(&found);
        report.check(stated == found, "msi-content-digest", property, || {
            format!("is {stated:?}, must be {found}, the digest of the streams that are there: the package was changed")
        });
    }
    Ok(())
}

/// A stream's name and length, as the digests take them.
fn extent(digest: &mut container::digest::Hasher, name: &[u16], content: &[u8]) {
    digest.update(&(name.len() as u64).to_le_bytes());
    for unit in name {
        digest.update(&unit.to_le_bytes());
    }
    digest.update(&(content.len() as u64).to_le_bytes());
}

/// The digest cannot cover itself.
fn blank(strings: &mut [u8], digits: &[u8]) {
    if digits.is_empty() {
        return;
    }
    let at = strings.windows(digits.len()).position(|part| part == digits);
    if let Some(place) = at.and_then(|at| strings.get_mut(at..at + digits.len())) {
        place.fill(b'0');
    }
}

/// What lies between the end of each stream and the end of its last sector must be zeros.
pub(super) fn padding(file: &dyn ReadAt, installer: &Installer<'_>, report: &mut Report) -> Result<(), ReadError> {
    for entry in installer.compound().entries().iter().filter(|entry| !entry.is_mini() && entry.size > 0) {
        let extents = installer.compound().extents(entry)?;
        let Some(last) = extents.runs().last() else { continue };
        let end = last.start + last.len;
        let len = end.next_multiple_of(SECTOR_BYTES).min(file.len()) - end;
        let padding = read_vec(file, "sector", end, len, SECTOR_BYTES as usize)?;
        let plain = String::from_utf16_lossy(&entry.name);
        report.check(padding.iter().all(|byte| *byte == 0), "msi-layout", "compound file", || {
            let (name, _) = name::decode(&plain);
            format!("the bytes from {end:#x} on, behind the stream {name}, are not zeros")
        });
    }
    Ok(())
}

fn utf16(name: &str) -> Vec<u16> {
    name.encode_utf16().collect()
}
