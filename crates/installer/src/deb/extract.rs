//! Takes a package apart.

use std::io;

use super::names::token_path;
use super::read::{Entry, Package, TarEntryKind};
use crate::format::{Area, EntryKind, Extracted, ReadError, Sink};

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
            Some(piece) if matches!(piece.kind, EntryKind::File(_)) => sink.entry(&piece, content),
            Some(piece) => sink.entry(&piece, &mut io::empty()),
            None => Ok(()),
        }
    })
}

/// The root itself is not extracted.
fn piece(entry: &Entry, area: Area) -> Option<Extracted<'_>> {
    let kind = match &entry.kind {
        TarEntryKind::Folder => EntryKind::Folder,
        TarEntryKind::File(len) => EntryKind::File(*len),
        TarEntryKind::Link(target) => EntryKind::Link(target),
        TarEntryKind::HardLink(target) => EntryKind::HardLink(target),
    };
    (!entry.path.is_empty()).then_some(Extracted { area, path: &entry.path, kind, mode: entry.mode & 0o7777 })
}
