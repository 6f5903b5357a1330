//! What an MSI is, whoever made it: for the wrappers and rules of management systems, which take other people's packages
//! as well.

use container::ReadAt;
use container::msidb::summary::pid;
use container::reader::{Malformed, Problem};

use super::identity::TOOL_VERSION;
use super::ids::HKEY_LOCAL_MACHINE;
use super::read::{Installer, missing};
use super::token::TOKEN_PROPERTY;
use crate::format::{Format, ReadError, TokenSummary};

/// `Registry.Root`: the machine's half for an installation per machine, the user's for one per user.
const EITHER_ROOT: i32 = -1;
/// "System Folder Properties" that stand for folders of the operating system.
const SYSTEM_FOLDERS: [&str; 4] = ["SystemFolder", "System64Folder", "System16Folder", "WindowsFolder"];
/// Actions of `InstallExecuteSequence` that ask for a restart.
const RESTARTS: [&str; 2] = ["ForceReboot", "ScheduleReboot"];

/// Whom a package installs for (property `ALLUSERS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// `1`: the machine.
    Machine,
    /// Not set: the user who runs it.
    User,
    /// `2`: the machine if the user may, else the user.
    Either,
}

/// What an MSI is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its length in bytes.
    pub len_bytes: u64,
    /// Property `ProductName`.
    pub product_name: String,
    /// Property `ProductVersion`.
    pub product_version: String,
    /// Property `Manufacturer`.
    pub publisher: String,
    /// Property `ProductCode`, a GUID in braces.
    pub product_code: String,
    /// Property `UpgradeCode`; a package need not have one.
    pub upgrade_code: Option<String>,
    /// Revision number of the summary information.
    pub package_code: String,
    /// Template of the summary information, e.g. `x64;1033`.
    pub template: String,
    /// Page count of the summary information: the oldest Windows Installer, times 100.
    pub page_count: i32,
    /// Whom it installs for.
    pub context: Context,
    /// Whether an action asks for a restart.
    pub asks_for_restart: bool,
    /// Whether it installs services.
    pub has_services: bool,
    /// Whether it has ODBC data sources.
    pub has_data_sources: bool,
    /// Whether it writes to the machine's half of the registry.
    pub writes_machine_registry: bool,
    /// The key below HKEY_LOCAL_MACHINE, and the value, that have the product's version once it is installed.
    pub version_value: Option<(String, String)>,
    /// Whether it names folders of the operating system.
    pub has_system_folders: bool,
    /// Whether it carries an Authenticode signature.
    pub is_signed: bool,
    /// The token in it.
    pub token: Option<TokenSummary>,
    /// Whether it was built to take a token: by this tool, with the property hidden from logs.
    pub takes_token: bool,
}

/// Reads the tables; the cabinet is not touched.
pub fn facts(file: &dyn ReadAt) -> Result<Facts, ReadError> {
    let installer = Installer::open(file)?;
    let properties = installer.properties()?;
    let get = |key: &'static str| properties.get(key).cloned().ok_or_else(|| missing(key));
    let code = |key: &'static str| get(key).and_then(|code| guid(code, key));
    let context = match properties.get("ALLUSERS").map(String::as_str) {
        Some("1") => Context::Machine,
        Some("2") => Context::Either,
        _ => Context::User,
    };
    let is_version = |text: &str| text == "[ProductVersion]";
    let machine = |root: Option<i32>| {
        root == Some(HKEY_LOCAL_MACHINE) || root == Some(EITHER_ROOT) && context == Context::Machine
    };
    let any = |table: &str| Ok::<_, ReadError>(installer.database.table(table)?.is_some_and(|table| !table.is_empty()));
    let registry = installer.database.table("Registry")?;
    let folders = installer.database.table("Directory")?;
    let sequence = installer.database.table("InstallExecuteSequence")?;
    let hidden = properties.get("MsiHiddenProperties").map_or("", String::as_str);
    let revision = installer.summary.text(pid::REVISION).ok_or_else(|| missing("the package code"))?;
    let version_value = registry.as_ref().and_then(|table| {
        let mut rows = table.rows().filter(|row| row.int("Root") == Some(HKEY_LOCAL_MACHINE));
        let row = rows.find(|row| row.text("Value").is_some_and(|value| is_version(&value)))?;
        Some((unformatted(&row.text("Key")?)?, unformatted(&row.text("Name")?)?))
    });
    Ok(Facts {
        version_value,
        len_bytes: file.len(),
        product_name: get("ProductName")?,
        product_version: get("ProductVersion")?,
        publisher: get("Manufacturer")?,
        product_code: code("ProductCode")?,
        upgrade_code: properties.get("UpgradeCode").map(|code| guid(code.clone(), "UpgradeCode")).transpose()?,
        package_code: guid(revision.to_owned(), "the package code")?,
        template: installer.summary.text(pid::TEMPLATE).unwrap_or_default().to_owned(),
        page_count: installer.summary.int(pid::PAGE_COUNT).unwrap_or_default(),
        context,
        asks_for_restart: sequence
            .is_some_and(|table| RESTARTS.iter().any(|action| table.find("Action", action).is_some())),
        has_services: any("ServiceInstall")?,
        has_data_sources: any("ODBCDataSource")?,
        writes_machine_registry: registry.is_some_and(|table| table.rows().any(|row| machine(row.int("Root")))),
        has_system_folders: folders
            .is_some_and(|table| SYSTEM_FOLDERS.iter().any(|folder| table.find("Directory", folder).is_some())),
        is_signed: installer.is_signed(),
        token: super::ids::Msi.open(file)?.inspect()?.token,
        takes_token: properties.contains_key(TOOL_VERSION) && hidden.split(';').any(|name| name == TOKEN_PROPERTY),
    })
}

/// Formatted text that says itself: `[\c]` is the character c; `None` where a property or a condition is in it.
fn unformatted(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '[' => match (rest.next()?, rest.next()?, rest.next()?) {
                ('\\', escaped, ']') => out.push(escaped),
                _ => return None,
            },
            ']' | '{' | '}' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

/// A GUID as Windows Installer takes it, or an error: it ends up in command lines and documents.
fn guid(text: String, structure: &'static str) -> Result<String, Malformed> {
    if crate::product::guid(&text).is_some_and(|canonical| canonical == text) {
        return Ok(text);
    }
    let problem = Problem::Text { what: "it is not a GUID in braces and upper case" };
    Err(Malformed { structure, offset: Malformed::NOWHERE, problem })
}
