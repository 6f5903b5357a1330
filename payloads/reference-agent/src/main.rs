//! An endpoint agent on the agent kit: a Windows service, a systemd service and a launchd daemon in one.
//!
//! ```text
//! reference-agent run                       serve, until the service manager says otherwise
//! reference-agent once                      enroll or check in, then end
//! reference-agent status                    where this device stands (JSON)
//! reference-agent doctor [--json]           what keeps it from being enrolled
//! reference-agent doctor --bundle FILE      the same, for `stampwright doctor` on a desk
//! reference-agent request -o FILE           the request file of a device without a network
//! reference-agent import FILE               the answer to it
//! reference-agent reset --for-imaging       forget who this device is, before an image is taken
//! ```
//!
//! Exit status: 0 done, or healthy; 1 it did not work, or something is wrong; 2 usage; 3 doctor may not look.
//!
//! A real agent compiles its product and server in. This one stands in for any product, so it reads them from `agent.json` beside its own
//! program, which lies in the package and which only administrators can write.

mod command;
mod config;
mod log;
mod serve;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::process::ExitCode;

use command::Command;

/// What libraries would log is compiled out: nothing here listens to it.
const _: () = assert!(::log::STATIC_MAX_LEVEL as usize == ::log::LevelFilter::Off as usize);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = match Command::parse(&arguments) {
        Ok(command) => command,
        Err(complaint) => {
            eprintln!("error: {complaint}");
            return ExitCode::from(2);
        }
    };
    match command.run() {
        Ok(status) => ExitCode::from(status),
        Err(complaint) => {
            eprintln!("error: {complaint}");
            ExitCode::FAILURE
        }
    }
}
