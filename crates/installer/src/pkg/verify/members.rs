//! The archive itself: each member's checksum, holes, and what lies behind.

use container::xar::{CHECKSUM_BYTES, MemberKind};

use crate::format::ReadError;
use crate::pkg::reader::PackageReader;
use crate::report::Report;

pub(super) fn check(
    pkg: &PackageReader<'_>,
    prepared: bool,
    is_ours: bool,
    report: &mut Report,
) -> Result<(), ReadError> {
    let archive = &pkg.archive;
    let mut extents: Vec<(u64, u64)> = archive.signatures.iter().map(|s| (s.offset, s.size)).collect();
    for member in &archive.members {
        let MemberKind::File(Some(data)) = &member.kind else { continue };
        extents.push((data.offset, data.length));
        let held = match archive.verify(pkg.file, data) {
            Ok(()) => Ok(()),
            Err(container::Error::Malformed(malformed)) => Err(malformed.to_string()),
            Err(error) => return Err(error.into()),
        };
        report.check(held.is_ok(), "pkg-member-checksum", &member.path, || held.err().unwrap_or_default());
    }
    extents.extend(archive.attributes.iter().copied());
    extents.sort_unstable();
    let mut holes = 0;
    let mut end = if archive.checksum_style == "sha1" { CHECKSUM_BYTES } else { archive.toc_checksum.len() as u64 };
    for (offset, length) in extents {
        // Apple's tools leave some behind their table of contents.
        if is_ours {
            report.check(offset <= end, "pkg-heap-hole", format!("heap offset {end:#x}"), || {
                format!("{} bytes belong to no member, and no checksum covers them", offset - end)
            });
        } else {
            holes += offset.saturating_sub(end);
        }
        end = end.max(offset + length);
    }
    if holes > 0 {
        let message = format!("{holes} bytes belong to no member, and no checksum covers them");
        report.note("pkg-heap-hole", "heap", message);
    }
    let trailer = pkg.trailer()?;
    if trailer.gap_bytes != 0 && !prepared {
        let place = format!("offset {:#x}", archive.end);
        report.warning(
            "pkg-trailing",
            place,
            format!("{} bytes follow the archive; nothing covers them", trailer.gap_bytes),
        );
    }
    match (archive.signatures.is_empty(), trailer.ticket) {
        (true, Some(_)) => {
            report.error("pkg-ticket", "end of file", "a notarization ticket is stapled to an unsigned installer")
        }
        (true, None) => report.note(
            "pkg-unsigned",
            "table of contents",
            "the installer is not signed: management systems that install through Apple's MDM refuse it",
        ),
        (false, Some(_)) => report.note("pkg-ticket", "end of file", "a notarization ticket is stapled"),
        (false, None) => {}
    }
    Ok(())
}
