//! The compound file and the database below the tables.

use container::msidb::name::{DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_EX, SUMMARY_INFORMATION, decode};
use container::msidb::{Codepage, Flaw};

use crate::format::ReadError;
use crate::report::Report;

use crate::msi::read::Installer;

/// Whether Windows takes the compound file of a signed package.
pub(super) fn compact(installer: &Installer<'_>, report: &mut Report) -> Result<(), ReadError> {
    let compound = installer.compound();
    let defects = compound.check()?;
    for defect in &defects {
        report.error("msi-compact", "compound file", defect.to_string());
    }
    report.check(defects.is_empty(), "msi-compact", "compound file", || {
        "Windows refuses signed packages that have free, lost or trailing sectors".to_owned()
    });
    Ok(())
}

pub(super) fn check(installer: &Installer<'_>, report: &mut Report) -> Result<(), ReadError> {
    compact(installer, report)?;
    let flaws = installer.database.check()?;
    for flaw in &flaws {
        let id = match flaw {
            Flaw::Order { .. } => "msi-row-order",
            Flaw::References { .. } | Flaw::SameString { .. } => "msi-string-pool",
            Flaw::EmptyString { .. } => "msi-empty-string",
            Flaw::Null { .. } => "msi-null",
            Flaw::Long { .. } => "msi-too-long",
        };
        report.error(id, "string pool", flaw.to_string());
    }
    report.check(flaws.is_empty(), "msi-string-pool", "string pool", || {
        "rows that are out of order or miscounted strings are not found by Windows Installer".to_owned()
    });
    let is_1252 = |codepage| matches!(codepage, Codepage::Windows1252 | Codepage::Neutral);
    let found = installer.database.pool().codepage();
    report.check(is_1252(found), "msi-codepage", "string pool", || {
        format!("codepage is {}, must be 1252: Windows Installer refuses others", found.number())
    });
    let found = installer.summary.codepage();
    report.check(is_1252(found), "msi-codepage", "summary information", || {
        format!("codepage is {}, must be 1252", found.number())
    });
    streams(installer, report)
}

/// Every stream is there for a reason, and the cabinet comes first where a signer hashes.
fn streams(installer: &Installer<'_>, report: &mut Report) -> Result<(), ReadError> {
    let media = installer.required("Media")?;
    let cabinets: Vec<String> =
        media.rows().filter_map(|row| Some(row.text("Cabinet")?.strip_prefix('#')?.to_owned())).collect();
    let binary = installer.database.table("Binary")?;
    let binaries: Vec<String> =
        binary.iter().flat_map(|table| table.rows()).filter_map(|row| Some(row.text("Name")?.into_owned())).collect();
    let mut first: Option<Vec<u8>> = None;
    let mut first_name = String::new();
    for entry in installer.compound().entries() {
        let stored = String::from_utf16_lossy(&entry.name);
        let (name, is_table) = decode(&stored);
        let known = match stored.as_str() {
            SUMMARY_INFORMATION | DIGITAL_SIGNATURE | DIGITAL_SIGNATURE_EX => true,
            _ if is_table => {
                installer.database.tables().any(|table| table == name)
                    || ["_StringPool", "_StringData", "_Tables", "_Columns"].contains(&name.as_str())
            }
            _ => cabinets.contains(&name) || binaries.iter().any(|key| name == format!("Binary.{key}")),
        };
        let printable: String = name.chars().take(64).flat_map(char::escape_debug).collect();
        report.check(known, "msi-stray-stream", "compound file", || {
            format!("stream {printable} belongs to no table and no medium")
        });
        let bytes: Vec<u8> = entry.name.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        if !matches!(stored.as_str(), DIGITAL_SIGNATURE | DIGITAL_SIGNATURE_EX)
            && first.as_ref().is_none_or(|first| bytes < *first)
        {
            (first, first_name) = (Some(bytes), name);
        }
    }
    if !cabinets.contains(&first_name) {
        report.note(
            "msi-cabinet-first",
            "compound file",
            "the cabinet is not the first stream that a signature covers",
        );
    }
    Ok(())
}
