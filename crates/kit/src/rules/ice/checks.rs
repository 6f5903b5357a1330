//! What the evaluators look for, one function each.

use std::collections::BTreeMap;

use installer::guid::is_guid;
use installer::msi::{Contents, Record};

use crate::rules::rule::{Broken, broken};

pub(super) fn keys_exist(m: &Contents) -> Option<Broken> {
    let columns =
        [("Component_", "Component"), ("Feature_", "Feature"), ("Directory_", "Directory"), ("File_", "File")];
    for (table, rows) in m.tables.iter().filter(|(table, _)| !table.starts_with('_')) {
        for (column, target) in columns {
            let known: std::collections::BTreeSet<&str> = m.rows(target).iter().map(|row| row.text(target)).collect();
            let is_lost = |row: &&Record| !row.text(column).is_empty() && !known.contains(row.text(column));
            if let Some(row) = rows.iter().find(is_lost) {
                return broken(
                    format!("table {table}"),
                    format!("{column} is {:?}, which is not in {target}", row.text(column)),
                );
            }
        }
    }
    None
}

/// Whether a folder is one of these or below one of them.
pub(super) fn is_below(m: &Contents, folder: &str, roots: &[&str]) -> bool {
    const MAX_DEPTH: usize = 64;
    let mut at = folder;
    for _ in 0..MAX_DEPTH {
        if roots.contains(&at) {
            return true;
        }
        let Some(row) = m.find("Directory", "Directory", at) else { return false };
        let parent = row.text("Directory_Parent");
        if parent.is_empty() || parent == at {
            return false;
        }
        at = parent;
    }
    false
}

pub(super) fn system_files(m: &Contents) -> Option<Broken> {
    const PERMANENT: i32 = 16;
    let roots = ["SystemFolder", "System64Folder", "System16Folder"];
    let is_wrong = |row: &&Record| {
        is_below(m, row.text("Directory_"), &roots) && row.int("Attributes").unwrap_or(0) & PERMANENT == 0
    };
    m.rows("Component")
        .iter()
        .find(is_wrong)
        .and_then(|row| broken("table Component", format!("{} is not", row.text("Component"))))
}

pub(super) fn empty_folders(m: &Contents) -> Option<Broken> {
    let is_wrong = |row: &&Record| {
        let name = row.text("Component");
        let has_key = !row.text("KeyPath").is_empty();
        let has_file = m.find("File", "Component_", name).is_some();
        let creates = m
            .rows("CreateFolder")
            .iter()
            .any(|f| f.text("Component_") == name && f.text("Directory_") == row.text("Directory_"));
        !has_key && !has_file && !creates
    };
    m.rows("Component")
        .iter()
        .find(is_wrong)
        .and_then(|row| broken("table CreateFolder", format!("{} is not there", row.text("Component"))))
}

pub(super) fn identity(m: &Contents) -> Option<Broken> {
    let codes = [
        ("ProductCode", m.property("ProductCode")),
        ("UpgradeCode", m.property("UpgradeCode")),
        ("the package code", &m.package_code),
    ];
    if let Some((name, found)) = codes.iter().find(|(_, code)| !is_guid(code)) {
        return broken("table Property", format!("{name} is {found:?}"));
    }
    let language = m.property("ProductLanguage");
    if language.parse::<u16>().is_ok() {
        None
    } else {
        broken("table Property", format!("ProductLanguage is {language:?}"))
    }
}

/// Package, product and upgrade codes of the samples of Microsoft's SDK 1.0.
const SAMPLES: [&str; 6] = [
    "{000C1101-0000-0000-C000-000000000047}",
    "{9BBF15D0-1985-11D1-9A9D-006097C4E489}",
    "{80F7E030-A751-11D2-A7D4-006097C99860}",
    "{1AA03E10-2B19-11D2-B2EA-006097C99860}",
    "{0CD9A0A0-DDFD-11D1-A851-006097ABDE17}",
    "{AD2A58F2-E645-11D2-88C7-00A0C981B015}",
];

pub(super) fn samples(m: &Contents) -> Option<Broken> {
    let codes = [m.property("ProductCode"), m.property("UpgradeCode"), &m.package_code];
    // Four digits of the later samples' codes are anything.
    let is_later = |code: &str| code.starts_with("{8FC7") && code.ends_with("-88A0-4B41-82B8-8905D4AA904C}");
    let found =
        codes.iter().map(|code| code.to_uppercase()).find(|code| SAMPLES.contains(&&**code) || is_later(code))?;
    broken("table Property", format!("{found} is a sample's"))
}

/// A column of bits and the bits that have a meaning.
const BITS: [(&str, &str, i32); 4] = [
    ("Component", "Attributes", 0xFFF),
    ("File", "Attributes", 0x7607),
    ("ServiceControl", "Event", 0xBB),
    ("Upgrade", "Attributes", 0x707),
];

pub(super) fn reserved_bits(m: &Contents) -> Option<Broken> {
    BITS.iter().find_map(|(table, column, known)| {
        let wrong = m.rows(table).iter().filter_map(|row| row.int(column)).find(|bits| bits & !known != 0)?;
        broken(format!("table {table}"), format!("{column} is {wrong:#x}"))
    })
}

/// The long name of `SHORT|long`.
fn long_name(row: &Record) -> String {
    let name = row.text("FileName");
    name.split_once('|').map_or(name, |(_, long)| long).to_lowercase()
}

pub(super) fn same_names(m: &Contents) -> Option<Broken> {
    let mut seen = BTreeMap::new();
    for row in m.rows("File") {
        let component = m.find("Component", "Component", row.text("Component_"))?;
        // Two with conditions may exclude each other, which only a person can say.
        if !component.text("Condition").is_empty() {
            continue;
        }
        let place = (component.text("Directory_").to_owned(), long_name(row));
        if let Some(other) = seen.insert(place, row.text("File")) {
            return broken("table File", format!("{other} and {} are one file", row.text("File")));
        }
    }
    None
}

pub(super) fn is_font(row: &Record) -> bool {
    let name = long_name(row);
    [".ttf", ".otf", ".ttc", ".fon"].iter().any(|end| name.ends_with(end))
}

const USER: i32 = 1;
pub(super) const PROFILE_FOLDERS: [&str; 9] = [
    "AppDataFolder",
    "LocalAppDataFolder",
    "PersonalFolder",
    "MyPicturesFolder",
    "FavoritesFolder",
    "SendToFolder",
    "NetHoodFolder",
    "PrintHoodFolder",
    "RecentFolder",
];

pub(super) fn mixed(m: &Contents) -> Option<Broken> {
    let users: Vec<&str> = m
        .rows("Registry")
        .iter()
        .filter(|row| row.int("Root") == Some(USER))
        .map(|row| row.text("Component_"))
        .collect();
    let is_mixed = |name: &&&str| {
        let machine =
            m.rows("Registry").iter().any(|row| row.text("Component_") == **name && row.int("Root") == Some(2));
        machine
            || m.find("File", "Component_", name).is_some()
            || m.find("ServiceInstall", "Component_", name).is_some()
    };
    users
        .iter()
        .find(is_mixed)
        .and_then(|name| broken("table Registry", format!("{name} writes to HKEY_CURRENT_USER as well")))
}

pub(super) fn profile_folders(m: &Contents) -> Option<Broken> {
    let is_wrong = |row: &&Record| is_below(m, row.text("Directory_"), &PROFILE_FOLDERS);
    m.rows("Component").iter().find(is_wrong).and_then(|row| {
        broken("table Component", format!("{} is in {}", row.text("Component"), row.text("Directory_")))
    })
}

pub(super) fn upgrade(m: &Contents) -> Option<Broken> {
    let mut seen = BTreeMap::new();
    for row in m.rows("Upgrade") {
        let name = row.text("ActionProperty");
        let place = "table Upgrade";
        if name.is_empty() || name.bytes().any(|b| b.is_ascii_lowercase()) {
            return broken(place, format!("{name:?} is not public"));
        }
        if !m.lists("SecureCustomProperties", name) {
            return broken(place, format!("{name} is not in SecureCustomProperties"));
        }
        if !m.property(name).is_empty() || seen.insert(name, ()).is_some() {
            return broken(place, format!("{name} is set already"));
        }
    }
    None
}

fn numbers(m: &Contents) -> BTreeMap<&str, i32> {
    m.rows("InstallExecuteSequence").iter().filter_map(|row| Some((row.text("Action"), row.int("Sequence")?))).collect()
}

pub(super) fn removal(m: &Contents) -> Option<Broken> {
    if m.rows("Upgrade").is_empty() {
        return None;
    }
    let numbers = numbers(m);
    let number = |action: &str| numbers.get(action).copied();
    let place = "table InstallExecuteSequence";
    let Some(at) = number("RemoveExistingProducts") else { return broken(place, "RemoveExistingProducts is missing") };
    let (validate, start, end) = (number("InstallValidate")?, number("InstallInitialize")?, number("InstallFinalize")?);
    let is_next = !numbers.values().any(|other| *other > start && *other < at);
    let after_execute =
        ["InstallExecute", "InstallExecuteAgain"].iter().filter_map(|a| number(a)).any(|n| n < at && at < end);
    let right = at > validate && at < start || at > start && at < end && is_next || after_execute || at > end;
    if right { None } else { broken(place, format!("it has the number {at}")) }
}

pub(super) fn deferred(m: &Contents) -> Option<Broken> {
    let numbers = numbers(m);
    let (start, end) = (*numbers.get("InstallInitialize")?, *numbers.get("InstallFinalize")?);
    let is_wrong = |row: &&Record| {
        let is_deferred = row.int("Type").unwrap_or(0) & 0x400 != 0;
        is_deferred && numbers.get(row.text("Action")).is_some_and(|at| *at <= start || *at >= end)
    };
    m.rows("CustomAction")
        .iter()
        .find(is_wrong)
        .and_then(|row| broken("table CustomAction", format!("{} is not", row.text("Action"))))
}

pub(super) fn platform(m: &Contents) -> Option<Broken> {
    const IS_64: i32 = 0x100;
    let place = "summary information";
    let (platform, languages) = m.template.split_once(';').unwrap_or((&m.template, ""));
    let least = match platform {
        "x64" | "Intel64" => 200,
        "Arm64" => 500,
        _ => 100,
    };
    let least = if m.tables.contains_key("MsiLockPermissionsEx") { 500 } else { least };
    if m.page_count < least {
        return broken(place, format!("the page count is {}, must be {least}", m.page_count));
    }
    let is_64 = matches!(platform, "x64" | "Arm64");
    let wrong = m.rows("Component").iter().find(|row| (row.int("Attributes").unwrap_or(0) & IS_64 != 0) != is_64);
    if let Some(row) = wrong {
        return broken("table Component", format!("{} is not for {platform:?}", row.text("Component")));
    }
    let language = m.property("ProductLanguage");
    let listed = languages.split(',').any(|listed| listed == language);
    if listed { None } else { broken(place, format!("the template is {:?}, the language {language}", m.template)) }
}

pub(super) fn twice(m: &Contents) -> Option<Broken> {
    for (table, rows) in m.tables.iter().filter(|(table, _)| table.ends_with("Sequence")) {
        let mut seen = BTreeMap::new();
        for row in rows {
            let Some(number) = row.int("Sequence").filter(|number| *number > 0) else { continue };
            if let Some(other) = seen.insert(number, row.text("Action")) {
                return broken(
                    format!("table {table}"),
                    format!("{other} and {} have the number {number}", row.text("Action")),
                );
            }
        }
    }
    None
}

pub(super) fn conditions(m: &Contents) -> Option<Broken> {
    const NEEDED: [&str; 10] = [
        "CostInitialize",
        "FileCost",
        "CostFinalize",
        "InstallValidate",
        "InstallInitialize",
        "ProcessComponents",
        "RegisterProduct",
        "PublishFeatures",
        "PublishProduct",
        "InstallFinalize",
    ];
    let is_wrong = |row: &&Record| NEEDED.contains(&row.text("Action")) && !row.text("Condition").is_empty();
    for table in ["InstallExecuteSequence", "AdminExecuteSequence", "AdvtExecuteSequence"] {
        if let Some(row) = m.rows(table).iter().find(is_wrong) {
            return broken(format!("table {table}"), format!("{} has a condition", row.text("Action")));
        }
    }
    None
}
