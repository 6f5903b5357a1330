//! All rules: by profile, asked of an installer, as a page.

use std::fmt::Write as _;

use installer::{Report, Severity};

use super::profile::Profile;
use super::rule::{Outcome, Rule};
use super::subject::Subject;
use super::{debian, ice, intune_macos, macos, rhel, token, windows};

/// The rules of a profile, in the order in which they are checked.
pub fn rules_of(profile: Profile) -> impl Iterator<Item = &'static Rule> {
    let tables: [&'static [Rule]; 7] = [
        &token::RULES,
        &windows::RULES,
        &ice::RULES,
        &intune_macos::RULES,
        &macos::RULES,
        &debian::RULES,
        &rhel::RULES,
    ];
    tables.into_iter().flatten().filter(move |rule| rule.profiles.contains(&profile))
}

/// Checks an installer against every rule of a profile; what does not hold goes to the report as well.
pub fn check(profile: Profile, subject: &Subject, report: &mut Report) -> Vec<Outcome> {
    rules_of(profile).map(|rule| rule.check(subject, report)).collect()
}

/// The rules of some profiles as a page for people, in Markdown.
#[must_use]
pub fn page(profiles: &[Profile]) -> String {
    let mut page = String::new();
    for profile in profiles {
        let count = rules_of(*profile).count();
        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "## `{}`: {}\n\nFormat {}; {count} rules.\n\n\
             | rule | severity | what must hold | otherwise | what to do | source |\n|---|---|---|---|---|---|\n",
            profile.name(),
            profile.title(),
            profile.kind().extension(),
        );
        for rule in rules_of(*profile) {
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
