//! Takes a package apart.

use std::fmt::Write as _;
use std::io;

use container::rpm::tag::{self, signature as signature_tag};
use container::rpm::{File, Header, Type};

use super::names::token_path;
use super::read::Package;
use super::signature;
use crate::format::{Area, EntryKind, Extracted, ReadError, Sink};

/// The scriptlets by the names that people know them by.
const SCRIPTLETS: [(&str, u32); 6] = [
    ("pretrans", tag::PRETRANS),
    ("pre", tag::PREIN),
    ("post", tag::POSTIN),
    ("preun", tag::PREUN),
    ("postun", tag::POSTUN),
    ("posttrans", tag::POSTTRANS),
];

/// Gives both headers as text, the scriptlets and the signature as metadata, everything that gets installed as payload, the token
/// as token.
pub(super) fn extract(package: &Package<'_>, sink: &mut dyn Sink) -> Result<(), ReadError> {
    let rpm = &package.rpm;
    let token = package.mark()?.map(|_| package.name().map(|name| token_path(&name))).transpose()?;
    metadata(sink, "signature-header.txt", text(&rpm.signature, signature_tag::name)?.as_bytes())?;
    metadata(sink, "header.txt", text(&rpm.header, tag::name)?.as_bytes())?;
    for (name, tag) in SCRIPTLETS {
        if let Some(script) = rpm.header.text(tag)? {
            metadata(sink, name, script.as_bytes())?;
        }
    }
    if let Some(Ok(packet)) = signature::packet(rpm)? {
        metadata(sink, "signature.pgp", &packet)?;
    }
    rpm.walk(&mut |file, content| {
        if token.as_deref() == Some(file.path.as_str()) {
            return sink.entry(&Extracted { path: "enrollment-token", ..piece(file, Area::Token) }, content);
        }
        if !(file.is_regular() || file.is_directory() || file.is_symlink()) {
            // A device or a pipe has no bytes; the header's text lists it.
            return Ok(());
        }
        let piece = piece(file, Area::Payload);
        match piece.kind {
            EntryKind::File(_) => sink.entry(&piece, content),
            _ => sink.entry(&piece, &mut io::empty()),
        }
    })?;
    Ok(())
}

fn metadata(sink: &mut dyn Sink, path: &str, mut content: &[u8]) -> Result<(), ReadError> {
    let kind = EntryKind::File(content.len() as u64);
    sink.entry(&Extracted { area: Area::Metadata, path, kind, mode: 0o644 }, &mut content)
}

fn piece(file: &File, area: Area) -> Extracted<'_> {
    let kind = match file {
        _ if file.is_directory() => EntryKind::Folder,
        _ if file.is_symlink() => EntryKind::Link(&file.target),
        _ => EntryKind::File(file.size),
    };
    Extracted { area, path: &file.path, kind, mode: file.mode & 0o7777 }
}

/// A header as text: a line for each value, with the tag's name.
fn text(header: &Header, name: fn(u32) -> Option<&'static str>) -> Result<String, ReadError> {
    let mut out = String::new();
    for (tag, kind, count) in header.tags() {
        let name = name(tag).map_or_else(|| format!("{tag}"), str::to_owned);
        let values = match kind {
            Type::String | Type::I18nString => header.text(tag)?.into_iter().collect(),
            Type::StringArray => header.texts(tag)?.unwrap_or_default(),
            Type::Bin | Type::Char => vec![format!("({count} bytes)")],
            _ => header.numbers(tag)?.unwrap_or_default().iter().map(u64::to_string).collect(),
        };
        for value in values {
            // A value of several lines goes on with a tab in front of each.
            let value = value.replace('\n', "\n\t");
            let _ = writeln!(out, "{name}\t{value}");
        }
    }
    Ok(out)
}
