//! The format, and what its builder and its readers agree on: keys of rows that several tables name, names and numbers.

/// Windows Installer packages.
#[derive(Debug, Clone, Copy)]
pub struct Msi;

/// The cabinet's stream. Its packed name starts with the unit U+3800, so its bytes (00 38) sort before those of every
/// other stream; a name that is an identifier starts with a letter, and cannot.
pub(crate) const CABINET: &str = "00.cab";
/// Page count: Windows Installer 5.0, which arm64 and MsiLockPermissionsEx need.
pub(super) const SCHEMA: i32 = 500;
/// Word count: long names, compressed, may need elevation.
pub(super) const WORD_COUNT: i32 = 2;
/// Security.
pub(super) const READ_ONLY_RECOMMENDED: i32 = 2;
/// `Registry.Root`.
pub(super) const HKEY_LOCAL_MACHINE: i32 = 2;
/// The one feature.
pub(super) const FEATURE: &str = "Agent";
/// The component of the agent's executable, and of its service.
pub(super) const AGENT_COMPONENT: &str = "AgentComponent";
/// The agent's key in the File table, and its name in the cabinet.
pub(super) const AGENT_FILE: &str = "AgentFile";
/// The folder of the agent. Not in capitals, so that it cannot be set on the command line and move a system service.
pub(super) const INSTALL_FOLDER: &str = "InstallFolder";
/// The folder of the agent's own data.
pub(super) const STATE_FOLDER: &str = "StateFolder";
/// The component of the registry key and the state folder.
pub(super) const STATE_COMPONENT: &str = "StateComponent";
/// The publisher's folder above the agent's own data.
pub(super) const PUBLISHER_STATE_FOLDER: &str = "PublisherStateFolder";
/// The action that removes what is left of the state folder, the name that the DLL exports, and the property that it is given.
pub(super) const REMOVE_STATE_ACTION: &str = "RemoveStateFolder";

/// "Custom Action Type 51": set the property in Source to the text in Target.
pub(super) const SET_PROPERTY: i32 = 51;
/// `RemoveFile.InstallMode`: when the component is removed.
pub(super) const ON_REMOVAL: i32 = 2;
/// A removal that is not part of an upgrade.
pub(super) const PURGE_CONDITION: &str = r#"REMOVE ~= "ALL" AND NOT UPGRADINGPRODUCTCODE"#;
