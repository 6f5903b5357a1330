//! Rules for an MSI in Group Policy and in Intune.

mod checks;

use installer::Severity;
use installer::msi::{Contents, Record, TOKEN_PROPERTY};

use self::checks::{
    file_name, immediate_code, is_below_program_files, is_locked, is_on_users_half, is_version, uses_token,
};
use super::profile::{Profile, WINDOWS};
use super::rule::{Broken, Rule, broken};
use super::subject::{FormatFacts, Subject};

const MSI: &str = "Microsoft Learn, Windows Installer";
const UAC: &str = "Microsoft Learn, Windows Installer: Guidelines for Packages";
const WIN32: &str = "Microsoft Learn, Win32 app management in Microsoft Intune";
const LOB: &str = "Microsoft Learn, Add a Windows line-of-business app to Microsoft Intune";

const GPO_ONLY: &[Profile] = &[Profile::Gpo];
const INTUNE_ONLY: &[Profile] = &[Profile::IntuneWindows];

/// "30 GB per app".
const MAX_WIN32_BYTES: u64 = 30_000_000_000;

pub(super) static RULES: [Rule; 24] = [
    Rule {
        id: "windows-per-machine",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "the property ALLUSERS is 1",
        why: "a package per user fails where the computer installs it, and its service is for the machine anyway",
        remedy: "set ALLUSERS to 1 in the table Property",
        source: "Microsoft Learn, Windows Installer: ALLUSERS property",
        broken: |s| {
            msi(s, |m| {
                let found = m.property("ALLUSERS");
                if found == "1" { None } else { broken("table Property", format!("ALLUSERS is {found:?}")) }
            })
        },
    },
    Rule {
        id: "gpo-advertise",
        severity: Severity::Error,
        profiles: GPO_ONLY,
        what: "AdvtExecuteSequence publishes features and product",
        why: "Group Policy makes an advertisement script from it when the package is added, and has nothing to assign",
        remedy: "author the suggested AdvtExecuteSequence",
        source: "Microsoft Learn, Windows Installer: Suggested AdvtExecuteSequence",
        broken: |s| {
            msi(s, |m| {
                let needed = [
                    "CostInitialize",
                    "CostFinalize",
                    "InstallValidate",
                    "InstallInitialize",
                    "PublishFeatures",
                    "PublishProduct",
                    "InstallFinalize",
                ];
                let missing = needed.iter().find(|action| m.find("AdvtExecuteSequence", "Action", action).is_none())?;
                broken("table AdvtExecuteSequence", format!("{missing} is missing"))
            })
        },
    },
    Rule {
        id: "windows-file-name",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "the file has the name that it was built with",
        why: "Windows Installer looks for its source by that name: a repair and a re-deployment fail (1612)",
        remedy: "give it the base's name again; browsers add numbers to second downloads",
        source: "Microsoft Learn, Windows Installer: Changing the Product Code",
        broken: file_name,
    },
    Rule {
        id: "windows-package-code",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "the package code is not that of the base",
        why: "Windows Installer takes files with one package code for one file, and goes on with the one that it has",
        remedy: "stamp with this program, which makes a code of base and token",
        source: "Microsoft Learn, Windows Installer: Package Codes",
        broken: |s| {
            msi(s, |m| {
                let same = s.base.as_ref().is_some_and(|base| s.has_token && base.package_code == m.package_code);
                if same { broken("summary information", "the package code is that of the base") } else { None }
            })
        },
    },
    Rule {
        id: "windows-version",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "ProductVersion is three numbers, up to 255.255.65535 and not 0.0.0",
        why: "Windows Installer compares no others, and detection compares what is there",
        remedy: "give the product a version of three numbers",
        source: "Microsoft Learn, Windows Installer: ProductVersion property",
        broken: |s| {
            msi(s, |m| {
                let found = m.property("ProductVersion");
                if is_version(found) { None } else { broken("table Property", format!("ProductVersion is {found:?}")) }
            })
        },
    },
    Rule {
        id: "windows-version-fourth",
        severity: Severity::Warning,
        profiles: WINDOWS,
        what: "ProductVersion has no fourth number",
        why: "Windows Installer passes over it: an update of it alone is none",
        remedy: "give the product a version of three numbers",
        source: "Microsoft Learn, Windows Installer: ProductVersion property",
        broken: |s| {
            msi(s, |m| {
                let found = m.property("ProductVersion");
                let fourth = is_version(found) && found.split('.').count() == 4;
                if fourth { broken("table Property", format!("ProductVersion is {found:?}")) } else { None }
            })
        },
    },
    Rule {
        id: "windows-signed",
        severity: Severity::Warning,
        profiles: WINDOWS,
        what: "it carries an Authenticode signature",
        why: "application control and SmartScreen block unsigned installers",
        remedy: "sign it: stampwright sign",
        source: "Microsoft Learn, Authenticode",
        broken: |s| msi(s, |m| if m.is_signed { None } else { broken("file", "it is not signed") }),
    },
    Rule {
        id: "intune-windows-size",
        severity: Severity::Error,
        profiles: INTUNE_ONLY,
        what: "it has 30 GB at most",
        why: "Intune takes no larger app",
        remedy: "make it smaller",
        source: WIN32,
        broken: |s| {
            if s.len_bytes > MAX_WIN32_BYTES { broken("file", format!("it has {} bytes", s.len_bytes)) } else { None }
        },
    },
    Rule {
        id: "windows-one-file",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "every cabinet is inside the MSI",
        why: "the line-of-business type takes one file, and a share can lose the others",
        remedy: "embed the cabinets (# before their names in the table Media)",
        source: LOB,
        broken: |s| {
            msi(s, |m| {
                let mut cabinets = m.rows("Media").iter().map(|row| row.text("Cabinet"));
                let outside = cabinets.find(|cabinet| !cabinet.is_empty() && !cabinet.starts_with('#'));
                match outside {
                    Some(cabinet) => broken("table Media", format!("the cabinet {cabinet:?} is outside")),
                    // A medium without a cabinet is in order where it has no files.
                    None if has_loose_files(m) => broken("table Media", "files lie beside the package, in no cabinet"),
                    None => None,
                }
            })
        },
    },
    Rule {
        id: "windows-no-restart",
        severity: Severity::Warning,
        profiles: WINDOWS,
        what: "no action asks for a restart",
        why: "a restart in the middle of a start or a user's work, without a question",
        remedy: "take ForceReboot and ScheduleReboot out of the sequence",
        source: UAC,
        broken: |s| {
            msi(s, |m| {
                let found = m.rows("InstallExecuteSequence").iter().map(|row| row.text("Action"));
                let found = found.into_iter().find(|action| matches!(*action, "ForceReboot" | "ScheduleReboot"))?;
                broken("table InstallExecuteSequence", format!("{found} is there"))
            })
        },
    },
    Rule {
        id: "windows-elevation",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "the package may be elevated (bit 3 of the word count is not set)",
        why: "it is then installed without the rights that a service needs",
        remedy: "clear the bit",
        source: "Microsoft Learn, Windows Installer: Word Count Summary property",
        broken: |s| {
            msi(s, |m| {
                if m.word_count & 8 == 0 {
                    None
                } else {
                    broken("summary information", format!("the word count is {}", m.word_count))
                }
            })
        },
    },
    Rule {
        id: "windows-admin-user",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "no condition asks for AdminUser",
        why: "the computer's account, which installs it, is none",
        remedy: "ask for Privileged",
        source: UAC,
        broken: |s| {
            msi(s, |m| {
                let tables =
                    ["LaunchCondition", "InstallExecuteSequence", "InstallUISequence", "Component", "Condition"];
                let asks = |table: &&str| m.rows(table).iter().any(|row| row.text("Condition").contains("AdminUser"));
                tables
                    .iter()
                    .find(|table| asks(table))
                    .and_then(|table| broken(format!("table {table}"), "a condition has AdminUser"))
            })
        },
    },
    Rule {
        id: "windows-custom-code",
        severity: Severity::Warning,
        profiles: WINDOWS,
        what: "code that a custom action runs is deferred and runs as the system",
        why: "code that runs at once runs as the user and must not change the machine; endpoint protection stops both",
        remedy: "use tables; else type + 0x400 + 0x800",
        source: UAC,
        broken: |s| msi(s, |m| m.rows("CustomAction").iter().find_map(immediate_code)),
    },
    Rule {
        id: "windows-service",
        severity: Severity::Warning,
        profiles: WINDOWS,
        what: "it installs a service",
        why: "half-enrolled: the agent lies there and nothing runs it",
        remedy: "give the product a [service]",
        source: MSI,
        broken: |s| {
            msi(s, |m| {
                if m.rows("ServiceInstall").is_empty() { broken("table ServiceInstall", "there is none") } else { None }
            })
        },
    },
    Rule {
        id: "windows-service-starts",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "the service starts by itself, and at the installation",
        why: "half-enrolled: the agent enrolls when somebody starts it, or never",
        remedy: "StartType 2 in ServiceInstall, and a ServiceControl with event 1",
        source: "Microsoft Learn, Windows Installer: ServiceInstall and ServiceControl tables",
        broken: |s| {
            msi(s, |m| {
                each_service(m, |service| {
                    let name = service.text("Name");
                    let control = m.rows("ServiceControl").iter().find(|row| row.text("Name") == name);
                    let starts = control.and_then(|row| row.int("Event")).unwrap_or(0) & 1 != 0;
                    if service.int("StartType") == Some(2) && starts {
                        None
                    } else {
                        broken("table ServiceInstall", format!("{name} does not"))
                    }
                })
            })
        },
    },
    Rule {
        id: "windows-service-restart",
        severity: Severity::Warning,
        profiles: WINDOWS,
        what: "the service is started again after a failure",
        why: "half-enrolled: the network is not there yet at the first start, the agent gives up, and that was it",
        remedy: "leave service.restart at its default",
        source: "Microsoft Learn, SERVICE_FAILURE_ACTIONS",
        broken: |s| {
            msi(s, |m| {
                each_service(m, |service| {
                    let key = format!(r"SYSTEM\CurrentControlSet\Services\{}", service.text("Name"));
                    let has_value = m
                        .rows("Registry")
                        .iter()
                        .any(|row| row.text("Key").eq_ignore_ascii_case(&key) && row.text("Name") == "FailureActions");
                    let has_row =
                        |table: &str| m.rows(table).iter().any(|row| row.text("Name") == service.text("Name"));
                    if has_value || has_row("MsiServiceConfigFailureActions") {
                        None
                    } else {
                        broken("table Registry", format!("{} has no failure actions", service.text("Name")))
                    }
                })
            })
        },
    },
    Rule {
        id: "windows-service-program",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "the service's component has a program as its key path",
        why: "half-enrolled: Windows Installer registers the key path, and the service cannot start",
        remedy: "put the agent into the service's component, as its key path",
        source: "Microsoft Learn, Windows Installer: ServiceInstall table",
        broken: |s| {
            msi(s, |m| {
                each_service(m, |service| {
                    let component = m.find("Component", "Component", service.text("Component_"));
                    let file = component.and_then(|row| m.find("File", "File", row.text("KeyPath")));
                    let name = file.map(|row| row.text("FileName").to_ascii_lowercase()).unwrap_or_default();
                    if name.ends_with(".exe") {
                        None
                    } else {
                        broken("table ServiceInstall", format!("{} has none", service.text("Name")))
                    }
                })
            })
        },
    },
    Rule {
        id: "windows-service-account",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "the service runs as LocalSystem",
        why: "half-enrolled: the token is readable for the system and administrators alone",
        remedy: "leave StartName empty",
        source: "Microsoft Learn, Windows Installer: ServiceInstall table",
        broken: |s| {
            msi(s, |m| {
                each_service(m, |service| {
                    let account = service.text("StartName");
                    if account.is_empty() || account == "LocalSystem" {
                        None
                    } else {
                        broken("table ServiceInstall", format!("{} runs as {account:?}", service.text("Name")))
                    }
                })
            })
        },
    },
    Rule {
        id: "windows-service-folder",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "the service's program is below Program Files, in folders that nothing typed can move",
        why: "who can write to the folder of a service of the system owns the device",
        remedy: "install below ProgramFiles64Folder, with private folder names (one lower-case letter)",
        source: "MITRE, CWE-732; Microsoft Learn, Windows Installer: Directory table",
        broken: |s| {
            msi(s, |m| {
                each_service(m, |service| {
                    let component = m.find("Component", "Component", service.text("Component_"));
                    let folder = component.map(|row| row.text("Directory_")).unwrap_or_default();
                    if is_below_program_files(m, folder) {
                        None
                    } else {
                        broken("table Directory", format!("{folder} is not"))
                    }
                })
            })
        },
    },
    Rule {
        id: "windows-token-hidden",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "MsiHiddenProperties has the token's property",
        why: "logs of msiexec show the values of all others",
        remedy: "list it",
        source: "Microsoft Learn, Windows Installer: MsiHiddenProperties property",
        broken: |s| {
            msi(s, |m| {
                if !uses_token(m) || m.lists("MsiHiddenProperties", TOKEN_PROPERTY) {
                    None
                } else {
                    broken("table Property", format!("MsiHiddenProperties does not list {TOKEN_PROPERTY}"))
                }
            })
        },
    },
    Rule {
        id: "windows-token-secure",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "SecureCustomProperties does not have the token's property",
        why: "a standard user could set it in an elevated repair, and the agent would enroll with another tenant",
        remedy: "take it off the list: from an elevated prompt a command line works without it",
        source: "Microsoft Learn, Windows Installer: Restricted Public Properties",
        broken: |s| {
            msi(s, |m| {
                if uses_token(m) && m.lists("SecureCustomProperties", TOKEN_PROPERTY) {
                    broken("table Property", format!("SecureCustomProperties lists {TOKEN_PROPERTY}"))
                } else {
                    None
                }
            })
        },
    },
    Rule {
        id: "windows-token-reference",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "the token's property goes to the registry and nowhere else",
        why: "arguments of services, actions and shortcuts are in the process list and in audit logs",
        remedy: "let the agent read the registry value",
        source: "MITRE, CWE-214 and CWE-532",
        broken: |s| {
            msi(s, |m| {
                let reference = format!("[{TOKEN_PROPERTY}]");
                let others = m.tables.iter().filter(|(table, _)| !matches!(table.as_str(), "Registry" | "_Validation"));
                let mut found = others.flat_map(|(table, rows)| rows.iter().map(move |row| (table, row)));
                let (table, _) = found.find(|(_, row)| row.texts().any(|(_, text)| text.contains(&reference)))?;
                broken(format!("table {table}"), "it is used there")
            })
        },
    },
    Rule {
        id: "windows-token-once",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "the token is in one cell of the tables",
        why: "every other copy is not protected",
        remedy: "leave the token to the stamp",
        source: "MITRE, CWE-538",
        broken: |s| {
            msi(s, |m| {
                let token = m.property(TOKEN_PROPERTY);
                if token.len() < 8 {
                    return None;
                }
                let mut cells = m.tables.iter().flat_map(|(table, rows)| rows.iter().map(move |row| (table, row)));
                let (table, _) = cells.find(|(table, row)| {
                    row.texts().any(|(_, text)| text.contains(token))
                        && (*table != "Property" || row.text("Property") != TOKEN_PROPERTY)
                })?;
                broken(format!("table {table}"), "it has the token in it")
            })
        },
    },
    Rule {
        id: "windows-token-lock",
        severity: Severity::Error,
        profiles: WINDOWS,
        what: "the registry value with the token is open to the system and administrators alone",
        why: "every user of the device can read what is not",
        remedy: "lock it in MsiLockPermissionsEx: D:P with SY and BA",
        source: "Microsoft Learn, Windows Installer: MsiLockPermissionsEx table",
        broken: |s| {
            msi(s, |m| {
                let reference = format!("[{TOKEN_PROPERTY}]");
                let row = m.rows("Registry").iter().find(|row| {
                    row.text("Value").contains(&reference) && !is_locked(m, row.text("Registry"))
                        || is_on_users_half(row, &reference)
                })?;
                broken("table MsiLockPermissionsEx", format!("{} is not", row.text("Registry")))
            })
        },
    },
];

fn msi(subject: &Subject, rule: impl FnOnce(&Contents) -> Option<Broken>) -> Option<Broken> {
    match &subject.facts {
        FormatFacts::Msi(contents) => rule(contents),
        _ => None,
    }
}

/// Whether a medium without a cabinet has files: their sequence is behind that of the medium before.
fn has_loose_files(contents: &Contents) -> bool {
    let last = |row: &Record| row.int("LastSequence").unwrap_or(0);
    let mut media: Vec<(i32, bool)> =
        contents.rows("Media").iter().map(|row| (last(row), row.text("Cabinet").is_empty())).collect();
    media.sort_unstable();
    contents
        .rows("File")
        .iter()
        .filter_map(|row| row.int("Sequence"))
        .any(|sequence| media.iter().find(|(last, _)| *last >= sequence).is_some_and(|(_, is_loose)| *is_loose))
}

fn each_service(contents: &Contents, rule: impl Fn(&Record) -> Option<Broken>) -> Option<Broken> {
    contents.rows("ServiceInstall").iter().find_map(rule)
}
