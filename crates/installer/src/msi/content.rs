//! The digests by which a package proves itself, with nothing but the file at hand.
//!
//! ```text
//! StampwrightFixedDigest    SHA-256 of the streams that no stamp changes, but the cabinet, whose blocks have checksums of their own
//! StampwrightContentDigest  SHA-256 of the former and of the streams that a stamp changes: `_StringData`, in which its own 64 digits are zeros,
//!                           the others in the order of their names, then name and length of each
//! ```
//!
//! Both are properties. A stamp takes the first as it finds it and computes the second anew, so it costs O(token). The strings come first: a stamp only adds to them,
//! so the state after the base's is kept with an open base. A stream goes in with its name and its length; the signature's two streams are left out. Together with the rule that a file is, byte for byte, the layout of its streams, no
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

/// The digest of the streams that no stamp changes, given in the order of their names.
fn fixed_digest<'s>(streams: impl IntoIterator<Item = (&'s [u16], &'s [u8])>) -> [u8; 32] {
    let mut digest = Sha256::new();
    for (name, content) in streams {
        extent(&mut digest, name, content.len());
        digest.update(content);
    }
    digest.finalize().into()
}

/// The state of the digest of the streams that a stamp changes, after the fixed digest and these strings; in them, its own digits at `place`
/// count as zeros.
pub(super) fn state(fixed: &[u8; 32], strings: &[u8], place: &Range<usize>) -> Option<Sha256> {
    let mut digest = Sha256::new_with_prefix(fixed);
    digest.update(strings.get(..place.start)?);
    digest.update(UNKNOWN_CONTENT);
    digest.update(strings.get(place.end..)?);
    Some(digest)
}

/// The streams that a stamp changes, each with its name.
pub(super) struct Changed<'s> {
    /// `_StringData`.
    pub(super) strings: (&'s [u16], &'s mut [u8]),
    /// The others.
    pub(super) others: [(&'s [u16], &'s [u8]); 3],
}

/// Puts the digest of the streams that a stamp changes at `place` into the strings. `state` has seen the first `seen` bytes of these, which no
/// stamp changes.
pub(super) fn prove(state: &Sha256, seen: usize, place: &Range<usize>, streams: Changed<'_>) -> Option<()> {
    let Changed { strings: (strings_name, strings), mut others } = streams;
    others.sort_unstable_by_key(|(name, _)| *name);
    let mut digest = state.clone();
    digest.update(strings.get(seen..)?);
    others.iter().for_each(|(_, content)| digest.update(content));
    let others = others.iter().map(|(name, content)| (*name, content.len()));
    for (name, len) in std::iter::once((strings_name, strings.len())).chain(others) {
        extent(&mut digest, name, len);
    }
    let digest: [u8; 32] = digest.finalize().into();
    strings.get_mut(place.clone())?.copy_from_slice(hex(&digest).as_bytes());
    Some(())
}

/// A stream's name and length, as both digests take them.
fn extent(digest: &mut Sha256, name: &[u16], len: usize) {
    digest.update((name.len() as u64).to_le_bytes());
    for unit in name {
        digest.update(unit.to_le_bytes());
    }
    digest.update((len as u64).to_le_bytes());
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
    let fixed = fixed_digest(fixed.iter().map(|(name, data)| (name.as_slice(), *data)));
    let strings_name = name::table_stream_name("_StringData");
    let (mut strings, mut others) = (None, Vec::new());
    for (name, data) in streams.iter_mut().filter(|(name, _)| is_changed(name)) {
        if *name == strings_name { strings = Some(data) } else { others.push((utf16(name), &*data)) }
    }
    let missing = || BuildError::Product {
        field: "product",
        problem: "makes a database without its digests".to_owned(),
        hint: None,
    };
    let strings = strings.ok_or_else(missing)?;
    let place = find(strings, UNKNOWN_FIXED).ok_or_else(missing)?;
    strings.get_mut(place).ok_or_else(missing)?.copy_from_slice(hex(&fixed).as_bytes());
    let place = find(strings, UNKNOWN_CONTENT).ok_or_else(missing)?;
    let state = state(&fixed, strings, &place).ok_or_else(missing)?;
    let (seen, strings_name) = (strings.len(), utf16(&strings_name));
    let others: Vec<(&[u16], &[u8])> = others.iter().map(|(name, data)| (name.as_slice(), data.as_slice())).collect();
    let others = others.try_into().map_err(|_| missing())?;
    prove(&state, seen, &place, Changed { strings: (&strings_name, strings), others }).ok_or_else(missing)
}

/// Where these digits are.
fn find(data: &[u8], digits: &[u8; DIGITS]) -> Option<Range<usize>> {
    let at = data.windows(DIGITS).position(|part| part == digits)?;
    Some(at..at + DIGITS)
}

fn utf16(name: &str) -> Vec<u16> {
    name.encode_utf16().collect()
}
