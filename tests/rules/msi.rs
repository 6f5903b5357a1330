//! Rules for Windows. Most cases edit the tables of a real installer, by another program's library.

use installer::Kind;
use kit::rules::{Base, FormatFacts, Profile, Subject};
use msi::{Column, Delete, Update, Value};

use super::cases::{Break, Case, TOKEN, hold, stamped};
use super::tables::Database;
use super::token;

fn contents(subject: &mut Subject) -> &mut installer::msi::Contents {
    match &mut subject.facts {
        FormatFacts::Msi(contents) => contents,
        _ => unreachable!(),
    }
}

fn property(name: &str) -> (&str, &str) {
    ("Property", name)
}

fn action(name: &str) -> (&str, &str) {
    ("Action", name)
}

const EXECUTE: &str = "InstallExecuteSequence";

const WINDOWS: &[Case] = &[
    ("windows-per-machine", Break::Tables(|db| db.set("Property", property("ALLUSERS"), "Value", "2"))),
    ("windows-per-machine", Break::Tables(|db| db.delete("Property", property("ALLUSERS")))),
    ("gpo-advertise", Break::Tables(|db| db.delete("AdvtExecuteSequence", action("PublishProduct")))),
    (
        "windows-file-name",
        Break::Facts(|s| {
            s.base = None;
            s.name = "Example-Agent (1).msi".to_owned();
        }),
    ),
    ("windows-file-name", Break::Facts(|s| s.name = "tenant-17.msi".to_owned())),
    (
        "windows-package-code",
        Break::Facts(|s| {
            let code = contents(s).package_code.clone();
            s.base = Some(Base { name: s.name.clone(), package_code: code });
        }),
    ),
    ("windows-version-fourth", Break::Tables(|db| db.set("Property", property("ProductVersion"), "Value", "1.4.2.1"))),
    ("windows-version", Break::Tables(|db| db.set("Property", property("ProductVersion"), "Value", "0.0.0"))),
    ("windows-version", Break::Tables(|db| db.set("Property", property("ProductVersion"), "Value", "256.0.0"))),
    ("windows-signed", Break::Facts(|s| contents(s).is_signed = false)),
    ("intune-windows-size", Break::Facts(|s| s.len_bytes = 30_000_000_001)),
    (
        "windows-one-file",
        Break::Tables(|db| {
            db.0.update_rows(Update::table("Media").set("Cabinet", Value::from("agent.cab"))).unwrap();
        }),
    ),
    (
        "windows-no-restart",
        Break::Tables(|db| db.insert(EXECUTE, vec!["ForceReboot".into(), Value::Null, 6598.into()])),
    ),
    ("windows-elevation", Break::Facts(|s| contents(s).word_count = 10)),
    ("windows-admin-user", Break::Tables(|db| db.set(EXECUTE, action("CreateFolders"), "Condition", "AdminUser"))),
    (
        "windows-custom-code",
        Break::Tables(|db| {
            db.insert(
                "CustomAction",
                vec!["Run".into(), 34.into(), "TARGETDIR".into(), "setup.exe".into(), Value::Null],
            );
        }),
    ),
    ("windows-service", Break::Tables(|db| db.0.delete_rows(Delete::from("ServiceInstall")).unwrap())),
    (
        "windows-service-starts",
        Break::Tables(|db| {
            let name = db.first("ServiceInstall", "Name");
            db.set("ServiceInstall", ("Name", &name), "StartType", 3);
        }),
    ),
    ("windows-service-starts", Break::Tables(|db| db.0.delete_rows(Delete::from("ServiceControl")).unwrap())),
    ("windows-service-restart", Break::Tables(|db| db.delete("Registry", ("Name", "FailureActions")))),
    (
        "windows-service-program",
        Break::Tables(|db| {
            let agent = db.agent();
            let key = db.get("Component", ("Component", &agent), "KeyPath");
            db.set("File", ("File", &key), "FileName", "agent.bin");
        }),
    ),
    (
        "windows-service-account",
        Break::Tables(|db| {
            let name = db.first("ServiceInstall", "Name");
            db.set("ServiceInstall", ("Name", &name), "StartName", "NT AUTHORITY\\LocalService");
        }),
    ),
    (
        "windows-service-folder",
        Break::Tables(|db| {
            db.set("Directory", ("Directory_Parent", "ProgramFiles64Folder"), "Directory_Parent", "TARGETDIR");
        }),
    ),
    ("windows-token-hidden", Break::Tables(|db| db.set("Property", property("MsiHiddenProperties"), "Value", "OTHER"))),
    (
        "windows-token-secure",
        Break::Tables(|db| {
            let list = db.get("Property", property("SecureCustomProperties"), "Value");
            db.set("Property", property("SecureCustomProperties"), "Value", format!("{list};ENROLLMENTTOKEN"));
        }),
    ),
    (
        "windows-token-reference",
        Break::Tables(|db| {
            let name = db.first("ServiceInstall", "Name");
            db.set("ServiceInstall", ("Name", &name), "Arguments", "--token [ENROLLMENTTOKEN]");
        }),
    ),
    ("windows-token-once", Break::Tables(|db| db.insert("Property", vec!["ZCOPY".into(), format!("x{TOKEN}").into()]))),
    (
        "windows-token-lock",
        Break::Tables(|db| {
            db.set("MsiLockPermissionsEx", ("Table", "Registry"), "SDDLText", "O:SYG:SYD:P(A;;KA;;;SY)(A;;KR;;;BU)");
        }),
    ),
    ("windows-token-lock", Break::Tables(|db| db.delete("MsiLockPermissionsEx", ("Table", "Registry")))),
];

const ICE: &[Case] = &[
    ("ice03", Break::Tables(|db| db.set("Registry", ("Name", "FailureActions"), "Component_", "NoSuch"))),
    (
        "ice06",
        Break::Tables(|db| {
            let nothing = || Value::Null;
            let mut row = vec!["Property".into(), "NoSuch".into(), "N".into()];
            row.extend(std::iter::repeat_with(nothing).take(7));
            db.insert("_Validation", row);
        }),
    ),
    (
        "ice09",
        Break::Tables(|db| {
            db.insert("Directory", vec!["System64Folder".into(), "TARGETDIR".into(), ".".into()]);
            db.component("Sys", "System64Folder", true, true);
        }),
    ),
    ("ice18", Break::Tables(|db| db.component("Empty", "TARGETDIR", false, true))),
    ("ice21", Break::Tables(|db| db.component("Lost", "TARGETDIR", true, false))),
    (
        "ice24",
        Break::Tables(|db| {
            let code = db.get("Property", property("ProductCode"), "Value");
            db.set("Property", property("ProductCode"), "Value", code.trim_matches(['{', '}']));
        }),
    ),
    ("ice24", Break::Facts(|s| contents(s).package_code = contents(s).package_code.to_lowercase())),
    (
        "ice30",
        Break::Tables(|db| {
            let agent = db.agent();
            let name = db.get("File", ("Component_", &agent), "FileName");
            let row = vec![
                "Twin".into(),
                agent.into(),
                name.into(),
                1.into(),
                "1.0.0".into(),
                Value::Null,
                Value::Null,
                99.into(),
            ];
            db.insert("File", row);
        }),
    ),
    (
        "ice38",
        Break::Tables(|db| {
            db.insert("Directory", vec!["AppDataFolder".into(), "TARGETDIR".into(), ".".into()]);
            db.component("User", "AppDataFolder", true, true);
        }),
    ),
    (
        "ice57",
        Break::Tables(|db| {
            let agent = db.agent();
            db.insert(
                "Registry",
                vec!["Mixed".into(), 1.into(), "Software\\Example".into(), "a".into(), "b".into(), agent.into()],
            );
        }),
    ),
    (
        "ice36",
        Break::Tables(|db| {
            let columns =
                vec![Column::build("Name").primary_key().id_string(72), Column::build("Data").nullable().int32()];
            db.0.create_table("Icon", columns).unwrap();
            db.insert("Icon", vec!["Unused".into(), Value::Null]);
        }),
    ),
    (
        "ice45",
        Break::Tables(|db| {
            db.0.update_rows(Update::table("ServiceControl").set("Event", Value::from(163 | 4))).unwrap();
        }),
    ),
    (
        "ice64",
        Break::Tables(|db| {
            db.insert("Directory", vec!["AppDataFolder".into(), "TARGETDIR".into(), ".".into()]);
            db.insert("Directory", vec!["Left".into(), "AppDataFolder".into(), "Left".into()]);
        }),
    ),
    ("ice69", Break::Tables(|db| refer(db, "[#NoSuch]"))),
    ("ice69", Break::Tables(|db| refer(db, "[$NoSuch]"))),
    ("ice73", Break::Facts(|s| contents(s).package_code = "{000C1101-0000-0000-C000-000000000047}".to_owned())),
    ("ice73", Break::Facts(|s| contents(s).package_code = "{8FC71234-88A0-4B41-82B8-8905D4AA904C}".to_owned())),
    ("ice79", Break::Tables(|db| db.set(EXECUTE, action("CreateFolders"), "Condition", "\"?x\"=\"?x\" OR ?NoSuch=3"))),
    ("ice79", Break::Tables(|db| db.set(EXECUTE, action("CreateFolders"), "Condition", "&NoSuch=3"))),
    ("ice60", Break::Tables(|db| db.0.delete_rows(Delete::from("MsiFileHash")).unwrap())),
    ("ice61", Break::Tables(|db| db.set("Property", property("SecureCustomProperties"), "Value", "NEWERPRODUCTS"))),
    ("ice63", Break::Tables(|db| db.set(EXECUTE, action("RemoveExistingProducts"), "Sequence", 1390))),
    ("ice63", Break::Tables(|db| db.delete(EXECUTE, action("RemoveExistingProducts")))),
    (
        "ice71",
        Break::Tables(|db| {
            // The library takes no cabinet whose name is no identifier; which it is does not matter here.
            let (last, cabinet) = (db.count("File") as i32, "#Agent");
            db.0.delete_rows(Delete::from("Media")).unwrap();
            db.insert("Media", vec![2.into(), last.into(), Value::Null, cabinet.into(), Value::Null, Value::Null]);
        }),
    ),
    (
        "ice77",
        Break::Tables(|db| {
            db.insert("CustomAction", vec!["Late".into(), 3073.into(), "x".into(), "y".into(), Value::Null]);
            db.insert(EXECUTE, vec!["Late".into(), Value::Null, 9990.into()]);
        }),
    ),
    ("ice80", Break::Facts(|s| contents(s).page_count = 200)),
    ("ice80", Break::Facts(|s| contents(s).template = "Intel;1033".to_owned())),
    ("ice80", Break::Facts(|s| contents(s).template = "x64;1031".to_owned())),
    ("ice82", Break::Tables(|db| db.delete(EXECUTE, action("RegisterUser")))),
    (
        "ice82-numbers",
        Break::Tables(|db| {
            db.insert("AdvtExecuteSequence", vec!["RegisterClassInfo".into(), Value::Null, 1000.into()]);
        }),
    ),
    ("ice84", Break::Tables(|db| db.set(EXECUTE, action("ProcessComponents"), "Condition", "NOT Installed"))),
    ("ice87", Break::Tables(|db| db.insert("Property", vec!["ADDLOCAL".into(), "ALL".into()]))),
    ("ice99", Break::Tables(|db| db.insert("Directory", vec!["ALLUSERS".into(), "TARGETDIR".into(), "all".into()]))),
    (
        "ice104",
        Break::Tables(|db| {
            let columns = vec![
                Column::build("LockObject").primary_key().id_string(72),
                Column::build("Permission").nullable().int32(),
            ];
            db.0.create_table("LockPermissions", columns).unwrap();
        }),
    ),
];

/// A registry value of the agent's component with this text.
fn refer(db: &mut Database, text: &str) {
    let agent = db.agent();
    let row = vec!["Refer".into(), 2.into(), "Software\\Example".into(), "a".into(), text.into(), agent.into()];
    db.insert("Registry", row);
}

/// What only a signed installer and its base have.
fn prepare(subject: &mut Subject) {
    contents(subject).is_signed = true;
    let package_code = "{00000000-0000-0000-0000-000000000000}".to_owned();
    subject.base = Some(Base { name: "Example-Agent.msi".to_owned(), package_code });
}

#[test]
fn each_rule_of_group_policy_and_intune_can_be_broken_alone() {
    let (file, _) = stamped(Kind::Msi);
    for profile in [Profile::Gpo, Profile::IntuneWindows] {
        hold(profile, &file, prepare, &[token::CASES, WINDOWS, ICE]);
    }
}
