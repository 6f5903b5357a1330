//! Reads a header, as strictly as rpm does before it believes one (`hdrblobVerifyRegion`, `hdrblobVerifyInfo`).

use std::collections::BTreeMap;
use std::ffi::CStr;

use super::layout::{ENTRY_BYTES, HEADER_MAGIC, INTRO_BYTES};
use super::tag;
use crate::digest::{Algorithm, hex};
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

/// rpm takes no more entries (`HEADER_TAGS_MAX`).
const MAX_ENTRIES: u32 = 0xffff;
/// More than any package has; rpm takes eight times as much.
const MAX_DATA: u32 = 32 << 20;

/// The type of an entry's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub enum Type {
    Char,
    Int8,
    Int16,
    Int32,
    Int64,
    String,
    Bin,
    StringArray,
    I18nString,
}

impl Type {
    const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Char,
            2 => Self::Int8,
            3 => Self::Int16,
            4 => Self::Int32,
            5 => Self::Int64,
            6 => Self::String,
            7 => Self::Bin,
            8 => Self::StringArray,
            9 => Self::I18nString,
            _ => return None,
        })
    }

    /// The size of one value; none where a NUL ends it.
    const fn width(self) -> Option<usize> {
        match self {
            Self::Char | Self::Int8 | Self::Bin => Some(1),
            Self::Int16 => Some(2),
            Self::Int32 => Some(4),
            Self::Int64 => Some(8),
            Self::String | Self::StringArray | Self::I18nString => None,
        }
    }
}

/// Where an entry's values are.
#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: Type,
    /// From the start of the header's bytes.
    start: usize,
    len: usize,
    count: usize,
}

/// A header that has been read and checked.
#[derive(Debug, Clone)]
pub struct Header {
    /// What it is called in errors.
    structure: &'static str,
    /// Where it starts in the file.
    offset: u64,
    bytes: Vec<u8>,
    entries: BTreeMap<u32, Entry>,
    is_sorted: bool,
    is_padded_with_zeros: bool,
}

impl Header {
    /// Reads the header of a region at `offset`. `structure` is its name in errors.
    pub(super) fn read(
        file: &(impl ReadAt + ?Sized),
        structure: &'static str,
        region: u32,
        offset: u64,
    ) -> Result<Self, Error> {
        let intro = read_vec(file, structure, offset, INTRO_BYTES as u64, INTRO_BYTES)?;
        let mut reader = Reader::new(structure, offset, &intro);
        let magic = reader.wrong(Problem::Missing { what: "the magic 8eade801" });
        if reader.array::<8>()? != HEADER_MAGIC {
            return Err(magic.into());
        }
        let limited = |reader: &mut Reader<'_>, field, limit: u32, expected| {
            let at = reader.clone();
            match reader.u32_be()? {
                found if (1..=limit).contains(&found) => Ok(found as usize),
                found => Err(at.wrong(Problem::Value { field, found: found.into(), expected })),
            }
        };
        let count = limited(&mut reader, "nindex", MAX_ENTRIES, "from 1 to 65535")?;
        let data = limited(&mut reader, "hsize", MAX_DATA, "from 1 to 33554432")?;
        let len = INTRO_BYTES + count * ENTRY_BYTES + data;
        let bytes = read_vec(file, structure, offset, len as u64, len)?;
        let mut header =
            Self { structure, offset, bytes, entries: BTreeMap::new(), is_sorted: true, is_padded_with_zeros: true };
        header.index(region, count, data)?;
        Ok(header)
    }

    /// Checks the index and takes it over.
    fn index(&mut self, region: u32, count: usize, data: usize) -> Result<(), Malformed> {
        let bytes = std::mem::take(&mut self.bytes);
        let mut index = Reader::new(self.structure, self.offset, &bytes);
        index.skip(INTRO_BYTES)?;
        let first = Index::read(&mut index)?;
        let at = index.clone();
        let is_whole = first == Index { tag: region, kind: 7, offset: number(data).wrapping_sub(16), count: 16 };
        if !is_whole || data < ENTRY_BYTES {
            return Err(at.wrong(Problem::Missing { what: "a region that covers the whole header" }));
        }
        let mut trailer = Reader::new(self.structure, self.offset, &bytes);
        trailer.skip(bytes.len().saturating_sub(ENTRY_BYTES))?;
        let at = trailer.clone();
        let back = number(count * ENTRY_BYTES).wrapping_neg();
        if Index::read(&mut trailer)? != (Index { tag: region, kind: 7, offset: back, count: 16 }) {
            return Err(at.wrong(Problem::Mismatch { what: "the region's entry and its trailer" }));
        }
        let base = INTRO_BYTES + count * ENTRY_BYTES;
        let (mut end, mut last) = (0, 0);
        for _ in 1..count {
            let at = index.clone();
            let one = Index::read(&mut index)?;
            let entry = one.entry(&bytes, base, data - ENTRY_BYTES, end).map_err(|problem| at.wrong(problem))?;
            self.check_padding(bytes.get(base + end..entry.start));
            end = entry.start + entry.len - base;
            self.is_sorted &= one.tag > last;
            last = one.tag;
            if self.entries.insert(one.tag, entry).is_some() {
                return Err(at.wrong(Problem::Twice { what: "a tag" }));
            }
        }
        self.check_padding(bytes.get(base + end..base + data - ENTRY_BYTES));
        self.bytes = bytes;
        Ok(())
    }

    /// What lies between the values of two entries.
    fn check_padding(&mut self, between: Option<&[u8]>) {
        self.is_padded_with_zeros &= between.is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0));
    }

    /// From the magic to the last byte of data: what digests and signatures are over.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where it starts in the file.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Where it ends in the file.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    /// Whether its entries are in the order of their tags, as rpm writes them.
    #[must_use]
    pub const fn is_sorted(&self) -> bool {
        self.is_sorted
    }

    /// Whether there is nothing but zeros between the values of its entries.
    #[must_use]
    pub const fn is_padded_with_zeros(&self) -> bool {
        self.is_padded_with_zeros
    }

    /// Its tags, with the type and the number of values of each.
    pub fn tags(&self) -> impl Iterator<Item = (u32, Type, usize)> {
        self.entries.iter().map(|(tag, entry)| (*tag, entry.kind, entry.count))
    }

    /// Whether it has a tag.
    #[must_use]
    pub fn has(&self, tag: u32) -> bool {
        self.entries.contains_key(&tag)
    }

    /// Its digest, in hexadecimal digits.
    #[must_use]
    pub fn digest(&self, algorithm: Algorithm) -> String {
        hex(&algorithm.digest(&self.bytes))
    }

    /// A tag's numbers, of whatever size.
    pub fn numbers(&self, tag: u32) -> Result<Option<Vec<u64>>, Malformed> {
        let Some((entry, mut reader)) = self.find(tag)? else { return Ok(None) };
        let kind = reader.wrong(Problem::Text { what: "a tag has another type, must have numbers" });
        let mut numbers = Vec::with_capacity(entry.count);
        for _ in 0..entry.count {
            numbers.push(match entry.kind {
                Type::Int8 => reader.u8()?.into(),
                Type::Int16 => reader.u16_be()?.into(),
                Type::Int32 => reader.u32_be()?.into(),
                Type::Int64 => reader.u64_be()?,
                _ => return Err(kind),
            });
        }
        Ok(Some(numbers))
    }

    /// A tag's one number.
    pub fn number(&self, tag: u32) -> Result<Option<u64>, Malformed> {
        match self.numbers(tag)?.as_deref() {
            None => Ok(None),
            Some([one]) => Ok(Some(*one)),
            Some(_) => Err(self.wrong(tag, "a tag has several numbers, must have one")),
        }
    }

    /// A tag's one text; of a translated one, the text of the first locale. What is not UTF-8 in it is replaced.
    pub fn text(&self, tag: u32) -> Result<Option<String>, Malformed> {
        let Some((entry, mut reader)) = self.find(tag)? else { return Ok(None) };
        match entry.kind {
            Type::String | Type::I18nString => {
                let text = reader.take(entry.len)?.split(|byte| *byte == 0).next().unwrap_or_default();
                Ok(Some(String::from_utf8_lossy(text).into_owned()))
            }
            _ => Err(reader.wrong(Problem::Text { what: "a tag has another type, must have a text" })),
        }
    }

    /// A tag's texts, which must be UTF-8. One text counts as an array of one.
    pub fn texts(&self, tag: u32) -> Result<Option<Vec<String>>, Malformed> {
        Ok(self.strs(tag)?.map(|texts| texts.into_iter().map(str::to_owned).collect()))
    }

    /// The same, where they lie.
    pub(super) fn strs(&self, tag: u32) -> Result<Option<Vec<&str>>, Malformed> {
        let Some((entry, mut reader)) = self.find(tag)? else { return Ok(None) };
        if !matches!(entry.kind, Type::String | Type::StringArray | Type::I18nString) {
            return Err(reader.wrong(Problem::Text { what: "a tag has another type, must have texts" }));
        }
        let not_text = reader.wrong(Problem::Text { what: "a text is not UTF-8" });
        let bytes = reader.take(entry.len)?;
        let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
        let texts = bytes.split(|byte| *byte == 0).map(std::str::from_utf8);
        texts.collect::<Result<_, _>>().map(Some).map_err(|_| not_text)
    }

    /// A tag's bytes.
    pub fn binary(&self, tag: u32) -> Result<Option<&[u8]>, Malformed> {
        let Some((entry, mut reader)) = self.find(tag)? else { return Ok(None) };
        match entry.kind {
            Type::Bin => reader.take(entry.len).map(Some),
            _ => Err(reader.wrong(Problem::Text { what: "a tag has another type, must have bytes" })),
        }
    }

    /// An error about a tag's values.
    #[must_use]
    pub fn wrong(&self, tag: u32, what: &'static str) -> Malformed {
        let at = self.entries.get(&tag).map_or(0, |entry| entry.start as u64);
        Malformed { structure: self.structure, offset: self.offset + at, problem: Problem::Text { what } }
    }

    /// An error about a tag that must be there.
    #[must_use]
    pub const fn missing(&self, what: &'static str) -> Malformed {
        Malformed { structure: self.structure, offset: self.offset, problem: Problem::Missing { what } }
    }

    /// A tag's entry, and a reader of its values.
    fn find(&self, tag: u32) -> Result<Option<(Entry, Reader<'_>)>, Malformed> {
        let Some(entry) = self.entries.get(&tag) else { return Ok(None) };
        let mut reader = Reader::new(self.structure, self.offset, &self.bytes);
        reader.skip(entry.start)?;
        let values = reader.sub(self.structure, entry.len)?;
        Ok(Some((*entry, values)))
    }
}

/// An index entry as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Index {
    tag: u32,
    kind: u32,
    offset: u32,
    count: u32,
}

impl Index {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { tag: reader.u32_be()?, kind: reader.u32_be()?, offset: reader.u32_be()?, count: reader.u32_be()? })
    }

    /// Where its values are. `base` is where the data start in `bytes`, `data` how long they are without the region's
    /// trailer, `end` where the entry before ends in them.
    fn entry(self, bytes: &[u8], base: usize, data: usize, end: usize) -> Result<Entry, Problem> {
        let field = |field, found: u32, expected| Problem::Value { field, found: found.into(), expected };
        if self.tag < tag::HEADERI18NTABLE {
            return Err(field("tag", self.tag, "100 or more"));
        }
        let kind = Type::from_number(self.kind).ok_or_else(|| field("type", self.kind, "from 1 to 9"))?;
        let (offset, count) = (self.offset as usize, self.count as usize);
        if offset < end || offset > data {
            return Err(field("offset", self.offset, "inside the data and behind the entry before"));
        }
        if count == 0 || (kind == Type::String && count != 1) {
            return Err(field("count", self.count, "1 or more, and 1 for a text"));
        }
        let rest = bytes.get(base + offset..base + data).unwrap_or_default();
        let len = match kind.width() {
            Some(width) if !offset.is_multiple_of(width) => {
                return Err(field("offset", self.offset, "a multiple of the numbers' size"));
            }
            Some(width) => count.checked_mul(width).filter(|len| *len <= rest.len()),
            None => texts_len(rest, count),
        };
        let len = len.ok_or(Problem::Text { what: "the values go on after the end of the data" })?;
        Ok(Entry { kind, start: base + offset, len, count })
    }
}

/// How long so many texts are, each with its NUL.
fn texts_len(rest: &[u8], count: usize) -> Option<usize> {
    let mut len = 0;
    for _ in 0..count {
        // The standard library's search for a NUL looks at a word at a time; most of a header is scriptlets.
        let text = CStr::from_bytes_until_nul(rest.get(len..)?).ok()?;
        len += text.count_bytes() + 1;
    }
    Some(len)
}

/// Lengths here are far below 2^32: both limits above say so.
fn number(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
