//! Rules for Intune and Jamf on macOS. Cases change what was read of a real installer.

use installer::pkg::{Application, Component, Daemons, Facts, FileEntry};
use installer::{Kind, Report};
use kit::rules::{self, FormatFacts, Profile, Subject};

use super::cases::{Break, Case, broken, hold, read, stamped, stamped_with};
use super::token;
use crate::support::product::MANIFEST;

fn facts(subject: &mut Subject) -> &mut Facts {
    match &mut subject.facts {
        FormatFacts::Pkg(facts, _) => facts,
        _ => unreachable!(),
    }
}

fn left(subject: &mut Subject) -> &mut Daemons {
    match &mut subject.facts {
        FormatFacts::Pkg(_, background) => background,
        _ => unreachable!(),
    }
}

fn component(subject: &mut Subject) -> &mut Component {
    &mut facts(subject).components[0]
}

fn program(subject: &mut Subject) -> &mut FileEntry {
    let path = left(subject).daemons[0].arguments[0].clone();
    left(subject).placed.iter_mut().find(|held| held.path == path).unwrap()
}

fn token_file(subject: &mut Subject) -> &mut FileEntry {
    left(subject).scripts.iter_mut().find(|script| script.path == "enrollment-token").unwrap()
}

const INTUNE: &[Case] = &[
    ("macos-product-archive", Break::Facts(|s| facts(s).is_product_archive = false)),
    ("macos-signed", Break::Facts(|s| facts(s).signer = None)),
    ("macos-signed", Break::Facts(|s| facts(s).signer = Some("Example".to_owned()))),
    ("intune-payload", Break::Facts(|s| component(s).payload_paths = 0)),
    ("intune-lob-size", Break::Facts(|s| facts(s).len_bytes = 2_000_000_001)),
    ("intune-pkg-size", Break::Facts(|s| facts(s).len_bytes = 8_000_000_000)),
    ("intune-flat", Break::Facts(|s| facts(s).members.push("A.app/Contents".to_owned()))),
    ("intune-flat", Break::Facts(|s| facts(s).members.push("image.dmg".to_owned()))),
    (
        "intune-one-package",
        Break::Facts(|s| {
            let second = Component { bundles: Vec::new(), applications: Vec::new(), ..component(s).clone() };
            facts(s).components.push(second);
        }),
    ),
    (
        "intune-location",
        Break::Facts(|s| {
            let component = component(s);
            component.install_location = "/".to_owned();
            component.bundles[0].path = format!("Applications/{}", component.bundles[0].path);
        }),
    ),
    ("macos-version", Break::Facts(|s| component(s).version = "0".to_owned())),
    ("macos-version", Break::Facts(|s| component(s).version.clear())),
    (
        "intune-one-bundle",
        Break::Facts(|s| {
            let bundle = component(s).bundles[0].clone();
            component(s).bundles.push(bundle);
        }),
    ),
    ("intune-one-bundle", Break::Facts(|s| component(s).bundles.clear())),
    (
        "intune-bundle-versions",
        Break::Facts(|s| {
            component(s).bundles[0].version.clear();
            component(s).applications[0].version.clear();
        }),
    ),
    (
        "intune-bundle-versions",
        Break::Facts(|s| {
            component(s).bundles[0].id.clear();
            component(s).applications[0].id.clear();
        }),
    ),
    ("intune-application", Break::Facts(|s| component(s).applications[0].id = "com.example.other".to_owned())),
    ("intune-one-application", Break::Facts(|s| component(s).applications.push(Application::default()))),
    ("macos-versions-agree", Break::Facts(|s| facts(s).product_version = "1.4.3".to_owned())),
    ("macos-not-relocatable", Break::Facts(|s| component(s).is_relocatable = true)),
    ("macos-no-restart", Break::Facts(|s| component(s).postinstall_action = "restart".to_owned())),
    ("macos-no-questions", Break::Facts(|s| facts(s).has_distribution_scripts = true)),
    ("macos-apple-silicon", Break::Facts(|s| facts(s).architectures = vec!["x86_64".to_owned()])),
];

const RUNNING: &[Case] = &[
    ("macos-service", Break::Facts(|s| left(s).daemons.clear())),
    ("macos-service-starts", Break::Facts(|s| left(s).daemons[0].runs_at_load = false)),
    ("macos-service-restart", Break::Facts(|s| left(s).daemons[0].is_kept_alive = false)),
    ("macos-service-account", Break::Facts(|s| left(s).daemons[0].user = "_agent".to_owned())),
    ("macos-service-mode", Break::Facts(|s| left(s).daemons[0].mode = 0o666)),
    ("macos-agent-executable", Break::Facts(|s| program(s).mode = 0o644)),
    (
        "macos-agent-executable",
        Break::Facts(|s| left(s).daemons[0].arguments = vec!["/usr/local/bin/agent".to_owned()]),
    ),
    ("macos-owner", Break::Facts(|s| program(s).owner = (501, 20))),
    ("macos-not-writable", Break::Facts(|s| program(s).mode = 0o777)),
    ("macos-not-writable", Break::Facts(|s| program(s).mode = 0o4755)),
    ("macos-token-mode", Break::Facts(|s| token_file(s).mode = 0o644)),
    ("macos-token-mode", Break::Facts(|s| token_file(s).owner = (501, 20))),
    ("macos-postinstall", Break::Facts(|s| left(s).named_scripts.clear())),
    ("macos-login-items-profile", Break::Facts(|s| s.beside.payload_types.retain(|found| found.contains("TCC")))),
    ("macos-privacy-profile", Break::Facts(|s| s.beside.payload_types.retain(|found| !found.contains("TCC")))),
    (
        "jamf-program-place",
        Break::Facts(|s| {
            let path = "/Applications/Example Agent.app/Contents/MacOS/example-agent".to_owned();
            program(s).path.clone_from(&path);
            left(s).daemons[0].arguments[0] = path;
        }),
    ),
    ("jamf-file-name", Break::Facts(|s| s.name = "Agent ä.pkg".to_owned())),
];

fn prepare(subject: &mut Subject) {
    facts(subject).signer = Some("Developer ID Installer: Example Ltd (ABCDE12345)".to_owned());
    let types = ["com.apple.servicemanagement", "com.apple.TCC.configuration-profile-policy"];
    subject.beside.payload_types = types.map(str::to_owned).to_vec();
}

/// What is right for Jamf: Intune's line-of-business type wants the application in /Applications.
fn in_application_support() -> Vec<u8> {
    let with = "[macos]\ninstall-location = \"application-support\"\n";
    stamped_with(Kind::Pkg, &MANIFEST.replacen("[macos]\n", with, 1)).0
}

#[test]
fn each_rule_of_intune_and_jamf_can_be_broken_alone() {
    let cases = &[token::CASES, INTUNE, RUNNING];
    hold(Profile::IntuneMacos, &stamped(Kind::Pkg).0, prepare, cases);
    hold(Profile::Jamf, &in_application_support(), prepare, cases);
}

/// The place of the program is a warning of the type that wants another one, and of no other.
#[test]
fn each_system_has_its_place_for_the_program() {
    for (profile, file, broken_rule) in [
        (Profile::IntuneMacos, in_application_support(), "intune-location"),
        (Profile::Jamf, stamped(Kind::Pkg).0, "jamf-program-place"),
    ] {
        let mut subject = read(&file);
        prepare(&mut subject);
        let mut report = Report::new();
        rules::check(profile, &subject, &mut report);
        assert!(report.is_ok(), "{report:?}");
        assert_eq!(broken(profile, &subject), [broken_rule]);
    }
}

/// A package that says how long it is for is none that stops working unsaid.
#[test]
fn a_package_for_intel_alone_is_an_error_until_it_says_so() {
    let mut subject = read(&stamped(Kind::Pkg).0);
    prepare(&mut subject);
    facts(&mut subject).architectures = vec!["x86_64".to_owned()];
    let mut report = Report::new();
    rules::check(Profile::IntuneMacos, &subject, &mut report);
    assert!(!report.is_ok());
    facts(&mut subject).ends_with_intel = true;
    assert_eq!(broken(Profile::IntuneMacos, &subject), [""; 0]);
}
