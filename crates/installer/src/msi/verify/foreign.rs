//! What another tool has built: the rules that Windows Installer itself has, and what can be seen of its files.
//!
//! Windows Installer takes much that its reference forbids; published installers show how much. So only what makes an installation fail
//! is an error here, what it passes over is a warning, and what cannot be judged is said to be so.

use std::collections::{BTreeMap, BTreeSet};

use container::msidb::summary::pid;

use crate::format::ReadError;
use crate::guid::is_guid;
use crate::msi::extract::file_paths;
use crate::msi::media::{Holder, embedded};
use crate::report::Report;

use super::maker::Maker;
use super::tables::Tables;
use super::{structure, validation};
use crate::msi::read::Installer;

/// Properties without which nothing is installed ("Required Properties").
const REQUIRED: [&str; 5] = ["ProductCode", "ProductLanguage", "Manufacturer", "ProductVersion", "ProductName"];

pub(super) fn check(installer: &Installer<'_>, tables: &Tables<'_>, report: &mut Report) -> Result<(), ReadError> {
    report.note(
        "msi-foreign",
        "package",
        "not built by Stampwright: it is held to Windows Installer's rules, not to those of this tool's own packages",
    );
    structure::check(installer, tables, Maker::Other, report)?;
    identity(installer, tables, report);
    version(tables, report);
    references(tables, report);
    validation::check(tables, Maker::Other, report);
    files(installer, report)
}

fn identity(installer: &Installer<'_>, tables: &Tables<'_>, report: &mut Report) {
    for key in REQUIRED {
        report.check(tables.property(key).is_some(), "msi-property", "table Property", || format!("{key} is missing"));
    }
    let summary = &installer.summary;
    let package = summary.text(pid::REVISION).unwrap_or_default();
    let codes = [("revision", package, "summary information")];
    let product = tables.property("ProductCode").unwrap_or_default();
    for (what, code, place) in codes.into_iter().chain([("ProductCode", &*product, "table Property")]) {
        report.check(is_guid(&code.to_ascii_uppercase()), "msi-product-code", place, || {
            format!("{what} is {code:?}, must be a GUID in braces")
        });
        if is_guid(&code.to_ascii_uppercase()) && !is_guid(code) {
            report.warning(
                "msi-product-code",
                place,
                format!("{what} is not in upper case: it may not be found again"),
            );
        }
    }
    let template = summary.text(pid::TEMPLATE).unwrap_or_default();
    let needed = match template.split(';').next().unwrap_or_default() {
        "x64" | "Intel64" | "AMD64" => 200,
        "Arm64" | "Arm" => 500,
        _ => 0,
    };
    let schema = summary.int(pid::PAGE_COUNT).unwrap_or(0);
    report.check(schema >= needed, "msi-schema", "summary information", || {
        format!("page count is {schema}, must be at least {needed} for {template}")
    });
    report.check(
        !(tables.get("LockPermissions").is_some_and(|t| !t.is_empty())
            && tables.get("MsiLockPermissionsEx").is_some_and(|t| !t.is_empty())),
        "msi-lock",
        "table MsiLockPermissionsEx",
        || "LockPermissions must not have rows as well (error 1941)".to_owned(),
    );
}

/// Three numbers count. Windows Installer passes over a fourth, so that two versions may look the same to it.
fn version(tables: &Tables<'_>, report: &mut Report) {
    let version = tables.property("ProductVersion").unwrap_or_default();
    let parts: Vec<Option<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    let place = "table Property";
    match parts.as_slice() {
        [Some(0..=255), Some(0..=255), Some(0..=65_535)] => {}
        [Some(0..=255), Some(0..=255), Some(0..=65_535), Some(_)] => report.warning(
            "msi-version",
            place,
            format!("ProductVersion is {version:?}: Windows Installer passes over the fourth number"),
        ),
        _ => report.warning(
            "msi-version",
            place,
            format!("ProductVersion is {version:?}, should be three numbers up to 255.255.65535"),
        ),
    }
}

/// What an installation looks up and must find.
fn references(tables: &Tables<'_>, report: &mut Report) {
    for (table, column, target) in [
        ("File", "Component_", "Component"),
        ("FeatureComponents", "Component_", "Component"),
        ("FeatureComponents", "Feature_", "Feature"),
    ] {
        let keys: BTreeSet<_> = tables.column(target, target).collect();
        let missing: BTreeSet<_> = tables.column(table, column).filter(|key| !keys.contains(key)).collect();
        report.check(missing.is_empty(), "msi-reference", format!("table {table}"), || {
            format!("{column} names {} rows of {target} that do not exist", missing.len())
        });
    }
}

/// Every file is on a medium; what lies in cabinets of the package is there.
fn files(installer: &Installer<'_>, report: &mut Report) -> Result<(), ReadError> {
    let (files, media) = (file_paths(installer)?, installer.media()?);
    let mut outside = BTreeSet::new();
    let mut inside: BTreeMap<&str, BTreeMap<&str, i32>> = BTreeMap::new();
    for (key, file) in &files {
        let holder = installer.holder(&media, file.sequence, file.attributes);
        report.check(holder.is_some(), "msi-media", "table Media", || format!("file {key} is on no medium"));
        match holder {
            Some(Holder::Outside(name)) => drop(outside.insert(format!("the cabinet {name}"))),
            Some(Holder::Loose) => drop(outside.insert("files that are in no cabinet".to_owned())),
            Some(Holder::Embedded(name)) => drop(inside.entry(name).or_default().insert(key, file.size)),
            None => {}
        }
    }
    for what in outside {
        report.note("msi-outside", "table Media", format!("{what}: outside the package, and not judged"));
    }
    // Once for each cabinet, however many media name it.
    for name in embedded(&media) {
        match cabinet(installer, name, inside.remove(name).unwrap_or_default(), report) {
            Err(ReadError::Malformed(malformed)) => report.error("msi-cabinet", place(name), malformed.to_string()),
            other => other?,
        }
    }
    Ok(())
}

fn place(cabinet: &str) -> String {
    format!("cabinet {cabinet}")
}

/// The files of one cabinet, by key and size.
fn cabinet(
    installer: &Installer<'_>,
    name: &str,
    mut expected: BTreeMap<&str, i32>,
    report: &mut Report,
) -> Result<(), ReadError> {
    let Some(cabinet) = installer.embedded(name)? else {
        report.check(expected.is_empty(), "msi-cabinet", place(name), || {
            "the stream is missing (an administrative image has none, and its files beside it)".to_owned()
        });
        return Ok(());
    };
    if let Some(why) = cabinet.unopened() {
        report.note("msi-cabinet-unread", place(name), format!("{why}: its files are listed, and not judged"));
        return Ok(());
    }
    cabinet.each(|file, _| {
        match expected.remove(file.name.as_str()) {
            Some(size) if u64::try_from(size) != Ok(file.size_bytes) => report.warning(
                "msi-file-size",
                place(name),
                format!("{} has {} bytes, the table File says {size}", file.name, file.size_bytes),
            ),
            Some(_) => {}
            None => report.warning("msi-cabinet-files", place(name), format!("{} is in no row of File", file.name)),
        }
        Ok::<(), ReadError>(())
    })?;
    report.check(expected.is_empty(), "msi-cabinet-files", place(name), || {
        let first = expected.keys().next().copied().unwrap_or_default();
        format!("{} files of the table File are missing, {first} among them", expected.len())
    });
    Ok(())
}
