//! Good installers, and cases that each break one rule.

use std::collections::BTreeSet;

use installer::format::Format;
use installer::{Kind, Report, Token, formats};
use kit::rules::{self, Profile, Subject};

use super::tables::{Database, edited};
use crate::support::once;
use crate::support::{
    self,
    product::{MANIFEST, Small},
};

/// The token of every good installer.
pub const TOKEN: &str = "t1.example-tenant.0123456789abcdef";
/// The clock of every judgement.
pub const NOW: u64 = 1_800_000_000;

/// One way to break one rule.
pub enum Break {
    /// In what was read.
    Facts(fn(&mut Subject)),
    /// In the tables of the file itself.
    Tables(fn(&mut Database)),
}

/// A rule's name and what breaks it.
pub type Case = (&'static str, Break);

/// A small product's installer with a token in it, and its base.
pub fn stamped(kind: Kind) -> (Vec<u8>, Vec<u8>) {
    stamped_with(kind, MANIFEST)
}

/// The same of another manifest.
pub fn stamped_with(kind: Kind, manifest: &str) -> (Vec<u8>, Vec<u8>) {
    let small = Small::with(manifest).unwrap();
    let out = small.folder.path().join("out");
    let format = kind.extension();
    let built = support::output(
        support::program().args(["build", "--format", format, "--product"]).arg(small.manifest()).arg("-o").arg(&out),
    );
    assert!(built.status.success(), "{}", support::both(&built));
    let base = std::fs::read(out.join(format!("Example-Agent.{format}"))).unwrap();
    (stamp(&base), base)
}

pub fn stamp(base: &Vec<u8>) -> Vec<u8> {
    let base = once::open(base).unwrap();
    let splice = once::stamp(&base, &Token::parse(TOKEN.as_bytes()).unwrap()).unwrap();
    let mut file = Vec::new();
    splice.write_to(base.bytes(), &mut file).unwrap();
    file
}

/// Reads an installer as `verify --profile` does.
pub fn read(file: &Vec<u8>) -> Subject {
    let format: &dyn Format = formats::recognise(file).unwrap();
    Subject::read(file, &format!("Example-Agent.{}", format.kind().extension()), NOW).unwrap()
}

/// The rules of a profile that do not hold.
pub fn broken(profile: Profile, subject: &Subject) -> Vec<&'static str> {
    let mut report = Report::new();
    let outcomes = rules::check(profile, subject, &mut report);
    let broken: Vec<_> = outcomes.iter().filter(|outcome| !outcome.holds).map(|outcome| outcome.id).collect();
    assert_eq!(report.findings().iter().map(|finding| finding.id).collect::<Vec<_>>(), broken);
    assert_eq!(outcomes.len(), rules::rules_of(profile).count());
    broken
}

/// Holds a profile to its cases.
pub fn hold(profile: Profile, file: &Vec<u8>, prepare: fn(&mut Subject), cases: &[&[Case]]) {
    let good = |file: &Vec<u8>| {
        let mut subject = read(file);
        prepare(&mut subject);
        subject
    };
    assert_eq!(broken(profile, &good(file)), [""; 0], "a good installer breaks rules of {}", profile.name());
    let ours: BTreeSet<_> = rules::rules_of(profile).map(|rule| rule.id).collect();
    let mut shown = BTreeSet::new();
    for (id, how) in cases.iter().copied().flatten().filter(|(id, _)| ours.contains(id)) {
        let mut subject;
        match how {
            Break::Facts(change) => {
                subject = good(file);
                change(&mut subject);
            }
            Break::Tables(change) => subject = good(&edited(file, *change)),
        }
        assert_eq!(broken(profile, &subject), [*id], "{}", profile.name());
        shown.insert(*id);
    }
    let never: Vec<_> = ours.difference(&shown).collect();
    assert!(never.is_empty(), "no case breaks {never:?} of {}", profile.name());
}
