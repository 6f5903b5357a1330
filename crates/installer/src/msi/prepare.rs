//! The slot beside a package's signature: an extension of a superfluous certificate in `DigitalSignature`.
//!
//! ```text
//! header │ … everything that is signed, and where it lies … │ DigitalSignature, the last stream │ end of file
//!                                                             …│ certificates … │ slot │ …│
//! ```
//!
//! Once it has the slot the stream is longer than 4096 bytes, so it has sectors of its own; the rebuild puts them last and side by side.
//! `MsiDigitalSignatureEx` covers neither the stream nor its length, and stays.

use container::ReadAt;
use container::authenticode::{IndirectData, Msi, slot};
use container::cfb::read::Compound;
use container::cfb::rebuild::{Edit, RebuildError, Rebuilt, rebuild};
use container::cms::SignedData;
use container::der::Encoding;
use container::msidb::name::DIGITAL_SIGNATURE;
use container::reader::{Malformed, Problem};
use container::slot::MSI_LEN_BYTES;

use crate::format::{Output, PrepareError, ReadError};
use crate::secret::SecretBytes;
use crate::slot::{Slot, SlotFound, SlotState};
use crate::token::Token;

/// A dual signature with timestamps has some 30 KB.
const MAX_SIGNATURE_BYTES: usize = 16 << 20;

/// The slot of a package, if it has one.
pub(super) fn slot(compound: &Compound<&dyn ReadAt>) -> Result<Option<SlotFound>, ReadError> {
    let name: Vec<u16> = DIGITAL_SIGNATURE.encode_utf16().collect();
    let Some(entry) = compound.find(&name) else { return Ok(None) };
    let stream = compound.read(entry, MAX_SIGNATURE_BYTES)?;
    let Some(start) = slot::find(&stream)? else { return Ok(None) };
    let extents = compound.extents(entry)?;
    let [run] = extents.runs() else {
        let problem = Problem::Text { what: "the signature with the slot is not in one piece" };
        return Err(Malformed { structure: "slot", offset: Malformed::NOWHERE, problem }.into());
    };
    let cut_short = || Malformed {
        structure: "slot",
        offset: start as u64,
        problem: Problem::Text { what: "the slot is cut short" },
    };
    let content = stream.get(start..).and_then(|rest| rest.get(..MSI_LEN_BYTES)).ok_or_else(cut_short)?;
    let state = match slot::read(content) {
        Ok(None) => SlotState::Empty,
        Ok(Some(token)) => match Token::parse(token) {
            Ok(parsed) if parsed.len() == token.len() => SlotState::Filled(parsed),
            Ok(_) => SlotState::Damaged("the token in the slot ends in a line ending".to_owned()),
            Err(error) => SlotState::Damaged(error.to_string()),
        },
        Err(malformed) => SlotState::Damaged(malformed.to_string()),
    };
    Ok(Some(SlotFound { slot: Slot { offset: run.start + start as u64, empty: slot::empty() }, state }))
}

/// What stands in the slot with this token.
pub(super) fn fill(token: &Token) -> SecretBytes {
    let mut out = SecretBytes::new(slot::empty());
    let text = token.expose().as_bytes();
    let [.., high, low] = text.len().to_be_bytes();
    for (place, byte) in out.iter_mut().skip(17).zip([high, low].iter().chain(text)) {
        *place = *byte;
    }
    out
}

/// Writes a signed package with an empty slot.
pub(super) fn prepare(compound: &Compound<&dyn ReadAt>, out: &mut dyn Output) -> Result<Slot, PrepareError> {
    let msi = Msi::new(compound)?;
    let signature = msi.signature()?.ok_or(PrepareError::Unsigned)?;
    check(&msi, &signature)?;
    let (stream, start) = slot::insert(&signature)?;
    let name: Vec<u16> = DIGITAL_SIGNATURE.encode_utf16().collect();
    let edits = [Edit::Put { name: &name, data: &stream }];
    let Rebuilt { last, .. } = rebuild(compound, &edits, out).map_err(|error| match error {
        RebuildError::Read(error) => error.into(),
        RebuildError::Write(source) => PrepareError::Write { verb: "write the prepared package", source },
        RebuildError::Damaged(_) | RebuildError::Refusal(_) => PrepareError::Refused { what: error.to_string() },
    })?;
    let last =
        last.ok_or_else(|| PrepareError::Refused { what: "the signature has no sectors of its own".to_owned() })?;
    Ok(Slot { offset: last + start as u64, empty: slot::empty() })
}

/// The signature must be one over this content: a slot beside another would only be found to be worthless later.
fn check<R: ReadAt>(msi: &Msi<'_, R>, signature: &[u8]) -> Result<(), PrepareError> {
    let message = SignedData::read(Encoding::Der, signature)?;
    let content = IndirectData::read(&message)?;
    let algorithm = content.algorithm().map_err(|name| PrepareError::Refused {
        what: format!("its signature is over the {name} digest of the package, which is not computed here"),
    })?;
    let Some(dse) = msi.dse()? else {
        let what = "the package has no MsiDigitalSignatureEx: names and borders of its streams are not signed; sign it with signtool, or osslsigncode -add-msi-dse";
        return Err(PrepareError::Refused { what: what.to_owned() });
    };
    if msi.prehash(algorithm)[..] != *dse {
        return Err(PrepareError::Invalid("MsiDigitalSignatureEx is not that of this package".to_owned()));
    }
    if msi.digest(algorithm)?[..] != *content.digest {
        return Err(PrepareError::Invalid("its digest is not that of this package".to_owned()));
    }
    Ok(())
}
