//! Until when a signature is good: short-lived certificates, with a timestamp and without.

use std::path::Path;

use installer::Kind;

use super::signing_refused::{changed_at, errors};
use crate::support::keys::{Keys, Manners, keys, timestamp_authority};
use crate::support::signed::Bench;
use crate::support::{judge, product::Small};

const SOON: &str = "[signature-untimestamped]";

/// The arguments that sign with a key, with a timestamp or without.
fn signer(keys: &Keys, name: &str, authority: Option<&str>) -> Vec<String> {
    let mut arguments = keys.arguments(name);
    arguments.extend(authority.iter().flat_map(|url| ["--timestamp".to_owned(), (*url).to_owned()]));
    arguments
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_signature_that_ends_within_thirty_days_is_warned_of() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let authority = timestamp_authority(keys, Manners::Good);
    let small = Small::new();
    let (base, token, manifest) = (bench.path("base"), bench.folder.path().join("token"), small.manifest());
    for (name, authority, is_warned) in
        [("short", None, true), ("short", Some(authority.as_str()), false), ("rsa2048", None, false)]
    {
        let arguments = signer(keys, name, authority);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (signed, stamped, made) = (bench.path("signed"), bench.path("resigned"), bench.folder.path().join("made"));
        let _ = std::fs::remove_dir_all(&made);
        let stamp = ["stamp", text(&base), "--token-file", text(&token), "-o", text(&stamped)];
        let list = bench.folder.path().join("list");
        std::fs::write(bench.folder.path().join("list.csv"), "token\nfirst-token-of-a-list\n").unwrap();
        let _ = std::fs::remove_dir_all(&list);
        for command in [
            &["sign", text(&base), "-o", text(&signed)][..],
            &stamp,
            &["stamp", text(&signed), "--resign", "--token-file", text(&token), "-o", text(&stamped)],
            &["stamp", text(&base), "--batch", "list.csv", "-o", text(&list)],
            &["make", "--format", "msi", "--product", text(&manifest), "--token-file", text(&token), "-o", text(&made)],
        ] {
            let said = bench.must(&[command, &arguments].concat());
            assert_eq!(said.contains(SOON), is_warned, "{name} {authority:?} {command:?}: {said}");
            assert!(!is_warned || said.contains("which is in 9 days") && said.contains("--timestamp URL"), "{said}");
        }
        // The profile says it with a date, whoever asks later.
        let said = bench.stampwright(&["verify", text(&signed), "--profile", "gpo"]);
        let said = crate::support::both(&said);
        let part = if authority.is_some() {
            "it stays valid when its certificate ends, at 20"
        } else {
            "it is valid until 20"
        };
        assert!(said.contains(part), "{said}");
        assert_eq!(said.contains(&format!("warning{SOON}")), is_warned, "{said}");
    }
}

/// Whoever signs by a command of his own is told as well, once the file is there.
#[test]
fn what_a_command_has_signed_is_looked_at() {
    let (Some(keys), Some(osslsigncode)) = (keys(), judge("osslsigncode")) else { return };
    let bench = Bench::new(Kind::Msi);
    let command = format!(
        "{} sign -certs '{}' -key '{}' -h sha256 -add-msi-dse -in {{in}} -out {{out}}",
        osslsigncode.display(),
        keys.text("short.pem"),
        keys.text("short.key")
    );
    let (base, token) = (bench.path("base"), bench.folder.path().join("token"));
    for arguments in [
        &["sign", text(&base), "-o", text(&bench.path("a"))][..],
        &["stamp", text(&base), "--token-file", text(&token), "-o", text(&bench.path("b"))],
    ] {
        let said = bench.must(&[arguments, &["--sign-file-command", &command]].concat());
        assert!(said.contains(SOON), "{arguments:?}: {said}");
    }
}

/// Certificates of test services ask verifiers to end signatures with them, whatever a timestamp says.
#[test]
fn a_certificate_for_lifetime_signing_ends_what_it_signed() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let authority = timestamp_authority(keys, Manners::Good);
    let file = bench.sign("stamped", "lifetime", &signer(keys, "lifetime", Some(&authority)));
    let said = bench.must(&["verify", text(&file)]);
    assert!(said.contains("no timestamp outlives (lifetime signing): it is valid until 20"), "{said}");
    let year_2046 = 2_400_000_000;
    assert_eq!(errors(&changed_at(keys, &file, year_2046, |_| {}).unwrap()), ["signature-expired"]);
    let other = bench.sign("stamped", "other", &signer(keys, "rsa2048", Some(&authority)));
    assert_eq!(errors(&changed_at(keys, &other, year_2046, |_| {}).unwrap()), [""; 0]);
}
