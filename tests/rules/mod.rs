//! The rules of management systems: each holds for a good installer, and has a case that breaks it and nothing else.

mod cases;
mod debian;
mod macos;
mod msi;
mod rhel;
mod tables;
mod token;

use std::collections::BTreeSet;

use kit::rules::{self, Profile};

use crate::support;

#[test]
fn the_page_of_the_rules_is_what_the_program_prints() {
    let path = support::root().join("docs/profiles.md");
    let page = rules::page(&Profile::ALL);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let head = text.split("## `").next().unwrap_or_default().to_owned();
    if std::env::var_os("STAMPWRIGHT_BLESS").is_some() {
        std::fs::write(&path, format!("{head}{page}")).unwrap();
        return;
    }
    assert!(text == format!("{head}{page}"), "docs/profiles.md is old: STAMPWRIGHT_BLESS=1 writes it");
    let printed = support::run(support::program().get_program(), ["rules"]);
    assert_eq!(printed, page);
}

#[test]
fn every_rule_says_everything_once() {
    let all: Vec<_> = Profile::ALL.into_iter().flat_map(rules::rules_of).collect();
    let ids: BTreeSet<_> = all.iter().map(|rule| rule.id).collect();
    let texts: BTreeSet<_> = all.iter().map(|rule| (rule.id, rule.what, rule.why, rule.remedy, rule.source)).collect();
    assert_eq!(ids.len(), texts.len(), "a name is there twice");
    for rule in all {
        for text in [rule.what, rule.why, rule.remedy, rule.source] {
            assert!(!text.is_empty() && !text.ends_with('.') && !text.contains('|'), "{}: {text:?}", rule.id);
        }
    }
}

/// What is found in a damaged file is said with a profile as it is without.
#[test]
fn a_profile_hides_nothing_that_is_wrong_with_a_file() {
    use stampwright::{Expected, input};

    let roots = input::roots(&[] as &[&std::path::Path]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut damaged = 0;
    for base in support::product::bases().iter().filter(|base| base.agent.arch == installer::product::Arch::X64) {
        let kind = base.format.kind();
        let profile = Profile::ALL.into_iter().find(|profile| profile.kind() == kind).unwrap();
        let path = folder.path().join(base.name());
        for n in 1..48 {
            let mut bytes = base.bytes.clone();
            let at = bytes.len() * n / 48;
            bytes[at] ^= 0x20;
            std::fs::write(&path, &bytes).unwrap();
            let expected = Expected {
                token: None,
                base: None,
                agent: None,
                prepared: None,
                profile: None,
                trust: roots.at(0),
                list_checks: false,
            };
            let Ok(plain) = stampwright::verify(&path, &expected) else { continue };
            let with = stampwright::verify(&path, &Expected { profile: Some(profile), ..expected });
            let with = with.unwrap_or_else(|error| panic!("{kind:?} at {at:#x}: {error}"));
            damaged += usize::from(!plain.report.is_ok());
            for finding in plain.report.findings() {
                assert!(with.report.findings().contains(finding), "{kind:?} at {at:#x}: {finding:?}");
            }
        }
    }
    assert!(damaged > 20, "only {damaged} files were wrong");
}
