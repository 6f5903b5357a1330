//! `_Validation`: the package's own description of its columns, complete and true.

use std::collections::BTreeSet;

use container::msidb::{Cell, Column, Row, Table};

use crate::guid::is_guid;
use crate::report::Report;

use super::tables::Tables;

pub(super) fn check(tables: &Tables<'_>, report: &mut Report) {
    let mut described = BTreeSet::new();
    for rule in tables.rows("_Validation") {
        let (Some(table), Some(column)) = (rule.text("Table"), rule.text("Column")) else { continue };
        let found = tables.get(&table).and_then(|t| Some((t, t.columns().iter().find(|c| c.name() == column)?)));
        report.check(found.is_some(), "msi-validation", "table _Validation", || {
            format!("{table}.{column} is described and does not exist")
        });
        if let Some((table, column)) = found {
            check_column(tables, &rule, table, column, report);
        }
        described.insert((table.into_owned(), column.into_owned()));
    }
    for (name, table) in tables.iter() {
        for column in table.columns() {
            let known = described.contains(&((*name).to_owned(), column.name().to_owned()));
            report.check(known, "msi-validation", "table _Validation", || {
                format!("{name}.{} is not described", column.name())
            });
        }
    }
}

fn check_column(tables: &Tables<'_>, rule: &Row<'_>, table: &Table<'_>, column: &Column, report: &mut Report) {
    let place = || format!("table {}", table.name());
    let nullable = rule.text("Nullable").is_some_and(|yes| yes == "Y");
    report.check(nullable == column.is_nullable(), "msi-validation", place(), || {
        format!("{} is nullable in _Columns or in _Validation, not in both", column.name())
    });
    let keys = rule.text("KeyTable").map(|target| keys_of(tables, &target, rule.int("KeyColumn").unwrap_or(1)));
    let (min, max) = (rule.int("MinValue"), rule.int("MaxValue"));
    let category = rule.text("Category").unwrap_or_default();
    for (row, number) in table.rows().zip(1..) {
        let wrong = match row.cell(column.name()) {
            Cell::Int(n) if min.is_some_and(|min| n < min) || max.is_some_and(|max| n > max) => {
                Some("is out of its range")
            }
            Cell::Text(_) => {
                let text = row.text(column.name()).unwrap_or_default();
                let dangling = keys.as_ref().is_some_and(|keys| !keys.contains(text.as_ref()));
                if dangling { Some("names a row that does not exist") } else { problem_of(&category, &text) }
            }
            _ => None,
        };
        report.check(wrong.is_none(), "msi-validation", place(), || {
            format!("{} in row {number} {}", column.name(), wrong.unwrap_or_default())
        });
    }
}

/// The values that a column of another table may refer to.
fn keys_of(tables: &Tables<'_>, target: &str, number: i32) -> BTreeSet<String> {
    let at = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
    let Some(table) = tables.get(target) else { return BTreeSet::new() };
    let name = at.and_then(|at| table.columns().get(at)).map(Column::name).unwrap_or_default();
    table.rows().filter_map(|row| row.text(name).map(std::borrow::Cow::into_owned)).collect()
}

/// What is wrong with a text of a category ("Column Data Types"), for those that have a plain syntax.
fn problem_of(category: &str, text: &str) -> Option<&'static str> {
    let right = match category {
        "Identifier" => {
            text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
        }
        "Guid" => is_guid(text),
        "UpperCase" => !text.bytes().any(|b| b.is_ascii_lowercase()),
        "Version" => text.split('.').count() <= 4 && text.split('.').all(|part| part.parse::<u16>().is_ok()),
        "Language" => text.split(',').all(|part| part.parse::<u16>().is_ok()),
        "Formatted" | "RegPath" => brackets_match(text),
        _ => true,
    };
    if right { None } else { Some("is not of its category") }
}

/// Every `[` has its `]`: an odd one would swallow what follows.
fn brackets_match(text: &str) -> bool {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        // `[\x]` is the character x, whichever it is.
        let after = match after.strip_prefix('\\') {
            Some(escaped) => escaped.get(escaped.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default(),
            None => after,
        };
        let Some((_, behind)) = after.split_once(']') else { return false };
        if before.contains(']') {
            return false;
        }
        rest = behind;
    }
    !rest.contains(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_counted_as_windows_installer_reads_them() {
        for good in ["", "a", "[X]", r"[\[]", r"[\]]", r"a[\[]b[\]]c", "[~]"] {
            assert!(brackets_match(good), "{good}");
        }
        for bad in ["[", "]", "[X", "X]", r"[\]", "[a]]"] {
            assert!(!brackets_match(bad), "{bad}");
        }
    }
}
