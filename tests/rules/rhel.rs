//! Rules for RPM packages. Cases change what was read of a real installer.

use installer::Kind;
use installer::rpm::{Facts, Placed};
use kit::rules::{FormatFacts, Profile, Subject};

use super::cases::{Break, Case, hold, stamped};
use super::token;

fn facts(subject: &mut Subject) -> &mut Facts {
    match &mut subject.facts {
        FormatFacts::Rpm(facts) => facts,
        _ => unreachable!(),
    }
}

fn field(subject: &mut Subject, name: &'static str, value: &str) {
    facts(subject).fields.insert(name, value.to_owned());
}

fn text(subject: &mut Subject, ending: &str, from: &str, to: &str) {
    let text = facts(subject).texts.iter_mut().find(|(path, _)| path.ends_with(ending)).unwrap().1;
    assert!(text.contains(from), "{text}");
    *text = text.replace(from, to);
}

fn script(subject: &mut Subject, name: &str, from: &str, to: &str) {
    let text = facts(subject).scripts.get_mut(name).unwrap();
    assert!(text.contains(from), "{text}");
    *text = text.replace(from, to);
}

fn agent(subject: &mut Subject) -> &mut Placed {
    facts(subject).placed.values_mut().find(|placed| placed.machine.is_some()).unwrap()
}

fn token_file(subject: &mut Subject) -> &mut Placed {
    let path = facts(subject).token_path.clone().unwrap();
    facts(subject).placed.get_mut(&path).unwrap()
}

/// The agent and its unit at another place.
fn moved(subject: &mut Subject, to: &str) {
    let from = "usr/libexec/example-agent/example-agent";
    let placed = facts(subject).placed.remove(from).unwrap();
    facts(subject).placed.insert(to.to_owned(), placed);
    text(subject, ".service", from, to);
}

const CASES: &[Case] = &[
    ("rhel-signed", Break::Facts(|s| facts(s).is_signed = false)),
    ("rhel-digests", Break::Facts(|s| facts(s).has_header_sha256 = false)),
    ("rhel-digests", Break::Facts(|s| facts(s).has_payload_digest = false)),
    ("rhel-old-digests", Break::Facts(|s| facts(s).old_digests.push("MD5"))),
    ("rhel-version", Break::Facts(|s| field(s, "VERSION", "1.4.2-beta"))),
    ("rhel-version", Break::Facts(|s| field(s, "RELEASE", ""))),
    ("rhel-architecture", Break::Facts(|s| field(s, "ARCH", "amd64"))),
    ("rhel-service", Break::Facts(|s| facts(s).texts.clear())),
    ("rhel-preset", Break::Facts(|s| text(s, ".preset", "enable example-agent.service", "disable *"))),
    ("rhel-preset", Break::Facts(|s| script(s, "post", "preset", "true"))),
    ("rhel-service-wanted", Break::Facts(|s| text(s, ".service", "WantedBy=", "#WantedBy="))),
    ("rhel-service-restart", Break::Facts(|s| text(s, ".service", "Restart=always", "Restart=no"))),
    ("rhel-agent-executable", Break::Facts(|s| agent(s).mode = 0o644)),
    ("rhel-agent-executable", Break::Facts(|s| text(s, ".service", "ExecStart=", "ExecStart=/opt/x "))),
    ("rhel-selinux", Break::Facts(|s| moved(s, "usr/lib/example-agent/example-agent"))),
    ("rhel-selinux", Break::Facts(|s| moved(s, "var/lib/example-agent/example-agent"))),
    ("rhel-agent-architecture", Break::Facts(|s| agent(s).machine = Some(183))),
    ("rhel-owner", Break::Facts(|s| agent(s).owner = ("agent".to_owned(), "root".to_owned()))),
    ("rhel-not-writable", Break::Facts(|s| agent(s).mode = 0o775)),
    ("rhel-not-writable", Break::Facts(|s| agent(s).mode = 0o4755)),
    ("rhel-token-mode", Break::Facts(|s| token_file(s).mode = 0o644)),
    ("rhel-token-config", Break::Facts(|s| token_file(s).is_config = true)),
    ("rhel-upgrade", Break::Facts(|s| script(s, "preun", "$1", "0"))),
];

#[test]
fn each_rule_of_rhel_can_be_broken_alone() {
    let (file, _) = stamped(Kind::Rpm);
    hold(Profile::Rhel, &file, |s| facts(s).is_signed = true, &[token::CASES, CASES]);
}
