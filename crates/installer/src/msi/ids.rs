//! Keys of rows that several tables name.

/// The one feature.
pub(super) const FEATURE: &str = "Agent";
/// The component of the agent's executable, and of its service.
pub(super) const AGENT_COMPONENT: &str = "AgentComponent";
/// The agent's key in the File table, and its name in the cabinet.
pub(super) const AGENT_FILE: &str = "AgentFile";
/// The folder of the agent. Not in capitals, so that nobody can move a service of the system from the command line.
pub(super) const INSTALL_FOLDER: &str = "InstallFolder";
/// The folder of the agent's own data.
pub(super) const STATE_FOLDER: &str = "StateFolder";
/// The component of the registry key and the state folder.
pub(super) const STATE_COMPONENT: &str = "StateComponent";
