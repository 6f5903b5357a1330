//! The agent's service.

use crate::format::BuildError;
use crate::product::manifest::Restart;
use crate::product::{Platform, Service};

use super::ids::AGENT_COMPONENT;
use super::tables::{NULL, Tables, row};
use super::text::{command_line, formatted, plain};

// ServiceInstall
const OWN_PROCESS: i32 = 0x10;
const AUTO_START: i32 = 2;
/// Log and go on (1); and a service that cannot be installed fails the installation (0x8000).
const NORMAL_AND_VITAL: i32 = 0x8001;

/// `ServiceControl.Event`: start on installation (1), stop on both (2, 0x20), delete on removal (0x80).
pub(super) const START_STOP_DELETE: i32 = 163;
const WAIT: i32 = 1;

/// Failures are counted anew after a day without one.
const RESET_SECS: u32 = 86_400;
/// The system does the last of the listed actions for every further failure.
const RESTARTS: u32 = 3;

/// Adds the service to the agent's component, whose key path is the executable.
pub(super) fn add(tables: &mut Tables, service: &Service) -> Result<(), BuildError> {
    let arguments = command_line(service.arguments(Platform::Windows));
    plain("service.description", &service.description)?;
    let name = service.name.as_str();
    tables.add(
        "ServiceInstall",
        row![
            "AgentService",
            name,
            formatted(&service.display_name),
            OWN_PROCESS,
            AUTO_START,
            NORMAL_AND_VITAL,
            NULL,
            NULL,
            NULL, // LocalSystem
            NULL,
            formatted(&arguments),
            AGENT_COMPONENT,
            service.description.as_str(),
        ],
    );
    let control = row!["AgentService", name, START_STOP_DELETE, NULL, WAIT, AGENT_COMPONENT];
    tables.add("ServiceControl", control);
    if service.restart != Restart::Never {
        add_failure_actions(tables, name, service.restart_delay_secs);
    }
    Ok(())
}

/// What the service control manager does when the agent fails, as it keeps it itself: values below the service's key.
///
/// The table made for this, MsiServiceConfigFailureActions, is one that Microsoft's own page of MsiConfigureServices
/// calls "not working as expected": configuring a restart wants a right to the service that the installer does not ask
/// for. So nothing here relies on it, and running `sc.exe` from an installer is what endpoint protection stops.
fn add_failure_actions(tables: &mut Tables, name: &str, delay_secs: u32) {
    let key = format!(r"SYSTEM\CurrentControlSet\Services\{name}");
    let actions = format!("#x{}", failure_actions(delay_secs.saturating_mul(1000)));
    let rows = [
        ("RestartActions", "FailureActions", actions.as_str()),
        // An error status counts as a failure, not only a crash.
        ("RestartOnError", "FailureActionsOnNonCrashFailures", "#1"),
    ];
    for (id, value, data) in rows {
        tables.add("Registry", row![id, super::ids::HKEY_LOCAL_MACHINE, key.as_str(), value, data, AGENT_COMPONENT]);
    }
}

/// `SERVICE_FAILURE_ACTIONS` as it lies in the registry: period, no message, no command, count, where the list starts,
/// then (restart, milliseconds) as often as counted; upper-case hexadecimal.
fn failure_actions(delay_millis: u32) -> String {
    const RESTART: u32 = 1;
    const LIST_AT: u32 = 20;
    let mut words = vec![RESET_SECS, 0, 0, RESTARTS, LIST_AT];
    for _ in 0..RESTARTS {
        words.extend([RESTART, delay_millis]);
    }
    words.iter().flat_map(|word| word.to_le_bytes()).map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_actions_are_what_sc_writes() {
        // As `sc failure x reset= 86400 actions= restart/60000/restart/60000/restart/60000` leaves it.
        let known =
            "80510100 00000000 00000000 03000000 14000000 01000000 60EA0000 01000000 60EA0000 01000000 60EA0000";
        assert_eq!(failure_actions(60_000), known.replace(' ', ""));
    }
}
