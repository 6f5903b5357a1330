//! The three streams that a stamp edits, taken apart: the string pool, its data, and the Property table.
//!
//! Strings are only ever added at the end of the pool and taken from there again, so every number in every other table stays right,
//! and taking a token out gives the base's own bytes back.
//!
//! The `msi` crate, which writes these streams at build, cannot do this: it opens a whole file to change a row, keeps every table's rows as owned
//! strings, sorts and renumbers as it saves, and writes a compound file of its own layout. A stamp needs three streams, in microseconds, and
//! their old string numbers. So a build goes through the crate, and both write a pool's entries by the code in `string_pool`.

use std::ops::Range;

use container::msidb::{Cell, Database, Streams};

use crate::format::StampError;
use crate::msi::string_pool::{Entry, MAX_REFERENCES};
use crate::secret::SecretBytes;

/// A row of the Property table: the numbers of its key and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    key: u32,
    value: u32,
}

/// Strings and properties of a database.
#[derive(Clone)]
pub(super) struct Properties {
    /// Codepage, and in the top bit whether string numbers have three bytes.
    word: u32,
    reference_bytes: usize,
    strings: Vec<Entry>,
    /// May hold a token.
    data: SecretBytes,
    /// In the order of their keys' numbers.
    rows: Vec<Row>,
}

/// The streams as they are stored.
pub(super) struct Stored {
    pub(super) pool: Vec<u8>,
    pub(super) data: SecretBytes,
    pub(super) table: Vec<u8>,
}

impl Properties {
    /// Takes a database's strings and properties. `word` is the first of the pool's stream.
    pub(super) fn new<S: Streams>(database: &Database<S>, word: u32) -> Result<Self, StampError> {
        let pool = database.pool();
        let (mut strings, mut data) = (Vec::with_capacity(pool.len()), Vec::new());
        for id in pool.ids() {
            let bytes = pool.bytes(id);
            let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            strings.push(Entry { len_bytes: len, references: pool.references(id), is_multi_byte: pool.is_marked(id) });
            data.extend_from_slice(bytes);
        }
        let missing = || not_a_base("the Property table", "missing".to_owned(), "there, with a key and a value");
        let table = database.table("Property")?.ok_or_else(missing)?;
        let mut rows = Vec::with_capacity(table.len());
        for row in table.rows() {
            let [Cell::Text(key), Cell::Text(value)] = row.cells() else { return Err(missing()) };
            rows.push(Row { key: key.number(), value: value.number() });
        }
        let data = SecretBytes::new(data);
        Ok(Self { word, reference_bytes: pool.reference_bytes(), strings, data, rows })
    }

    /// The same, with room for so many more bytes of strings.
    pub(super) fn with_room(&self, bytes: usize) -> Self {
        let mut data = SecretBytes::with_capacity(self.data.len() + bytes);
        data.extend_from_slice(&self.data);
        let Self { word, reference_bytes, strings, rows, .. } = self;
        Self { word: *word, reference_bytes: *reference_bytes, strings: strings.clone(), data, rows: rows.clone() }
    }

    /// All strings, one after the other.
    pub(super) fn strings(&self) -> &[u8] {
        &self.data
    }

    /// The value of a property.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        let row = self.rows.get(self.row(key)?)?;
        std::str::from_utf8(self.string(row.value)?).ok()
    }

    /// Adds a property that is not there.
    pub(super) fn insert(&mut self, key: &str, value: &str) -> Result<(), StampError> {
        let row = Row { value: self.take_up(value)?, key: self.take_up(key)? };
        // Windows Installer finds rows by halving: the order of the keys' numbers must hold.
        let at = self.rows.partition_point(|before| before.key < row.key);
        self.rows.insert(at, row);
        Ok(())
    }

    /// Takes a property away.
    pub(super) fn remove(&mut self, key: &str) -> Result<(), StampError> {
        let Some(at) = self.row(key) else { return Ok(()) };
        let row = self.rows.remove(at);
        self.release(row.key)?;
        self.release(row.value)
    }

    /// Gives a property that is there another value.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<(), StampError> {
        let Some(at) = self.row(key) else { return Ok(()) };
        let value = self.take_up(value)?;
        let Some(row) = self.rows.get_mut(at) else { return Ok(()) };
        let before = std::mem::replace(&mut row.value, value);
        self.release(before)
    }

    /// The streams.
    pub(super) fn store(self) -> Stored {
        let mut pool = Vec::with_capacity(4 * (self.strings.len() + 1));
        pool.extend(self.word.to_le_bytes());
        for entry in &self.strings {
            entry.write(&mut pool);
        }
        let mut table = Vec::with_capacity(2 * self.reference_bytes * self.rows.len());
        let keys = self.rows.iter().map(|row| row.key);
        for number in keys.chain(self.rows.iter().map(|row| row.value)) {
            table.extend(number.to_le_bytes().iter().take(self.reference_bytes));
        }
        Stored { pool, data: self.data, table }
    }

    /// Where in the table a property is.
    fn row(&self, key: &str) -> Option<usize> {
        let key = self.find(key.as_bytes())?;
        self.rows.iter().position(|row| row.key == key)
    }

    fn string(&self, number: u32) -> Option<&[u8]> {
        self.data.get(self.span(number)?)
    }

    /// Where a string is in the data.
    fn span(&self, number: u32) -> Option<Range<usize>> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let start: u64 = self.strings.get(..index)?.iter().map(|entry| u64::from(entry.len_bytes)).sum();
        let (start, len) = (usize::try_from(start).ok()?, usize::try_from(self.strings.get(index)?.len_bytes).ok()?);
        Some(start..start.checked_add(len)?)
    }

    /// Where a property's value is in the data.
    pub(super) fn place(&self, key: &str) -> Option<Range<usize>> {
        self.span(self.rows.get(self.row(key)?)?.value)
    }

    /// The number of a string in use.
    fn find(&self, text: &[u8]) -> Option<u32> {
        let mut rest = &*self.data;
        for (number, entry) in (1..).zip(&self.strings) {
            let (string, after) = rest.split_at_checked(usize::try_from(entry.len_bytes).ok()?)?;
            if entry.references > 0 && string == text {
                return Some(number);
            }
            rest = after;
        }
        None
    }

    /// Counts one more use of a string, which is added at the end if there is none.
    fn take_up(&mut self, text: &str) -> Result<u32, StampError> {
        let number = match self.find(text.as_bytes()) {
            Some(number) => number,
            None => {
                let most = 1_usize << (8 * self.reference_bytes);
                if self.strings.len() + 1 >= most {
                    return Err(not_a_base("the string pool", "full".to_owned(), "one with room for a token"));
                }
                let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
                // What a stamp adds is ASCII.
                self.strings.push(Entry { len_bytes: len, references: 0, is_multi_byte: false });
                self.data.extend_from_slice(text.as_bytes());
                u32::try_from(self.strings.len()).unwrap_or(u32::MAX)
            }
        };
        let full = || not_a_base("a string's number of uses", MAX_REFERENCES.to_string(), "smaller");
        let entry = self.entry(number).ok_or_else(full)?;
        // One more would set the bit that marks characters of several bytes.
        entry.references = entry.references.checked_add(1).filter(|uses| *uses <= MAX_REFERENCES).ok_or_else(full)?;
        Ok(number)
    }

    /// Counts one use of a string less; one that a stamp added goes away with its last use.
    fn release(&mut self, number: u32) -> Result<(), StampError> {
        let wrong = || not_a_base("a string's number of uses", "too small".to_owned(), "that of its uses");
        let entry = self.entry(number).ok_or_else(wrong)?;
        entry.references = entry.references.checked_sub(1).ok_or_else(wrong)?;
        while self.strings.last().is_some_and(|last| last.references == 0) {
            let len = self.strings.pop().map_or(0, |entry| entry.len_bytes);
            let left = self.data.len().saturating_sub(usize::try_from(len).unwrap_or(usize::MAX));
            self.data.truncate(left);
        }
        Ok(())
    }

    fn entry(&mut self, number: u32) -> Option<&mut Entry> {
        self.strings.get_mut(usize::try_from(number).ok()?.checked_sub(1)?)
    }
}

pub(super) fn not_a_base(what: &'static str, found: String, expected: &'static str) -> StampError {
    StampError::NotABase { what, found, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bit above the number of uses marks characters of several bytes: one use too many would turn the string into another.
    #[test]
    fn a_string_with_as_many_uses_as_can_be_counted_takes_no_more() {
        let entry = |references| Entry { len_bytes: 1, references, is_multi_byte: false };
        let mut properties = Properties {
            word: 65_001,
            reference_bytes: 2,
            strings: vec![entry(MAX_REFERENCES - 1), entry(1)],
            data: SecretBytes::new(b"ab".to_vec()),
            rows: Vec::new(),
        };
        assert_eq!(properties.take_up("a").unwrap(), 1);
        let error = properties.take_up("a").unwrap_err().to_string();
        assert!(error.contains("32767"), "{error}");
        assert_eq!(properties.strings[0].references, MAX_REFERENCES);
    }
}
