//! Signing a package, ours or somebody else's: two streams of the root are added or replaced, and the file is laid out anew.
//!
//! `MsiDigitalSignatureEx` always goes along: without it a signature covers neither the names of streams nor where one ends.

use container::ReadAt;
use container::authenticode::Msi;
use container::cfb::read::Compound;
use container::cfb::rebuild::{Edit, RebuildError, rebuild};
use container::msidb::name::{DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_EX};
use sha2::{Digest, Sha256};

use crate::format::{Output, SignFileError};
use crate::signature::{Existing, Imprint, SignImprint};

/// Writes the package with a fresh signature.
pub(super) fn sign(
    compound: &Compound<&dyn ReadAt>,
    signer: &dyn SignImprint,
    existing: Existing,
    out: &mut dyn Output,
) -> Result<(), SignFileError> {
    let msi = Msi::new(compound)?;
    if existing == Existing::Refuse && msi.signature()?.is_some() {
        return Err(SignFileError::Signed);
    }
    let mut hasher = Sha256::new();
    msi.metadata(&mut hasher);
    let dse: [u8; 32] = hasher.finalize().into();
    let mut hasher = Sha256::new_with_prefix(dse);
    msi.content(&mut hasher)?;
    let sha256 = hasher.finalize().into();
    let signed = signer.sign_imprint(&Imprint::Msi { sha256 })?;
    let [signature, ex] =
        [DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_EX].map(|name| name.encode_utf16().collect::<Vec<u16>>());
    let edits = [Edit::Put { name: &signature, data: &signed.cms }, Edit::Put { name: &ex, data: &dse }];
    rebuild(compound, &edits, out).map_err(failure)?;
    Ok(())
}

fn failure(error: RebuildError) -> SignFileError {
    match error {
        RebuildError::Read(error) => error.into(),
        RebuildError::Write(source) => SignFileError::Write { verb: "write the signed package", source },
        RebuildError::Damaged(_) | RebuildError::Refusal(_) => SignFileError::Refused { what: error.to_string() },
    }
}
