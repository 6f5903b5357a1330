//! Rows become streams, by way of the `msi` crate.
//!
//! The crate writes a whole compound file of its own, which cannot be signed (osslsigncode stumbles over its mini stream)
//! nor stamped; so it writes into memory, and only its streams are taken, but for the summary information.
//! What it would do silently is refused before: text outside the codepage (it writes `?`), strings longer than
//! their column, nothing in a column that demands something.

use std::io::{self, Cursor, Read};

use container::msidb::codepage::encode_1252;
use container::msidb::name::SUMMARY_INFORMATION;
use msi::{CodePage, Insert, Package, PackageType, Value};

use crate::format::BuildError;

use super::schema::{Column, Kind};
use super::tables::{Field, Table, Tables};

/// A stream of the compound file: its name as stored, its bytes.
pub(super) type Stream = (String, Vec<u8>);

/// The streams of these tables.
pub(super) fn streams(tables: &Tables) -> Result<Vec<Stream>, BuildError> {
    for table in tables.used() {
        check(table)?;
    }
    let file = write(tables).map_err(BuildError::write("write the database's tables"))?;
    read_streams(file).map_err(BuildError::write("write the database's tables"))
}

fn write(tables: &Tables) -> io::Result<Vec<u8>> {
    let mut package = Package::create(PackageType::Installer, Cursor::new(Vec::new()))?;
    package.set_database_codepage(CodePage::Windows1252);
    for table in tables.used() {
        let columns = table.columns.iter().map(column).collect();
        package.create_table(table.name, columns)?;
        let rows = table.rows.iter().map(|row| row.iter().map(value).collect()).collect();
        package.insert_rows(Insert::into(table.name).rows(rows))?;
    }
    Ok(package.into_inner()?.into_inner())
}

fn column(column: &Column) -> msi::Column {
    let mut builder = msi::Column::build(column.name);
    if column.key {
        builder = builder.primary_key();
    }
    if column.nullable {
        builder = builder.nullable();
    }
    if let Some(table) = column.refers {
        builder = builder.foreign_key(table, 1);
    }
    if let Some((min, max)) = column.range {
        builder = builder.range(min, max);
    }
    match column.kind {
        Kind::Text(width, category) => builder.category(category).string(width.into()),
        Kind::Localized(width, category) => builder.localizable().category(category).string(width.into()),
        Kind::Short => builder.int16(),
        Kind::Long => builder.int32(),
        Kind::Binary => builder.binary(),
    }
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Int(n) => Value::Int(*n),
        Field::Text(text) => Value::Str(text.clone()),
        Field::Binary(_) => Value::Binary,
    }
}

fn read_streams(file: Vec<u8>) -> io::Result<Vec<Stream>> {
    let mut compound = cfb::CompoundFile::open(Cursor::new(file))?;
    let names: Vec<String> = compound.read_root_storage().map(|entry| entry.name().to_owned()).collect();
    let mut streams = Vec::new();
    for name in names.into_iter().filter(|name| name != SUMMARY_INFORMATION) {
        let mut bytes = Vec::new();
        compound.open_stream(&name)?.read_to_end(&mut bytes)?;
        streams.push((name, bytes));
    }
    Ok(streams)
}

/// Refuses what the crate would write all the same.
fn check(table: &Table) -> Result<(), BuildError> {
    for row in &table.rows {
        for (column, field) in table.columns.iter().zip(row) {
            if let Some(problem) = problem_of(column, field) {
                let problem = format!("makes {}.{} {problem}", table.name, column.name);
                return Err(BuildError::Product { field: "product", problem, hint: None });
            }
        }
    }
    Ok(())
}

fn problem_of(column: &Column, field: &Field) -> Option<String> {
    match (field, column.kind) {
        (Field::Null, _) => (!column.nullable).then(|| "empty, which an MSI does not allow".to_owned()),
        (Field::Text(text), Kind::Text(width, _) | Kind::Localized(width, _)) => {
            let found = text.chars().count();
            if width != 0 && found > width.into() {
                return Some(format!("{found} characters long, must be at most {width} for an MSI"));
            }
            encode_1252(text).err().map(|lacking| format!("impossible: {lacking}"))
        }
        _ => None,
    }
}
