//! Reading what a signature says of a package, any package, and what it must be over.

use container::ReadAt;
use container::authenticode::{Msi, named_algorithms};
use container::cfb::read::Compound;
use container::digest::Algorithm;
use container::reader::{Malformed, Problem};

use crate::format::ReadError;
use crate::signature::{Imprints, Signature, SignatureBytes};

/// What it means that there is no such stream.
const WITHOUT_DSE: &str = "covers neither the names of the streams nor where one ends and the next begins: the package was signed without \
                           MsiDigitalSignatureEx, and prepare refuses it (signtool adds it, osslsigncode with -add-msi-dse)";

/// What it means that it is one of MD5.
const MD5_DSE: &str =
    "names an MD5 digest of the streams' names, sizes and times in MsiDigitalSignatureEx, which is not computed here";
const MD5_BYTES: usize = 16;

/// The signature and what it must be over. Reads everything.
pub(super) fn signature(compound: &Compound<&dyn ReadAt>) -> Result<Option<Signature>, ReadError> {
    let msi = Msi::new(compound)?;
    let Some(cms) = msi.signature()? else { return Ok(None) };
    let named = named_algorithms(&cms);
    // A message that cannot be read, or names what is not computed here, is held against what it would be over today.
    let algorithms = if named.is_empty() { vec![Algorithm::Sha256] } else { named.clone() };
    let digests = algorithms.into_iter().map(|algorithm| msi.digest(algorithm)).collect::<Result<_, _>>()?;
    let dse = msi.dse()?;
    let mut defects = Vec::new();
    let mut notes = Vec::new();
    match &dse {
        None => notes.push(WITHOUT_DSE.to_owned()),
        // The signature itself is said to be not checked then.
        Some(dse) if named.is_empty() && dse.len() == MD5_BYTES => notes.push(MD5_DSE.to_owned()),
        Some(dse) => defects.extend(dse_defect(&msi, dse).map(str::to_owned)),
    }
    Ok(Some(Signature { cms, imprint: Imprints::Msi(digests), rsa: None, defects, notes }))
}

/// The signature's own bytes. Reads the directory, and that `MsiDigitalSignatureEx` agrees with it.
pub(super) fn signature_bytes(compound: &Compound<&dyn ReadAt>) -> Result<Option<SignatureBytes>, ReadError> {
    let msi = Msi::new(compound)?;
    let Some(cms) = msi.signature()? else { return Ok(None) };
    if let Some(what) = msi.dse()?.and_then(|dse| dse_defect(&msi, &dse)) {
        return Err(
            Malformed { structure: "signature", offset: Malformed::NOWHERE, problem: Problem::Data { what } }.into()
        );
    }
    Ok(Some(SignatureBytes { cms, rsa: None }))
}

/// What is wrong with `MsiDigitalSignatureEx`, if anything is.
fn dse_defect<R: ReadAt>(msi: &Msi<'_, R>, dse: &[u8]) -> Option<&'static str> {
    let Some(algorithm) = Algorithm::ALL.into_iter().find(|algorithm| algorithm.len_bytes() == dse.len()) else {
        return Some("MsiDigitalSignatureEx has not the length of a digest that is computed here");
    };
    let same = msi.prehash(algorithm)[..] == *dse;
    (!same).then_some("MsiDigitalSignatureEx is not the digest of the names, sizes and times that are there")
}
