//! The digests by which a package proves itself, with nothing but the file at hand.
//!
//! ```text
//! StampwrightFixedDigest    SHA-256 of the streams that no stamp changes, but the cabinet, whose blocks have checksums of their own
//! StampwrightContentDigest  SHA-256 of the former and of the streams that a stamp changes; in `_StringData` its own 64 digits are zeros
//! ```
//!
//! Both are properties. A stamp takes the first as it finds it and computes the second anew, so it costs O(token). A stream goes in with its name
//! and its length; the signature's two streams are left out. Together with the rule that a file is, byte for byte, the layout of its streams, no
//! byte of a package can change without `verify` naming it.

use std::ops::Range;

use container::digest::hex;
use container::msidb::name;
use sha2::{Digest, Sha256};

use super::database::Stream;
use super::tables::{Tables, row};
use super::token_reader::Binary;
use crate::format::BuildError;

/// The tables whose streams a stamp changes, beside the summary information.
pub(super) const CHANGED: [&str; 3] = ["_StringPool", "_StringData", "Property"];

/// Private properties.
pub(super) const FIXED: &str = "StampwrightFixedDigest";
pub(super) const CONTENT: &str = "StampwrightContentDigest";

/// Digits of a SHA-256.
pub(super) const DIGITS: usize = 64;
/// What stands in place of the digests until they are known. The two differ, so that they are two strings.
const UNKNOWN_FIXED: &[u8; DIGITS] = &[b'f'; DIGITS];
const UNKNOWN_CONTENT: &[u8; DIGITS] = &[b'0'; DIGITS];

/// Adds both properties, their values unknown.
pub(super) fn add(tables: &mut Tables) {
    for (key, value) in [(FIXED, UNKNOWN_FIXED), (CONTENT, UNKNOWN_CONTENT)] {
        tables.add("Property", row![key, String::from_utf8_lossy(value.as_slice()).into_owned()]);
    }
}

/// The digest of streams, given in the order of their names, after `before`.
pub(super) fn digest<'s>(before: &[u8], streams: impl IntoIterator<Item = (&'s [u16], &'s [u8])>) -> [u8; 32] {
    let mut digest = Sha256::new_with_prefix(before);
    for (name, content) in streams {
        digest.update((name.len() as u64).to_le_bytes());
        for unit in name {
            digest.update(unit.to_le_bytes());
        }
        digest.update((content.len() as u64).to_le_bytes());
        digest.update(content);
    }
    digest.finalize().into()
}

/// The digest of the streams that a stamp changes; their `_StringData` is among them, with its own digest at `place`. Puts it there.
pub(super) fn prove(fixed: &[u8; 32], place: &Range<usize>, streams: [(&[u16], &mut [u8]); 4]) -> Option<()> {
    let mut streams = streams;
    streams.sort_unstable_by_key(|(name, _)| *name);
    let data = utf16(&name::table_stream_name("_StringData"));
    let (_, strings) = streams.iter_mut().find(|(name, _)| *name == data)?;
    strings.get_mut(place.clone())?.copy_from_slice(UNKNOWN_CONTENT);
    let digest = digest(fixed, streams.iter().map(|(name, content)| (*name, &**content)));
    let (_, strings) = streams.iter_mut().find(|(name, _)| *name == data)?;
    strings.get_mut(place.clone())?.copy_from_slice(hex(&digest).as_bytes());
    Some(())
}

/// Proves a base that is being built: `streams` are all but the cabinet and `binaries`.
pub(super) fn fill(streams: &mut [Stream], binaries: &[Binary]) -> Result<(), BuildError> {
    let changed = CHANGED.map(name::table_stream_name);
    let is_changed = |name: &String| changed.contains(name) || name == name::SUMMARY_INFORMATION;
    let binaries = binaries
        .iter()
        .map(|(key, bytes)| (utf16(&name::data_stream_name(&format!("Binary.{key}"))), bytes.as_slice()));
    let fixed = streams.iter().filter(|(name, _)| !is_changed(name)).map(|(name, data)| (utf16(name), data.as_slice()));
    let mut fixed: Vec<(Vec<u16>, &[u8])> = fixed.chain(binaries).collect();
    fixed.sort_unstable();
    let fixed = digest(&[], fixed.iter().map(|(name, data)| (name.as_slice(), *data)));
    let mut names = Vec::new();
    let mut rest = Vec::new();
    for (name, data) in streams.iter_mut().filter(|(name, _)| is_changed(name)) {
        names.push(utf16(name));
        rest.push(data);
    }
    let mut place = None;
    for data in &mut rest {
        if let Some(at) = find(data, UNKNOWN_FIXED) {
            data.get_mut(at..at + DIGITS).into_iter().for_each(|place| place.copy_from_slice(hex(&fixed).as_bytes()));
            place = find(data, UNKNOWN_CONTENT).map(|at| at..at + DIGITS);
        }
    }
    let missing = || BuildError::Product {
        field: "product",
        problem: "makes a database without its digests".to_owned(),
        hint: None,
    };
    let streams: Vec<(&[u16], &mut [u8])> =
        names.iter().map(Vec::as_slice).zip(rest.into_iter().map(Vec::as_mut_slice)).collect();
    let streams = streams.try_into().map_err(|_| missing())?;
    prove(&fixed, &place.ok_or_else(missing)?, streams).ok_or_else(missing)
}

fn find(data: &[u8], digits: &[u8; DIGITS]) -> Option<usize> {
    data.windows(DIGITS).position(|part| part == digits)
}

fn utf16(name: &str) -> Vec<u16> {
    name.encode_utf16().collect()
}
