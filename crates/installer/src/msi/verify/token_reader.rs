//! The custom actions that are a program, and the issuer's keys: with keys there is the action that verifies tokens, without there is not.

use container::msidb::Streams;
use container::msidb::name::data_stream_name;
use container::msidb::summary::pid;
use container::pe::{Image, Machine};
use md5::{Digest, Md5};

use crate::agent::{self, AgentProblem};
use crate::claims::IssuerKeys;
use crate::format::ReadError;
use crate::report::{Finding, Report, Severity};

use super::files::stated_hash;
use super::tables::Tables;
use crate::msi::read::Installer;

const ACTION: &str = "ReadEnrollmentToken";
/// The actions that every package of ours has, and their types: immediate; commit, as the system, whose failure does not count.
const STATE_ACTIONS: [(&str, i32); 2] = [("CheckStateFolder", 1), ("RemoveStateFolder", 0xE41)];
const READER: &str = "TokenReader";
const KEYS: &str = "IssuerKeys";
/// A custom action has some hundred kilobytes.
const MAX_BYTES: usize = 16 << 20;

pub(super) fn check(installer: &Installer<'_>, tables: &Tables<'_>, report: &mut Report) -> Result<(), ReadError> {
    let stream =
        |key: &str| installer.database.streams().stream(&data_stream_name(&format!("Binary.{key}")), MAX_BYTES);
    let mut content = std::collections::BTreeMap::new();
    for row in tables.rows("Binary") {
        let key = row.text("Name").unwrap_or_default();
        let bytes = stream(&key)?;
        report.check(bytes.is_some(), "msi-binary", "table Binary", || format!("{key} has no stream"));
        report.check([READER, KEYS].contains(&key.as_ref()), "msi-binary", "table Binary", || {
            format!("{key} is nothing that a package of ours has")
        });
        content.insert(key.into_owned(), bytes.unwrap_or_default());
    }
    let action = tables.get("CustomAction").and_then(|table| table.find("Action", ACTION));
    let (keys, reader) = (content.get(KEYS), content.get(READER));
    report.check(keys.is_some() == action.is_some(), "msi-token-reader", "table Binary", || {
        format!("{KEYS} and the custom action {ACTION} must be there together")
    });
    report.check(reader.is_some(), "msi-token-reader", "table Binary", || format!("{READER} is missing"));
    for (name, kind) in STATE_ACTIONS {
        let row = tables.get("CustomAction").and_then(|table| table.find("Action", name));
        let right = row.is_some_and(|row| {
            let is = |column| row.text(column).unwrap_or_default();
            row.int("Type") == Some(kind) && is("Source") == READER && is("Target") == name
        });
        report.check(right, "msi-state-folder", "table CustomAction", || {
            format!("{name} must be the function of that name in {READER}, of type {kind}")
        });
    }
    if let Some(keys) = keys {
        issuer_keys(keys, tables, report);
    }
    if let Some(reader) = reader {
        is_for_the_architecture(reader, installer, report);
        is_signed_as_well(reader, installer, report);
    }
    if let Some(action) = action {
        let text = |column| action.text(column).unwrap_or_default();
        report.check(
            text("Source") == READER && text("Target") == ACTION,
            "msi-token-reader",
            "table CustomAction",
            || format!("{ACTION} must be the function of that name in {READER}"),
        );
        sequence(tables, report);
    }
    Ok(())
}

/// They can be used, and the installed file is the same: by its hash, which is compared with the cabinet elsewhere.
fn issuer_keys(keys: &[u8], tables: &Tables<'_>, report: &mut Report) {
    let parsed = IssuerKeys::parse(keys);
    report.check(parsed.is_ok(), "msi-issuer-keys", "table Binary", || {
        parsed.as_ref().err().map(ToString::to_string).unwrap_or_default()
    });
    let named = |name: &str| name.rsplit('|').next() == Some(IssuerKeys::FILE_NAME);
    let row = tables.rows("File").find(|row| row.text("FileName").is_some_and(|name| named(&name)));
    let file = row.and_then(|row| row.text("File")).unwrap_or_default();
    let hash = tables.get("MsiFileHash").and_then(|table| stated_hash(&table.find("File_", &file)?));
    report.check(hash == Some(Md5::digest(keys).into()), "msi-issuer-keys", "table File", || {
        format!("the installed {} must be there and be the same as Binary.{KEYS}", IssuerKeys::FILE_NAME)
    });
}

fn is_for_the_architecture(reader: &[u8], installer: &Installer<'_>, report: &mut Report) {
    let template = installer.summary.text(pid::TEMPLATE).unwrap_or_default();
    let wanted = if template.starts_with("Arm64") { Machine::Arm64 } else { Machine::X64 };
    let machine = Image::open(&reader).map(|image| image.machine());
    report.check(machine.is_ok_and(|machine| machine == wanted), "msi-token-reader", "table Binary", || {
        format!("{READER} is no DLL for {}", template.split(';').next().unwrap_or_default())
    });
}

/// Windows weighs the DLL by itself, whatever covers the package around it.
fn is_signed_as_well(reader: &[u8], installer: &Installer<'_>, report: &mut Report) {
    let signer = agent::signer_of_image(&reader);
    report.check(
        !signer.as_ref().is_err_and(AgentProblem::is_about_signature),
        "msi-token-reader",
        "table Binary",
        || format!("{READER}: {}", signer.as_ref().err().map(ToString::to_string).unwrap_or_default()),
    );
    if installer.is_signed() && matches!(signer, Ok(None)) {
        report.add(Finding {
            id: "msi-token-reader-unsigned",
            severity: Severity::Warning,
            place: "table Binary".to_owned(),
            message: format!("{READER} has no signature of its own: Smart App Control, WDAC and AppLocker do not look at the package's"),
            hint: Some("make signs it with the package; for a base, build --sign-programs does".to_owned()),
        });
    }
}

/// It runs when it can still do something, and also where there is a token already: no other one is taken unverified.
fn sequence(tables: &Tables<'_>, report: &mut Report) {
    let row = |action: &str| {
        let named = |row: &container::msidb::Row<'_>| row.text("Action").is_some_and(|found| found == action);
        tables.rows("InstallExecuteSequence").find(named)
    };
    let number = |action: &str| row(action).and_then(|row| row.int("Sequence"));
    let own = number(ACTION);
    let after = own > number("AppSearch");
    let before = ["KeepWaitingToken", "RequireToken", "CostFinalize"]
        .iter()
        .all(|action| number(action).is_none_or(|n| own < Some(n)));
    report.check(own.is_some() && after && before, "msi-token-reader", "table InstallExecuteSequence", || {
        format!("{ACTION} must come after AppSearch and before anything asks for the token")
    });
    let condition =
        row(ACTION).and_then(|row| row.text("Condition").map(std::borrow::Cow::into_owned)).unwrap_or_default();
    report.check(!condition.contains("ENROLLMENTTOKEN"), "msi-token-reader", "table InstallExecuteSequence", || {
        format!(
            "{ACTION} must also run where there is a token already, or a command line brings one that is not verified"
        )
    });
}
