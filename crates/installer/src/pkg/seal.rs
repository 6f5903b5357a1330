//! Signing an archive, ours or somebody else's: a new head with room for the signatures, then the members as they are.
//!
//! ```text
//! header │ table of contents │ checksum │ RSA over it │ CMS over it, detached, and zeros │ members │
//! ```
//!
//! The payload is copied, never looked at: its checksum is in the table of contents already. A stapled ticket is left behind with the
//! signature that it was issued for.

use container::at;
use container::xar::{self, Packing, Room, SignedHead, signed_head};

use super::opened::Opened;
use super::stamp::PkgStamper;
use crate::format::{Output, SealFileError};
use crate::seal::{Existing, Imprint, SealError, Sealed, Sealer};

/// Writes the archive with fresh signatures.
pub(super) fn seal(
    opened: &Opened<'_>,
    sealer: &dyn Sealer,
    existing: Existing,
    out: &mut dyn Output,
) -> Result<(), SealFileError> {
    let (file, archive) = (opened.file, &opened.archive);
    if existing == Existing::Refuse && !archive.signatures.is_empty() {
        return Err(SealFileError::Signed);
    }
    let trailer = xar::trailer(file, archive.end)?;
    if trailer.gap_bytes != 0 {
        let what = format!(
            "{} bytes follow the archive that belong to nobody; a signature would not cover them",
            trailer.gap_bytes
        );
        return Err(SealFileError::Refused { what });
    }
    let room = room(sealer)?;
    let head = match PkgStamper::open(opened) {
        // An archive of ours keeps its layout, so that it can be stamped and signed again.
        Ok(slot) => slot.signed_head(&room)?,
        Err(_) => signed_head(&xar::table_of_contents(file)?, &room, Packing::Small)?,
    };
    let signatures = signatures(&head, &room, sealer)?;
    let failed = |source| SealFileError::Write { verb: "write the signed archive", source };
    out.write_all(&head.head).and_then(|()| out.write_all(&signatures)).map_err(failed)?;
    let members = archive.heap_offset + head.old_members..archive.end;
    at::pieces(
        file,
        members,
        |error| container::Error::io("read the archive")(error).into(),
        |piece| out.write_all(piece).map_err(failed),
    )
}

/// The room that a signer needs.
pub(super) fn room(sealer: &dyn Sealer) -> Result<Room<'_>, SealError> {
    if sealer.rsa_len() == 0 {
        return Err(SealError::wrong("a flat package needs an RSA key: macOS looks for an RSA signature in it"));
    }
    Ok(Room {
        certificates: sealer.certificates(),
        rsa_bytes: sealer.rsa_len() as u64,
        cms_bytes: sealer.most_cms_len() as u64,
    })
}

/// Both signatures over a head's checksum, in their rooms.
pub(super) fn signatures(head: &SignedHead, room: &Room<'_>, sealer: &dyn Sealer) -> Result<Vec<u8>, SealError> {
    let Sealed { mut cms, rsa } = sealer.seal(&Imprint::Toc { sha1: head.sha1 })?;
    let mut out = rsa.unwrap_or_default();
    if out.len() as u64 != room.rsa_bytes {
        return Err(SealError::wrong(format!("the RSA signature has {} bytes, must be {}", out.len(), room.rsa_bytes)));
    }
    if cms.len() as u64 > room.cms_bytes {
        return Err(SealError::wrong(format!(
            "the CMS signature has {} bytes, must be {} at most",
            cms.len(),
            room.cms_bytes
        )));
    }
    cms.resize(usize::try_from(room.cms_bytes).unwrap_or(usize::MAX), 0);
    out.append(&mut cms);
    Ok(out)
}
