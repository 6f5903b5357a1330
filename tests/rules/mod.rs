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
