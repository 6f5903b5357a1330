//! The compound file and the database below the tables.

use std::collections::{BTreeMap, BTreeSet};

use container::cfb::check::Defect;
use container::cfb::read::Kind;
use container::msidb::name::{DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_EX, SUMMARY_INFORMATION, decode};
use container::msidb::{Cell, Codepage, ColumnType, Flaw};

use crate::format::ReadError;
use crate::report::{Finding, Report, Severity};

use super::maker::Maker;
use super::tables::Tables;
use crate::msi::read::Installer;

pub(super) fn check(
    installer: &Installer<'_>,
    tables: &Tables<'_>,
    maker: Maker,
    report: &mut Report,
) -> Result<(), ReadError> {
    compact(installer, maker, report)?;
    flaws(installer.database.check()?, maker, report);
    codepages(installer, maker, report);
    streams(installer, tables, maker, report);
    Ok(())
}

/// Whether Windows takes the compound file of a signed package. An unsigned one of ours must be as compact: a signature may be added.
fn compact(installer: &Installer<'_>, maker: Maker, report: &mut Report) -> Result<(), ReadError> {
    let place = "compound file";
    let (slack, strict): (Vec<_>, Vec<_>) = installer.compound().check()?.into_iter().partition(Defect::is_slack);
    for defect in slack {
        report.note("msi-slack", place, format!("{defect}; Windows takes that"));
    }
    if installer.compound().root().is_some_and(|root| root.created != 0) {
        let message = "the root has a creation time, which must be zeros (MS-CFB 2.6.1): osslsigncode does not read the file; sign clears it";
        report.note("msi-root-time", place, message);
    }
    let sentence = || strict.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if installer.is_signed() {
        report.check(strict.is_empty(), "msi-compact", place, || {
            format!("{}; Windows refuses a signed package with such sectors", sentence())
        });
    } else if maker == Maker::Stampwright {
        report.check(strict.is_empty(), "msi-compact", place, || {
            format!("{}; it is not as this tool writes it", sentence())
        });
    } else if !strict.is_empty() {
        report.warning("msi-compact", place, sentence());
    }
    Ok(())
}

/// What only Windows Installer notices. Rows in another order are not found, whoever made them; the rest it has been seen to take.
fn flaws(flaws: Vec<Flaw>, maker: Maker, report: &mut Report) {
    let mut kinds: BTreeMap<(&str, Severity), Vec<Flaw>> = BTreeMap::new();
    for flaw in flaws {
        let (id, severity) = match flaw {
            Flaw::Order { .. } => ("msi-row-order", Severity::Error),
            Flaw::References { .. } | Flaw::SameString { .. } => ("msi-string-pool", maker.severity()),
            Flaw::Unmarked { .. } | Flaw::Undecodable { .. } => ("msi-codepage", maker.severity()),
            Flaw::EmptyString { .. } => ("msi-empty-string", maker.severity()),
            Flaw::Null { .. } => ("msi-null", maker.severity()),
            Flaw::Long { .. } => ("msi-too-long", maker.severity()),
        };
        kinds.entry((id, severity)).or_default().push(flaw);
    }
    for ((id, severity), flaws) in &kinds {
        // Of what another tool does a thousand times the first is enough.
        let said = if maker == Maker::Other { 1 } else { flaws.len() };
        for flaw in flaws.iter().take(said) {
            let more = if flaws.len() > said { format!(" (and {} more)", flaws.len() - said) } else { String::new() };
            let message = format!("{flaw}{more}");
            report.add(Finding { id, severity: *severity, place: "database".to_owned(), message, hint: None });
        }
    }
    report.check(!kinds.contains_key(&("msi-row-order", Severity::Error)), "msi-row-order", "database", || {
        "Windows Installer does not find rows that are out of order".to_owned()
    });
}

/// A database may be in UTF-8, its summary information may not.
fn codepages(installer: &Installer<'_>, maker: Maker, report: &mut Report) {
    let id = "msi-codepage";
    let found = installer.database.pool().codepage();
    if maker == Maker::Stampwright {
        report.check(found.is_ansi() || found == Codepage::UTF_8, id, "string pool", || {
            format!("codepage is {found}, must be an ANSI codepage of Windows or 65001")
        });
    } else if !found.is_known() {
        report.warning(id, "string pool", format!("codepage {found} is not known here: only ASCII is shown as it is"));
    }
    let found = installer.summary.codepage();
    report.check(found != Codepage::UTF_8, id, "summary information", || {
        "codepage is 65001, must be an ANSI codepage: Windows Installer refuses UTF-8 here".to_owned()
    });
}

/// The names of the streams that hold binary cells: the table's name, then the key.
fn data_streams(installer: &Installer<'_>, tables: &Tables<'_>) -> BTreeSet<String> {
    let pool = installer.database.pool();
    let with_data =
        tables.iter().map(|(_, t)| t).filter(|t| t.columns().iter().any(|c| c.kind() == ColumnType::Binary));
    let names = with_data.flat_map(|table| {
        table.rows().map(|row| {
            let key = row.key().map(|cell| match cell {
                Cell::Text(id) => pool.text(id).into_owned(),
                Cell::Int(number) => number.to_string(),
                Cell::Null | Cell::Binary => String::new(),
            });
            std::iter::once(table.name().to_owned()).chain(key).collect::<Vec<_>>().join(".")
        })
    });
    names.collect()
}

/// Every stream is there for a reason, and in a package of ours the cabinet comes first where a signer hashes.
fn streams(installer: &Installer<'_>, tables: &Tables<'_>, maker: Maker, report: &mut Report) {
    let cabinets: BTreeSet<String> =
        tables.column("Media", "Cabinet").filter_map(|name| Some(name.strip_prefix('#')?.to_owned())).collect();
    let data = data_streams(installer, tables);
    let mut first: Option<(Vec<u8>, String)> = None;
    for entry in installer.compound().entries().iter().filter(|entry| entry.parent == 0) {
        let stored = String::from_utf16_lossy(&entry.name);
        let (name, is_table) = decode(&stored);
        let known = match stored.as_str() {
            // Patches and transforms of a language lie in storages.
            _ if entry.kind == Kind::Storage => maker == Maker::Other,
            SUMMARY_INFORMATION | DIGITAL_SIGNATURE | DIGITAL_SIGNATURE_EX => true,
            // Other property sets, e.g. a document summary.
            stored if stored.starts_with('\u{5}') => maker == Maker::Other,
            _ if is_table => {
                tables.get(&name).is_some()
                    || ["_StringPool", "_StringData", "_Tables", "_Columns"].contains(&name.as_str())
            }
            _ => cabinets.contains(&name) || data.contains(&name),
        };
        let printable: String = name.chars().take(64).flat_map(char::escape_debug).collect();
        let message = format!("stream {printable} belongs to no table and no medium");
        if maker == Maker::Stampwright {
            report.check(known, "msi-stray-stream", "compound file", || message);
        } else if !known {
            report.note("msi-stray-stream", "compound file", message);
        }
        let bytes: Vec<u8> = entry.name.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        if !matches!(stored.as_str(), DIGITAL_SIGNATURE | DIGITAL_SIGNATURE_EX)
            && first.as_ref().is_none_or(|(first, _)| bytes < *first)
        {
            first = Some((bytes, name));
        }
    }
    if maker == Maker::Stampwright && !first.is_some_and(|(_, name)| cabinets.contains(&name)) {
        report.note(
            "msi-cabinet-first",
            "compound file",
            "the cabinet is not the first stream that a signature covers",
        );
    }
}
