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

/// What became of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// It holds.
    Ok,
    /// It does not, and the installer is wrong.
    Error,
    /// It does not, and the installer works, but not everywhere or not for ever.
    Warning,
    /// It does not, and that is only good to know.
    Note,
    /// It is no rule for this installer, e.g. one of our own for another tool's package.
    NotChecked,
}

impl From<Severity> for CheckOutcome {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Note => Self::Note,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }
}

/// One check: a fact that was compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was compared: the id that its finding has where it does not hold.
    pub id: &'static str,
    /// Where: a member, table or path in the installer.
    pub place: String,
    /// What became of it.
    pub outcome: CheckOutcome,
    /// What was found and what was expected, where it does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Everything that `verify` has to say, in the order in which it was found.
///
/// Each error and each warning is the outcome of a check. The checks are counted; a report that [lists](Report::listing) them keeps
/// each one, which costs memory in proportion to the files of the installer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    findings: Vec<Finding>,
    checks: u32,
    #[serde(skip)]
    listed: Option<Vec<Check>>,
}

impl Report {
    /// Nothing found yet. The checks are counted only.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing found yet. Each check is kept.
    #[must_use]
    pub fn listing() -> Self {
        Self { listed: Some(Vec::new()), ..Self::default() }
    }

    /// An empty report that lists its checks if this one does, to be taken over by it.
    #[must_use]
    pub fn part(&self) -> Self {
        Self { listed: self.listed.as_ref().map(|_| Vec::new()), ..Self::default() }
    }

    /// Notes that something was checked; says what is wrong unless it `holds`. Gives `holds` back.
    pub fn check(
        &mut self,
        holds: bool,
        id: &'static str,
        place: impl Into<String>,
        message: impl FnOnce() -> String,
    ) -> bool {
        if holds {
            self.held(id, place);
        } else {
            self.error(id, place, message());
        }
        holds
    }

    /// Notes a check that holds.
    pub fn held(&mut self, id: &'static str, place: impl Into<String>) {
        self.checks += 1;
        if let Some(listed) = &mut self.listed {
            listed.push(Check { id, place: place.into(), outcome: CheckOutcome::Ok, message: None });
        }
    }

    /// Notes a check that does not hold and that was said before, by the same finding.
    pub fn failed_again(&mut self, finding: &Finding) {
        self.checks += 1;
        if let Some(listed) = &mut self.listed {
            let (outcome, message) = (finding.severity.into(), Some(finding.message.clone()));
            listed.push(Check { id: finding.id, place: finding.place.clone(), outcome, message });
        }
    }

    /// Notes a check that does not hold, whatever the severity of its finding.
    pub fn failed(&mut self, finding: Finding) {
        self.failed_again(&finding);
        self.findings.push(finding);
    }

    /// Adds a finding. An error and a warning are checks that do not hold; a note is a remark, of which nothing was asked.
    pub fn add(&mut self, finding: Finding) {
        match finding.severity {
            Severity::Note => self.findings.push(finding),
            Severity::Warning | Severity::Error => self.failed(finding),
        }
    }

    /// Adds an error.
    pub fn error(&mut self, id: &'static str, place: impl Into<String>, message: impl Into<String>) {
        self.say(Severity::Error, id, place, message);
    }

    /// Adds a warning.
    pub(crate) fn warning(&mut self, id: &'static str, place: impl Into<String>, message: impl Into<String>) {
        self.say(Severity::Warning, id, place, message);
    }

    /// Adds a note.
    pub fn note(&mut self, id: &'static str, place: impl Into<String>, message: impl Into<String>) {
        self.say(Severity::Note, id, place, message);
    }

    fn say(&mut self, severity: Severity, id: &'static str, place: impl Into<String>, message: impl Into<String>) {
        self.add(Finding { id, severity, place: place.into(), message: message.into(), hint: None });
    }

    /// Takes over what another report has found, as far as `is_asked` says of an id; its other checks are listed as not checked.
    pub(crate) fn take_over(&mut self, other: Self, is_asked: impl Fn(&str) -> bool) {
        self.checks += other.checks;
        self.findings.extend(other.findings.into_iter().filter(|finding| is_asked(finding.id)));
        if let Some(listed) = &mut self.listed {
            listed.extend(other.listed.into_iter().flatten().map(|check| match is_asked(check.id) {
                true => check,
                false => Check { outcome: CheckOutcome::NotChecked, message: None, ..check },
            }));
        }
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

    /// Each check that was made, in order. `None`: they were counted only.
    #[must_use]
    pub fn listed(&self) -> Option<&[Check]> {
        self.listed.as_deref()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(report: &mut Report) {
        report.held("a", "file");
        report.check(false, "b", "file", || "is 1, must be 2".to_owned());
        report.warning("c", "file", "is old");
        report.note("d", "file", "is new");
        let (id, severity, place, message) = ("e", Severity::Note, "file".to_owned(), "is small".to_owned());
        report.failed(Finding { id, severity, place, message, hint: None });
    }

    #[test]
    fn what_is_counted_is_listed_where_it_is_asked_for() {
        let (mut counted, mut listed) = (Report::new(), Report::listing());
        fill(&mut counted);
        fill(&mut listed);
        assert_eq!((counted.checks(), counted.listed()), (4, None));
        let outcomes: Vec<_> = listed.listed().unwrap().iter().map(|check| (check.id, check.outcome)).collect();
        let expected = [
            ("a", CheckOutcome::Ok),
            ("b", CheckOutcome::Error),
            ("c", CheckOutcome::Warning),
            ("e", CheckOutcome::Note),
        ];
        assert_eq!(outcomes, expected);
        assert_eq!(counted.findings(), listed.findings());
    }

    #[test]
    fn what_is_not_asked_is_listed_as_not_checked() {
        let mut report = Report::listing();
        let mut other = report.part();
        fill(&mut other);
        report.take_over(other, |id| id != "b");
        let outcomes: Vec<_> = report.listed().unwrap().iter().map(|check| check.outcome).collect();
        assert_eq!(outcomes, [CheckOutcome::Ok, CheckOutcome::NotChecked, CheckOutcome::Warning, CheckOutcome::Note]);
        assert_eq!((report.checks(), report.findings().len()), (4, 3));
        assert_eq!(Report::new().part().listed(), None);
    }
}
