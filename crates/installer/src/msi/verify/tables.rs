//! The tables of a package, for rules.

use std::borrow::Cow;
use std::collections::BTreeMap;

use container::msidb::Table;
use container::reader::{Malformed, Problem};

use crate::format::ReadError;
use crate::msi::read::Installer;

/// More cells than any installer has: many tables may name one stream.
const MAX_CELLS: usize = 8 << 20;

/// Every table, decoded once.
pub(super) struct Tables<'d>(BTreeMap<&'d str, Table<'d>>);

impl<'d> Tables<'d> {
    pub(super) fn read(installer: &'d Installer<'_>) -> Result<Self, ReadError> {
        let mut tables = BTreeMap::new();
        let mut cells = 0_usize;
        for name in installer.database.tables() {
            if let Some(table) = installer.database.table(name)? {
                cells = cells.saturating_add(table.len().saturating_mul(table.columns().len()));
                if cells > MAX_CELLS {
                    let problem = Problem::Value { field: "cells", found: cells as u64, expected: "8,388,608 at most" };
                    return Err(
                        Malformed { structure: "installer database", offset: Malformed::NOWHERE, problem }.into()
                    );
                }
                tables.insert(name, table);
            }
        }
        Ok(Self(tables))
    }

    /// All of them, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'d str, &Table<'d>)> {
        self.0.iter().map(|(name, table)| (*name, table))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Table<'d>> {
        self.0.get(name)
    }

    pub(super) fn rows<'t>(&'t self, name: &str) -> impl Iterator<Item = container::msidb::Row<'t>> + use<'t, 'd> {
        self.0.get(name).into_iter().flat_map(Table::rows)
    }

    /// A column of all rows; rows without a value are left out.
    pub(super) fn column<'t>(
        &'t self,
        table: &str,
        column: &'t str,
    ) -> impl Iterator<Item = Cow<'t, str>> + use<'t, 'd> {
        self.rows(table).filter_map(move |row| row.text(column))
    }

    pub(super) fn property(&self, key: &str) -> Option<Cow<'_, str>> {
        self.get("Property")?.find("Property", key)?.text("Value")
    }

    /// Whether a list property, `A;B;C`, has an entry.
    pub(super) fn lists(&self, property: &str, entry: &str) -> bool {
        self.property(property).is_some_and(|list| list.split(';').any(|one| one == entry))
    }
}
