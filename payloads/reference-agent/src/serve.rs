//! The agent as a service: whatever goes wrong, it does not end before it is told to.

use std::path::PathBuf;
use std::time::Duration;

use agent_kit::queue::Importance;
use agent_kit::{Event, Kit, Stop};

use crate::log;

/// How long it waits when it cannot start: a disk, rights, a damaged file.
const AGAIN: Duration = Duration::from_secs(60);

/// Runs the agent until `stop`.
pub(crate) fn run(kit: &Kit, log: Option<PathBuf>, stop: &Stop) {
    let log = log.as_deref();
    log::line(log, "started");
    loop {
        match kit.start() {
            Ok(mut agent) => {
                agent.run(stop, |event, queue| {
                    log::line(log, &event.to_string());
                    // What an agent really watches is the vendor's; this one reports that it is there.
                    if matches!(event, Event::Enrolled(_)) {
                        let _ = queue.push(Importance::Required, br#"{"event":"enrolled"}"#);
                    }
                });
                break;
            }
            Err(error) => log::line(log, &error.to_string()),
        }
        if stop.wait(AGAIN) {
            break;
        }
    }
    log::line(log, "stopped");
}
