//! What the longer rules look for.

use installer::msi::{Contents, Record, TOKEN_PROPERTY};

use crate::rules::rule::{Broken, broken};
use crate::rules::subject::Subject;

/// The number of HKEY_LOCAL_MACHINE in the column `Root`.
const HKEY_LOCAL_MACHINE: i32 = 2;

pub(super) fn file_name(subject: &Subject) -> Option<Broken> {
    if let Some(base) = subject.base.as_ref().filter(|base| base.name != subject.name) {
        return broken("file name", format!("it is {:?}, the base's is {:?}", subject.name, base.name));
    }
    // What browsers and Explorer make of a second download or copy.
    let stem = subject.name.strip_suffix(".msi").unwrap_or(&subject.name);
    let is_numbered = stem.strip_suffix(')').and_then(|rest| rest.rsplit_once(" ("));
    let is_numbered = is_numbered.is_some_and(|(_, number)| number.parse::<u32>().is_ok());
    let is_copy = stem.ends_with(" - Copy") || !subject.name.ends_with(".msi");
    if is_numbered || is_copy { broken("file name", format!("it is {:?}", subject.name)) } else { None }
}

pub(super) fn is_version(text: &str) -> bool {
    let numbers: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
    match numbers.as_deref() {
        Some([major, minor, build] | [major, minor, build, _]) => {
            *major <= 255 && *minor <= 255 && *build <= 65_535 && (*major, *minor, *build) != (0, 0, 0)
        }
        _ => false,
    }
}

/// The immediate actions of an installer of ours.
const OWN_ACTIONS: [&str; 2] = ["ReadEnrollmentToken", "CheckStateFolder"];

/// Types 1, 2, 5, 6 and what is derived from them run code; deferred (0x400) and without impersonation (0x800) is right.
pub(super) fn immediate_code(row: &Record) -> Option<Broken> {
    let kind = row.int("Type").unwrap_or(0);
    let runs_code = matches!(kind & 7, 1 | 2 | 5 | 6);
    let is_right = kind & 0x0C00 == 0x0C00;
    // Ours changes a property, or looks at a folder: "immediate custom actions must not change the system state" holds.
    let is_ours = row.text("Source") == "TokenReader" && OWN_ACTIONS.contains(&row.text("Action"));
    if !runs_code || is_right || is_ours {
        None
    } else {
        broken("table CustomAction", format!("{} is of type {kind}", row.text("Action")))
    }
}

pub(super) fn is_below_program_files(contents: &Contents, folder: &str) -> bool {
    const MAX_DEPTH: usize = 64;
    let mut at = folder;
    for _ in 0..MAX_DEPTH {
        if matches!(at, "ProgramFiles64Folder" | "ProgramFilesFolder") {
            return true;
        }
        // A name without lower-case letters is public: a command line can set it.
        let Some(row) = contents.find("Directory", "Directory", at) else { return false };
        if !at.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return false;
        }
        at = row.text("Directory_Parent");
    }
    false
}

pub(super) fn uses_token(contents: &Contents) -> bool {
    let reference = format!("[{TOKEN_PROPERTY}]");
    !contents.property(TOKEN_PROPERTY).is_empty()
        || contents.rows("Registry").iter().any(|row| row.text("Value").contains(&reference))
}

pub(super) fn is_on_users_half(row: &Record, reference: &str) -> bool {
    row.text("Value").contains(reference) && row.int("Root") != Some(HKEY_LOCAL_MACHINE)
}

pub(super) fn is_locked(contents: &Contents, value: &str) -> bool {
    contents.rows("MsiLockPermissionsEx").iter().any(|row| {
        row.text("Table") == "Registry" && row.text("LockObject") == value && is_private(row.text("SDDLText"))
    })
}

/// A protected list whose entries allow the system and the administrators, and no other account.
fn is_private(sddl: &str) -> bool {
    let Some((_, list)) = sddl.split_once("D:P") else { return false };
    let list = list.trim_start_matches("AI");
    let mut entries = list.split('(').skip(1).peekable();
    list.starts_with('(')
        && entries.peek().is_some()
        && entries.all(|entry| {
            let fields: Vec<&str> = entry.trim_end_matches(')').split(';').collect();
            matches!(fields.as_slice(), ["A", _, _, "", "", "SY" | "BA"])
        })
}
