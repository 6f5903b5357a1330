//! Rows on their way into a database.

use sha2::{Digest, Sha256};

use super::schema;

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    Null,
    Int(i32),
    Text(String),
    /// A stream with this SHA-256.
    Binary([u8; 32]),
}

/// There is no empty string in a database: it becomes null.
impl From<&str> for Field {
    fn from(text: &str) -> Self {
        if text.is_empty() { Self::Null } else { Self::Text(text.to_owned()) }
    }
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        if text.is_empty() { Self::Null } else { Self::Text(text) }
    }
}

impl From<i32> for Field {
    fn from(number: i32) -> Self {
        Self::Int(number)
    }
}

impl<T: Into<Self>> From<Option<T>> for Field {
    fn from(field: Option<T>) -> Self {
        field.map_or(Self::Null, Into::into)
    }
}

/// A table of the schema with its rows.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [schema::Column],
    pub(super) rows: Vec<Vec<Field>>,
}

/// All tables of the schema. The order of rows is the order in which their strings enter the pool.
#[derive(Debug, Clone)]
pub(super) struct Tables(Vec<Table>);

impl Tables {
    pub(super) fn new() -> Self {
        let empty = |(name, columns): &(&'static str, &'static [_])| Table { name, columns, rows: Vec::new() };
        Self(schema::TABLES.iter().map(empty).collect())
    }

    /// Adds a row to a table of the schema; one with another number of columns cannot be written, and is an error there.
    pub(super) fn add<const N: usize>(&mut self, table: &'static str, row: [Field; N]) {
        if let Some(table) = self.0.iter_mut().find(|t| t.name == table) {
            table.rows.push(row.into());
        }
    }

    /// A table of the schema, to be spoilt.
    #[cfg(test)]
    pub(super) fn table(&mut self, name: &str) -> &mut Table {
        self.0.iter_mut().find(|table| table.name == name).unwrap()
    }

    /// The tables that have rows; the others are not created.
    pub(super) fn used(&self) -> impl Iterator<Item = &Table> {
        self.0.iter().filter(|table| !table.rows.is_empty())
    }

    /// A digest over every table and row.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut part = |kind: u8, bytes: &[u8]| {
            digest.update([kind]);
            digest.update((bytes.len() as u64).to_le_bytes());
            digest.update(bytes);
        };
        for table in self.used() {
            part(b'T', table.name.as_bytes());
            for row in &table.rows {
                part(b'R', &[]);
                for field in row {
                    match field {
                        Field::Null => part(b'N', &[]),
                        Field::Int(n) => part(b'I', &n.to_le_bytes()),
                        Field::Text(text) => part(b'S', text.as_bytes()),
                        Field::Binary(sha256) => part(b'B', sha256),
                    }
                }
            }
        }
        digest.finalize().into()
    }
}

/// A row: each value becomes a [`Field`].
macro_rules! row {
    ($($value:expr),* $(,)?) => { [$($crate::msi::tables::Field::from($value)),*] };
}
/// No value.
pub(super) const NULL: Option<&str> = None;

pub(super) use row;
