//! An agent that only tells what its installer left it: a Windows service, a systemd service and a launchd daemon in one.
//!
//! It plays both sides of the agent contract. On start it reads its enrollment token (on Windows from the registry value
//! `EnrollmentToken` of the key it is given, elsewhere from the file it is given) and appends a report to its log: account,
//! arguments, and of the token only length and SHA-256. With `--enroll` it then does what an agent does once it has an
//! identity: it records `EnrollmentState=enrolled` (elsewhere a file `enrollment-state` beside the token) and deletes the token.
//!
//! ```text
//! probe-service --log FILE --registry-key 'SOFTWARE\Publisher\Product' [--enroll] [--once]      Windows
//! probe-service --log FILE --token-file FILE [--state-file FILE] [--enroll] [--once]            Linux, macOS
//! ```
//!
//! `--once` reports and ends; without it the program serves until the service control manager, or SIGTERM, ends it.
//! The log is one JSON document a line: `started`, then `enrolled` or `failed` if there is something to say, then `stopped`.

mod options;
mod report;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

use std::process::ExitCode;

use options::Options;
use report::Report;

fn main() -> ExitCode {
    let options = match Options::from_args(std::env::args().collect()) {
        Ok(options) => options,
        Err(complaint) => {
            eprintln!("error: {complaint}");
            return ExitCode::from(2);
        }
    };
    let end = if options.once { start(&options) } else { system::serve(options, start) };
    match end {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("error: {complaint}");
            ExitCode::FAILURE
        }
    }
}

/// What a start of the service does, whoever started it: report, and enroll if told so.
fn start(options: &Options) -> Result<(), String> {
    let token = system::read_token(options);
    let report = Report { account: system::account(), argv: &options.argv, token: token.as_deref() };
    report::append(&options.log, &report.started())?;
    if !options.enroll {
        return Ok(());
    }
    let outcome = system::enroll(options);
    report::append(&options.log, &report::enrolled(&outcome))?;
    outcome
}
