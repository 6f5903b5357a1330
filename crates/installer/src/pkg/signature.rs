//! Reading what the signatures of an archive say, any archive, and what they must be over.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use container::reader::{Malformed, Problem};
use container::xar::{self, Archive, MemberKind};
use container::{ReadAt, read_at};

use super::reader::PackageReader;
use crate::format::ReadError;
use crate::signature::{Imprints, RsaSignature, Signature, SignatureBytes};

/// A CMS signature with timestamps has some 10 KB.
const MAX_BYTES: usize = 1 << 20;

/// The signatures and what they must be over: the checksum of the table of contents, which has been computed again.
pub(super) fn signature(opened: &PackageReader<'_>) -> Result<Option<Signature>, ReadError> {
    let archive = &opened.archive;
    if archive.signatures.is_empty() {
        return Ok(None);
    }
    let sha1 = archive.toc_checksum.as_slice().try_into().map_err(|_| {
        wrong(Problem::Text { what: "the checksum that is signed is not SHA-1, the only one that is read here" })
    })?;
    let SignatureBytes { cms, rsa } = stored(opened.file, archive)?;
    let certificates = archive.signatures.first().map(certificates).transpose()?.unwrap_or_default();
    let rsa = rsa.map(|bytes| RsaSignature { bytes, certificates });
    let defects = defects(opened.file, archive)?;
    Ok(Some(Signature { cms, imprint: Imprints::Toc { sha1 }, rsa, defects, notes: Vec::new() }))
}

/// The members whose content is not what the signed table of contents says. Reads everything.
fn defects(file: &dyn ReadAt, archive: &Archive) -> Result<Vec<String>, ReadError> {
    let mut defects = Vec::new();
    for member in &archive.members {
        let MemberKind::File(Some(data)) = &member.kind else { continue };
        match archive.verify(file, data) {
            Ok(()) => {}
            Err(container::Error::Malformed(malformed)) => defects.push(format!("{}: {malformed}", member.path)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(defects)
}

/// The signatures' own bytes.
pub(super) fn signature_bytes(opened: &PackageReader<'_>) -> Result<Option<SignatureBytes>, ReadError> {
    if opened.archive.signatures.is_empty() { Ok(None) } else { stored(opened.file, &opened.archive).map(Some) }
}

fn stored(file: &dyn ReadAt, archive: &Archive) -> Result<SignatureBytes, ReadError> {
    let (mut cms, mut rsa) = (None, None);
    for signature in &archive.signatures {
        let place = match signature.style.as_str() {
            "CMS" => &mut cms,
            "RSA" => &mut rsa,
            _ => return Err(wrong(Problem::Text { what: "a signature is neither RSA nor CMS" }).into()),
        };
        if place.is_some() {
            return Err(wrong(Problem::Twice { what: "a signature" }).into());
        }
        let start = archive.heap_offset.saturating_add(signature.offset);
        *place = Some(read_at::read_vec(file, "xar signature", start, signature.size, MAX_BYTES)?);
    }
    Ok(SignatureBytes { cms: cms.unwrap_or_default(), rsa })
}

/// The certificates that the table of contents names, DER.
pub(super) fn certificates(signature: &xar::Signature) -> Result<Vec<Vec<u8>>, Malformed> {
    let decode = |text: &String| {
        let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        STANDARD.decode(text).map_err(|_| wrong(Problem::Text { what: "a certificate is not base64" }))
    };
    signature.certificates.iter().map(decode).collect()
}

const fn wrong(problem: Problem) -> Malformed {
    Malformed { structure: "xar signature", offset: Malformed::NOWHERE, problem }
}
