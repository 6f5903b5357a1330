//! Takes a package apart.

use std::io;

use super::names::token_path;
use super::read::{Entry, EntryKind, Package};
use crate::format::{Area, Extracted, ReadError, Sink, What};

/// Gives the control archive's files as metadata, everything that gets installed as payload, the token as token.
pub(super) fn extract(package: &Package<'_>, sink: &mut dyn Sink) -> Result<(), ReadError> {
    let token = package.control()?.mark().map(|mark| token_path(&mark.package));
    package.walk_control(&mut |entry, mut content| match piece(entry, Area::Metadata) {
        Some(piece) => sink.entry(&piece, &mut content),
        None => Ok(()),
    })?;
    package.walk_data(&mut |entry, content| {
        if token.as_deref() == Some(entry.path.as_str()) {
            let piece = piece(entry, Area::Token);
            return piece.map_or(Ok(()), |piece| sink.entry(&Extracted { path: "enrollment-token", ..piece }, content));
        }
        match piece(entry, Area::Payload) {
            Some(piece) if matches!(piece.what, What::File(_)) => sink.entry(&piece, content),
            Some(piece) => sink.entry(&piece, &mut io::empty()),
            None => Ok(()),
        }
    })
}

/// The root is nobody's piece.
fn piece(entry: &Entry, area: Area) -> Option<Extracted<'_>> {
    let what = match &entry.kind {
        EntryKind::Folder => What::Folder,
        EntryKind::File(len) => What::File(*len),
        EntryKind::Link(target) => What::Link(target),
        EntryKind::HardLink(target) => What::HardLink(target),
    };
    (!entry.path.is_empty()).then_some(Extracted { area, path: &entry.path, what, mode: entry.mode & 0o7777 })
}
