//! Rules of the token, which hold for every profile.

use installer::{Claims, Kind};
use kit::rules::{Profile, Subject};

use super::cases::{Break, Case, NOW, TOKEN, broken, read, stamp, stamped};
use crate::support::{self, product::Small};

const DAY: u64 = 86_400;

fn claims(change: fn(&mut Claims)) -> Claims {
    let mut claims = Claims {
        tenant: "example".to_owned(),
        product: "Example Agent".to_owned(),
        id: "id".to_owned(),
        issued: NOW - DAY,
        expires: NOW + 30 * DAY,
        serial: None,
        least_agent: None,
        key_id: "key".to_owned(),
    };
    change(&mut claims);
    claims
}

fn set(subject: &mut Subject, change: fn(&mut Claims)) {
    subject.claims = Ok(Some(claims(change)));
}

pub const CASES: &[Case] = &[
    ("token-there", Break::Facts(|s| s.has_token = false)),
    ("token-readable", Break::Facts(|s| s.leaks.push("payload: etc/agent.conf".to_owned()))),
    ("token-in-name", Break::Facts(|s| s.is_token_in_name = true)),
    ("token-wrong", Break::Facts(|s| s.claims = Err("the token's claim exp is missing".to_owned()))),
    (
        "token-wrong",
        Break::Facts(|s| {
            s.product = Some("Example Agent".to_owned());
            set(s, |claims| claims.product = "Other Agent".to_owned());
        }),
    ),
    ("token-expired", Break::Facts(|s| set(s, |claims| claims.expires = NOW))),
    ("token-expires-soon", Break::Facts(|s| set(s, |claims| claims.expires = NOW + 7 * DAY - 1))),
    ("token-one-device", Break::Facts(|s| set(s, |claims| claims.serial = Some("SN1".to_owned())))),
];

/// The token in a file of the product's own is found in each format's real installer.
#[test]
fn a_token_in_a_file_that_everybody_reads_is_found() {
    for (format, profile) in [("msi", Profile::Gpo), ("deb", Profile::Debian)] {
        let small = Small::new();
        let content = format!("{}{TOKEN}\n", "# a comment\n".repeat(30_000));
        std::fs::write(small.folder.path().join("agent.conf"), content).unwrap();
        let out = small.folder.path().join("out");
        let built = support::output(
            support::program()
                .args(["build", "--format", format, "--product"])
                .arg(small.manifest())
                .arg("-o")
                .arg(&out),
        );
        assert!(built.status.success(), "{}", support::both(&built));
        let base = std::fs::read(out.join(format!("Example-Agent.{format}"))).unwrap();
        let subject = read(&stamp(&base));
        assert!(broken(profile, &subject).contains(&"token-readable"), "{format}: {:?}", subject.leaks);
        assert!(
            subject.leaks.iter().all(|leak| leak.contains("agent.conf") && !leak.contains(TOKEN)),
            "{:?}",
            subject.leaks
        );
    }
}

#[test]
fn a_profile_is_for_its_format() {
    for profile in Profile::ALL {
        let (file, _) = stamped(profile.kind());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("Example-Agent.{}", profile.kind().extension()));
        std::fs::write(&path, file).unwrap();
        let judged =
            support::output(support::program().args(["verify", "--json", "--profile", profile.name()]).arg(&path));
        let document: serde_json::Value = serde_json::from_slice(&judged.stdout).unwrap();
        let rules = document["rules"].as_array().unwrap();
        assert_eq!(rules.len(), kit::rules::rules_of(profile).count());
        assert!(rules.iter().all(|rule| rule["holds"].is_boolean() && rule["source"].is_string()));
        let other = if profile.kind() == Kind::Msi { "debian" } else { "gpo" };
        let refused = support::output(support::program().args(["verify", "--profile", other]).arg(&path));
        assert_eq!(refused.status.code(), Some(2));
    }
}
