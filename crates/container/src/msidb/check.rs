//! What Windows Installer relies on and no reader notices.

use std::fmt;

use super::database::{COLUMNS, Database, MAX_STREAM_BYTES, Streams, TABLES, fixed_columns};
use super::name;
use super::pool::{Pool, StringId};
use super::table::{Cell, Table};
use crate::reader::Error;

/// One thing that is wrong with a database that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// A row comes after one with a larger or the same key: it will not be found.
    Order {
        /// The table.
        table: String,
        /// The row, counted from 1.
        row: usize,
    },
    /// The pool's number of uses is not what the tables use; edits then free a string that is in use, or keep one.
    References {
        /// The string's number.
        string: StringId,
        /// What the pool says.
        stated: u16,
        /// What the tables use.
        counted: u32,
    },
    /// A string of no bytes; the format has none.
    EmptyString {
        /// The string's number.
        string: StringId,
    },
    /// Two strings of the pool are the same; a search by number then misses one.
    SameString {
        /// The second one's number.
        string: StringId,
    },
    /// A string has characters of several bytes, and the pool does not mark it as such.
    Unmarked {
        /// The string's number.
        string: StringId,
    },
    /// A string has bytes that are no characters of the codepage.
    Undecodable {
        /// The string's number.
        string: StringId,
    },
    /// No value where the column demands one.
    Null {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The row, counted from 1.
        row: usize,
    },
    /// A string is longer than its column declares.
    Long {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The row, counted from 1.
        row: usize,
    },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order { table, row } => write!(f, "table {table}, row {row}: not after the row before it"),
            Self::References { string, stated, counted } => {
                write!(f, "string {}: the pool says {stated} uses, the tables have {counted}", string.number())
            }
            Self::EmptyString { string } => write!(f, "string {}: is empty", string.number()),
            Self::SameString { string } => write!(f, "string {}: is there twice", string.number()),
            Self::Unmarked { string } => {
                write!(f, "string {}: has characters of several bytes and no mark that says so", string.number())
            }
            Self::Undecodable { string } => {
                write!(f, "string {}: has bytes that the codepage does not have", string.number())
            }
            Self::Null { table, column, row } => write!(f, "table {table}, row {row}: {column} must not be null"),
            Self::Long { table, column, row } => write!(f, "table {table}, row {row}: {column} is too long"),
        }
    }
}

impl<S: Streams> Database<S> {
    /// Reads every table and lists all flaws.
    pub fn check(&self) -> Result<Vec<Flaw>, Error> {
        let mut flaws = Vec::new();
        let mut uses = vec![0_u32; self.pool().len()];
        for (table, columns) in [("_Tables", TABLES), ("_Columns", COLUMNS)] {
            let bytes = self.streams().stream(&name::table_stream_name(table), MAX_STREAM_BYTES)?.unwrap_or_default();
            let columns = fixed_columns(columns)?;
            check_table(&Table::read(table, &columns, self.pool(), &bytes)?, self.pool(), &mut uses, &mut flaws);
        }
        for table in self.tables() {
            if let Some(table) = self.table(table)? {
                check_table(&table, self.pool(), &mut uses, &mut flaws);
            }
        }
        check_pool(self.pool(), &uses, &mut flaws);
        Ok(flaws)
    }
}

fn check_table(table: &Table<'_>, pool: &Pool, uses: &mut [u32], flaws: &mut Vec<Flaw>) {
    let mut before: Option<Vec<Cell>> = None;
    for (row, number) in table.rows().zip(1..) {
        let name = || table.name().to_owned();
        let key: Vec<Cell> = row.key().collect();
        if before.as_ref().is_some_and(|before| *before >= key) {
            flaws.push(Flaw::Order { table: name(), row: number });
        }
        before = Some(key);
        for (cell, column) in row.cells().iter().zip(table.columns()) {
            let column_name = || column.name().to_owned();
            match *cell {
                Cell::Null if !column.is_nullable() => {
                    flaws.push(Flaw::Null { table: name(), column: column_name(), row: number });
                }
                Cell::Text(id) => {
                    let index = id.number() as usize - 1;
                    if let Some(count) = uses.get_mut(index) {
                        *count += 1;
                    }
                    if is_long(pool, id, column.kind()) {
                        flaws.push(Flaw::Long { table: name(), column: column_name(), row: number });
                    }
                }
                Cell::Null | Cell::Int(_) | Cell::Binary => {}
            }
        }
    }
}

fn is_long(pool: &Pool, id: StringId, kind: super::ColumnType) -> bool {
    // Only a string that is longer in bytes can be longer in characters; so little is decoded.
    matches!(kind, super::ColumnType::Text(longest)
        if longest != 0
            && pool.bytes(id).len() > usize::from(longest)
            && pool.text(id).chars().count() > usize::from(longest))
}

fn check_pool(pool: &Pool, uses: &[u32], flaws: &mut Vec<Flaw>) {
    let mut seen = std::collections::BTreeSet::new();
    for (string, counted) in pool.ids().zip(uses) {
        let stated = pool.references(string);
        if u32::from(stated) != *counted {
            flaws.push(Flaw::References { string, stated, counted: *counted });
        }
        if stated != 0 || *counted != 0 {
            if pool.bytes(string).is_empty() {
                flaws.push(Flaw::EmptyString { string });
            } else if !seen.insert(pool.bytes(string)) {
                flaws.push(Flaw::SameString { string });
            }
            check_text(pool, string, flaws);
        }
    }
}

fn check_text(pool: &Pool, string: StringId, flaws: &mut Vec<Flaw>) {
    if pool.bytes(string).is_ascii() {
        return;
    }
    if pool.text(string).contains(char::REPLACEMENT_CHARACTER) {
        flaws.push(Flaw::Undecodable { string });
    }
    if pool.codepage().is_multi_byte() && !pool.is_marked(string) {
        flaws.push(Flaw::Unmarked { string });
    }
}
