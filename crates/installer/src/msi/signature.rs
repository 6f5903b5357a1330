//! Reading what a signature says of a package, any package, and what it must be over.

use container::ReadAt;
use container::authenticode::Msi;
use container::bytes::{Malformed, Problem};
use container::cfb::read::Compound;
use container::digest::Algorithm;

use crate::format::ReadError;
use crate::seal::{Imprint, Sealed, Signature};

/// The signature and what it must be over. Reads everything.
pub(super) fn signature(compound: &Compound<&dyn ReadAt>) -> Result<Option<Signature>, ReadError> {
    let msi = Msi::new(compound)?;
    let Some(cms) = msi.signature()? else { return Ok(None) };
    let digest = msi.digest(Algorithm::Sha256)?;
    let sha256 = digest.try_into().unwrap_or_default();
    let defects = dse_defect(&msi)?.into_iter().map(str::to_owned).collect();
    Ok(Some(Signature { cms, imprint: Imprint::Msi { sha256 }, rsa: None, defects }))
}

/// The signature's own bytes. Reads the directory, and that `MsiDigitalSignatureEx` agrees with it.
pub(super) fn sealed(compound: &Compound<&dyn ReadAt>) -> Result<Option<Sealed>, ReadError> {
    let msi = Msi::new(compound)?;
    let Some(cms) = msi.signature()? else { return Ok(None) };
    if let Some(what) = dse_defect(&msi)? {
        return Err(Malformed { structure: "signature", offset: 0, problem: Problem::Data { what } }.into());
    }
    Ok(Some(Sealed { cms, rsa: None }))
}

/// What is wrong with `MsiDigitalSignatureEx`, if anything is. A package without one is in order.
fn dse_defect<R: ReadAt>(msi: &Msi<'_, R>) -> Result<Option<&'static str>, ReadError> {
    let Some(dse) = msi.dse()? else { return Ok(None) };
    let algorithm = match dse.len() {
        20 => Algorithm::Sha1,
        32 => Algorithm::Sha256,
        48 => Algorithm::Sha384,
        64 => Algorithm::Sha512,
        _ => return Ok(Some("MsiDigitalSignatureEx has not the length of a digest")),
    };
    let same = msi.prehash(algorithm) == dse;
    Ok((!same).then_some("MsiDigitalSignatureEx is not the digest of the names, sizes and times that are there"))
}
