//! Files that an administrator edits: an upgrade keeps what is there and puts its own default beside it.
//!
//! ```text
//! agent.conf           a permanent component that is never overwritten: an upgrade, which removes the old product first, leaves it
//! agent.conf.default   a component like any other: always this version's default
//! ```
//!
//! A removal that is none of an upgrade takes the file along by name, in a folder that a property names; the property is set on that one
//! condition, as for the state folder ([`super::token`]).

use crate::product::{Platform, Product};

use super::ids::{ON_REMOVAL, PURGE_CONDITION, SET_PROPERTY, STATE_COMPONENT};
use super::tables::{NULL, Tables, row};

/// `Component.Attributes`: the files stay when the product goes.
const PERMANENT: i32 = 0x10;
/// `Component.Attributes`: nothing is installed where the key path exists.
const NEVER_OVERWRITE: i32 = 0x80;
/// The first number of the actions that name folders, which come after those of `super::sequences`.
const FIRST_NUMBER: i32 = 1100;

/// Where the default of a configuration file lies.
pub(super) fn default_of(path: &str) -> String {
    format!("{path}.default")
}

/// What the component of a file has beside what every other has. `folder` is the installation folder.
pub(super) fn attributes(product: &Product, folder: &str, path: &str) -> i32 {
    if paths(product, folder).any(|config| config == path) { PERMANENT | NEVER_OVERWRITE } else { 0 }
}

/// The paths of the configuration files, in the payload.
fn paths(product: &Product, folder: &str) -> impl Iterator<Item = String> {
    let files = product.files_for(Platform::Windows).filter(|file| file.config);
    files.map(move |file| format!("{folder}/{}", file.destination))
}

/// Adds the rows by which a removal takes the files along, and the folders that are empty then. `key` gives a folder's in the table Directory.
pub(super) fn add_purge(tables: &mut Tables, product: &Product, folder: &str, key: impl Fn(&str) -> String) {
    let mut number = FIRST_NUMBER;
    for path in paths(product, folder) {
        let Some((folder, name)) = path.rsplit_once('/') else { continue };
        let (action, property) = (format!("NameConfig{number}"), format!("PurgeConfig{number}"));
        let target = format!("[{}]", key(folder));
        tables.add("CustomAction", row![action.as_str(), SET_PROPERTY, property.as_str(), target, NULL]);
        tables.add("InstallExecuteSequence", row![action, PURGE_CONDITION, number]);
        let (file, empty) = (format!("PurgedConfig{number}"), format!("EmptyConfigFolder{number}"));
        tables.add("RemoveFile", row![file, STATE_COMPONENT, name, property.as_str(), ON_REMOVAL]);
        tables.add("RemoveFile", row![empty, STATE_COMPONENT, NULL, property, ON_REMOVAL]);
        number += 1;
    }
}
