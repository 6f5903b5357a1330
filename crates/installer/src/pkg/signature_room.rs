//! The rooms of the signatures in an archive: how large a signer needs them, and what it puts there.

use container::xar::{Room, SignedHead};

use crate::signature::{Imprint, SignImprint, SignatureBytes, SignatureError};

/// The room that a signer needs.
pub(super) fn room(signer: &dyn SignImprint) -> Result<Room<'_>, SignatureError> {
    if signer.rsa_len() == 0 {
        return Err(SignatureError::wrong("a flat package needs an RSA key: macOS looks for an RSA signature in it"));
    }
    Ok(Room {
        certificates: signer.certificates(),
        rsa_bytes: signer.rsa_len() as u64,
        cms_bytes: signer.max_cms_len() as u64,
    })
}

/// Both signatures over a head's checksum, in their rooms.
pub(super) fn signatures(
    head: &SignedHead,
    room: &Room<'_>,
    signer: &dyn SignImprint,
) -> Result<Vec<u8>, SignatureError> {
    let SignatureBytes { mut cms, rsa } = signer.sign_imprint(&Imprint::Toc { sha1: head.sha1 })?;
    let mut out = rsa.unwrap_or_default();
    if out.len() as u64 != room.rsa_bytes {
        return Err(SignatureError::wrong(format!(
            "the RSA signature has {} bytes, must be {}",
            out.len(),
            room.rsa_bytes
        )));
    }
    if cms.len() as u64 > room.cms_bytes {
        return Err(SignatureError::wrong(format!(
            "the CMS signature has {} bytes, must be {} at most",
            cms.len(),
            room.cms_bytes
        )));
    }
    cms.resize(usize::try_from(room.cms_bytes).unwrap_or(usize::MAX), 0);
    out.append(&mut cms);
    Ok(out)
}
