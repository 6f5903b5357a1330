//! What rows say of other rows in texts: names in conditions and in Formatted text, icons, columns, folders to be removed.

use std::collections::BTreeSet;

use installer::msi::{Contents, Record};

use super::checks::{PROFILE_FOLDERS, is_below};
use crate::rules::rule::{Broken, broken};

/// Columns that `_Validation` describes and the table does not have.
pub(super) fn described_columns(m: &Contents) -> Option<Broken> {
    let is_missing = |row: &&Record| {
        let columns = m.columns.get(row.text("Table"));
        columns.is_some_and(|columns| !columns.iter().any(|column| column == row.text("Column")))
    };
    let row = m.rows("_Validation").iter().find(is_missing)?;
    broken(format!("table {}", row.text("Table")), format!("has no column {}", row.text("Column")))
}

pub(super) fn unused_icons(m: &Contents) -> Option<Broken> {
    let columns = [("Shortcut", "Icon_"), ("Class", "Icon_"), ("ProgId", "Icon_")];
    let is_used = |name: &str| {
        m.property("ARPPRODUCTICON") == name
            || columns.iter().any(|(table, column)| m.find(table, column, name).is_some())
    };
    let row = m.rows("Icon").iter().find(|row| !is_used(row.text("Name")))?;
    broken("table Icon", format!("nothing uses {}", row.text("Name")))
}

/// Folders of a user's profile, the system's own ones left out, that no row removes again.
pub(super) fn folders_left_behind(m: &Contents) -> Option<Broken> {
    let is_left = |row: &&Record| {
        let name = row.text("Directory");
        !PROFILE_FOLDERS.contains(&name)
            && is_below(m, name, &PROFILE_FOLDERS)
            && m.find("RemoveFile", "DirProperty", name).is_none()
    };
    let row = m.rows("Directory").iter().find(is_left)?;
    broken("table RemoveFile", format!("{} is not there", row.text("Directory")))
}

/// `[#File]`, `[!File]` and `[$Component]` in texts of rows that belong to a component.
pub(super) fn formatted(m: &Contents) -> Option<Broken> {
    for (table, rows) in m.tables.iter().filter(|(table, _)| !table.starts_with('_')) {
        for row in rows.iter().filter(|row| !row.text("Component_").is_empty()) {
            let own = row.text("Component_");
            let texts = row.texts().flat_map(|(_, text)| text.split('[').skip(1));
            for reference in texts.filter_map(|text| text.split(']').next()) {
                let component = match reference.split_at_checked(1) {
                    Some(("#" | "!", file)) => m.find("File", "File", file).map(|row| row.text("Component_")),
                    Some(("$", component)) => m.find("Component", "Component", component).map(|_| component),
                    _ => continue,
                };
                if component != Some(own) {
                    let found = if component.is_some() { "belongs to another component" } else { "does not exist" };
                    return broken(format!("table {table}"), format!("[{reference}] of {own} {found}"));
                }
            }
        }
    }
    None
}

/// `$Component`, `?Component`, `&Feature` and `!Feature` in conditions.
pub(super) fn named_in_conditions(m: &Contents) -> Option<Broken> {
    let names = |table: &str| -> BTreeSet<&str> { m.rows(table).iter().map(|row| row.text(table)).collect() };
    let (components, features) = (names("Component"), names("Feature"));
    for (table, rows) in &m.tables {
        for condition in rows.iter().map(|row| row.text("Condition")).filter(|text| !text.is_empty()) {
            for (mark, name) in states(condition) {
                let known = if matches!(mark, '$' | '?') { &components } else { &features };
                if !known.contains(name) {
                    return broken(format!("table {table}"), format!("{mark}{name} in a condition does not exist"));
                }
            }
        }
    }
    None
}

/// The components and features whose state a condition asks for. What stands between quotation marks is text.
fn states(condition: &str) -> Vec<(char, &str)> {
    let mut states = Vec::new();
    for unquoted in condition.split('"').step_by(2) {
        for (at, mark) in unquoted.match_indices(['$', '?', '&', '!']) {
            let rest = unquoted.get(at + mark.len()..).unwrap_or_default();
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
            let name = rest.split(|c| !is_name(c)).next().unwrap_or_default();
            if let (false, Some(mark)) = (name.is_empty(), mark.chars().next()) {
                states.push((mark, name));
            }
        }
    }
    states
}
