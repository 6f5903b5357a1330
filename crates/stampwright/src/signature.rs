//! Signatures of installers, judged: what the format found, what `signing` says of it, and the report of both.

use std::fmt::Write as _;

use installer::Report;
use installer::format::Installer;
use installer::report::{Finding, Severity};
use installer::signature::Imprints;
use serde::Serialize;
use signing::verify::{self, PlainSignature, Problem, SignatureFacts, Trust, Unreadable, Verdict};

use crate::error::Result;

/// The problem that a signature has no timestamp.
const UNTIMESTAMPED: &str = "signature-untimestamped";

/// A signature, judged.
#[derive(Debug, Serialize)]
pub struct Judged {
    /// What it says; absent where it cannot be read.
    #[serde(flatten)]
    pub facts: Option<SignatureFacts>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// What the content says against itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub defects: Vec<String>,
    /// What it leaves uncovered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Whether everything was computed, nested signatures included, and nothing is wrong.
    pub valid: bool,
}

/// Reads and judges the signature of an installer. `None`: there is none.
pub(crate) fn judge(installer: &dyn Installer, trust: Trust<'_>) -> Result<Option<Judged>> {
    let signature = installer.signable().map(|file| file.signature()).transpose()?.flatten();
    let Some(signature) = signature else { return Ok(None) };
    let facts: Result<SignatureFacts, Unreadable> = match &signature.imprint {
        Imprints::Msi(digests) => verify::authenticode(&signature.cms, digests, trust),
        Imprints::Toc { sha1 } => {
            let plain = signature.rsa.as_ref();
            let plain = plain.map(|rsa| PlainSignature { bytes: &rsa.bytes, certificates: &rsa.certificates });
            verify::package(&signature.cms, plain, sha1, trust)
        }
        Imprints::Header { bytes } => Ok(verify::openpgp(&signature.cms, bytes, trust)),
    };
    let (mut facts, unreadable) = match facts {
        Ok(facts) => (Some(facts), None),
        Err(error) => (None, Some(error.to_string())),
    };
    if let Some(facts) = facts.as_mut().filter(|_| !signature.defects.is_empty()) {
        // Content that contradicts itself below a signature is not what was signed.
        facts.verdict = Verdict::Invalid;
    }
    let valid = facts.as_ref().is_some_and(SignatureFacts::is_ok);
    Ok(Some(Judged { facts, unreadable, defects: signature.defects, notes: signature.notes, valid }))
}

impl Judged {
    /// Puts everything that is to be said into a report.
    pub(crate) fn report(&self, report: &mut Report) {
        report.check(self.unreadable.is_none(), "signature-unreadable", "signature", || {
            self.unreadable.clone().unwrap_or_default()
        });
        report.check(self.defects.is_empty(), "signature-content", "signature", || self.defects.join("; "));
        for note in &self.notes {
            report.note("signature-coverage", "signature", note.clone());
        }
        if let Some(facts) = &self.facts {
            say(facts, "signature", report);
        }
    }

    /// What is wrong with it, in one sentence.
    #[must_use]
    pub(crate) fn first_error(&self) -> Option<String> {
        if self.valid {
            return None;
        }
        let problems = self.facts.iter().flat_map(SignatureFacts::all_problems);
        let mut errors = problems.filter(|problem| problem.severity == verify::Severity::Error);
        let said = errors.next().map(|problem| format!("the signature {}", problem.message));
        said.or_else(|| self.unreadable.clone()).or_else(|| self.defects.first().cloned())
    }

    /// Whether it ends soon: with its certificate, because it has no timestamp.
    #[must_use]
    pub fn ending(&self) -> Option<Finding> {
        let problems = self.facts.iter().flat_map(|facts| &facts.problems);
        ending(problems.into_iter().find(|problem| problem.id == UNTIMESTAMPED)?)
    }

    /// Lines for a person: a name and a value.
    #[must_use]
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        match &self.facts {
            Some(facts) => describe(facts, "signature", &mut lines),
            None => lines.push(("signature", self.unreadable.clone().unwrap_or_default())),
        }
        lines.extend(self.defects.iter().chain(&self.notes).map(|sentence| ("", sentence.clone())));
        lines
    }
}

/// The problem that a signature has no timestamp, as far as it is more than good to know.
pub(crate) fn ending(problem: &Problem) -> Option<Finding> {
    let finding = || finding(problem, "signature", false);
    (problem.severity == verify::Severity::Warning).then(finding)
}

fn finding(problem: &Problem, place: &str, is_without_roots: bool) -> Finding {
    Finding {
        id: problem.id,
        severity: match problem.severity {
            verify::Severity::Note => Severity::Note,
            verify::Severity::Warning => Severity::Warning,
            verify::Severity::Error => Severity::Error,
        },
        place: place.to_owned(),
        message: problem.message.clone(),
        hint: match problem.id {
            "signature-chain" if is_without_roots => Some("give --root FILE, the roots to trust".to_owned()),
            UNTIMESTAMPED if problem.severity == verify::Severity::Warning => {
                Some("sign with --timestamp URL: then the signature outlives its certificate".to_owned())
            }
            _ => None,
        },
    }
}

fn say(facts: &SignatureFacts, place: &str, report: &mut Report) {
    let finding = |problem: &Problem| finding(problem, place, facts.trusted.is_none());
    let is_error = |problem: &&Problem| problem.severity == verify::Severity::Error;
    let checks = facts.checks();
    for id in &checks {
        let mut failed = facts.problems.iter().filter(is_error).filter(|problem| problem.id == *id).map(finding);
        match failed.next() {
            Some(first) => report.add(first),
            None => report.held(id, place),
        }
        failed.for_each(|more| report.add(more));
    }
    for problem in facts.problems.iter().filter(|problem| !is_error(problem)) {
        report.add(finding(problem));
    }
    for (number, nested) in facts.nested.iter().enumerate() {
        say(nested, &format!("{place}/nested {}", number + 1), report);
    }
}

fn describe(facts: &SignatureFacts, name: &'static str, lines: &mut Vec<(&'static str, String)>) {
    let signer = facts.signer.as_ref();
    let mut head = match (signer, &facts.openpgp_key) {
        (Some(signer), _) => format!("by {}", signer.subject),
        (None, Some(key)) => format!("by the OpenPGP key {key}"),
        (None, None) => "without a signer".to_owned(),
    };
    if let (Some(signer), Some(digest)) = (signer, facts.digest) {
        let _ = write!(head, ", {} with {digest}", signer.key);
    }
    let verdict = match (facts.verdict, facts.trusted) {
        (Verdict::Invalid, _) => ", NOT VALID",
        (Verdict::NotChecked, _) => ", NOT CHECKED",
        (Verdict::Valid, Some(true)) => ", valid, trusted",
        // Without roots the chain is not judged.
        (Verdict::Valid, _) => ", valid",
    };
    head.push_str(verdict);
    lines.push((name, head));
    if facts.chain.len() > 1 {
        lines.push(("", format!("chain: {}", facts.chain.join(" <- "))));
    }
    if let Some(timestamp) = &facts.timestamp {
        let way = match timestamp.form {
            verify::TimestampForm::Rfc3161 => "",
            verify::TimestampForm::Countersignature => " (a countersignature, as before RFC 3161)",
        };
        lines.push(("", format!("timestamp: {} by {}{way}", timestamp.time, timestamp.authority)));
    }
    if let Some(text) = &facts.description {
        lines.push(("", format!("description: {text}")));
    }
    if let Some(url) = &facts.url {
        lines.push(("", format!("url: {url}")));
    }
    if facts.sealed {
        lines.push(("", "sealed: nothing may be added to it".to_owned()));
    }
    lines.extend(facts.superfluous.iter().map(|found| ("", format!("superfluous certificate: {}", found.subject))));
    for problem in facts.problems.iter().filter(|problem| problem.severity != verify::Severity::Note) {
        lines.push(("", problem.message.clone()));
    }
    for nested in &facts.nested {
        describe(nested, "nested signature", lines);
    }
}
