//! Signing an archive, ours or somebody else's: a new head with room for the signatures, then the members as they are.
//!
//! ```text
//! header │ table of contents │ checksum │ RSA over it │ CMS over it, detached, and zeros │ members │
//! ```
//!
//! The payload is copied, never looked at: its checksum is in the table of contents already. A stapled ticket is left behind with the
//! signature that it was issued for.

use container::read_at;
use container::xar::{self, Packing, signed_head};

use super::reader::PackageReader;
use super::signature_room::{room, signatures};
use super::stamp::PkgStamper;
use crate::format::{Output, SignFileError};
use crate::signature::{Existing, SignImprint};

/// Writes the archive with fresh signatures.
pub(super) fn sign(
    opened: &PackageReader<'_>,
    signer: &dyn SignImprint,
    existing: Existing,
    out: &mut dyn Output,
) -> Result<(), SignFileError> {
    let (file, archive) = (opened.file, &opened.archive);
    if existing == Existing::Refuse && !archive.signatures.is_empty() {
        return Err(SignFileError::Signed);
    }
    let trailer = xar::trailer(file, archive.end)?;
    if trailer.gap_bytes != 0 {
        let what = format!("{} bytes follow the archive, and a signature would not cover them", trailer.gap_bytes);
        return Err(SignFileError::Refused { what });
    }
    let room = room(signer)?;
    let head = match PkgStamper::open(opened) {
        // An archive of ours keeps its layout, so that it can be stamped and signed again.
        Ok(slot) => slot.signed_head(&room)?,
        Err(_) => signed_head(&xar::table_of_contents(file)?, &room, Packing::Small)?,
    };
    let signatures = signatures(&head, &room, signer)?;
    let failed = |source| SignFileError::Write { verb: "write the signed archive", source };
    out.write_all(&head.head).and_then(|()| out.write_all(&signatures)).map_err(failed)?;
    let members = archive.heap_offset + head.old_members..archive.end;
    read_at::pieces(
        file,
        members,
        |error| container::Error::io("read the archive")(error).into(),
        |piece| out.write_all(piece).map_err(failed),
    )
}
