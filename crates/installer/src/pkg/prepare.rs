//! The slot beside an archive's signatures: a block between the archive and a stapled ticket.

use std::io;

use container::slot::PKG_LEN_BYTES;
use container::xar::{Archive, slot};
use container::{Error, ReadAt, read_at};

use crate::format::{Output, PrepareError, ReadError};
use crate::secret::SecretBytes;
use crate::slot::{Slot, SlotFound, SlotState};
use crate::token::Token;

/// The slot of an archive, if it has one.
pub(super) fn slot(file: &dyn ReadAt, archive: &Archive) -> Result<Option<SlotFound>, ReadError> {
    let Some(offset) = slot::find(file, archive)? else { return Ok(None) };
    let content = SecretBytes::new(read_at::read_vec(file, "slot", offset, PKG_LEN_BYTES as u64, PKG_LEN_BYTES)?);
    let state = match slot::read(&content) {
        Ok(None) => SlotState::Empty,
        Ok(Some(token)) => match Token::parse(token) {
            Ok(parsed) if parsed.len() == token.len() => SlotState::Filled(parsed),
            Ok(_) => SlotState::Damaged("the token in the slot ends in a line ending".to_owned()),
            Err(error) => SlotState::Damaged(error.to_string()),
        },
        Err(malformed) => SlotState::Damaged(malformed.to_string()),
    };
    Ok(Some(SlotFound { slot: Slot { offset, empty: slot::empty() }, state }))
}

/// What stands in the slot with this token.
pub(super) fn fill(token: &Token) -> SecretBytes {
    let mut out = Vec::with_capacity(PKG_LEN_BYTES);
    slot::fill(token.expose().as_bytes(), &mut out);
    SecretBytes::new(out)
}

/// Writes a signed archive with an empty slot before its ticket, if there is one.
pub(super) fn prepare(file: &dyn ReadAt, archive: &Archive, out: &mut dyn Output) -> Result<Slot, PrepareError> {
    if archive.signatures.is_empty() {
        return Err(PrepareError::Unsigned);
    }
    slot::check_room(file, archive)?;
    let empty = slot::empty();
    let failed = |source: io::Error| PrepareError::Write { verb: "write the prepared archive", source };
    copy(file, 0..archive.end, out)?;
    out.write_all(&empty).map_err(failed)?;
    copy(file, archive.end..file.len(), out)?;
    Ok(Slot { offset: archive.end, empty })
}

fn copy(file: &dyn ReadAt, range: std::ops::Range<u64>, out: &mut dyn Output) -> Result<(), PrepareError> {
    read_at::pieces(
        file,
        range,
        |error| Error::io("archive")(error).into(),
        |piece| {
            out.write_all(piece).map_err(|source| PrepareError::Write { verb: "write the prepared archive", source })
        },
    )
}
