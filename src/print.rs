//! What is printed: documents on standard output, reports and errors on standard error.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use stampwright::{Error, ErrorKind, Report, Result, Severity};

/// The name of standard output in messages.
const STDOUT: &str = "standard output";

/// One document on standard output. A reader that went away (`| head`) is an error like any other, not a panic.
pub fn json(document: &impl Serialize) -> Result<()> {
    let mut text = zeroize::Zeroizing::new(serde_json::to_string_pretty(document).map_err(Error::wrong)?);
    text.push('\n');
    bytes(text.as_bytes())
}

/// These bytes on standard output.
pub fn bytes(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(Error::io("write", Path::new(STDOUT)))
}

/// The sentence, the next step, and the exit status of the contract.
pub fn error(error: &Error) -> ExitCode {
    eprintln!("error: {error}");
    if let Some(hint) = error.next_step() {
        eprintln!("  hint: {hint}");
    }
    ExitCode::from(match error.kind() {
        ErrorKind::Wrong => 1,
        ErrorKind::Usage => 2,
        ErrorKind::Machine => 3,
    })
}

/// A report for a person.
pub fn report(report: &Report, path: &Path) {
    for finding in report.findings() {
        let severity = match finding.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        eprintln!("{severity}[{}]: {}: {}", finding.id, finding.place, finding.message);
        if let Some(hint) = &finding.hint {
            eprintln!("  hint: {hint}");
        }
    }
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    let verdict = if report.is_ok() { "ok" } else { "not ok" };
    eprintln!("{}: {verdict}: {} checks, {errors} errors, {warnings} warnings", path.display(), report.checks());
}
