//! The rooms of the signatures in an archive: how large a signer needs them, and what it puts there.

use container::xar::{Room, SignedHead};

use crate::seal::{Imprint, SealError, Sealed, Sealer};

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
