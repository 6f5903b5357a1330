//! The string pool between the `msi` crate and the file: other strings in it, another codepage around it.
//!
//! Codepage and marks are Windows Installer's: in a codepage with several bytes for a character the top bit of a string's number of
//! uses says that the string has such characters.

use container::msidb::Codepage;

/// `_Validation`: the widths of Table, Column, Nullable, MinValue and MaxValue.
const BEFORE_KEY_TABLE_BYTES: usize = 2 + 2 + 2 + 4 + 4;
/// The same with KeyTable and KeyColumn.
const BEFORE_CATEGORY_BYTES: usize = BEFORE_KEY_TABLE_BYTES + 2 + 2;
/// The same with Category, Set and Description: a whole row.
const ROW_BYTES: usize = BEFORE_CATEGORY_BYTES + 2 + 2 + 2;
/// Marks a string with characters of several bytes.
const MULTI_BYTE: u16 = 0x8000;
/// How many uses of a string can be counted below the mark.
pub(super) const MAX_REFERENCES: u16 = MULTI_BYTE - 1;

/// The crate has written something else than its documentation says.
#[derive(Debug, thiserror::Error)]
#[error("the string pool of the msi crate is not as expected")]
pub(super) struct Unreadable;

/// A column of `_Validation`.
#[derive(Debug, Clone, Copy)]
pub(super) enum ValidationColumn {
    KeyTable,
    Category,
    Set,
}

impl ValidationColumn {
    const fn bytes_before(self) -> usize {
        match self {
            Self::KeyTable => BEFORE_KEY_TABLE_BYTES,
            Self::Category => BEFORE_CATEGORY_BYTES,
            Self::Set => BEFORE_CATEGORY_BYTES + 2,
        }
    }
}

/// A string's entry in `_StringPool`. Build and stamp write it by the same code; the reader in `container::msidb` has its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// The string's length in the package's codepage.
    pub(super) len_bytes: u32,
    /// How many cells use it; fewer than 0x8000.
    pub(super) references: u16,
    /// Whether it has characters of several bytes.
    pub(super) is_multi_byte: bool,
}

impl Entry {
    /// Adds the entry to a pool: length and number of uses, 16 bits each.
    pub(super) fn write(self, pool: &mut Vec<u8>) {
        let word = self.references | if self.is_multi_byte { MULTI_BYTE } else { 0 };
        // A string of 64 KiB and more has two entries: 0 in place of its length, and the length as 32 bits behind.
        let short = u16::try_from(self.len_bytes).ok();
        pool.extend(short.unwrap_or(0).to_le_bytes());
        pool.extend(word.to_le_bytes());
        if short.is_none() {
            pool.extend(self.len_bytes.to_le_bytes());
        }
    }
}

/// The strings with their numbers of uses.
pub(super) struct StringPool(Vec<(String, u16)>);

impl StringPool {
    /// Takes what the crate wrote, in UTF-8 and with string numbers of two bytes.
    pub(super) fn read(pool: &[u8], data: &[u8]) -> Result<Self, Unreadable> {
        let (words, rest) = pool.as_chunks::<4>();
        let mut words = words.iter();
        if !rest.is_empty() || words.next().map(|word| u32::from_le_bytes(*word)) != Some(Codepage::UTF_8.number()) {
            return Err(Unreadable);
        }
        let (mut strings, mut data) = (Vec::new(), data);
        while let Some([a, b, c, d]) = words.next() {
            let references = u16::from_le_bytes([*c, *d]);
            let len = match u16::from_le_bytes([*a, *b]) {
                0 if references != 0 => u32::from_le_bytes(*words.next().ok_or(Unreadable)?),
                short => short.into(),
            };
            let len = usize::try_from(len).map_err(|_| Unreadable)?;
            let (string, after) = data.split_at_checked(len).ok_or(Unreadable)?;
            strings.push((String::from_utf8(string.to_vec()).map_err(|_| Unreadable)?, references));
            data = after;
        }
        if data.is_empty() { Ok(Self(strings)) } else { Err(Unreadable) }
    }

    /// Says something else of a column in `_Validation`.
    pub(super) fn describe(
        &mut self,
        validation: &mut [u8],
        (table, column): (&str, &str),
        what: ValidationColumn,
        text: &str,
    ) -> Result<(), Unreadable> {
        let rows = validation.len() / ROW_BYTES;
        let number = |name: &str| self.number(name).map(u16::to_le_bytes).ok_or(Unreadable);
        let key = (number(table)?, number(column)?);
        let cells = validation.as_chunks::<2>().0;
        let found = (0..rows).find(|row| {
            let cell = |at: usize| cells.get(at).copied();
            (cell(*row), cell(rows + row)) == (Some(key.0), Some(key.1))
        });
        let at = what.bytes_before() * rows + 2 * found.ok_or(Unreadable)?;
        let cell = validation.get_mut(at..at + 2).ok_or(Unreadable)?;
        if let Some(before) = usize::from(u16::from_le_bytes(cell.try_into().map_err(|_| Unreadable)?)).checked_sub(1) {
            let (string, references) = self.0.get_mut(before).ok_or(Unreadable)?;
            if *references == 1 {
                text.clone_into(string);
                return Ok(());
            }
            *references = references.checked_sub(1).ok_or(Unreadable)?;
        }
        cell.copy_from_slice(&self.take_up(text)?.to_le_bytes());
        Ok(())
    }

    /// The two streams.
    pub(super) fn store(&self, codepage: Codepage) -> Result<(Vec<u8>, Vec<u8>), Unreadable> {
        let (mut pool, mut data) = (codepage.number().to_le_bytes().to_vec(), Vec::new());
        for (string, references) in &self.0 {
            let bytes = codepage.encode(string).map_err(|_| Unreadable)?;
            if *references > MAX_REFERENCES {
                return Err(Unreadable);
            }
            let len_bytes = u32::try_from(bytes.len()).map_err(|_| Unreadable)?;
            let is_multi_byte = codepage.is_multi_byte() && !string.is_ascii();
            Entry { len_bytes, references: *references, is_multi_byte }.write(&mut pool);
            data.extend(bytes);
        }
        Ok((pool, data))
    }

    fn number(&self, text: &str) -> Option<u16> {
        let at = self.0.iter().position(|(string, references)| string == text && *references > 0)?;
        u16::try_from(at + 1).ok()
    }

    /// Counts one more use of a string, which is added at the end if there is none.
    fn take_up(&mut self, text: &str) -> Result<u16, Unreadable> {
        if self.number(text).is_none() {
            self.0.push((text.to_owned(), 0));
        }
        let at = self.0.iter().rposition(|(string, _)| string == text).ok_or(Unreadable)?;
        let (_, references) = self.0.get_mut(at).ok_or(Unreadable)?;
        *references = references.checked_add(1).ok_or(Unreadable)?;
        u16::try_from(at + 1).map_err(|_| Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(strings: &[(&str, u16)]) -> (Vec<u8>, Vec<u8>) {
        let all = strings.iter().map(|(string, references)| ((*string).to_owned(), *references));
        StringPool(all.collect()).store(Codepage::UTF_8).unwrap()
    }

    #[test]
    fn text_gets_the_package_s_codepage_and_its_mark() {
        let (stored, data) = pool(&[("Name", 2), ("日本", 3)]);
        // In UTF-8 the mark is there as well, and is no part of what the crate writes.
        assert_eq!(stored[8..], [6, 0, 3, 0x80]);
        let plain = [&stored[..10], &[3, 0]].concat();
        let japanese = Codepage::from_number(932).unwrap();
        let (stored, data) = StringPool::read(&plain, &data).unwrap().store(japanese).unwrap();
        assert_eq!(stored, [&932_u32.to_le_bytes()[..], &[4, 0, 2, 0, 4, 0, 3, 0x80]].concat());
        assert_eq!(data, b"Name\x93\xfa\x96\x7b");
        assert!(StringPool(vec![("日本".to_owned(), 1)]).store(Codepage::WINDOWS_1252).is_err());
    }

    #[test]
    fn a_category_is_put_where_there_was_none() {
        let (stored, data) = pool(&[("Upgrade", 1), ("UpgradeCode", 1), ("Language", 1)]);
        let mut pool = StringPool::read(&stored, &data).unwrap();
        let mut validation = vec![0; 2 * ROW_BYTES];
        for (at, number) in [(0, 1), (2, 1), (4, 3), (6, 2)] {
            validation[at] = number;
        }
        let column = ("Upgrade", "UpgradeCode");
        pool.describe(&mut validation, column, ValidationColumn::Category, "Guid").unwrap();
        assert_eq!(validation[2 * BEFORE_CATEGORY_BYTES..][..4], [0, 0, 4, 0]);
        assert_eq!(pool.0[3], ("Guid".to_owned(), 1));
        // What nothing else uses is spelt anew where it is.
        pool.describe(&mut validation, column, ValidationColumn::Category, "Text").unwrap();
        assert_eq!(pool.0[3..], [("Text".to_owned(), 1)]);
        pool.describe(&mut validation, column, ValidationColumn::Set, "Text").unwrap();
        pool.describe(&mut validation, column, ValidationColumn::Set, "A;B").unwrap();
        assert_eq!(pool.0[3..], [("Text".to_owned(), 1), ("A;B".to_owned(), 1)]);
        assert!(
            pool.describe(&mut validation, ("Upgrade", "Remove"), ValidationColumn::Set, "A").is_err(),
            "there is no such column"
        );
    }
}
