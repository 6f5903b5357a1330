//! The token's one place, who reads it and when it goes; and the service that uses it.

use container::msidb::{Cell, Row};

use crate::format::ReadError;
use crate::report::Report;

use super::tables::Tables;
use crate::msi::read::Installer;

const PROPERTY: &str = "ENROLLMENTTOKEN";
const REFERENCE: &str = "[ENROLLMENTTOKEN]";
/// What a token that waits on the device is read into.
const WAITING: &str = "WAITINGTOKEN";
const TRANSITIVE: i32 = 0x40;
const LOCAL_MACHINE: i32 = 2;
const BITS_64: i32 = 0x10;
/// The agent's own folder, and how far up it is looked for who could own the way to it.
const STATE_FOLDER: &str = "StateFolder";
const MAX_DEPTH: usize = 64;
/// Start on installation, stop on both, delete on removal.
const START_STOP_DELETE: i32 = 163;

pub(super) fn check(installer: &Installer<'_>, tables: &Tables<'_>, report: &mut Report) -> Result<(), ReadError> {
    for property in [PROPERTY, WAITING] {
        report.check(tables.lists("MsiHiddenProperties", property), "msi-token-property", "table Property", || {
            format!("MsiHiddenProperties must have {property}: logs would show the token")
        });
        report.check(!tables.lists("SecureCustomProperties", property), "msi-token-property", "table Property", || {
            format!("SecureCustomProperties must not have {property}: a standard user could then set it in an elevated repair")
        });
    }
    waiting(tables, report);
    one_place(installer, tables, report)?;
    registry(tables, report);
    locks(tables, report);
    service(tables, report);
    Ok(())
}

/// The token stands in one cell and nowhere else.
fn one_place(installer: &Installer<'_>, tables: &Tables<'_>, report: &mut Report) -> Result<(), ReadError> {
    let Some(token) = installer.token()? else { return Ok(()) };
    let pool = installer.database.pool();
    let Some(id) = pool.find(token.expose().as_bytes()) else { return Ok(()) };
    let mut cells = 0;
    for (_, table) in tables.iter() {
        cells += table.rows().flat_map(|row| row.cells().iter()).filter(|cell| **cell == Cell::Text(id)).count();
    }
    // A short token may be a word that the tables have anyway.
    if token.len() >= 8 {
        report.check(cells == 1, "msi-token-place", "table Property", || {
            format!("the token is in {cells} cells, must be in one")
        });
        let inside = pool.ids().filter(|other| *other != id && contains(pool.bytes(*other), token.expose())).count();
        report
            .check(inside == 0, "msi-token-place", "string pool", || "the token is part of another string".to_owned());
    }
    Ok(())
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}

/// One value under HKLM takes the token, in a component that a repair after enrollment removes.
fn registry(tables: &Tables<'_>, report: &mut Report) {
    let place = "table Registry";
    let uses = |row: &Row<'_>| row.text("Value").is_some_and(|value| value.contains(REFERENCE));
    let rows: Vec<Row<'_>> = tables.rows("Registry").filter(uses).collect();
    let [row] = rows.as_slice() else {
        let found = rows.len();
        report.error("msi-token-value", place, format!("{found} values take the token, must be one"));
        return;
    };
    let value = row.text("Value").unwrap_or_default();
    let right = row.int("Root") == Some(LOCAL_MACHINE)
        && value == REFERENCE
        && row.text("Name").is_some_and(|name| name == "EnrollmentToken");
    report.check(right, "msi-token-value", place, || {
        format!("the token must become EnrollmentToken below HKEY_LOCAL_MACHINE, with the value {REFERENCE} alone")
    });
    let name = row.text("Component_").unwrap_or_default();
    let component = tables.get("Component").and_then(|t| t.find("Component", &name));
    let condition = component.and_then(|row| row.text("Condition")).unwrap_or_default();
    let transitive = component.and_then(|row| row.int("Attributes")).unwrap_or(0) & TRANSITIVE != 0;
    let watches = condition.contains(PROPERTY) && condition.contains("ENROLLMENTSTATE");
    report.check(transitive && watches, "msi-token-repair", "table Component", || {
        format!("{name} must be transitive with a condition on {PROPERTY} and ENROLLMENTSTATE, or a repair brings the token back")
    });
    let signature = tables.get("AppSearch").and_then(|t| t.find("Property", "ENROLLMENTSTATE"));
    let signature = signature.and_then(|row| row.text("Signature_")).unwrap_or_default();
    let locator = tables.get("RegLocator").and_then(|t| t.find("Signature_", &signature));
    let same_key = locator.is_some_and(|found| {
        found.text("Key") == row.text("Key")
            && found.int("Root") == Some(LOCAL_MACHINE)
            && found.text("Name").is_some_and(|name| name == "EnrollmentState")
            && found.int("Type").is_some_and(|kind| kind & BITS_64 != 0)
    });
    report.check(same_key, "msi-token-repair", "table RegLocator", || {
        "EnrollmentState must be searched beside the token, in the 64-bit registry".to_owned()
    });
    let searched =
        tables.rows("InstallExecuteSequence").any(|row| row.text("Action").is_some_and(|a| a == "AppSearch"));
    report.check(searched, "msi-token-repair", "table InstallExecuteSequence", || "AppSearch is missing".to_owned());
}

/// A token that waits on the device outlives an upgrade and a repair by a package that brings none.
fn waiting(tables: &Tables<'_>, report: &mut Report) {
    let action = tables.get("CustomAction").and_then(|t| t.find("Action", "KeepWaitingToken"));
    let keeps = action.is_some_and(|row| {
        let is = |column, text| row.text(column).is_some_and(|found| found == text);
        row.int("Type") == Some(51) && is("Source", PROPERTY) && is("Target", "[WAITINGTOKEN]")
    });
    let row = |action: &str| {
        tables.rows("InstallExecuteSequence").find(|row| row.text("Action").is_some_and(|found| found == action))
    };
    let number = |action: &str| row(action).and_then(|row| row.int("Sequence"));
    let own = number("KeepWaitingToken");
    let in_order = own > number("AppSearch")
        && ["RequireToken", "CostFinalize"].iter().all(|action| number(action).is_none_or(|n| own < Some(n)));
    let only_without = row("KeepWaitingToken")
        .and_then(|row| row.text("Condition").map(|condition| condition.contains("NOT ENROLLMENTTOKEN")))
        .unwrap_or(false);
    report.check(keeps && in_order && only_without, "msi-token-waiting", "table CustomAction", || {
        format!("KeepWaitingToken must set {PROPERTY} to [{WAITING}] after AppSearch, where there is no other token")
    });
}

/// What holds secrets is open to the system and the administrators alone.
fn locks(tables: &Tables<'_>, report: &mut Report) {
    let place = "table MsiLockPermissionsEx";
    report.check(tables.get("LockPermissions").is_none(), "msi-lock", place, || {
        "LockPermissions must not be there as well (error 1941)".to_owned()
    });
    let locked_so = |table: &str, object: &str, right: fn(&str) -> bool| {
        tables.rows("MsiLockPermissionsEx").any(|row| {
            row.text("Table").is_some_and(|found| found == table)
                && row.text("LockObject").is_some_and(|found| found == object)
                && row.text("SDDLText").is_some_and(|sddl| right(&sddl))
        })
    };
    let locked = |table: &str, object: &str| locked_so(table, object, is_private);
    let mut on_the_way = Vec::new();
    for row in tables.rows("CreateFolder") {
        let folder = row.text("Directory_").unwrap_or_default();
        let right = if folder == STATE_FOLDER { is_private } else { is_unwritable };
        report.check(locked_so("CreateFolder", &folder, right), "msi-lock", place, || {
            format!("folder {folder} must be locked to the system and the administrators")
        });
        on_the_way.push(folder.into_owned());
    }
    let mut at = STATE_FOLDER.to_owned();
    while let Some(above) = tables.get("Directory").and_then(|t| t.find("Directory", &at)?.text("Directory_Parent")) {
        if above == "CommonAppDataFolder" || on_the_way.len() > MAX_DEPTH {
            break;
        }
        report.check(on_the_way.iter().any(|folder| *folder == above), "msi-lock", "table CreateFolder", || {
            format!("folder {above} must be made and locked: whoever makes it first owns the way to {STATE_FOLDER}")
        });
        on_the_way.push(above.clone().into_owned());
        at = above.into_owned();
    }
    for row in tables.rows("Registry").filter(|row| row.text("Value").is_some_and(|v| v.contains(REFERENCE))) {
        let value = row.text("Registry").unwrap_or_default();
        report.check(locked("Registry", &value), "msi-lock", place, || {
            format!("registry value {value} must be locked to the system and the administrators")
        });
    }
}

/// A protected list whose entries allow the system (SY) and the administrators (BA), and no other account.
fn is_private(sddl: &str) -> bool {
    all_entries(sddl, |fields| matches!(fields, ["A", _, _, "", "", "SY" | "BA"]))
}

/// The same, and users (BU) may read (0x1200a9: read and execute).
fn is_unwritable(sddl: &str) -> bool {
    all_entries(sddl, |fields| {
        matches!(fields, ["A", _, _, "", "", "SY" | "BA"] | ["A", _, "0x1200a9" | "FR" | "FX", "", "", "BU"])
    })
}

fn all_entries(sddl: &str, right: impl Fn(&[&str]) -> bool) -> bool {
    let Some((_, list)) = sddl.split_once("D:P") else { return false };
    let mut entries = list.split('(').skip(1);
    entries.clone().count() > 0
        && list.starts_with('(')
        && entries.all(|entry| right(&entry.trim_end_matches(')').split(';').collect::<Vec<_>>()))
}

/// The service runs the agent as the system, from a folder that users cannot write to, and is stopped before it goes.
fn service(tables: &Tables<'_>, report: &mut Report) {
    for row in tables.rows("ServiceInstall") {
        let name = row.text("Name").unwrap_or_default();
        let place = "table ServiceInstall";
        report.check(!name.contains(['/', '\\']), "msi-service", place, || format!("{name:?} is no service name"));
        report
            .check(row.text("StartName").is_none(), "msi-service", place, || format!("{name} must run as LocalSystem"));
        let component = row.text("Component_").unwrap_or_default();
        let component = tables.get("Component").and_then(|t| t.find("Component", &component));
        let key = component.and_then(|row| row.text("KeyPath")).unwrap_or_default();
        let file = tables.get("File").and_then(|t| t.find("File", &key)).and_then(|row| row.text("FileName"));
        let is_program = file.is_some_and(|name| name.to_ascii_lowercase().ends_with(".exe"));
        report.check(is_program, "msi-service", place, || {
            format!("{name}'s component must have the program as its key path")
        });
        let folder = component.and_then(|row| row.text("Directory_")).unwrap_or_default();
        report.check(below_program_files(tables, &folder), "msi-service-folder", "table Directory", || {
            format!("{name} must be below ProgramFiles64Folder, in folders that no public property can move")
        });
        let control =
            tables.rows("ServiceControl").find(|control| control.text("Name").is_some_and(|found| found == name));
        let event = control.and_then(|control| control.int("Event"));
        report.check(event == Some(START_STOP_DELETE), "msi-service-control", "table ServiceControl", || {
            format!("{name} must be started, stopped and deleted: event {START_STOP_DELETE}")
        });
    }
}

fn below_program_files(tables: &Tables<'_>, folder: &str) -> bool {
    let mut at = folder.to_owned();
    for _ in 0..MAX_DEPTH {
        if at == "ProgramFiles64Folder" {
            return true;
        }
        let public = !at.bytes().any(|b| b.is_ascii_lowercase());
        let parent = tables.get("Directory").and_then(|t| t.find("Directory", &at));
        let Some(parent) = parent.and_then(|row| row.text("Directory_Parent")) else { return false };
        if public {
            return false;
        }
        at = parent.into_owned();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_system_and_administrators_are_private() {
        assert!(is_private("O:SYG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"));
        for open in [
            "",
            "O:SYG:SYD:(A;;FA;;;SY)",
            "O:SYG:SYD:P",
            "D:P(A;;FA;;;SY)(A;;FR;;;BU)",
            "D:P(A;;FA;;;WD)",
            "D:PAI(A;;FA;;;SY)",
        ] {
            assert!(!is_private(open), "{open}");
        }
        assert!(is_unwritable("O:SYG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)"));
        for open in ["D:P(A;;FA;;;SY)(A;;FA;;;BU)", "D:P(A;;FA;;;SY)(A;;0x1200a9;;;WD)", "D:(A;;FA;;;SY)(A;;FR;;;BU)"] {
            assert!(!is_unwritable(open), "{open}");
        }
    }
}
