//! What a package changes of the machine: environment variables and values of the registry, each of which a removal takes back.

use container::msidb::Row;

use crate::report::Report;

use super::tables::Tables;

/// `Registry.Root`: HKEY_LOCAL_MACHINE. Another one is a user's, whom a system service does not have.
const HKEY_LOCAL_MACHINE: i32 = 2;
/// `Registry.Name` of rows that make or remove a key ("Registry Table").
const KEY_ONLY: [&str; 3] = ["+", "-", "*"];

pub(super) fn check(tables: &Tables<'_>, report: &mut Report) {
    for row in tables.rows("Environment") {
        environment(&row, report);
    }
    for row in tables.rows("Registry") {
        registry(&row, report);
    }
}

/// "Environment Table": what stands in front of the name says whose it is and when it goes.
fn environment(row: &Row<'_>, report: &mut Report) {
    let (id, place) = ("msi-environment", "table Environment");
    let key = row.text("Environment").unwrap_or_default();
    let text = row.text("Name").unwrap_or_default();
    let name = text.trim_start_matches(['=', '+', '-', '!', '*']);
    let signs = text.strip_suffix(name).unwrap_or_default();
    report.check(!name.is_empty() && !name.contains('='), id, place, || {
        format!("{key} has the name {text:?}, must be signs and then a variable's name")
    });
    report.check(signs.contains('*'), id, place, || format!("{key} is a user's variable, must be the machine's (*)"));
    report.check(signs.contains('-'), id, place, || format!("{key} stays when the product goes, must have a minus"));
    report.check(signs.contains('=') && !signs.contains(['!', '+']), id, place, || {
        format!("{key} has the signs {signs:?}, must be =-*: set at installation, removed with the product")
    });
    let value = row.text("Value").unwrap_or_default();
    let part = value.strip_prefix("[~];").or_else(|| value.strip_suffix(";[~]"));
    report.check(!name.eq_ignore_ascii_case("PATH") || part.is_some(), id, place, || {
        format!("{key} replaces the machine's PATH by {value:?}, must add to it: [~];FOLDER")
    });
    let is_one = part.is_none_or(|part| !part.is_empty() && !part.contains("[~]") && !part.contains(';'));
    report.check(is_one, id, place, || format!("{key} has the value {value:?}, must add one folder"));
}

/// "Registry Table": whose it is, a key that Windows can make, a value of a type that there is.
fn registry(row: &Row<'_>, report: &mut Report) {
    let (id, place) = ("msi-registry", "table Registry");
    let row_key = row.text("Registry").unwrap_or_default();
    let root = row.int("Root").unwrap_or(0);
    report.check(root == HKEY_LOCAL_MACHINE, id, place, || {
        format!("{row_key} has the root {root}, must be 2: the product is the machine's")
    });
    let key = row.text("Key").unwrap_or_default();
    report.check(!key.split('\\').any(str::is_empty), id, place, || {
        format!("{row_key} has the key {key:?}, must be names with one backslash between them")
    });
    let name = row.text("Name").unwrap_or_default();
    let value = row.text("Value").unwrap_or_default();
    let is_key_only = KEY_ONLY.contains(&&*name) && value.is_empty();
    report.check(is_key_only || is_data(&value), id, place, || {
        format!("{row_key} has the value {value:?}, which is neither a text nor #number, #%text or #xdigits")
    });
}

fn is_data(value: &str) -> bool {
    match value.strip_prefix('#') {
        None => true,
        Some(rest) if rest.starts_with(['#', '%']) => true,
        Some(rest) => match rest.strip_prefix('x') {
            Some(digits) => digits.len().is_multiple_of(2) && digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
            None => rest.parse::<i32>().is_ok(),
        },
    }
}
