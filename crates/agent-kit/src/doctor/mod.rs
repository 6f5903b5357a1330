//! What keeps this device from being enrolled: one cause, its evidence, and what to do.
//!
//! It works while the service is down, changes nothing, and shows no secret. The findings are sorted: the first is the cause, the others may
//! go away with it.

mod causes;
mod finding;
mod look;
mod macos;
mod roots;

pub use finding::Finding;

use serde::Serialize;
use serde_json::{Value, json};

use crate::kit::Kit;
use crate::system;

/// What `doctor` has found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The form's name and version.
    pub bundle: &'static str,
    /// Seconds since 1970 by the device's clock.
    pub made_at: u64,
    /// `product.name`.
    pub product: String,
    /// The agent's version.
    pub version: String,
    /// The operating system.
    pub os: &'static str,
    /// Nothing could be looked at for lack of rights.
    pub is_blind: bool,
    /// What is wrong, the cause first.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub facts: Value,
}

impl Report {
    /// 0: healthy; 1: something is wrong; 3: it could not look.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match (self.is_blind, self.findings.is_empty()) {
            (true, _) => 3,
            (false, true) => 0,
            (false, false) => 1,
        }
    }

    /// The report for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{} {} on {}\n", self.product, self.version, self.os);
        if self.findings.is_empty() && !self.is_blind {
            text.push_str("healthy: the device is enrolled and reaches its server\n");
        }
        for (number, finding) in self.findings.iter().enumerate() {
            let head = if number == 0 { "cause" } else { "also" };
            text.push_str(&format!("{head}: {} [{}]\n", finding.cause, finding.id));
            finding.evidence.iter().for_each(|line| text.push_str(&format!("  seen: {line}\n")));
            text.push_str(&format!("  do:   {}\n", finding.action));
        }
        text
    }

    /// The report as JSON: the file that `stampwright doctor` reads.
    #[must_use]
    pub fn json(&self) -> String {
        // Text, numbers and lists of them are always JSON.
        let document = serde_json::to_value(self).unwrap_or_else(|_| json!({ "bundle": self.bundle }));
        format!("{document:#}")
    }
}

impl Kit {
    /// Looks at the device, its agent and its network.
    #[must_use]
    pub fn doctor(&self) -> Report {
        let mut found = look::Found::default();
        look::look(self, &mut found);
        Report {
            bundle: "agent-doctor/1",
            made_at: system::now(),
            product: self.product.name.clone(),
            version: self.product.version_text(),
            os: std::env::consts::OS,
            is_blind: found.is_blind,
            findings: found.findings,
            facts: Value::Object(found.facts),
        }
    }
}

#[cfg(test)]
mod tests;
