//! What lies behind an archive: the trailer of a stapled notarization ticket, or unknown bytes.
//!
//! Apple's reader (Security, `notarization.cpp`) starts at the end of the file and walks back over records of 16 bytes,
//! `"t8lr"`, u16 version, u16 type, u32 length, 4 reserved, all little-endian, each behind `length` bytes of content:
//!
//! ```text
//! [XAR][gap][terminator, type 1, length 0][ticket][record, type 2, length of the ticket] end of file
//! ```
//!
//! An unknown type is stepped over; type 1 or 0 ends the walk. The gap is covered by nothing.

use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

/// One record.
pub(super) const RECORD_BYTES: u64 = 16;
/// More records than this are not followed.
const MAX_RECORDS: usize = 64;

/// What lies behind the last extent of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trailer {
    /// Bytes between the archive and the notarization trailer, or the end of the file.
    pub gap_bytes: u64,
    /// Where the stapled ticket lies: offset in the file and length.
    pub ticket: Option<(u64, u64)>,
}

/// Looks at what `file` has behind `end`, the end of the archive in it.
pub fn trailer(file: &(impl ReadAt + ?Sized), end: u64) -> Result<Trailer, Error> {
    let mut at = file.len();
    let mut ticket = None;
    for _ in 0..MAX_RECORDS {
        let Some(start) = at.checked_sub(RECORD_BYTES).filter(|start| *start >= end) else { break };
        let Some((kind, length)) = record(file, start)? else { break };
        let content = start.checked_sub(length).filter(|content| *content >= end);
        let content = content.ok_or(Malformed {
            structure: "notarization trailer",
            offset: start,
            problem: Problem::Truncated { needed: length, found: start - end },
        })?;
        if kind == 2 {
            ticket = Some((content, length));
        }
        at = content;
        if kind <= 1 {
            break;
        }
    }
    Ok(Trailer { gap_bytes: at.saturating_sub(end), ticket })
}

/// Type and length of the record at `start`, if there is one.
pub(super) fn record(file: &(impl ReadAt + ?Sized), start: u64) -> Result<Option<(u16, u64)>, Error> {
    let record = read_vec(file, "notarization trailer", start, RECORD_BYTES, 16)?;
    let mut r = Reader::new("notarization trailer", start, &record);
    if r.take(4)? != b"t8lr" {
        return Ok(None);
    }
    let (_version, kind, length) = (r.u16_le()?, r.u16_le()?, u64::from(r.u32_le()?));
    Ok(Some((kind, length)))
}
