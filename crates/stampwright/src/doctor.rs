//! What keeps a device from being enrolled, as its agent has written it down: the file of `doctor --bundle`.
//!
//! The agent kit writes it, and this reads it by itself: the two share no code. The file comes from a device, so every text of it is taken
//! without its control characters, and there are limits on how much.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The most bytes of a bundle: a device that has very much to say writes a tenth of it.
const MAX_BYTES: u64 = 1 << 20;
/// The form that is read.
const FORM: &str = "agent-doctor/1";
/// The most findings, and lines of evidence of each.
const MAX_FINDINGS: usize = 100;
/// The most characters of a line.
const MAX_LINE_CHARS: usize = 500;

/// What an agent's `doctor` has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    bundle: String,
    /// When it was written, seconds since 1970 by the device's clock.
    pub made_at: u64,
    /// The agent's product.
    pub product: String,
    /// Its version.
    pub version: String,
    /// The device's operating system.
    pub os: String,
    /// The agent was not allowed to look.
    pub is_blind: bool,
    /// What is wrong, the cause first.
    pub findings: Vec<DeviceFinding>,
    /// What was looked at.
    #[serde(default)]
    pub facts: serde_json::Map<String, serde_json::Value>,
}

/// One thing that is wrong on a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFinding {
    /// Its name: `token-expired`, `port-blocked`, …
    pub id: String,
    /// What is wrong.
    pub cause: String,
    /// What was seen.
    pub evidence: Vec<String>,
    /// What to do.
    pub action: String,
}

impl Diagnosis {
    /// Reads a bundle.
    ///
    /// # Errors
    /// The file cannot be read, is too long or is no bundle.
    pub fn read(path: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(Error::io("open", path))?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(Error::wrong(format!("doctor bundle: is longer than {MAX_BYTES} bytes")).about(path));
        }
        Self::parse(&bytes).map_err(|error| error.about(path))
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let hint = "an agent writes one with `doctor --bundle FILE`";
        let read: Self = serde_json::from_slice(bytes).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            Error::wrong(format!("doctor bundle: is none: {place}")).hint(hint)
        })?;
        if read.bundle != FORM {
            return Err(Error::wrong(format!("doctor bundle: form is another one, must be {FORM}")).hint(hint));
        }
        Ok(read.cleaned())
    }

    fn cleaned(mut self) -> Self {
        for text in [&mut self.product, &mut self.version, &mut self.os] {
            *text = line(text);
        }
        self.findings.truncate(MAX_FINDINGS);
        for finding in &mut self.findings {
            finding.evidence.truncate(MAX_FINDINGS);
            let texts = [&mut finding.id, &mut finding.cause, &mut finding.action];
            texts.into_iter().chain(&mut finding.evidence).for_each(|text| *text = line(text));
        }
        self
    }

    /// The device is enrolled and reaches its server.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.findings.is_empty() && !self.is_blind
    }

    /// The lines for a person.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{} {} on {}", self.product, self.version, self.os)];
        if self.is_healthy() {
            lines.push("healthy: the device is enrolled and reaches its server".to_owned());
        }
        if self.is_blind {
            lines.push(
                "incomplete: the agent was not allowed to look; run its doctor as root or as an administrator"
                    .to_owned(),
            );
        }
        for (number, finding) in self.findings.iter().enumerate() {
            let head = if number == 0 { "cause" } else { "also" };
            lines.push(format!("{head}: {} [{}]", finding.cause, finding.id));
            lines.extend(finding.evidence.iter().map(|seen| format!("  seen: {seen}")));
            lines.push(format!("  do:   {}", finding.action));
        }
        lines
    }
}

/// One line without what a terminal would act on.
fn line(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(MAX_LINE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUNDLE: &str = r#"{"bundle": "agent-doctor/1", "made_at": 1, "product": "A\u001b[2J", "version": "1.0.0", "os": "linux",
        "is_blind": false, "facts": {"x": 1},
        "findings": [{"id": "dns", "cause": "no name", "evidence": ["a\nb"], "action": "check"}]}"#;

    #[test]
    fn a_bundle_is_read_without_what_a_terminal_acts_on() {
        let read = Diagnosis::parse(BUNDLE.as_bytes()).unwrap();
        assert_eq!(read.lines(), ["A[2J 1.0.0 on linux", "cause: no name [dns]", "  seen: ab", "  do:   check"]);
        assert!(!read.is_healthy());
    }

    #[test]
    fn an_agent_that_could_not_look_is_not_called_healthy() {
        let text = BUNDLE.replace("\"is_blind\": false", "\"is_blind\": true");
        let (head, _) = text.split_once("\"findings\"").unwrap();
        let read = Diagnosis::parse(format!("{head}\"findings\": []}}").as_bytes()).unwrap();
        assert!(!read.is_healthy());
        assert!(matches!(read.lines().as_slice(), [_, said] if said.starts_with("incomplete: ")), "{:?}", read.lines());
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        for wrong in ["", "{}", "[1]", &BUNDLE.replace("doctor/1", "doctor/2"), &BUNDLE.replace("\"os\"", "\"x\"")] {
            assert!(Diagnosis::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
