//! Columns: what a cell holds and how wide it is.

use crate::reader::{Malformed, Problem};

// The bits of the Type column of `_Columns`. The low byte is a size: bytes of an integer, or the longest string.
const SIZE: u16 = 0x00ff;
const VALID: u16 = 0x0100;
const LOCALIZABLE: u16 = 0x0200;
const STRING: u16 = 0x0800;
const NULLABLE: u16 = 0x1000;
const KEY: u16 = 0x2000;

/// What a column's cells hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// An integer stored in two bytes.
    Short,
    /// An integer stored in four bytes.
    Long,
    /// A string; the number is the longest that is declared, 0 for no limit.
    Text(u8),
    /// A mark that a stream `Table.Key` exists.
    Binary,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    name: String,
    kind: ColumnType,
    bits: u16,
}

impl Column {
    /// A column as `_Columns` describes it.
    pub fn read(name: String, bits: u16) -> Result<Self, Malformed> {
        let kind = if bits & !NULLABLE == STRING | VALID {
            ColumnType::Binary
        } else if bits & STRING != 0 {
            ColumnType::Text((bits & SIZE).to_le_bytes()[0])
        } else {
            match bits & SIZE {
                0..=2 => ColumnType::Short,
                4 => ColumnType::Long,
                found => {
                    let problem =
                        Problem::Value { field: "integer size", found: found.into(), expected: "0, 1, 2 or 4" };
                    return Err(Malformed { structure: "column type", offset: Malformed::NOWHERE, problem });
                }
            }
        };
        Ok(Self { name, kind, bits })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it holds.
    #[must_use]
    pub const fn kind(&self) -> ColumnType {
        self.kind
    }

    /// Whether its cells may be null.
    #[must_use]
    pub const fn is_nullable(&self) -> bool {
        self.bits & NULLABLE != 0
    }

    /// Whether it is part of the table's key.
    #[must_use]
    pub(crate) const fn is_key(&self) -> bool {
        self.bits & KEY != 0
    }

    /// Whether a transform may translate it.
    #[must_use]
    pub(crate) const fn is_localizable(&self) -> bool {
        self.bits & LOCALIZABLE != 0
    }

    /// How many bytes a cell has when string numbers have `reference_bytes`.
    #[must_use]
    pub(crate) const fn width(&self, reference_bytes: usize) -> usize {
        match self.kind {
            ColumnType::Short | ColumnType::Binary => 2,
            ColumnType::Long => 4,
            ColumnType::Text(_) => reference_bytes,
        }
    }

    /// The type as archive files write it: `s72`, `L0`, `i2`, `V0`; a capital letter means nullable.
    #[must_use]
    pub(crate) fn archive_type(&self) -> String {
        let (letter, size) = match self.kind {
            ColumnType::Short => ('i', 2),
            ColumnType::Long => ('i', 4),
            ColumnType::Text(longest) if self.is_localizable() => ('l', longest),
            ColumnType::Text(longest) => ('s', longest),
            ColumnType::Binary => ('v', 0),
        };
        let letter = if self.is_nullable() { letter.to_ascii_uppercase() } else { letter };
        format!("{letter}{size}")
    }
}
