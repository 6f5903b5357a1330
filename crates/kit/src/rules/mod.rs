//! What management systems will make of an installer: a table of rules, each with its reason, its remedy and its source.
//!
//! ```text
//!   file ──subject──▶ Subject: name, token's claims, leaks, tables │ daemons │ units ──▶ each Rule ──▶ Outcome
//! ```
//!
//! A rule is data and one function from what was read to what breaks it. The functions see facts, never bytes, and the
//! facts come from the readers, which share no code with the writers; so an installer of anybody can be judged. A rule of
//! one of two ways to deploy (Intune's line-of-business type, Jamf's PreStage) is a warning, because the same file can go
//! the other way; a rule of all ways is an error.
//!
//! Devices that were installed and never enrolled have few causes: no service, a service that is not started or not
//! started again, an agent that cannot be executed, a token that the agent cannot read or that has expired, a missing
//! profile. Each is a rule here.

mod debian;
mod ice;
mod intune_macos;
mod macos;
mod subject;
mod token;
mod windows;

use std::fmt::Write as _;

use installer::{Finding, Kind, Report, Severity};
use serde::Serialize;

pub use subject::{Base, Beside, Of, Subject};

/// A management system, and the way that an installer takes into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Group Policy, software installation.
    Gpo,
    /// Microsoft Intune, Win32 and line-of-business apps.
    IntuneWindows,
    /// Microsoft Intune, macOS line-of-business and PKG apps.
    IntuneMacos,
    /// Jamf Pro, packages, PreStage and the deployment of packages by MDM.
    Jamf,
    /// Debian and its relatives, apt repositories.
    Debian,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Gpo, Self::IntuneWindows, Self::IntuneMacos, Self::Jamf, Self::Debian];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gpo => "gpo",
            Self::IntuneWindows => "intune-windows",
            Self::IntuneMacos => "intune-macos",
            Self::Jamf => "jamf",
            Self::Debian => "debian",
        }
    }

    /// What it is, for a heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Gpo => "Group Policy, software installation",
            Self::IntuneWindows => "Microsoft Intune, Windows",
            Self::IntuneMacos => "Microsoft Intune, macOS",
            Self::Jamf => "Jamf Pro",
            Self::Debian => "Debian",
        }
    }

    /// The format that it takes.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Gpo | Self::IntuneWindows => Kind::Msi,
            Self::IntuneMacos | Self::Jamf => Kind::Pkg,
            Self::Debian => Kind::Deb,
        }
    }
}

const WINDOWS: &[Profile] = &[Profile::Gpo, Profile::IntuneWindows];
const MACOS: &[Profile] = &[Profile::IntuneMacos, Profile::Jamf];
const EVERYWHERE: &[Profile] = &Profile::ALL;

/// The payloads of profiles that rules look for beside a flat package.
pub const PROFILE_PAYLOADS: [&str; 2] = ["com.apple.servicemanagement", "com.apple.TCC.configuration-profile-policy"];

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
    broken: fn(&Subject) -> Option<Broken>,
}

/// What breaks a rule, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Broken {
    place: String,
    found: String,
}

fn broken(place: impl Into<String>, found: impl Into<String>) -> Option<Broken> {
    Some(Broken { place: place.into(), found: found.into() })
}

/// What became of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The rule's name.
    pub id: &'static str,
    /// How bad it is when it does not hold.
    pub severity: Severity,
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
    pub remedy: &'static str,
    /// Who says so.
    pub source: &'static str,
}

/// The rules of a profile, in the order in which they are checked.
pub fn of(profile: Profile) -> impl Iterator<Item = &'static Rule> {
    let tables: [&'static [Rule]; 6] =
        [&token::RULES, &windows::RULES, &ice::RULES, &intune_macos::RULES, &macos::RULES, &debian::RULES];
    tables.into_iter().flatten().filter(move |rule| rule.profiles.contains(&profile))
}

/// Checks an installer against every rule of a profile; what does not hold goes to the report as well.
pub fn check(profile: Profile, subject: &Subject, report: &mut Report) -> Vec<Outcome> {
    of(profile).map(|rule| rule.check(subject, report)).collect()
}

impl Rule {
    fn check(&self, subject: &Subject, report: &mut Report) -> Outcome {
        let broken = (self.broken)(subject);
        _ = report.check(true, self.id, "", String::new);
        if let Some(Broken { place, found }) = &broken {
            let finding = Finding {
                id: self.id,
                severity: self.severity,
                place: place.clone(),
                message: format!("{found}; must be that {}: {} ({})", self.what, self.why, self.source),
                hint: Some(self.remedy.to_owned()),
            };
            // Two profiles of one installer have rules in common.
            if !report.findings().contains(&finding) {
                report.add(finding);
            }
        }
        let holds = broken.is_none();
        let (place, found) = broken.map(|broken| (broken.place, broken.found)).unzip();
        let Self { id, severity, what, why, remedy, source, .. } = *self;
        Outcome { id, severity, holds, place, found, what, why, remedy, source }
    }
}

/// The rules of some profiles as a page for people, in Markdown.
#[must_use]
pub fn page(profiles: &[Profile]) -> String {
    let mut page = String::new();
    for profile in profiles {
        let count = of(*profile).count();
        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "## `{}`: {}\n\nFormat {}; {count} rules.\n\n\
             | rule | severity | what must hold | otherwise | what to do | source |\n|---|---|---|---|---|---|\n",
            profile.name(),
            profile.title(),
            profile.kind().extension(),
        );
        for rule in of(*profile) {
            let severity = match rule.severity {
                Severity::Note => "note",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            let Rule { id, what, why, remedy, source, .. } = rule;
            let _ = writeln!(page, "| `{id}` | {severity} | {what} | {why} | {remedy} | {source} |");
        }
        page.push('\n');
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}
