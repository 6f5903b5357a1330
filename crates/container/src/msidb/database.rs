//! The catalog of a database, and the way to its tables.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::column::Column;
use super::name;
use super::pool::Pool;
use super::table::{Cell, Table};
use crate::reader::{Error, Malformed, Problem};

/// The largest stream of a table or of the pool that is read. Ours have some ten thousand bytes; the largest installers some million.
pub(crate) const MAX_STREAM_BYTES: usize = 16 << 20;
/// Limits of Windows Installer, with room: names have 64 characters at most, tables 32 columns.
const MAX_NAME_BYTES: usize = 64;
const MAX_COLUMNS: usize = 32;
const MAX_TABLES: usize = 1024;

/// Where streams come from: any reader of compound files, or a builder's memory.
pub trait Streams {
    /// The stream with this name as the compound file has it (packed), if there is one; an error when it is longer
    /// than `limit` bytes.
    fn stream(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, Error>;
}

impl<F: Fn(&str, usize) -> Result<Option<Vec<u8>>, Error>> Streams for F {
    fn stream(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        self(name, limit)
    }
}

/// An open database: strings and catalog are read, tables are read when asked for.
#[derive(Debug)]
pub struct Database<S> {
    streams: S,
    pool: Pool,
    tables: BTreeMap<String, Vec<Column>>,
}

impl<S: Streams> Database<S> {
    /// Reads the pool and the catalog.
    pub fn open(streams: S) -> Result<Self, Error> {
        let pool = Pool::read(&required(&streams, "_StringPool")?, required(&streams, "_StringData")?)?;
        let tables = read_catalog(&streams, &pool)?;
        Ok(Self { streams, pool, tables })
    }

    /// The strings.
    pub const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Where the streams come from.
    pub const fn streams(&self) -> &S {
        &self.streams
    }

    /// The names of all tables, sorted; the catalog's own two are not among them.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// A table; none when the catalog does not have it. A table without a stream has no rows.
    pub fn table(&self, table: &str) -> Result<Option<Table<'_>>, Error> {
        let Some((name, columns)) = self.tables.get_key_value(table) else { return Ok(None) };
        let bytes = self.streams.stream(&name::table_stream_name(name), MAX_STREAM_BYTES)?.unwrap_or_default();
        Ok(Some(Table::read(name, columns, &self.pool, &bytes)?))
    }
}

fn required(streams: &impl Streams, table: &'static str) -> Result<Vec<u8>, Error> {
    let found = streams.stream(&name::table_stream_name(table), MAX_STREAM_BYTES)?;
    let missing =
        Malformed { structure: "database", offset: Malformed::NOWHERE, problem: Problem::Missing { what: table } };
    Ok(found.ok_or(missing)?)
}

/// The columns of `_Tables`: name, and the type as `_Columns` would give it.
pub(super) const TABLES: &[(&str, u16)] = &[("Name", 0x2d40)];
/// The columns of `_Columns`.
pub(super) const COLUMNS: &[(&str, u16)] = &[("Table", 0x2d40), ("Number", 0x2502), ("Name", 0x0d40), ("Type", 0x0502)];

/// The columns of one of the two tables that describe the others.
pub(super) fn fixed_columns(of: &[(&str, u16)]) -> Result<Vec<Column>, Malformed> {
    of.iter().map(|(name, bits)| Column::read((*name).to_owned(), *bits)).collect()
}

fn read_catalog(streams: &impl Streams, pool: &Pool) -> Result<BTreeMap<String, Vec<Column>>, Error> {
    let wrong = |problem| Malformed { structure: "catalog", offset: Malformed::NOWHERE, problem };
    let mut specs: BTreeMap<String, Vec<(i32, Column)>> = BTreeMap::new();
    let columns = fixed_columns(TABLES)?;
    let bytes = required(streams, "_Tables")?;
    for row in Table::read("_Tables", &columns, pool, &bytes)?.rows() {
        if specs.len() == MAX_TABLES {
            let found = bytes.len() as u64;
            return Err(wrong(Problem::Value { field: "tables", found, expected: "1024 at most" }).into());
        }
        if specs.insert(short_name(pool, row.cell("Name"))?.into_owned(), Vec::new()).is_some() {
            return Err(wrong(Problem::Twice { what: "a table" }).into());
        }
    }
    let columns = fixed_columns(COLUMNS)?;
    let bytes = required(streams, "_Columns")?;
    // A table's columns stand side by side.
    let mut current = None;
    for row in Table::read("_Columns", &columns, pool, &bytes)?.rows() {
        let cell = row.cell("Table");
        let table = match current.take() {
            Some((last, table)) if last == cell => table,
            _ => specs
                .get_mut(&*short_name(pool, cell)?)
                .ok_or_else(|| wrong(Problem::Missing { what: "the table of a column" }))?,
        };
        let number = row.int("Number").ok_or_else(|| wrong(Problem::Missing { what: "a column's number" }))?;
        // The type is a set of bits in a signed column; the key bit makes no sign, but a hostile one may.
        let bits = row.int("Type").ok_or_else(|| wrong(Problem::Missing { what: "a column's type" }))?;
        let column = Column::read(short_name(pool, row.cell("Name"))?.into_owned(), (bits & 0xffff) as u16)?;
        if table.len() == MAX_COLUMNS || table.iter().any(|(other, _)| *other == number) {
            return Err(wrong(Problem::Twice { what: "a column (or there are more than 32)" }).into());
        }
        table.push((number, column));
        current = Some((cell, table));
    }
    specs.into_iter().map(|(name, columns)| Ok((name, in_order(columns).map_err(wrong)?))).collect()
}

/// Columns are numbered from 1 without gaps.
fn in_order(mut columns: Vec<(i32, Column)>) -> Result<Vec<Column>, Problem> {
    columns.sort_by_key(|(number, _)| *number);
    if columns.is_empty() || !columns.iter().zip(1..).all(|((number, _), at)| *number == at) {
        return Err(Problem::Missing { what: "a column of a table" });
    }
    Ok(columns.into_iter().map(|(_, column)| column).collect())
}

fn short_name(pool: &Pool, cell: Cell) -> Result<Cow<'_, str>, Malformed> {
    let wrong = |problem| Malformed { structure: "catalog", offset: Malformed::NOWHERE, problem };
    let Cell::Text(id) = cell else { return Err(wrong(Problem::Missing { what: "a name" })) };
    let found = pool.bytes(id).len();
    if found == 0 || found > MAX_NAME_BYTES {
        return Err(wrong(Problem::Value { field: "name length", found: found as u64, expected: "1 to 64" }));
    }
    Ok(pool.text(id))
}
