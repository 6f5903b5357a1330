//! Where the token goes, who may read it, and when it goes away.
//!
//! ```text
//! Property  ENROLLMENTTOKEN        absent in a base; a stamp adds the row; an administrator's command line overrides it
//!    │      hidden from logs, and none of the properties that a standard user may set
//!    ▼
//! Registry  HKLM\SOFTWARE\<publisher>\<product>  EnrollmentToken = [ENROLLMENTTOKEN]
//!           in a transitive component with the condition: there is a token and the device is not enrolled
//!    ▲
//! AppSearch ENROLLMENTSTATE ◀── the value EnrollmentState, which the agent sets to `enrolled`
//! AppSearch WAITINGTOKEN    ◀── the value EnrollmentToken: kept where nothing brings another one and the device is not enrolled
//! ```
//!
//! Transitive means that a repair looks at the condition again: once the agent is enrolled it removes the token
//! where it would otherwise bring the spent one back from the cached package.
//!
//! The key and the state folder belong to the system and the administrators alone, and the publisher's folder above it cannot be written
//! to by others: every user may make a folder in `ProgramData`, and whoever made that one first would own the way to ours. An action
//! refuses one that is a junction ([`super::reader`]). Both survive upgrades, which remove the
//! old product first; only a real removal purges them. No table can say that, so the rows that purge name their victim by a
//! property: it points to nothing until an immediate action sets it, on that one condition. Without the action the
//! folder's row does nothing, and the key's row looks for a key that never exists. Nor can a table remove a folder with what lies in its
//! folders: a commit action does, as the system, when everything else of a removal has succeeded.

use crate::format::BuildError;
use crate::product::Product;
use crate::template::{Escape, render};

use super::files::Code;
use super::ids::{
    AGENT_COMPONENT, FEATURE, HKEY_LOCAL_MACHINE, ON_REMOVAL, PUBLISHER_STATE_FOLDER, REMOVE_STATE_ACTION,
    SET_PROPERTY, STATE_COMPONENT, STATE_FOLDER,
};
use super::tables::{NULL, Tables, row};
use super::text::formatted;
use super::upgrade::SHOW_ERROR;

/// The public property that carries the token.
pub const TOKEN_PROPERTY: &str = "ENROLLMENTTOKEN";
/// The registry value that it becomes.
pub(super) const TOKEN_VALUE: &str = "EnrollmentToken";
/// The registry value by which the agent says that it needs no token any more.
pub(super) const STATE_VALUE: &str = "EnrollmentState";
/// The public property that it is read into ("AppSearch Table" wants a public one).
pub(super) const STATE_PROPERTY: &str = "ENROLLMENTSTATE";
/// The public property that a token which waits on the device is read into; as hidden as the token's own.
pub(super) const WAITING_PROPERTY: &str = "WAITINGTOKEN";

/// Keeps a token that waits: its component goes with the old product, or with a repair by a package that has none.
pub(super) const KEEP_ACTION: &str = "KeepWaitingToken";
pub(super) const KEEP_CONDITION: &str =
    r#"WAITINGTOKEN AND NOT ENROLLMENTTOKEN AND NOT (ENROLLMENTSTATE ~= "enrolled") AND NOT (REMOVE ~= "ALL")"#;

/// The component of the token.
pub(super) const TOKEN_COMPONENT: &str = "TokenComponent";
/// When the token is written, and not removed by a repair.
pub(super) const TOKEN_CONDITION: &str = r#"ENROLLMENTTOKEN AND NOT (ENROLLMENTSTATE ~= "enrolled")"#;

/// Says that there is no token.
pub(super) const MISSING_ACTION: &str = "RequireToken";
/// When it does: on a first installation only, so that repair, removal and upgrades of an enrolled device go on.
pub(super) const MISSING_CONDITION: &str =
    r#"NOT ENROLLMENTTOKEN AND NOT Installed AND NOT (ENROLLMENTSTATE ~= "enrolled")"#;

pub(super) const PURGE_KEY_ACTION: &str = "PurgeRegistryKey";
pub(super) const PURGE_FOLDER_ACTION: &str = "PurgeStateFolder";
/// Names the key to purge, below the publisher's; until the action it is one that does not exist.
pub(super) const PURGE_KEY: &str = "PurgeKey";
const PURGE_FOLDER: &str = "PurgeFolder";
/// Tells the action that removes the state folder where that is: a deferred action knows the property of its own name alone.
pub(super) const PURGE_STATE_ACTION: &str = "NameStateFolder";

// Component.Attributes
const REGISTRY_KEY_PATH: i32 = 0x4;
const TRANSITIVE: i32 = 0x40;
const BITS_64: i32 = 0x100;

/// `RegLocator.Type`: the raw value (2), in the 64-bit half of the registry (0x10).
const RAW_VALUE_64: i32 = 0x12;

/// Full access for the system and the administrators, no other account, nothing inherited; owner is the system.
const FOLDER_SDDL: &str = "O:SYG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
/// The same for the publisher's folder, where other products of the publisher may have what users read: they can read, and nothing else.
const PUBLISHER_SDDL: &str = "O:SYG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)";
const KEY_SDDL: &str = "O:SYG:SYD:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)";

/// What `PurgeKey` says until the product is really removed.
pub(super) fn harmless_purge_key(product: &Product) -> String {
    format!(r"{}\purge-nothing", product.folder())
}

/// Adds the key, the folder, the token and the rows that protect and purge them.
pub(super) fn add(tables: &mut Tables, product: &Product, code: &Code<'_>) -> Result<(), BuildError> {
    let publisher_key = format!(r"SOFTWARE\{}", formatted(product.publisher_folder()));
    let key = format!(r"{publisher_key}\{}", formatted(product.folder()));
    let key = key.as_str();
    add_components(tables, code);
    for folder in [STATE_FOLDER, PUBLISHER_STATE_FOLDER] {
        tables.add("CreateFolder", row![folder, STATE_COMPONENT]);
    }
    let hklm = HKEY_LOCAL_MACHINE;
    tables.add("Registry", row!["InstalledVersion", hklm, key, "Version", "[ProductVersion]", STATE_COMPONENT]);
    let value = format!("[{TOKEN_PROPERTY}]");
    tables.add("Registry", row![TOKEN_VALUE, hklm, key, TOKEN_VALUE, value, TOKEN_COMPONENT]);
    for (property, value) in [(STATE_PROPERTY, STATE_VALUE), (WAITING_PROPERTY, TOKEN_VALUE)] {
        tables.add("RegLocator", row![value, hklm, key, value, RAW_VALUE_64]);
        tables.add("AppSearch", row![property, value]);
    }
    let waiting = format!("[{WAITING_PROPERTY}]");
    tables.add("CustomAction", row![KEEP_ACTION, SET_PROPERTY, TOKEN_PROPERTY, waiting, NULL]);
    for (id, object, table, sddl) in [
        ("LockStateFolder", STATE_FOLDER, "CreateFolder", FOLDER_SDDL),
        ("LockPublisherFolder", PUBLISHER_STATE_FOLDER, "CreateFolder", PUBLISHER_SDDL),
        ("LockKey", "InstalledVersion", "Registry", KEY_SDDL),
        ("LockToken", TOKEN_VALUE, "Registry", KEY_SDDL),
    ] {
        tables.add("MsiLockPermissionsEx", row![id, object, table, sddl, NULL]);
    }
    add_purge(tables, product, &publisher_key);
    if product.token_required() {
        let values = serde_json::json!({ "product": formatted(product.name()) });
        let text = include_str!("../../../../templates/msi/token-missing.txt");
        let message = render("msi/token-missing.txt", text, Escape::Plain, &values)?;
        tables.add("CustomAction", row![MISSING_ACTION, SHOW_ERROR, NULL, message.trim_end(), NULL]);
    }
    Ok(())
}

/// What a removal that is none of an upgrade takes along.
fn add_purge(tables: &mut Tables, product: &Product, publisher_key: &str) {
    let hklm = HKEY_LOCAL_MACHINE;
    let purge_key = format!(r"{publisher_key}\[{PURGE_KEY}]");
    tables.add("Registry", row!["PurgedKey", hklm, purge_key, "-", NULL, STATE_COMPONENT]);
    tables.add("RemoveFile", row!["PurgedFolder", STATE_COMPONENT, "*", PURGE_FOLDER, ON_REMOVAL]);
    let folder = formatted(product.folder());
    tables.add("CustomAction", row![PURGE_KEY_ACTION, SET_PROPERTY, PURGE_KEY, folder, NULL]);
    let target = format!("[{STATE_FOLDER}]");
    tables.add("CustomAction", row![PURGE_FOLDER_ACTION, SET_PROPERTY, PURGE_FOLDER, target.as_str(), NULL]);
    tables.add("CustomAction", row![PURGE_STATE_ACTION, SET_PROPERTY, REMOVE_STATE_ACTION, target, NULL]);
}

fn add_components(tables: &mut Tables, code: &Code<'_>) {
    let kept = BITS_64 | REGISTRY_KEY_PATH;
    for (component, attributes, condition, key_path) in [
        (STATE_COMPONENT, kept, NULL, "InstalledVersion"),
        (TOKEN_COMPONENT, kept | TRANSITIVE, Some(TOKEN_CONDITION), TOKEN_VALUE),
    ] {
        let guid = code.component(component);
        tables.add("Component", row![component, guid, STATE_FOLDER, attributes, condition, key_path]);
    }
    for component in [AGENT_COMPONENT, STATE_COMPONENT, TOKEN_COMPONENT] {
        tables.add("FeatureComponents", row![FEATURE, component]);
    }
}
