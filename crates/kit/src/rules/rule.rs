//! One rule, and what becomes of it.

use installer::{Finding, Report, Severity};
use serde::Serialize;

use super::profile::Profile;
use super::subject::Subject;

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// How bad it is when an installer breaks it.
    pub severity: Severity,
    /// Where it holds.
    pub profiles: &'static [Profile],
    /// What must hold.
    pub what: &'static str,
    /// What happens otherwise.
    pub why: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// Who says so.
    pub source: &'static str,
    /// What breaks it; `None` when it holds.
    pub(super) broken: fn(&Subject) -> Option<Broken>,
}

/// What breaks a rule, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) place: String,
    pub(super) found: String,
}

pub(super) fn broken(place: impl Into<String>, found: impl Into<String>) -> Option<Broken> {
    Some(Broken { place: place.into(), found: found.into() })
}

/// What became of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The rule's name.
    pub id: &'static str,
    /// How bad it is when it does not hold.
    pub(crate) severity: Severity,
    /// Whether it holds.
    pub holds: bool,
    /// Where it does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What was found there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What must hold.
    pub what: &'static str,
    /// What happens otherwise.
    pub why: &'static str,
    /// What to do.
    pub(crate) remedy: &'static str,
    /// Who says so.
    pub source: &'static str,
}

impl Rule {
    /// Asks the rule of an installer; what does not hold goes to the report.
    pub(super) fn check(&self, subject: &Subject, report: &mut Report) -> Outcome {
        let broken = (self.broken)(subject);
        let finding = broken.as_ref().map(|Broken { place, found }| Finding {
            id: self.id,
            severity: self.severity,
            place: place.clone(),
            message: format!("{found}; must be that {}: {} ({})", self.what, self.why, self.source),
            hint: Some(self.remedy.to_owned()),
        });
        // Two profiles of one installer have rules in common.
        match finding {
            None => report.held(self.id, "installer"),
            Some(finding) if report.findings().contains(&finding) => report.failed_again(&finding),
            Some(finding) => report.failed(finding),
        }
        let holds = broken.is_none();
        let (place, found) = broken.map(|broken| (broken.place, broken.found)).unzip();
        let Self { id, severity, what, why, remedy, source, .. } = *self;
        Outcome { id, severity, holds, place, found, what, why, remedy, source }
    }
}
