//! ZIP archives of stored members, written from front to back to a stream that is never turned back.
//!
//! ```text
//!   |local header|member|local header|member| … |central directory|zip64 end|locator|end|
//! ```
//!
//! A member's length and CRC-32 are given before its bytes, so no data descriptor follows them and a reader of the stream
//! knows where each member ends. (Libraries that write to a stream put descriptors after the members, and of a stored
//! member with a descriptor a reader of the stream cannot find the end.) ZIP64 fields appear only where a number needs
//! them (APPNOTE.TXT 6.3.10, sections 4.3 to 4.5). Nothing is kept in memory but the central directory.

use std::io::{self, Write};

/// 1980-01-01, the first date there is, so that equal members give equal archives.
const DOS_DATE: u16 = 0x0021;
/// Names are UTF-8 (general purpose bit 11).
const FLAGS: u16 = 1 << 11;
/// Needs version 2.0, or 4.5 for ZIP64.
const PLAIN: u16 = 20;
const ZIP64: u16 = 45;
/// Made on Unix: the upper half of the external attributes is a mode.
const UNIX: u16 = 3 << 8;
const REGULAR_FILE: u32 = 0o100_000;

/// One member, but for its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Its path in the archive: `/` between the parts, relative.
    pub path: &'a str,
    /// Its length in bytes.
    pub len: u64,
    /// The CRC-32 of its bytes.
    pub crc32: u32,
    /// Its permission bits.
    pub mode: u32,
}

/// An archive that is being written.
#[derive(Debug)]
pub struct ZipWriter<W> {
    out: Counted<W>,
    directory: Vec<u8>,
    members: u64,
}

impl<W: Write> ZipWriter<W> {
    /// Starts an archive at the current end of `out`.
    pub const fn new(out: W) -> Self {
        Self { out: Counted { inner: out, at: 0 }, directory: Vec::new(), members: 0 }
    }

    /// Writes one member. `content` must write exactly [`Member::len`] bytes; anything else is an error, and so is a path
    /// that is empty or longer than 65,535 bytes.
    pub fn member(
        &mut self,
        member: Member<'_>,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let name_len = u16::try_from(member.path.len()).ok().filter(|len| *len > 0);
        let name_len = name_len.ok_or_else(|| io::Error::other("a path in an archive has 1 to 65,535 bytes"))?;
        let start = self.out.at;
        let is_large = member.len >= u64::from(u32::MAX);
        let size = u32::try_from(member.len).unwrap_or(u32::MAX);

        let mut local = Vec::new();
        put4(&mut local, 0x0403_4B50);
        put2(&mut local, if is_large { ZIP64 } else { PLAIN });
        fields(&mut local, member.crc32, size, name_len);
        put2(&mut local, if is_large { 20 } else { 0 });
        local.extend_from_slice(member.path.as_bytes());
        if is_large {
            extra(&mut local, &[member.len, member.len]);
        }
        self.out.write_all(&local)?;

        let from = self.out.at;
        content(&mut self.out)?;
        let written = self.out.at - from;
        if written != member.len {
            let message = format!("a member has {written} bytes, {} were announced", member.len);
            return Err(io::Error::other(message));
        }
        self.enter(member, start, size, name_len);
        Ok(())
    }

    /// Notes a member for the central directory.
    fn enter(&mut self, member: Member<'_>, start: u64, size: u32, name_len: u16) {
        let mut wide = Vec::new();
        if size == u32::MAX {
            wide.extend([member.len, member.len]);
        }
        let offset = u32::try_from(start).unwrap_or(u32::MAX);
        if offset == u32::MAX {
            wide.push(start);
        }
        let version = if wide.is_empty() { PLAIN } else { ZIP64 };
        let out = &mut self.directory;
        put4(out, 0x0201_4B50);
        put2(out, UNIX | version);
        put2(out, version);
        fields(out, member.crc32, size, name_len);
        put2(out, if wide.is_empty() { 0 } else { 4 + 8 * wide.len() as u16 });
        out.extend_from_slice(&[0; 6]); // comment's length, disk, internal attributes
        put4(out, (REGULAR_FILE | (member.mode & 0o7777)) << 16);
        put4(out, offset);
        out.extend_from_slice(member.path.as_bytes());
        if !wide.is_empty() {
            extra(out, &wide);
        }
        self.members += 1;
    }

    /// Writes the central directory and gives the stream back.
    pub fn finish(mut self) -> io::Result<W> {
        let (start, len) = (self.out.at, self.directory.len() as u64);
        let directory = std::mem::take(&mut self.directory);
        self.out.write_all(&directory)?;
        let mut end = Vec::new();
        let is_large = self.members >= u64::from(u16::MAX) || len.max(start) >= u64::from(u32::MAX);
        if is_large {
            let at = self.out.at;
            put4(&mut end, 0x0606_4B50);
            put8(&mut end, 44);
            put2(&mut end, UNIX | ZIP64);
            put2(&mut end, ZIP64);
            end.extend_from_slice(&[0; 8]); // this disk, the directory's disk
            for number in [self.members, self.members, len, start] {
                put8(&mut end, number);
            }
            put4(&mut end, 0x0706_4B50);
            put4(&mut end, 0);
            put8(&mut end, at);
            put4(&mut end, 1);
        }
        put4(&mut end, 0x0605_4B50);
        put4(&mut end, 0);
        let members = u16::try_from(self.members).unwrap_or(u16::MAX);
        put2(&mut end, members);
        put2(&mut end, members);
        put4(&mut end, u32::try_from(len).unwrap_or(u32::MAX));
        put4(&mut end, u32::try_from(start).unwrap_or(u32::MAX));
        put2(&mut end, 0);
        self.out.write_all(&end)?;
        self.out.flush()?;
        Ok(self.out.inner)
    }
}

/// What a local header and an entry of the directory have in common: from the flags to the name's length.
fn fields(out: &mut Vec<u8>, crc32: u32, size: u32, name_len: u16) {
    put2(out, FLAGS);
    put2(out, 0); // stored
    put2(out, 0); // midnight
    put2(out, DOS_DATE);
    put4(out, crc32);
    put4(out, size);
    put4(out, size);
    put2(out, name_len);
}

/// The ZIP64 extra field.
fn extra(out: &mut Vec<u8>, numbers: &[u64]) {
    put2(out, 1);
    put2(out, 8 * numbers.len() as u16);
    for number in numbers {
        put8(out, *number);
    }
}

fn put2(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put4(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put8(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

/// Counts what goes through it.
#[derive(Debug)]
struct Counted<W> {
    inner: W,
    at: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Read};

    fn member(path: &str, content: &[u8]) -> (Member<'static>, Vec<u8>) {
        let path = Box::leak(path.to_owned().into_boxed_str());
        let crc32 = crc32fast::hash(content);
        (Member { path, len: content.len() as u64, crc32, mode: 0o600 }, content.to_vec())
    }

    fn archive(members: &[(Member<'static>, Vec<u8>)]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Vec::new());
        for (member, content) in members {
            zip.member(*member, |out| out.write_all(content)).unwrap();
        }
        zip.finish().unwrap()
    }

    #[test]
    fn another_reader_finds_every_member() {
        let members = [member("a/b.txt", b"hello"), member("leer", b""), member("Büro/x", &[7; 100_000])];
        let mut found = zip::ZipArchive::new(Cursor::new(archive(&members))).unwrap();
        assert_eq!(found.len(), 3);
        for (at, (member, content)) in members.iter().enumerate() {
            let mut entry = found.by_index(at).unwrap();
            assert_eq!(entry.name().unwrap(), member.path);
            assert_eq!(entry.unix_mode(), Some(0o100_600));
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap(); // checks the CRC
            assert_eq!(&bytes, content);
        }
    }

    #[test]
    fn more_members_than_sixteen_bits_count_need_zip64() {
        let mut zip = ZipWriter::new(Vec::new());
        for number in 0..70_000 {
            let path = format!("{number}");
            zip.member(Member { path: &path, len: 0, crc32: 0, mode: 0o600 }, |_| Ok(())).unwrap();
        }
        let found = zip::ZipArchive::new(Cursor::new(zip.finish().unwrap())).unwrap();
        assert_eq!(found.len(), 70_000);
        assert!(found.name_for_index(69_999).is_some_and(|name| name.unwrap() == "69999"));
    }

    #[test]
    fn a_member_of_another_length_is_an_error() {
        let mut zip = ZipWriter::new(Vec::new());
        let (member, _) = member("a", b"12345");
        assert!(zip.member(member, |out| out.write_all(b"1234")).is_err());
    }

    #[test]
    fn large_numbers_go_to_the_extra_field() {
        // The writer only counts: no four gigabytes are made.
        let mut zip = ZipWriter::new(Vec::new());
        zip.out.at = 5 << 32;
        let (small, content) = member("late", b"x");
        zip.member(small, |out| out.write_all(&content)).unwrap();
        let directory = zip.directory.clone();
        let tail = &directory[directory.len() - 12..];
        assert_eq!(tail, [&[1, 0, 8, 0][..], &(5_u64 << 32).to_le_bytes()[..]].concat());
        assert_eq!(&directory[42..46], &[0xFF; 4]);
    }
}
