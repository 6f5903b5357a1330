//! What happens, in which order, and what an upgrade does.

use std::collections::BTreeMap;

use crate::report::Report;

use super::tables::Tables;

/// Actions that each sequence needs.
const REQUIRED: [(&str, &[&str]); 3] = [
    (
        "InstallExecuteSequence",
        &[
            "CostInitialize",
            "FileCost",
            "CostFinalize",
            "InstallValidate",
            "InstallInitialize",
            "ProcessComponents",
            "UnpublishFeatures",
            "RegisterUser",
            "RegisterProduct",
            "PublishFeatures",
            "PublishProduct",
            "InstallFinalize",
        ],
    ),
    (
        "AdminExecuteSequence",
        &["CostInitialize", "FileCost", "CostFinalize", "InstallValidate", "InstallInitialize", "InstallFinalize"],
    ),
    (
        "AdvtExecuteSequence",
        &[
            "CostInitialize",
            "CostFinalize",
            "InstallValidate",
            "InstallInitialize",
            "PublishFeatures",
            "PublishProduct",
            "InstallFinalize",
        ],
    ),
];

/// A table with rows does nothing without its actions.
const ACTIONS_OF: [(&str, &[&str]); 11] = [
    ("File", &["InstallFiles", "RemoveFiles"]),
    ("Registry", &["WriteRegistryValues", "RemoveRegistryValues"]),
    ("Environment", &["WriteEnvironmentStrings", "RemoveEnvironmentStrings"]),
    ("CreateFolder", &["CreateFolders", "RemoveFolders"]),
    ("RemoveFile", &["RemoveFiles"]),
    ("ServiceInstall", &["InstallServices"]),
    ("ServiceControl", &["StartServices", "StopServices", "DeleteServices"]),
    ("Upgrade", &["FindRelatedProducts", "RemoveExistingProducts", "MigrateFeatureStates"]),
    ("AppSearch", &["AppSearch"]),
    ("LaunchCondition", &["LaunchConditions"]),
    ("MsiServiceConfig", &["MsiConfigureServices"]),
];

/// Pairs that must come in this order.
const ORDER: [(&str, &str); 14] = [
    ("CostInitialize", "FileCost"),
    ("FileCost", "CostFinalize"),
    ("AppSearch", "CostInitialize"),
    ("FindRelatedProducts", "MigrateFeatureStates"),
    ("CostFinalize", "MigrateFeatureStates"),
    ("CostFinalize", "InstallValidate"),
    ("InstallValidate", "InstallInitialize"),
    ("InstallInitialize", "ProcessComponents"),
    ("StopServices", "DeleteServices"),
    ("DeleteServices", "InstallServices"),
    ("InstallFiles", "InstallServices"),
    ("CreateFolders", "InstallFiles"),
    ("WriteRegistryValues", "StartServices"),
    ("StartServices", "InstallFinalize"),
];

type Sequence = BTreeMap<String, (i32, Option<String>)>;

pub(super) fn check(tables: &Tables<'_>, report: &mut Report) {
    for (name, required) in REQUIRED {
        let sequence = read(tables, name, report);
        let place = format!("table {name}");
        for action in required {
            let found = sequence.get(*action);
            report.check(found.is_some_and(|(_, condition)| condition.is_none()), "msi-sequence", &*place, || {
                format!("{action} must be there, without a condition")
            });
        }
    }
    let execute = read(tables, "InstallExecuteSequence", report);
    let place = "table InstallExecuteSequence";
    for (table, actions) in ACTIONS_OF {
        for action in actions.iter().filter(|_| tables.get(table).is_some_and(|t| !t.is_empty())) {
            report.check(execute.contains_key(*action), "msi-sequence", place, || {
                format!("{action} is missing, so table {table} does nothing")
            });
        }
    }
    let number = |action: &str| execute.get(action).map(|(number, _)| *number);
    for (first, second) in ORDER {
        if let (Some(before), Some(after)) = (number(first), number(second)) {
            report.check(before < after, "msi-sequence", place, || format!("{first} must come before {second}"));
        }
    }
    custom_actions(tables, &execute, report);
    upgrade(tables, &execute, report);
}

/// A sequence: each action with its number and condition. Two actions with one number run in no particular order.
fn read(tables: &Tables<'_>, name: &str, report: &mut Report) -> Sequence {
    let mut numbers = BTreeMap::new();
    let mut sequence = Sequence::new();
    for row in tables.rows(name) {
        let (Some(action), Some(number)) = (row.text("Action"), row.int("Sequence")) else { continue };
        if let Some(other) = numbers.insert(number, action.clone().into_owned()) {
            report.error("msi-sequence", format!("table {name}"), format!("{action} and {other} have one number"));
        }
        sequence.insert(action.into_owned(), (number, row.text("Condition").map(|c| c.into_owned())));
    }
    sequence
}

/// The custom actions show an error (19) or set a property (51). Those that are a program verify the token or look after the state folder;
/// `reader` looks at them.
fn custom_actions(tables: &Tables<'_>, execute: &Sequence, report: &mut Report) {
    for row in tables.rows("CustomAction") {
        let action = row.text("Action").unwrap_or_default();
        let kind = row.int("Type").unwrap_or(0);
        let is_reader = matches!(
            (kind, action.as_ref()),
            (1, "ReadEnrollmentToken" | "CheckStateFolder") | (0xE41, "RemoveStateFolder")
        );
        report.check(matches!(kind, 19 | 51) || is_reader, "msi-custom-action", "table CustomAction", || {
            format!("{action} is of type {kind}, must be 19 (error) or 51 (property): the package runs no other code")
        });
        report.check(execute.contains_key(action.as_ref()), "msi-custom-action", "table CustomAction", || {
            format!("{action} is in no sequence")
        });
        let conditioned = execute.get(action.as_ref()).is_some_and(|(_, condition)| condition.is_some());
        report.check(kind != 19 || conditioned, "msi-custom-action", "table CustomAction", || {
            format!("{action} ends every installation with an error")
        });
    }
}

/// Older and same versions go, newer ones stay and are told.
fn upgrade(tables: &Tables<'_>, execute: &Sequence, report: &mut Report) {
    const ONLY_DETECT: i32 = 0x2;
    const MAX_INCLUSIVE: i32 = 0x200;
    let place = "table Upgrade";
    let version = tables.property("ProductVersion").unwrap_or_default();
    let code = tables.property("UpgradeCode").unwrap_or_default();
    let (mut replaces, mut refuses) = (false, false);
    for row in tables.rows("Upgrade") {
        let attributes = row.int("Attributes").unwrap_or(0);
        let property = row.text("ActionProperty").unwrap_or_default();
        report.check(row.text("UpgradeCode").is_some_and(|c| c == code), "msi-upgrade", place, || {
            "a row has another upgrade code than the product".to_owned()
        });
        report.check(tables.lists("SecureCustomProperties", &property), "msi-upgrade", place, || {
            format!("SecureCustomProperties must have {property}")
        });
        let at = |column| row.text(column).is_some_and(|found| found == version);
        if attributes & ONLY_DETECT == 0 {
            replaces |= at("VersionMax") && attributes & MAX_INCLUSIVE != 0;
        } else {
            let guarded = |(action, (_, condition)): (&String, &(i32, Option<String>))| {
                let shows = tables.get("CustomAction").and_then(|t| t.find("Action", action)?.int("Type")) == Some(19);
                shows && condition.as_ref().is_some_and(|condition| condition.contains(property.as_ref()))
            };
            refuses |= at("VersionMin") && execute.iter().any(guarded);
        }
    }
    report.check(replaces, "msi-upgrade", place, || {
        "older versions, and this one with another token, must be replaced".to_owned()
    });
    report.check(refuses, "msi-upgrade", place, || "a newer version must be found and this one refused".to_owned());
    let number = |action: &str| execute.get(action).map(|(number, _)| *number);
    let rep = number("RemoveExistingProducts");
    let right = rep.zip(number("InstallValidate")).is_some_and(|(rep, validate)| rep > validate)
        && rep.zip(number("ProcessComponents")).is_some_and(|(rep, process)| rep < process);
    report.check(right, "msi-upgrade", "table InstallExecuteSequence", || {
        "RemoveExistingProducts must come before anything is installed".to_owned()
    });
}
