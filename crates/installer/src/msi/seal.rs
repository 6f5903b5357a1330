//! Signing a package, ours or somebody else's: two streams of the root are added or replaced, and the file is laid out anew.
//!
//! `MsiDigitalSignatureEx` always goes along: without it a signature covers neither the names of streams nor where one ends.

use container::ReadAt;
use container::authenticode::Msi;
use container::cfb::read::Compound;
use container::cfb::rebuild::{Edit, RebuildError, rebuild};
use container::msidb::name::{DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_EX};
use sha2::{Digest, Sha256};

use crate::format::{Output, SealFileError};
use crate::seal::{Existing, Imprint, Sealer};

/// Writes the package with a fresh signature.
pub(super) fn seal(
    compound: &Compound<&dyn ReadAt>,
    sealer: &dyn Sealer,
    existing: Existing,
    out: &mut dyn Output,
) -> Result<(), SealFileError> {
    let msi = Msi::new(compound)?;
    if existing == Existing::Refuse && msi.signature()?.is_some() {
        return Err(SealFileError::Signed);
    }
    let mut hasher = Sha256::new();
    msi.metadata(&mut hasher);
    let dse: [u8; 32] = hasher.finalize().into();
    let mut hasher = Sha256::new_with_prefix(dse);
    msi.content(&mut hasher)?;
    let sha256 = hasher.finalize().into();
    let sealed = sealer.seal(&Imprint::Msi { sha256 })?;
    let [signature, ex] =
        [DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_EX].map(|name| name.encode_utf16().collect::<Vec<u16>>());
    let edits = [Edit::Put { name: &signature, data: &sealed.cms }, Edit::Put { name: &ex, data: &dse }];
    rebuild(compound, &edits, out).map_err(failure)?;
    Ok(())
}

fn failure(error: RebuildError) -> SealFileError {
    match error {
        RebuildError::Read(error) => error.into(),
        RebuildError::Write(source) => SealFileError::Write { verb: "write the signed package", source },
        RebuildError::Damaged(_) | RebuildError::Refusal(_) => SealFileError::Refused { what: error.to_string() },
    }
}
