//! A table as text: the archive file (`.idt`) of Windows Installer, as `msiinfo export` writes it.

use std::borrow::Cow;

use super::pool::Pool;
use super::table::{Cell, Row, Table};

/// The table as an archive file: names, types, table and key, then the rows; tabs between, CR LF after.
///
/// Text is UTF-8 whatever the database's codepage, since this is for people, goldens and comparisons.
#[must_use]
pub fn archive(table: &Table<'_>, pool: &Pool) -> String {
    let columns = table.columns();
    let mut out = String::new();
    line(&mut out, columns.iter().map(|c| c.name().into()));
    line(&mut out, columns.iter().map(|c| c.archive_type().into()));
    let keys = columns.iter().filter(|c| c.is_key()).map(|c| c.name().into());
    line(&mut out, std::iter::once(table.name().into()).chain(keys));
    for row in table.rows() {
        line(
            &mut out,
            row.cells().iter().map(|cell| match cell {
                Cell::Null => "".into(),
                Cell::Int(n) => n.to_string().into(),
                Cell::Text(id) => without_controls(pool.text(*id)),
                Cell::Binary => format!("{}.{}", table.name(), key_of(&row, pool)).into(),
            }),
        );
    }
    out
}

/// The key as the name of a row's data stream has it, behind the table's name and a dot.
fn key_of(row: &Row<'_>, pool: &Pool) -> String {
    let parts = row.key().map(|cell| match cell {
        Cell::Text(id) => pool.text(id).into_owned(),
        Cell::Int(n) => n.to_string(),
        Cell::Null | Cell::Binary => String::new(),
    });
    parts.collect::<Vec<_>>().join(".")
}

fn line<'a>(out: &mut String, fields: impl Iterator<Item = Cow<'a, str>>) {
    for (at, field) in fields.enumerate() {
        if at != 0 {
            out.push('\t');
        }
        out.push_str(&field);
    }
    out.push_str("\r\n");
}

/// The archive format's replacements for the three characters that structure it.
fn without_controls(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains(['\t', '\r', '\n']) {
        return text;
    }
    text.chars()
        .map(|c| match c {
            '\t' => '\u{10}',
            '\r' => '\u{11}',
            '\n' => '\u{19}',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_structures_the_file_is_replaced() {
        assert_eq!(without_controls("a\tb\r\nc".into()), "a\u{10}b\u{11}\u{19}c");
    }
}
