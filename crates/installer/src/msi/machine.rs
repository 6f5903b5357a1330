//! What a package changes of the machine beside its own files: the PATH, and values below HKEY_LOCAL_MACHINE.
//!
//! ```text
//! Environment  =-*PATH  [~];[InstallFolder]     the machine's (*), set at installation (=), taken out at removal (-); [~] is what is there
//! Registry     HKLM\<key>  <name>  <data>        each the key path of a component of its own, so that a repair sees each
//! ```
//!
//! The PATH is in the agent's component, whose key path is the executable: there is nothing on the PATH without it.

use crate::product::{Product, RegistryData, RegistryValue};

use super::files::Code;
use super::ids::{AGENT_COMPONENT, FEATURE, HKEY_LOCAL_MACHINE, INSTALL_FOLDER};
use super::tables::{NULL, Tables, row};
use super::text::formatted;

/// `Component.Attributes`: the key path is a registry value (4), 64-bit (0x100).
const REGISTRY_64: i32 = 0x104;

/// Adds both.
pub(super) fn add(tables: &mut Tables, product: &Product, code: &Code<'_>) {
    for value in product.registry() {
        let name = value.name.as_deref();
        let path = format!(r"HKLM\{}\\{}", value.key, name.unwrap_or_default());
        let guid = code.component(&path);
        // A key of 16 digits of the component's code, which is the same in every version.
        let digits: String = guid.chars().filter(char::is_ascii_hexdigit).take(16).collect();
        let (component, key) = (format!("v{digits}"), format!("r{digits}"));
        tables.add("Component", row![component.as_str(), guid, INSTALL_FOLDER, REGISTRY_64, NULL, key.as_str()]);
        tables.add("FeatureComponents", row![FEATURE, component.as_str()]);
        let data = data(value);
        tables.add("Registry", row![key, HKEY_LOCAL_MACHINE, value.key.as_str(), name, data, component]);
    }
    if product.is_on_path() {
        let value = format!("[~];[{INSTALL_FOLDER}]");
        tables.add("Environment", row!["MachinePath", "=-*PATH", value, AGENT_COMPONENT]);
        for (action, number) in [("RemoveEnvironmentStrings", 3300), ("WriteEnvironmentStrings", 5200)] {
            tables.add("InstallExecuteSequence", row![action, NULL, number]);
        }
    }
}

/// `Registry.Value`: a sign in front says the type; a text that starts with the sign itself gets a second one.
fn data(value: &RegistryValue) -> String {
    match &value.data {
        RegistryData::String(text) if text.starts_with('#') => format!("#{}", formatted(text)),
        RegistryData::String(text) => formatted(text),
        RegistryData::Expand(text) => format!("#%{}", formatted(text)),
        // Windows Installer reads a signed number.
        RegistryData::Dword(number) => format!("#{}", number.cast_signed()),
    }
}
