//! Rows become streams, by way of the `msi` crate.
//!
//! The crate writes a whole compound file of its own, which cannot be signed (osslsigncode stumbles over its mini stream)
//! nor stamped; so it writes into memory, and only its streams are taken, but for the summary information.
//! What it would do silently is refused before: strings longer than their column, nothing in a column that demands something. It writes
//! UTF-8, and `string_pool` makes the package's codepage of that: the crate writes `?` for what a codepage lacks, and has no 874.

use std::io::{self, Cursor, Read};

use container::msidb::Codepage;
use container::msidb::name::{SUMMARY_INFORMATION, table_stream_name};
use msi::{Category, CodePage, Insert, Package, PackageType, Value};

use crate::format::BuildError;

use super::schema::{Column, Kind};
use super::string_pool::{StringPool, Unreadable, ValidationColumn};
use super::tables::{Field, Table, Tables};

/// A stream of the compound file: its name as stored, its bytes.
pub(super) type Stream = (String, Vec<u8>);

/// The streams of these tables, their text in this codepage.
pub(super) fn streams(tables: &Tables, codepage: Codepage) -> Result<Vec<Stream>, BuildError> {
    for table in tables.used() {
        check(table)?;
    }
    let failed = |error| BuildError::write("write the database's tables")(error);
    let mut streams = read_streams(write(tables).map_err(failed)?).map_err(failed)?;
    finish(&mut streams, tables, codepage).map_err(io::Error::other).map_err(failed)?;
    Ok(streams)
}

fn write(tables: &Tables) -> io::Result<Vec<u8>> {
    let mut package = Package::create(PackageType::Installer, Cursor::new(Vec::new()))?;
    package.set_database_codepage(CodePage::Utf8);
    for table in tables.used() {
        let columns = table.columns.iter().map(column).collect();
        package.create_table(table.name, columns)?;
        let rows = table.rows.iter().map(|row| row.iter().map(value).collect()).collect();
        package.insert_rows(Insert::into(table.name).rows(rows))?;
    }
    Ok(package.into_inner()?.into_inner())
}

/// What the crate cannot write: categories in the SDK's spelling, keys of one table or another, a codepage with all its characters.
fn finish(streams: &mut [Stream], tables: &Tables, codepage: Codepage) -> Result<(), Unreadable> {
    let [pool_name, data_name, validation_name] = ["_StringPool", "_StringData", "_Validation"].map(table_stream_name);
    let take = |streams: &mut [Stream], name: &str| {
        let stream = streams.iter_mut().find(|(found, _)| found == name).ok_or(Unreadable)?;
        Ok::<_, Unreadable>(std::mem::take(&mut stream.1))
    };
    let mut pool = StringPool::read(&take(streams, &pool_name)?, &take(streams, &data_name)?)?;
    let mut validation = take(streams, &validation_name)?;
    for table in tables.used() {
        for column in table.columns {
            let column_name = (table.name, column.name);
            if let Some(category) = own_category(column) {
                pool.describe(&mut validation, column_name, ValidationColumn::Category, category)?;
            }
            if let Some(tables) = column.refers.filter(|tables| tables.contains(';')) {
                pool.describe(&mut validation, column_name, ValidationColumn::KeyTable, tables)?;
            }
        }
    }
    pool.describe(&mut validation, ("_Validation", "Category"), ValidationColumn::Set, CATEGORIES)?;
    let (stored, data) = pool.store(codepage)?;
    for (name, bytes) in streams.iter_mut() {
        match name {
            name if *name == pool_name => bytes.clone_from(&stored),
            name if *name == data_name => bytes.clone_from(&data),
            name if *name == validation_name => bytes.clone_from(&validation),
            _ => {}
        }
    }
    Ok(())
}

/// What `_Validation` says of its own column Category.
const CATEGORIES: &str = "Text;Formatted;Template;Condition;Guid;Path;Version;Language;Identifier;Binary;UpperCase;LowerCase;Filename;\
    Paths;AnyPath;WildCardFilename;RegPath;CustomSource;Property;Cabinet;Shortcut;FormattedSDDLText;Integer;DoubleInteger;TimeDate;\
    DefaultDir";

/// A category that is added behind the crate's back: it spells `Guid` in capitals, and takes no cabinet whose name is no identifier
/// (see [`super::CABINET`] for why ours is none).
fn own_category(column: &Column) -> Option<&'static str> {
    match column.kind {
        Kind::Text(_, Category::Guid) => Some("Guid"),
        Kind::Text(_, Category::Cabinet) => Some("Cabinet"),
        _ => None,
    }
}

fn column(column: &Column) -> msi::Column {
    let mut builder = msi::Column::build(column.name);
    if column.key {
        builder = builder.primary_key();
    }
    if column.nullable {
        builder = builder.nullable();
    }
    if let Some(table) = column.refers.and_then(|tables| tables.split(';').next()) {
        builder = builder.foreign_key(table, 1);
    }
    if let Some((min, max)) = column.range {
        builder = builder.range(min, max);
    }
    if !column.set.is_empty() {
        builder = builder.enum_values(column.set);
    }
    match column.kind {
        Kind::Text(width, _) if own_category(column).is_some() => builder.string(width.into()),
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
            (width != 0 && found > width.into())
                .then(|| format!("{found} characters long, must be at most {width} for an MSI"))
        }
        _ => None,
    }
}
