//! Reads an archive's headers; the members' bytes stay where they are.

use super::header::{HEADER_BYTES, HEADER_END, MAGIC};
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

/// More members than any deb has; an archive of headers only must not keep a reader busy.
const MAX_MEMBERS: usize = 32;
/// The name of the structure in errors.
const HEADER: &str = "ar member header";

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The name, without a System V dialect's final `/`.
    pub name: String,
    /// Its time, in seconds since 1970.
    pub mtime: u64,
    /// Where the header starts in the file.
    pub header: u64,
    /// Where the bytes start in the file.
    pub offset: u64,
    /// How many bytes there are.
    pub len: u64,
}

/// All members, in order. The archive must end where the file ends.
pub fn members(file: &(impl ReadAt + ?Sized)) -> Result<Vec<Member>, Error> {
    let magic = read_vec(file, "ar archive", 0, MAGIC.len() as u64, MAGIC.len())?;
    if magic != MAGIC {
        return Err(wrong("ar archive", 0, Problem::Missing { what: "the magic `!<arch>`" }).into());
    }
    let mut found: Vec<Member> = Vec::new();
    let mut at = MAGIC.len() as u64;
    while at < file.len() {
        if found.len() == MAX_MEMBERS {
            let problem = Problem::Value { field: "number of members", found: 33, expected: "32 at most" };
            return Err(wrong("ar archive", at, problem).into());
        }
        let member = member(file, at)?;
        at = end(file, &member)?;
        if found.iter().any(|other| other.name == member.name) {
            return Err(wrong(HEADER, member.header, Problem::Twice { what: "a member's name" }).into());
        }
        found.push(member);
    }
    Ok(found)
}

fn member(file: &(impl ReadAt + ?Sized), at: u64) -> Result<Member, Error> {
    let bytes = read_vec(file, HEADER, at, HEADER_BYTES, 60)?;
    let mut header = Reader::new(HEADER, at, &bytes);
    let name = name(header.take(16)?).ok_or_else(|| {
        wrong(HEADER, at, Problem::Text { what: "the name is not of letters, digits, `-`, `_`, `+` and `.`" })
    })?;
    let time = number(header.take(12)?, 10);
    let mtime =
        time.ok_or_else(|| wrong(HEADER, at + 16, Problem::Text { what: "the time is not a decimal number" }))?;
    for (width, radix, what) in [
        (6, 10, "the owner is not a decimal number"),
        (6, 10, "the group is not a decimal number"),
        (8, 8, "the mode is not an octal number"),
    ] {
        number(header.take(width)?, radix).ok_or_else(|| header.wrong(Problem::Text { what }))?;
    }
    let size = header.take(10)?;
    let what = "the size is not a decimal number";
    let len = number(size, 10).ok_or_else(|| wrong(HEADER, at + 48, Problem::Text { what }))?;
    if header.take(2)? != HEADER_END {
        return Err(wrong(HEADER, at + 58, Problem::Missing { what: "the header's end mark" }).into());
    }
    Ok(Member { name, mtime, header: at, offset: at + HEADER_BYTES, len })
}

/// Where the next header would be, after the padding.
fn end(file: &(impl ReadAt + ?Sized), member: &Member) -> Result<u64, Error> {
    let found = file.len().saturating_sub(member.offset);
    if member.len > found {
        let problem = Problem::Truncated { needed: member.len, found };
        return Err(wrong("ar member", member.offset, problem).into());
    }
    let end = member.offset + member.len;
    if member.len.is_multiple_of(2) {
        return Ok(end);
    }
    if read_vec(file, "ar padding", end, 1, 1)? != b"\n" {
        return Err(wrong("ar padding", end, Problem::Data { what: "the padding is not a newline" }).into());
    }
    Ok(end + 1)
}

fn name(field: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(field).ok()?.trim_end_matches(' ');
    let text = text.strip_suffix('/').unwrap_or(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_+.".contains(c);
    (!text.is_empty() && text.chars().all(plain)).then(|| text.to_owned())
}

fn number(field: &[u8], radix: u32) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_end_matches(' ');
    // `from_str_radix` takes a sign, which the format does not have.
    if text.starts_with(['+', '-']) { None } else { u64::from_str_radix(text, radix).ok() }
}

const fn wrong(structure: &'static str, offset: u64, problem: Problem) -> Malformed {
    Malformed { structure, offset, problem }
}

#[cfg(test)]
mod tests {
    use super::super::Writer;
    use super::*;
    use std::io::{Cursor, Write};

    fn archive() -> Vec<u8> {
        let mut ar = Writer::new(Cursor::new(Vec::new()), 1_700_000_000).unwrap();
        ar.member("debian-binary", |out| out.write_all(b"2.0\n")).unwrap();
        ar.member("control.tar.gz", |out| out.write_all(b"odd")).unwrap();
        ar.member("data.tar.xz", |out| out.write_all(&[7; 100])).unwrap();
        ar.finish().unwrap().into_inner()
    }

    #[test]
    fn members_are_where_they_were_written() {
        let bytes = archive();
        let found = members(&bytes).unwrap();
        let seen: Vec<_> = found.iter().map(|m| (m.name.as_str(), m.header, m.offset, m.len)).collect();
        assert_eq!(seen, [("debian-binary", 8, 68, 4), ("control.tar.gz", 72, 132, 3), ("data.tar.xz", 136, 196, 100)]);
    }

    #[test]
    fn bsd_text_of_the_header_is_as_dpkg_writes_it() {
        let bytes = archive();
        let header = std::str::from_utf8(&bytes[8..68]).unwrap();
        assert_eq!(header, "debian-binary   1700000000  0     0     100644  4         `\n");
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = archive();
        let whole: Vec<usize> = vec![8, 72, 136, bytes.len()];
        for len in (0..bytes.len()).filter(|len| !whole.contains(len)) {
            assert!(members(&bytes[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn what_apt_or_dpkg_would_refuse_is_refused() {
        let edit = |at: usize, with: &[u8]| {
            let mut bytes = archive();
            bytes[at..at + with.len()].copy_from_slice(with);
            members(&bytes).unwrap_err().to_string()
        };
        assert_eq!(edit(0, b"?"), "ar archive at 0x0: the magic `!<arch>` is missing");
        assert_eq!(edit(56, b"-1 "), "ar member header at 0x38: the size is not a decimal number");
        assert_eq!(edit(66, b"??"), "ar member header at 0x42: the header's end mark is missing");
        assert_eq!(edit(135, b"x"), "ar padding at 0x87: the padding is not a newline");
        assert_eq!(edit(184, b"9999999999"), "ar member at 0xc4: needs 9999999999 bytes, found 100");
        assert_eq!(edit(72, b"debian-binary "), "ar member header at 0x48: a member's name is there twice");
        let mut trailing = archive();
        trailing.extend(b"trailing");
        assert_eq!(members(&trailing).unwrap_err().to_string(), "ar member header at 0x128: needs 60 bytes, found 8");
    }

    #[test]
    fn headers_alone_do_not_keep_the_reader_busy() {
        let mut bytes = MAGIC.to_vec();
        for n in 0..100_000 {
            bytes.extend(format!("{n:<16}0           0     0     100644  0         `\n").as_bytes());
        }
        assert!(members(&bytes).is_err());
    }
}
