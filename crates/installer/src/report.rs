//! What `verify` has to say: every problem with its place, never only the first.

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// It works, but not everywhere or not for ever.
    Warning,
    /// It is wrong.
    Error,
}

/// One thing that `verify` has to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A stable name, e.g. `deb-token-mode`: format or profile first, then what.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where: a member, table or path in the installer.
    pub place: String,
    /// What was found and what was expected, in the style of an error.
    pub message: String,
    /// What to do, when there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Everything that `verify` has to say, in the order in which it was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    findings: Vec<Finding>,
    checks: u32,
}

impl Report {
    /// Nothing found yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that something was checked; says what is wrong unless it `holds`. Gives `holds` back.
    pub fn check(
        &mut self,
        holds: bool,
        id: &'static str,
        place: impl Into<String>,
        message: impl FnOnce() -> String,
    ) -> bool {
        let finding = || Finding { id, severity: Severity::Error, place: place.into(), message: message(), hint: None };
        self.checked((!holds).then(finding));
        holds
    }

    /// Notes that something was checked, and what was found where it does not hold, however bad that is.
    pub fn checked(&mut self, found: Option<Finding>) {
        self.checks += 1;
        self.findings.extend(found);
    }

    /// Adds a finding that no check of its own stands for.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds an error.
    pub fn error(&mut self, id: &'static str, place: impl Into<String>, message: impl Into<String>) {
        self.say(Severity::Error, id, place, message);
    }

    /// Adds a warning.
    pub fn warning(&mut self, id: &'static str, place: impl Into<String>, message: impl Into<String>) {
        self.say(Severity::Warning, id, place, message);
    }

    /// Adds a note.
    pub fn note(&mut self, id: &'static str, place: impl Into<String>, message: impl Into<String>) {
        self.say(Severity::Note, id, place, message);
    }

    fn say(&mut self, severity: Severity, id: &'static str, place: impl Into<String>, message: impl Into<String>) {
        self.add(Finding { id, severity, place: place.into(), message: message.into(), hint: None });
    }

    /// Takes over what another report has found, as far as `keep` says.
    pub fn take_over(&mut self, other: Self, keep: impl Fn(&Finding) -> bool) {
        self.checks += other.checks;
        self.findings.extend(other.findings.into_iter().filter(keep));
    }

    /// Everything found.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How many checks were made, whatever they found.
    #[must_use]
    pub const fn checks(&self) -> u32 {
        self.checks
    }

    /// Whether nothing is wrong: there may be notes and warnings.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    /// How many findings there are of one severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}
