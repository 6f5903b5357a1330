//! `verify --json --checks`: each check that is counted is listed, and the one that fails is among them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use installer::{Kind, Token};
use kit::rules::Profile;
use serde_json::Value;
use stampwright::{Check, CheckOutcome, Expected, Report, Severity, Verification, input};

use crate::support::product::bases;
use crate::support::signed::TOKEN;
use crate::support::{both, once, output, program};

const KINDS: [Kind; 4] = [Kind::Msi, Kind::Pkg, Kind::Deb, Kind::Rpm];

fn stamped(kind: Kind) -> Vec<u8> {
    let base = bases().iter().find(|base| base.format.kind() == kind).unwrap();
    let opened = once::open(base.bytes.as_slice()).unwrap();
    let mut out = Vec::new();
    let splice = once::stamp(&opened, &Token::parse(TOKEN.as_bytes()).unwrap()).unwrap();
    splice.write_to(base.bytes.as_slice(), &mut out).unwrap();
    out
}

/// A stamp of each format by its file's ending.
fn stamps() -> Vec<(&'static str, Kind, Vec<u8>)> {
    KINDS.iter().map(|kind| (kind.extension(), *kind, stamped(*kind))).collect()
}

fn document(path: &Path, arguments: &[&str]) -> Value {
    let said = output(program().arg("verify").arg(path).arg("--json").args(arguments));
    serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", both(&said)))
}

/// The number in the line of a person's report.
fn number_said(path: &Path, arguments: &[&str]) -> u64 {
    let said = both(&output(program().arg("verify").arg(path).args(arguments)));
    let line = said.lines().find(|line| line.contains(" checks, ")).unwrap_or_else(|| panic!("{said}"));
    line.split(" checks, ").next().unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn as_many_checks_are_listed_as_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    for (ending, kind, bytes) in stamps() {
        let path = folder.path().join(format!("Example-Agent.{ending}"));
        fs::write(&path, bytes).unwrap();
        let profile = Profile::ALL.into_iter().find(|profile| profile.kind() == kind).unwrap();
        for arguments in [&[][..], &["--profile", profile.name()]] {
            let counted = number_said(&path, arguments);
            let number = document(&path, arguments);
            assert_eq!(number["checks"].as_u64(), Some(counted), "{ending} {arguments:?}");
            let each = document(&path, &[arguments, &["--checks"]].concat());
            let checks = each["each_check"].as_array().unwrap();
            assert_eq!(each["checks"].as_u64(), Some(counted), "{ending} {arguments:?}");
            assert_eq!(checks.len() as u64, counted, "{ending} {arguments:?}");
            for check in checks {
                assert!(["id", "place"].iter().all(|field| !check[field].as_str().unwrap().is_empty()), "{check}");
                let outcome = check["outcome"].as_str().unwrap();
                assert!(["ok", "error", "warning", "note", "not-checked"].contains(&outcome), "{check}");
                assert_eq!(check["message"].is_string(), matches!(outcome, "error" | "warning" | "note"), "{check}");
            }
            let ids: BTreeSet<_> = checks.iter().map(|check| check["id"].as_str().unwrap()).collect();
            assert!(ids.len() > 5, "{ending}: {ids:?}");
            if !arguments.is_empty() {
                assert!(
                    each["rules"].as_array().unwrap().iter().all(|rule| ids.contains(rule["id"].as_str().unwrap()))
                );
            }
        }
    }
    let path = folder.path().join("Example-Agent.deb");
    assert_eq!(output(program().arg("verify").arg(&path).arg("--checks")).status.code(), Some(2), "without --json");
}

fn verify(path: &Path, token: Option<&Token>) -> stampwright::Result<Verification> {
    let roots = input::roots(&[] as &[&Path]).unwrap();
    let (trust, list_checks) = (roots.at(0), true);
    let expected = Expected { token, base: None, agent: None, prepared: None, profile: None, trust, list_checks };
    stampwright::verify(path, &expected)
}

/// How many errors a report has; each must be listed with the words of its finding.
fn errors_listed(report: &Report) -> usize {
    let listed = report.listed().unwrap();
    assert_eq!(listed.len(), report.checks() as usize);
    let errors = report.findings().iter().filter(|finding| finding.severity == Severity::Error);
    errors
        .inspect(|finding| {
            let is_it = |check: &&Check| {
                (check.id, &check.place, check.outcome) == (finding.id, &finding.place, CheckOutcome::Error)
                    && check.message.as_ref() == Some(&finding.message)
            };
            assert!(listed.iter().any(|check| is_it(&check)), "{finding:?}");
        })
        .count()
}

/// Flips bytes all over a file; what can still be read must list each failed check. A file that says another token does so in every format.
#[test]
fn the_check_that_fails_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let other = Token::parse(b"t1.another.0123456789abcdef").unwrap();
    let mut flips_found = 0;
    for (ending, _, bytes) in stamps() {
        let path = folder.path().join(format!("Example-Agent.{ending}"));
        fs::write(&path, &bytes).unwrap();
        assert_eq!(errors_listed(&verify(&path, None).unwrap().report), 0, "{ending}");
        assert_eq!(errors_listed(&verify(&path, Some(&other)).unwrap().report), 1, "{ending}");
        // A member of a pkg that is stored as it is: its content can be read, whatever the sums say.
        let stored = bytes.windows(8).position(|window| window == b"BOMStore").into_iter().flat_map(|at| at..at + 9);
        for at in stored.chain((0..29).map(|part| bytes.len() * part / 29)) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            fs::write(&path, flipped).unwrap();
            // A deb's flipped bytes end the reading: what follows is compressed.
            let Ok(Verification { report, .. }) = verify(&path, None) else { continue };
            flips_found += errors_listed(&report);
        }
    }
    assert!(flips_found > 0, "no flipped byte failed a check");
}
