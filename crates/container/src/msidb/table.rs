//! A table's rows.

use std::borrow::Cow;

use super::column::{Column, ColumnType};
use super::pool::{Pool, StringId};
use crate::reader::{Malformed, Problem, Reader};

/// More rows than any installer's table has.
const MAX_ROWS: usize = 1 << 20;
/// No table says more than this; a hostile one could name one long string in every cell.
const MAX_TEXT_BYTES: usize = 16 << 20;

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// No value.
    Null,
    /// An integer.
    Int(i32),
    /// A string of the pool.
    Text(StringId),
    /// There is a stream with the data.
    Binary,
}

/// A table, read whole. Rows are in the order of the file.
#[derive(Debug)]
pub struct Table<'d> {
    name: &'d str,
    columns: &'d [Column],
    pool: &'d Pool,
    cells: Vec<Cell>,
}

impl<'d> Table<'d> {
    /// Decodes a table's stream.
    pub fn read(name: &'d str, columns: &'d [Column], pool: &'d Pool, bytes: &[u8]) -> Result<Self, Malformed> {
        let r = Reader::new("table stream", 0, bytes);
        let row_bytes: usize = columns.iter().map(|c| c.width(pool.reference_bytes())).sum();
        if columns.is_empty() || !bytes.len().is_multiple_of(row_bytes) {
            return Err(r.wrong(Problem::Mismatch { what: "the length of the table and the width of its rows" }));
        }
        let rows = bytes.len() / row_bytes;
        if rows > MAX_ROWS {
            return Err(r.wrong(Problem::Value { field: "rows", found: rows as u64, expected: "1048576 at most" }));
        }
        let cells = read_cells(r, columns, pool, rows)?;
        Ok(Self { name, columns, pool, cells })
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'d str {
        self.name
    }

    /// Its columns.
    #[must_use]
    pub const fn columns(&self) -> &'d [Column] {
        self.columns
    }

    /// How many rows it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.cells.len() / self.columns.len()
    }

    /// Whether it has no rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The rows, in the order of the file.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.cells.chunks_exact(self.columns.len()).map(|cells| Row { table: self, cells })
    }

    /// The first row whose column says `text`.
    #[must_use]
    pub fn find(&self, column: &str, text: &str) -> Option<Row<'_>> {
        self.rows().find(|row| row.text(column).is_some_and(|found| found == text))
    }
}

/// Cells lie column by column; rows are what everybody wants, so they are turned here.
fn read_cells(mut r: Reader<'_>, columns: &[Column], pool: &Pool, rows: usize) -> Result<Vec<Cell>, Malformed> {
    let mut cells = vec![Cell::Null; rows * columns.len()];
    let mut text_bytes = 0;
    for (at, column) in columns.iter().enumerate() {
        for cell in cells.iter_mut().skip(at).step_by(columns.len()) {
            *cell = read_cell(&mut r, column.kind(), pool)?;
            if let Cell::Text(id) = *cell {
                text_bytes += pool.bytes(id).len();
            }
        }
        if text_bytes > MAX_TEXT_BYTES {
            let problem = Problem::Value { field: "text", found: text_bytes as u64, expected: "16 MiB at most" };
            return Err(r.wrong(problem));
        }
    }
    r.finish()?;
    Ok(cells)
}

fn read_cell(r: &mut Reader<'_>, kind: ColumnType, pool: &Pool) -> Result<Cell, Malformed> {
    Ok(match kind {
        ColumnType::Short => match r.u16_le()? {
            0 => Cell::Null,
            stored => Cell::Int((stored ^ 0x8000).cast_signed().into()),
        },
        ColumnType::Long => match r.u32_le()? {
            0 => Cell::Null,
            stored => Cell::Int((stored ^ 0x8000_0000).cast_signed()),
        },
        ColumnType::Binary => match r.u16_le()? {
            0 => Cell::Null,
            _ => Cell::Binary,
        },
        ColumnType::Text(_) => {
            let low = u32::from(r.u16_le()?);
            let high = if pool.reference_bytes() == 3 { u32::from(r.u8()?) } else { 0 };
            match StringId::new(high << 16 | low) {
                None => Cell::Null,
                Some(id) if pool.contains(id) => Cell::Text(id),
                Some(id) => {
                    let found = id.number().into();
                    return Err(r.wrong(Problem::Value { field: "string", found, expected: "in the pool" }));
                }
            }
        }
    })
}

/// A row of a table.
#[derive(Debug, Clone, Copy)]
pub struct Row<'t> {
    table: &'t Table<'t>,
    cells: &'t [Cell],
}

impl<'t> Row<'t> {
    /// All cells.
    #[must_use]
    pub const fn cells(&self) -> &'t [Cell] {
        self.cells
    }

    /// The cell in a column; null when there is no such column.
    #[must_use]
    pub fn cell(&self, column: &str) -> Cell {
        let at = self.table.columns.iter().position(|c| c.name() == column);
        at.and_then(|at| self.cells.get(at)).copied().unwrap_or(Cell::Null)
    }

    /// The string in a column, if there is one.
    #[must_use]
    pub fn text(&self, column: &str) -> Option<Cow<'t, str>> {
        match self.cell(column) {
            Cell::Text(id) => Some(self.table.pool.text(id)),
            _ => None,
        }
    }

    /// The integer in a column, if there is one.
    #[must_use]
    pub fn int(&self, column: &str) -> Option<i32> {
        match self.cell(column) {
            Cell::Int(n) => Some(n),
            _ => None,
        }
    }

    /// The cells of the key, as the file's order compares them.
    pub fn key(&self) -> impl Iterator<Item = Cell> + 't {
        let columns = self.table.columns;
        self.cells.iter().zip(columns).filter(|(_, column)| column.is_key()).map(|(cell, _)| *cell)
    }
}
