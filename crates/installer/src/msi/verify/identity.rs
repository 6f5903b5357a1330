//! Who the product is.

use container::msidb::summary::pid;

use crate::guid::is_guid;
use crate::report::Report;

use super::tables::Tables;
use crate::msi::read::Installer;

const SUMMARY: &str = "summary information";

/// Properties that a package must not set, because they decide what is installed (ICE87).
const NOT_AUTHORED: [&str; 16] = [
    "ACTION",
    "ADDDEFAULT",
    "ADDLOCAL",
    "ADDSOURCE",
    "ADVERTISE",
    "COMPADDDEFAULT",
    "COMPADDLOCAL",
    "COMPADDSOURCE",
    "FILEADDDEFAULT",
    "FILEADDLOCAL",
    "FILEADDSOURCE",
    "REINSTALL",
    "REMOVE",
    "INSTALLLEVEL",
    "NOCOMPANYNAME",
    "NOUSERNAME",
];

pub(super) fn check(installer: &Installer<'_>, tables: &Tables<'_>, report: &mut Report) {
    summary(installer, tables, report);
    codes(installer, tables, report);
    version(tables, report);
    properties(tables, report);
}

fn summary(installer: &Installer<'_>, tables: &Tables<'_>, report: &mut Report) {
    let summary = &installer.summary;
    let template = summary.text(pid::TEMPLATE).unwrap_or_default();
    let (arch, languages) = template.split_once(';').unwrap_or((template, ""));
    report.check(matches!(arch, "x64" | "Arm64"), "msi-template", SUMMARY, || {
        format!("template is {:?}, must name x64 or Arm64", template)
    });
    let language = tables.property("ProductLanguage").unwrap_or_default();
    report.check(languages.split(',').any(|one| one == language), "msi-template", SUMMARY, || {
        format!("template is {template:?}, must list ProductLanguage {language}")
    });
    let page_count = summary.int(pid::PAGE_COUNT).unwrap_or(0);
    report.check(page_count >= 500, "msi-schema", SUMMARY, || {
        format!("page count is {page_count}, must be at least 500 for MsiLockPermissionsEx and arm64")
    });
    let word_count = summary.int(pid::WORD_COUNT).unwrap_or(0);
    report.check(word_count == 2, "msi-word-count", SUMMARY, || {
        format!("word count is {word_count}, must be 2: long names, compressed, elevated")
    });
    let security = summary.int(pid::SECURITY).unwrap_or(0);
    report.check(security == 2, "msi-security", SUMMARY, || format!("security is {security}, must be 2"));
    report.check(summary.text(pid::LAST_SAVED_BY).is_none(), "msi-last-saved-by", SUMMARY, || {
        "last saved by must be absent from a package that is shipped".to_owned()
    });
    // What the summary's codepage lacks stands in the tables only.
    let same = |id, key| {
        let property = tables.property(key).unwrap_or_default();
        match summary.text(id) {
            Some(text) => text == property,
            None => summary.codepage().encode(&property).is_err(),
        }
    };
    report.check(same(pid::SUBJECT, "ProductName"), "msi-summary", SUMMARY, || {
        "the subject and ProductName do not agree".to_owned()
    });
    report.check(same(pid::AUTHOR, "Manufacturer"), "msi-summary", SUMMARY, || {
        "the author and Manufacturer do not agree".to_owned()
    });
}

fn codes(installer: &Installer<'_>, tables: &Tables<'_>, report: &mut Report) {
    let package = installer.summary.text(pid::REVISION).unwrap_or_default();
    report.check(is_guid(package), "msi-package-code", SUMMARY, || {
        format!("revision is {package:?}, must be one GUID in braces and upper case")
    });
    for key in ["ProductCode", "UpgradeCode"] {
        let code = tables.property(key).unwrap_or_default();
        report.check(is_guid(&code), "msi-product-code", "table Property", || {
            format!("{key} is {code:?}, must be a GUID in braces and upper case")
        });
    }
    let base = |key| tables.property(key).unwrap_or_default();
    let (base_product, base_package) = (base("StampwrightBaseProductCode"), base("StampwrightBasePackageCode"));
    report.check(is_guid(&base_product) && is_guid(&base_package), "msi-stamp-codes", "table Property", || {
        "the codes of the base are missing: it cannot be stamped".to_owned()
    });
    let product = tables.property("ProductCode").unwrap_or_default();
    let same = (product == base_product, package == base_package);
    if tables.property("ENROLLMENTTOKEN").is_some() {
        report.check(same == (false, false), "msi-stamp-codes", "table Property", || {
            "a stamp has the codes of its base: Windows Installer would run the package it has cached".to_owned()
        });
    } else {
        report.check(same == (true, true), "msi-stamp-codes", "table Property", || {
            "there is no token, but the codes are not those of the base".to_owned()
        });
    }
}

fn version(tables: &Tables<'_>, report: &mut Report) {
    let version = tables.property("ProductVersion").unwrap_or_default();
    let parts: Vec<Option<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    let right = matches!(parts.as_slice(), [Some(0..=255), Some(0..=255), Some(0..=65_535)]);
    report.check(right, "msi-version", "table Property", || {
        format!("ProductVersion is {version:?}, must be three numbers up to 255.255.65535")
    });
}

fn properties(tables: &Tables<'_>, report: &mut Report) {
    for key in ["ProductName", "Manufacturer"] {
        report.check(tables.property(key).is_some(), "msi-property", "table Property", || format!("{key} is missing"));
    }
    for (key, expected, why) in [
        ("ALLUSERS", "1", "a service is installed for the computer"),
        ("MSIDEPLOYMENTCOMPLIANT", "1", "Group Policy installs it without dialogs"),
    ] {
        let found = tables.property(key).unwrap_or_default();
        report.check(found == expected, "msi-property", "table Property", || {
            format!("{key} is {found:?}, must be {expected}: {why}")
        });
    }
    for key in NOT_AUTHORED {
        report.check(tables.property(key).is_none(), "msi-authored-property", "table Property", || {
            format!("{key} must come from whoever installs, not from the package")
        });
    }
}
