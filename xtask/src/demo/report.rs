//! What `verify` says, in a few words.

use serde_json::Value;

use crate::failure::{Failure, Result};

/// What a report of `verify --json` comes to in a few words.
pub(super) fn findings(report: &str) -> Result<String> {
    let wrong = || Failure::answer("stampwright verify", format!("no report: {report}"));
    let report: Value = serde_json::from_str(report).map_err(|_| wrong())?;
    let list = report.get("findings").and_then(Value::as_array).ok_or_else(wrong)?;
    let checks = report.get("checks").and_then(Value::as_u64).ok_or_else(wrong)?;
    let of =
        |severity: &str| list.iter().filter(|finding| finding.get("severity").is_some_and(|is| is == severity)).count();
    for finding in list {
        let word = |key: &str| finding.get(key).and_then(Value::as_str).unwrap_or_default();
        eprintln!("  {}[{}]: {}: {}", word("severity"), word("id"), word("place"), word("message"));
    }
    Ok(format!("{checks} checks: {} errors, {} warnings, {} notes", of("error"), of("warning"), of("note")))
}
