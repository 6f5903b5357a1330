//! The internal consistency evaluators of Windows Installer (ICE) that tables alone can answer.
//!
//! Each has the number and the question of Microsoft's page; where ours asks less, the question says so.

mod checks;
mod references;

use installer::Severity;
use installer::msi::{Contents, Record};

use self::checks::{
    conditions, deferred, empty_folders, identity, is_font, keys_exist, mixed, platform, profile_folders, removal,
    reserved_bits, same_names, samples, system_files, twice, upgrade,
};
use self::references::{described_columns, folders_left_behind, formatted, named_in_conditions, unused_icons};
use super::profile::WINDOWS;
use super::rule::{Rule, broken};
use super::subject::{FormatFacts, Subject};

macro_rules! ice {
    ($id:literal, $severity:ident, $number:literal, $what:literal, $why:literal, $remedy:literal, $broken:expr) => {
        Rule {
            id: $id,
            severity: Severity::$severity,
            profiles: WINDOWS,
            what: $what,
            why: $why,
            remedy: $remedy,
            source: concat!("Microsoft Learn, Windows Installer: ", $number),
            broken: |subject: &Subject| match &subject.facts {
                FormatFacts::Msi(contents) => $broken(contents),
                _ => None,
            },
        }
    };
}

pub(super) static RULES: [Rule; 27] = [
    ice!(
        "ice03",
        Error,
        "ICE03",
        "columns that name a component, feature, folder or file name one that exists",
        "Windows Installer stops with an error, or silently leaves the row out",
        "name an existing row",
        keys_exist
    ),
    ice!(
        "ice06",
        Warning,
        "ICE06",
        "every column that _Validation describes is in its table",
        "Windows Installer stops with an error when it asks for the column, which it does for those of its own",
        "add the column, or take the description away",
        described_columns
    ),
    ice!(
        "ice09",
        Warning,
        "ICE09",
        "components in the system folder are permanent",
        "a removal takes files that others use",
        "set msidbComponentAttributesPermanent (16)",
        system_files
    ),
    ice!(
        "ice18",
        Error,
        "ICE18",
        "a component whose key path is its folder, and that has no file there, creates the folder",
        "a folder that is not there is repaired for ever",
        "add a row to CreateFolder",
        empty_folders
    ),
    ice!(
        "ice21",
        Error,
        "ICE21",
        "every component belongs to a feature",
        "it is never installed",
        "add a row to FeatureComponents",
        |m: &Contents| {
            let is_lost = |row: &&Record| m.find("FeatureComponents", "Component_", row.text("Component")).is_none();
            m.rows("Component")
                .iter()
                .find(is_lost)
                .and_then(|row| broken("table FeatureComponents", format!("{} is in none", row.text("Component"))))
        }
    ),
    ice!(
        "ice24",
        Error,
        "ICE24",
        "ProductCode, UpgradeCode and package code are GUIDs in capitals, ProductLanguage is a number",
        "Windows Installer refuses the package, or does not find it again",
        "write them so",
        identity
    ),
    ice!(
        "ice30",
        Error,
        "ICE30",
        "no two components put a file of one name into one folder",
        "one overwrites the other, and a repair changes them in turn",
        "rename one, or make their conditions exclude each other",
        same_names
    ),
    ice!(
        "ice36",
        Warning,
        "ICE36",
        "every icon is used",
        "the cached package carries it for nothing",
        "use it or remove it",
        unused_icons
    ),
    ice!(
        "ice57",
        Error,
        "ICE57",
        "no component mixes data of the machine with data of the user",
        "the user's half is missing for every other user, and each logon starts a repair",
        "split the component",
        mixed
    ),
    ice!(
        "ice38",
        Error,
        "ICE38 and ICE91",
        "nothing is installed into a user's profile",
        "it is the computer's account whose profile gets it",
        "install below Program Files or ProgramData",
        profile_folders
    ),
    ice!(
        "ice45",
        Warning,
        "ICE45",
        "no reserved bit is set in the attributes of components, files, services and upgrades",
        "a later Windows Installer may give it a meaning",
        "clear it",
        reserved_bits
    ),
    ice!(
        "ice60",
        Warning,
        "ICE60",
        "a file without a version has a hash",
        "it is copied again from the source at every repair",
        "add a row to MsiFileHash",
        |m: &Contents| {
            let has_none = |row: &&Record| {
                row.text("Version").is_empty()
                    && !is_font(row)
                    && m.find("MsiFileHash", "File_", row.text("File")).is_none()
            };
            m.rows("File")
                .iter()
                .find(has_none)
                .and_then(|row| broken("table MsiFileHash", format!("{} is not there", row.text("File"))))
        }
    ),
    ice!(
        "ice61",
        Error,
        "ICE61",
        "each property of the table Upgrade is public, secure, of one row and not set before",
        "an upgrade leaves the old version beside the new one",
        "name it in SecureCustomProperties",
        upgrade
    ),
    ice!(
        "ice63",
        Error,
        "ICE63",
        "RemoveExistingProducts is after InstallValidate and not between InstallInitialize and InstallExecute",
        "the upgrade fails halfway",
        "put it right after InstallInitialize or InstallValidate",
        removal
    ),
    ice!(
        "ice64",
        Error,
        "ICE64",
        "folders in a user's profile are removed again",
        "they stay in every profile that roams",
        "add a row to RemoveFile",
        folders_left_behind
    ),
    ice!(
        "ice71",
        Error,
        "ICE71",
        "there is a medium with the number 1",
        "sources that are compressed are not found",
        "number the media from 1",
        |m: &Contents| {
            let has = m.rows("File").is_empty() || m.rows("Media").iter().any(|row| row.int("DiskId") == Some(1));
            if has { None } else { broken("table Media", "there is none") }
        }
    ),
    ice!(
        "ice69",
        Warning,
        "ICE69",
        "[#file], [!file] and [$component] in texts are of the row's own component",
        "where the other component is not installed, the text has nothing in its place",
        "name a file or component of the row's own",
        formatted
    ),
    ice!(
        "ice73",
        Warning,
        "ICE73",
        "no code is one of the samples of Microsoft's SDK",
        "Windows takes the package for the sample",
        "make new codes",
        samples
    ),
    ice!(
        "ice77",
        Error,
        "ICE77",
        "deferred actions are between InstallInitialize and InstallFinalize",
        "Windows Installer stops with an error there",
        "move them",
        deferred
    ),
    ice!(
        "ice79",
        Warning,
        "ICE79",
        "components and features that conditions ask for exist",
        "the condition is never what it seems to be",
        "correct the name",
        named_in_conditions
    ),
    ice!(
        "ice80",
        Error,
        "ICE80",
        "the template's platform fits the components, the folders and the page count, and lists ProductLanguage",
        "Windows refuses it (1633), or installs it into the wrong half of the system",
        "make all of one platform; page count 200 for x64, 500 for Arm64 and MsiLockPermissionsEx",
        platform
    ),
    ice!(
        "ice82",
        Error,
        "ICE82",
        "RegisterProduct, RegisterUser, PublishProduct and PublishFeatures are in InstallExecuteSequence",
        "the product cannot be repaired, upgraded or detected",
        "add them",
        |m: &Contents| {
            let needed = ["RegisterProduct", "RegisterUser", "PublishProduct", "PublishFeatures"];
            let missing = needed.iter().find(|action| m.find("InstallExecuteSequence", "Action", action).is_none())?;
            broken("table InstallExecuteSequence", format!("{missing} is missing"))
        }
    ),
    ice!(
        "ice82-numbers",
        Warning,
        "ICE82",
        "no two actions of a sequence have one number",
        "which comes first is chance",
        "number them apart",
        twice
    ),
    ice!(
        "ice84",
        Warning,
        "ICE84",
        "actions that every installation needs have no condition",
        "where it is false, the installation stops halfway",
        "take the condition away",
        conditions
    ),
    ice!(
        "ice87",
        Error,
        "ICE87",
        "properties that choose features are not set in the table Property",
        "what an administrator asks for is overruled",
        "take them out",
        |m: &Contents| {
            let choosing = [
                "ADDLOCAL",
                "REMOVE",
                "ADDSOURCE",
                "ADDDEFAULT",
                "ADVERTISE",
                "REINSTALL",
                "ACTION",
                "COMPADDLOCAL",
                "COMPADDSOURCE",
                "COMPADDDEFAULT",
                "FILEADDLOCAL",
                "FILEADDSOURCE",
                "FILEADDDEFAULT",
                "PATCH",
            ];
            let found = choosing.iter().find(|name| m.find("Property", "Property", name).is_some())?;
            broken("table Property", format!("{found} is set"))
        }
    ),
    ice!(
        "ice99",
        Error,
        "ICE99",
        "no folder has the name of a property of Windows Installer",
        "setting one sets the other",
        "rename the folder",
        |m: &Contents| {
            let taken = [
                "ALLUSERS",
                "ProductName",
                "ProductCode",
                "ProductVersion",
                "Manufacturer",
                "UserName",
                "Version",
                "Privileged",
                "REMOVE",
            ];
            let found = taken.iter().find(|name| m.find("Directory", "Directory", name).is_some())?;
            broken("table Directory", format!("a folder is called {found}"))
        }
    ),
    ice!(
        "ice104",
        Error,
        "ICE104",
        "LockPermissions and MsiLockPermissionsEx are not both there",
        "Windows Installer stops with the error 1941",
        "use MsiLockPermissionsEx",
        |m: &Contents| {
            let both = m.tables.contains_key("LockPermissions") && m.tables.contains_key("MsiLockPermissionsEx");
            if both { broken("table LockPermissions", "both are there") } else { None }
        }
    ),
];
