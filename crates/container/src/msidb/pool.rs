//! The string pool: every string of the database once, with its number of uses.

use std::borrow::Cow;

use super::codepage::Codepage;
use crate::reader::{Malformed, Problem, Reader};

/// The bit of the codepage word that says: string numbers have three bytes in the tables.
const THREE_BYTES: u32 = 0x8000_0000;
/// The bit of a string's number of uses that says, in a codepage with several bytes for a character: it has such characters.
const MULTI_BYTE: u16 = 0x8000;

/// A string's number in the pool, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StringId(u32);

impl StringId {
    /// A number as it stands in a cell; 0 is no string.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if number == 0 { None } else { Some(Self(number)) }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    const fn index(self) -> usize {
        (self.0 - 1) as usize
    }
}

/// The strings of a database. They stay bytes until somebody asks, so a pool costs what its streams cost.
#[derive(Debug)]
pub struct Pool {
    codepage: Codepage,
    reference_bytes: usize,
    data: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    start: u32,
    len: u32,
    references: u16,
    is_marked: bool,
}

impl Pool {
    /// Reads `_StringPool` and `_StringData`.
    pub fn read(pool: &[u8], data: Vec<u8>) -> Result<Self, Malformed> {
        let mut r = Reader::new("string pool", 0, pool);
        let word = r.u32_le()?;
        let number = word & !THREE_BYTES;
        let codepage = Codepage::from_number(number).ok_or_else(|| {
            r.wrong(Problem::Value { field: "codepage", found: number.into(), expected: "65535 at most" })
        })?;
        let mut entries = Vec::with_capacity(r.len() / 4);
        let mut end = 0_u32;
        while !r.is_empty() {
            let (short, word) = (r.u16_le()?, r.u16_le()?);
            let is_marked = codepage.is_multi_byte() && word & MULTI_BYTE != 0;
            let references = if is_marked { word & !MULTI_BYTE } else { word };
            // A length of 0 with uses announces a long string: its length follows, in the next entry's place.
            let len = if short == 0 && word != 0 { r.u32_le()? } else { short.into() };
            let start = end;
            end = start.checked_add(len).filter(|end| *end as usize <= data.len()).ok_or_else(|| {
                r.wrong(Problem::Truncated { needed: u64::from(start) + u64::from(len), found: data.len() as u64 })
            })?;
            entries.push(Entry { start, len, references, is_marked });
        }
        if end as usize != data.len() {
            let problem = Problem::Trailing { bytes: (data.len() - end as usize) as u64 };
            return Err(Malformed { structure: "string data", offset: end.into(), problem });
        }
        let reference_bytes = if word & THREE_BYTES == 0 { 2 } else { 3 };
        Ok(Self { codepage, reference_bytes, data, entries })
    }

    /// The codepage of all strings.
    #[must_use]
    pub const fn codepage(&self) -> Codepage {
        self.codepage
    }

    /// How many bytes a string's number has in the tables: 2 or 3.
    #[must_use]
    pub const fn reference_bytes(&self) -> usize {
        self.reference_bytes
    }

    /// How many strings there are, holes included; also the largest number.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no strings at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All numbers, in order.
    pub fn ids(&self) -> impl Iterator<Item = StringId> + use<> {
        (1..=u32::try_from(self.entries.len()).unwrap_or(u32::MAX)).map(StringId)
    }

    /// Whether a string has this number.
    #[must_use]
    pub fn contains(&self, id: StringId) -> bool {
        id.index() < self.entries.len()
    }

    /// A string's bytes in the database's codepage; none for a number that does not exist.
    #[must_use]
    pub fn bytes(&self, id: StringId) -> &[u8] {
        let slice = |e: &Entry| self.data.get(e.start as usize..(e.start + e.len) as usize);
        self.entries.get(id.index()).and_then(slice).unwrap_or_default()
    }

    /// A string.
    #[must_use]
    pub fn text(&self, id: StringId) -> Cow<'_, str> {
        self.codepage.decode(self.bytes(id))
    }

    /// How many cells use the string, as the pool says.
    #[must_use]
    pub fn references(&self, id: StringId) -> u16 {
        self.entries.get(id.index()).map_or(0, |e| e.references)
    }

    /// Whether the pool marks the string as one with characters of several bytes.
    #[must_use]
    pub fn is_marked(&self, id: StringId) -> bool {
        self.entries.get(id.index()).is_some_and(|e| e.is_marked)
    }

    /// The number of the string with these bytes.
    #[must_use]
    pub fn find(&self, bytes: &[u8]) -> Option<StringId> {
        self.ids().find(|id| self.references(*id) != 0 && self.bytes(*id) == bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    #[test]
    fn holes_keep_their_number_and_long_strings_have_two_entries() {
        let mut data = b"Name".to_vec();
        data.extend(vec![b'x'; 70_000]);
        data.push(0xe9);
        let p = Pool::read(&pool(&[1252, 0, 4, 2, 0, 0, 0, 1, 4464, 1, 1, 7]), data).unwrap();
        let ids: Vec<StringId> = p.ids().collect();
        assert_eq!(p.len(), 4);
        assert_eq!((p.text(ids[0]), p.references(ids[0])), ("Name".into(), 2));
        assert_eq!((p.text(ids[1]), p.references(ids[1])), ("".into(), 0));
        assert_eq!((p.bytes(ids[2]).len(), p.references(ids[2])), (70_000, 1));
        assert_eq!((p.text(ids[3]), p.references(ids[3])), ("é".into(), 7));
        assert_eq!(p.find(b"Name"), StringId::new(1));
    }

    #[test]
    fn a_mark_is_no_number_of_uses() {
        let data = b"\x93\xfa\x96\x7bName".to_vec();
        let words = [932, 0, 4, 0x8003, 4, 2];
        let p = Pool::read(&pool(&words), data.clone()).unwrap();
        let ids: Vec<StringId> = p.ids().collect();
        assert_eq!((p.text(ids[0]), p.references(ids[0]), p.is_marked(ids[0])), ("日本".into(), 3, true));
        assert_eq!((p.text(ids[1]), p.references(ids[1]), p.is_marked(ids[1])), ("Name".into(), 2, false));
        let p = Pool::read(&pool(&[1252, 0, 4, 0x8003, 4, 2]), data).unwrap();
        assert_eq!((p.references(ids[0]), p.is_marked(ids[0])), (0x8003, false));
    }

    #[test]
    fn lengths_must_fill_the_data_exactly() {
        let short = Pool::read(&pool(&[1252, 0, 4, 1]), b"Nam".to_vec()).unwrap_err();
        assert_eq!(short.to_string(), "string pool at 0x8: needs 4 bytes, found 3");
        let long = Pool::read(&pool(&[1252, 0, 4, 1]), b"Names".to_vec()).unwrap_err();
        assert_eq!(long.to_string(), "string data at 0x4: 1 bytes are left over after the end");
        assert!(Pool::read(&pool(&[932, 1]), vec![]).is_err(), "no codepage has this number");
        assert!(Pool::read(&pool(&[1252, 0, 0, 1, 0xffff, 0xffff]), vec![]).is_err());
    }
}
