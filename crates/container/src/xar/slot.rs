//! A place for a token behind an archive, before a stapled ticket: covered by no signature, and not looked at by any reader of tickets.
//!
//! ```text
//! XAR │ \nstampwright-slot-1 LLLL CCCCCCCCCC TTTT…\n │ terminator │ ticket │ record
//!       └─ 4133 bytes, whatever token is in it ────┘   └─ a stapled ticket, or nothing ─┘
//! ```
//!
//! It is one line of text, so that a shell script finds it with `tail` and `grep -a`: `L` is the token's length in four
//! digits, `C` its POSIX `cksum` in ten, `T` the token and spaces up to 4096. Google's updater keeps its tags in the same gap (Chromium
//! `pkg_tag.cc`).

use std::io::Write as _;

use super::trailer::{RECORD_BYTES, record};
use super::{Archive, Trailer, trailer};
use crate::bom::Cksum;
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};
use crate::slot::{MAX_TOKEN_BYTES, PKG_LEN_BYTES, PKG_MARK};

const STRUCTURE: &str = "slot";

/// What stands in the slot without a token.
#[must_use]
pub fn empty() -> Vec<u8> {
    let mut out = Vec::with_capacity(PKG_LEN_BYTES);
    fill(&[], &mut out);
    out
}

/// Appends a slot with this token, of 4096 bytes at most, or an empty one. `out` should have the room already, if its content is a secret.
pub fn fill(token: &[u8], out: &mut Vec<u8>) {
    let checksum = if token.is_empty() {
        0
    } else {
        let mut cksum = Cksum::default();
        cksum.update(token);
        cksum.finish()
    };
    // writing into a vector cannot fail
    let _ = write!(out, "\n{PKG_MARK} {:04} {checksum:010} ", token.len());
    out.extend(token);
    out.extend(std::iter::repeat_n(b' ', MAX_TOKEN_BYTES.saturating_sub(token.len())));
    out.push(b'\n');
}

/// Where the slot of an archive is in its file. `None`: there is none; what lies there may be something else.
pub fn find(file: &(impl ReadAt + ?Sized), archive: &Archive) -> Result<Option<u64>, Error> {
    let Trailer { gap_bytes, .. } = trailer(file, archive.end)?;
    let start = format!("\n{PKG_MARK}");
    let len = gap_bytes.min(start.len() as u64);
    if read_vec(file, STRUCTURE, archive.end, len, start.len())? != start.as_bytes() {
        return Ok(None);
    }
    if gap_bytes != PKG_LEN_BYTES as u64 {
        let problem = Problem::Value { field: "length", found: gap_bytes, expected: "4133, and nothing beside it" };
        return Err(Malformed { structure: STRUCTURE, offset: archive.end, problem }.into());
    }
    Ok(Some(archive.end))
}

/// The token's bytes in a slot. `None`: it is empty.
pub fn read(slot: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let mut r = Reader::new(STRUCTURE, 0, slot);
    let text = |what| Problem::Text { what };
    if r.take(1)? != b"\n" || r.take(PKG_MARK.len())? != PKG_MARK.as_bytes() {
        return Err(r.wrong(text("it does not start as a slot does")));
    }
    let mut number = |digits: usize| -> Result<u64, Malformed> {
        let space = r.take(1)?;
        let found = r.take(digits)?;
        let value = std::str::from_utf8(found).ok().filter(|_| found.iter().all(u8::is_ascii_digit) && space == b" ");
        value.and_then(|value| value.parse().ok()).ok_or_else(|| r.wrong(text("a number is not one")))
    };
    let (len, checksum) = (number(4)?, number(10)?);
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    if len > MAX_TOKEN_BYTES {
        let expected = "4096 at most";
        return Err(r.wrong(Problem::Value { field: "length of the token", found: len as u64, expected }));
    }
    let space = r.take(1)?;
    let token = r.take(len)?;
    let padding = r.take(MAX_TOKEN_BYTES - len)?;
    if space != b" " || r.take(1)? != b"\n" || padding.iter().any(|byte| *byte != b' ') {
        return Err(r.wrong(text("something stands beside the token")));
    }
    r.finish()?;
    let mut cksum = Cksum::default();
    cksum.update(token);
    if (if len == 0 { 0 } else { cksum.finish().into() }) != checksum {
        return Err(Malformed {
            structure: STRUCTURE,
            offset: Malformed::NOWHERE,
            problem: Problem::Mismatch { what: "the checksum and the token" },
        });
    }
    Ok((len > 0).then_some(token))
}

/// Refuses what is not, from the archive's end to the end of the file, nothing or one well-formed notarization trailer: records back to back
/// that start with a terminator.
pub fn check_room(file: &(impl ReadAt + ?Sized), archive: &Archive) -> Result<(), Error> {
    const MAX_RECORDS: usize = 16;
    let wrong = |offset, what| Malformed { structure: "notarization trailer", offset, problem: Problem::Text { what } };
    let mut at = file.len();
    if at == archive.end {
        return Ok(());
    }
    for _ in 0..MAX_RECORDS {
        let Some(start) = at.checked_sub(RECORD_BYTES).filter(|start| *start >= archive.end) else {
            return Err(wrong(archive.end, "unknown bytes follow the archive").into());
        };
        let Some((kind, length)) = record(file, start)? else {
            return Err(wrong(start, "unknown bytes follow the archive, or the last record is damaged").into());
        };
        let content = start.checked_sub(length).filter(|content| *content >= archive.end);
        let content = content.ok_or_else(|| wrong(start, "a record is longer than what lies before it"))?;
        match (kind, content == archive.end) {
            (1, true) if length == 0 => return Ok(()),
            (0 | 1, _) => return Err(wrong(start, "the terminator does not follow the archive").into()),
            (_, true) => return Err(wrong(start, "the terminator is missing").into()),
            (_, false) => at = content,
        }
    }
    Err(wrong(at, "there are too many records").into())
}
