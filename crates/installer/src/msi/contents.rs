//! The tables of an MSI as they are, whoever made it: for rules that judge them.

use std::collections::BTreeMap;
use std::sync::Arc;

use container::ReadAt;
use container::msidb::summary::pid;
use container::msidb::{Cell, StringId, Table};
use container::reader::{Malformed, Problem};

use super::read::Installer;
use crate::format::ReadError;

/// More cells than any installer has: a file of millions of tiny rows is no reason to use a gigabyte.
const MAX_CELLS: usize = 2 << 20;

/// Every table, and what of the summary information has rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// By the table's name.
    pub tables: BTreeMap<String, Vec<Record>>,
    /// The columns that each table has, rows or not.
    pub columns: BTreeMap<String, Vec<String>>,
    /// Template: platform and languages, e.g. `x64;1033`.
    pub template: String,
    /// Revision number: the package code.
    pub package_code: String,
    /// Page count: the oldest Windows Installer, times 100.
    pub page_count: i32,
    /// Word count: how names and sources are.
    pub word_count: i32,
    /// Whether it carries an Authenticode signature.
    pub is_signed: bool,
}

/// A row: its cells by their columns. Equal texts are one text in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    columns: Arc<[String]>,
    cells: Vec<Value>,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing, or a stream.
    Null,
    /// A number.
    Int(i32),
    /// A text.
    Text(Arc<str>),
}

impl Record {
    fn cell(&self, column: &str) -> Option<&Value> {
        self.cells.get(self.columns.iter().position(|name| name == column)?)
    }

    /// A text; empty where there is none, which in a database is the same.
    #[must_use]
    pub fn text(&self, column: &str) -> &str {
        match self.cell(column) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// A number.
    #[must_use]
    pub fn int(&self, column: &str) -> Option<i32> {
        match self.cell(column) {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// Every text with its column.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns.iter().zip(&self.cells).filter_map(|(column, cell)| match cell {
            Value::Text(text) => Some((column.as_str(), &**text)),
            _ => None,
        })
    }
}

impl Contents {
    /// A table's rows; none where there is no such table.
    #[must_use]
    pub fn rows(&self, table: &str) -> &[Record] {
        self.tables.get(table).map(Vec::as_slice).unwrap_or_default()
    }

    /// The first row that has this text in that column.
    #[must_use]
    pub fn find(&self, table: &str, column: &str, text: &str) -> Option<&Record> {
        self.rows(table).iter().find(|row| row.text(column) == text)
    }

    /// A property; empty where it is not set, which is the same.
    #[must_use]
    pub fn property(&self, name: &str) -> &str {
        self.find("Property", "Property", name).map(|row| row.text("Value")).unwrap_or_default()
    }

    /// Whether a property that is a list with semicolons has this entry.
    #[must_use]
    pub fn lists(&self, property: &str, entry: &str) -> bool {
        self.property(property).split(';').any(|found| found == entry)
    }
}

/// Reads all tables; the cabinet is not touched.
pub fn contents(file: &dyn ReadAt) -> Result<Contents, ReadError> {
    let installer = Installer::open(file)?;
    let mut contents = Contents {
        template: installer.summary.text(pid::TEMPLATE).unwrap_or_default().to_owned(),
        package_code: installer.summary.text(pid::REVISION).unwrap_or_default().to_owned(),
        page_count: installer.summary.int(pid::PAGE_COUNT).unwrap_or_default(),
        word_count: installer.summary.int(pid::WORD_COUNT).unwrap_or_default(),
        is_signed: installer.is_signed(),
        tables: BTreeMap::new(),
        columns: BTreeMap::new(),
    };
    let mut texts: BTreeMap<StringId, Arc<str>> = BTreeMap::new();
    let mut cells = 0_usize;
    let names: Vec<String> = installer.database.tables().map(str::to_owned).collect();
    for name in names {
        let Some(table) = installer.database.table(&name)? else { continue };
        cells = cells.saturating_add(table.len().saturating_mul(table.columns().len()));
        if cells > MAX_CELLS {
            let problem = Problem::Value { field: "cells", found: cells as u64, expected: "2,097,152 at most" };
            return Err(Malformed { structure: "installer database", offset: Malformed::NOWHERE, problem }.into());
        }
        let columns = table.columns().iter().map(|column| column.name().to_owned()).collect();
        contents.columns.insert(name.clone(), columns);
        contents.tables.insert(name, records(&table, &mut texts));
    }
    Ok(contents)
}

fn records(table: &Table<'_>, texts: &mut BTreeMap<StringId, Arc<str>>) -> Vec<Record> {
    let columns: Arc<[String]> = table.columns().iter().map(|column| column.name().to_owned()).collect();
    let mut value = |row: &container::msidb::Row<'_>, column: &str| match row.cell(column) {
        Cell::Null | Cell::Binary => Value::Null,
        Cell::Int(number) => Value::Int(number),
        Cell::Text(id) => {
            let text = texts.entry(id).or_insert_with(|| row.text(column).unwrap_or_default().into());
            Value::Text(Arc::clone(text))
        }
    };
    table
        .rows()
        .map(|row| {
            let cells = columns.iter().map(|column| value(&row, column)).collect();
            Record { columns: Arc::clone(&columns), cells }
        })
        .collect()
}
