//! `_Validation`: the package's own description of its columns, complete and true.

use std::collections::BTreeSet;

use container::msidb::{Cell, Column, Row, Table};

use crate::guid::is_guid;
use crate::report::Report;

use super::maker::Maker;
use super::tables::Tables;

pub(super) fn check(tables: &Tables<'_>, maker: Maker, report: &mut Report) {
    let mut described = BTreeSet::new();
    for rule in tables.rows("_Validation") {
        let (Some(table), Some(column)) = (rule.text("Table"), rule.text("Column")) else { continue };
        let found = tables.get(&table).and_then(|t| Some((t, t.columns().iter().find(|c| c.name() == column)?)));
        // Other tools copy the description of every table that there can be.
        if maker == Maker::Stampwright {
            report.check(found.is_some(), "msi-validation", "table _Validation", || {
                format!("{table}.{column} is described and does not exist")
            });
        }
        // Nothing looks at what another tool says of the descriptions themselves: copies of several SDKs lie side by side.
        let is_looked_at = maker == Maker::Stampwright || table != "_Validation";
        if let Some((table, column)) = found.filter(|_| is_looked_at) {
            check_column(tables, &rule, (table, column), maker, report);
        }
        described.insert((table.into_owned(), column.into_owned()));
    }
    for (name, table) in tables.iter().filter(|_| maker == Maker::Stampwright) {
        for column in table.columns() {
            let known = described.contains(&((*name).to_owned(), column.name().to_owned()));
            report.check(known, "msi-validation", "table _Validation", || {
                format!("{name}.{} is not described", column.name())
            });
        }
    }
}

fn check_column(
    tables: &Tables<'_>,
    rule: &Row<'_>,
    (table, column): (&Table<'_>, &Column),
    maker: Maker,
    report: &mut Report,
) {
    let place = || format!("table {}", table.name());
    if maker == Maker::Stampwright {
        let nullable = rule.text("Nullable").is_some_and(|yes| yes == "Y");
        report.check(nullable == column.is_nullable(), "msi-validation", place(), || {
            format!("{} is nullable in _Columns or in _Validation, not in both", column.name())
        });
    }
    let mut values = Values::new(tables, rule);
    if (table.name(), column.name()) == ("_Validation", "KeyTable") {
        // The SDK calls it an identifier, and lists several with semicolons between.
        values.category.clear();
    }
    let mut others = 0;
    for (row, number) in table.rows().zip(1..) {
        let wrong = match row.cell(column.name()) {
            Cell::Int(n) => values.problem_of_number(n),
            Cell::Text(_) => values.problem_of(&row.text(column.name()).unwrap_or_default()),
            Cell::Null | Cell::Binary => None,
        };
        match maker {
            Maker::Stampwright => {
                report.check(wrong.is_none(), "msi-validation", place(), || {
                    format!("{} in row {number} {}", column.name(), wrong.unwrap_or_default())
                });
            }
            Maker::Other if wrong.is_some() => {
                others += 1;
                if others == 1 {
                    let message = format!("{} in row {number} {}", column.name(), wrong.unwrap_or_default());
                    report.warning("msi-validation", place(), message);
                }
            }
            Maker::Other => {}
        }
    }
}

/// The values that a column may have, by its row in `_Validation`.
struct Values {
    /// The keys that it may name; none where none of these tables is there.
    keys: Option<BTreeSet<String>>,
    set: BTreeSet<String>,
    range: (Option<i32>, Option<i32>),
    category: String,
}

impl Values {
    fn new(tables: &Tables<'_>, rule: &Row<'_>) -> Self {
        let list = |column| rule.text(column).unwrap_or_default().into_owned();
        let number = rule.int("KeyColumn").unwrap_or(1);
        Self {
            keys: keys_of(tables, &list("KeyTable"), number),
            set: list("Set").split(';').filter(|value| !value.is_empty()).map(str::to_owned).collect(),
            range: (rule.int("MinValue"), rule.int("MaxValue")),
            category: list("Category"),
        }
    }

    fn problem_of_number(&self, n: i32) -> Option<&'static str> {
        let (min, max) = self.range;
        if min.is_some_and(|min| n < min) || max.is_some_and(|max| n > max) {
            return Some("is out of its range");
        }
        let outside = !self.set.is_empty() && min.is_none() && !self.set.contains(&n.to_string());
        outside.then_some("is none of the values that there are")
    }

    /// A value is a key, or one of the set, or of its category: a version may be the key of a companion file.
    fn problem_of(&self, text: &str) -> Option<&'static str> {
        if self.set.contains(text) || self.keys.as_ref().is_some_and(|keys| keys.contains(text)) {
            return None;
        }
        let is_name = matches!(self.category.as_str(), "" | "Identifier");
        if self.keys.is_some() && is_name {
            return Some("names a row that does not exist");
        }
        if !self.set.is_empty() && is_name {
            return Some("is none of the values that there are");
        }
        problem_of(&self.category, text)
    }
}

/// The values that a column of other tables (`A;B`) has. Tables that are not there say nothing.
fn keys_of(tables: &Tables<'_>, targets: &str, number: i32) -> Option<BTreeSet<String>> {
    let at = usize::try_from(number).ok()?.checked_sub(1)?;
    let found: Vec<&Table<'_>> = targets.split(';').filter_map(|target| tables.get(target)).collect();
    let texts = |table: &&Table<'_>| {
        let name = table.columns().get(at).map(Column::name).unwrap_or_default();
        table.rows().filter_map(|row| row.text(name).map(std::borrow::Cow::into_owned)).collect::<Vec<_>>()
    };
    if found.is_empty() { None } else { Some(found.iter().flat_map(texts).collect()) }
}

/// What is wrong with a text of a category ("Column Data Types"), for those that have a plain syntax.
fn problem_of(category: &str, text: &str) -> Option<&'static str> {
    let right = match category {
        "Identifier" => is_identifier(text),
        "Guid" => is_guid(text),
        "UpperCase" => !text.bytes().any(|b| b.is_ascii_lowercase()),
        "Version" => text.split('.').count() <= 4 && text.split('.').all(|part| part.parse::<u16>().is_ok()),
        "Language" => text.split(',').all(|part| part.parse::<u16>().is_ok()),
        "Formatted" | "RegPath" => brackets_match(text),
        // Inside, a stream: any name that one can have, in practice.
        "Cabinet" => !text.strip_prefix('#').unwrap_or(text).is_empty(),
        _ => true,
    };
    if right { None } else { Some("is not of its category") }
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
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

    fn values(keys: Option<&[&str]>, set: &str, category: &str) -> Values {
        Values {
            keys: keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect()),
            set: set.split_terminator(';').map(str::to_owned).collect(),
            range: (None, None),
            category: category.to_owned(),
        }
    }

    #[test]
    fn a_value_is_a_key_or_of_its_category() {
        let version = values(Some(&["MainFile"]), "", "Version");
        assert_eq!((version.problem_of("MainFile"), version.problem_of("1.2.3.4")), (None, None));
        assert_eq!(version.problem_of("OtherFile"), Some("is not of its category"));
        let key = values(Some(&["File1"]), "", "Identifier");
        assert_eq!(key.problem_of("File2"), Some("names a row that does not exist"));
        assert_eq!(values(None, "", "Identifier").problem_of("File2"), None, "none of the tables is there");
        let table = values(None, "File;Registry", "Identifier");
        assert_eq!(table.problem_of("Registry"), None);
        assert_eq!(table.problem_of("Folder"), Some("is none of the values that there are"));
        assert_eq!(values(None, "", "Guid").problem_of("{x}"), Some("is not of its category"));
        let numbers = values(None, "1;2;3", "");
        assert_eq!((numbers.problem_of_number(3), numbers.problem_of_number(4).is_some()), (None, true));
    }

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
