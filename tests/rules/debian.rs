//! Rules for Debian. Cases change what was read of a real installer.

use installer::Kind;
use installer::deb::{Facts, Placed};
use kit::rules::{FormatFacts, Profile, Subject};

use super::cases;
use super::cases::{Break, Case, hold, stamped};
use super::token;

fn facts(subject: &mut Subject) -> &mut Facts {
    match &mut subject.facts {
        FormatFacts::Deb(facts) => facts,
        _ => unreachable!(),
    }
}

fn field(subject: &mut Subject, name: &str, value: &str) {
    facts(subject).fields.insert(name.to_owned(), value.to_owned());
}

fn unit(subject: &mut Subject, from: &str, to: &str) {
    let text = facts(subject).units.values_mut().next().unwrap();
    assert!(text.contains(from), "{text}");
    *text = text.replace(from, to);
}

fn script(subject: &mut Subject, name: &str, from: &str, to: &str) {
    let text = &mut facts(subject).scripts.get_mut(name).unwrap().text;
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

const CASES: &[Case] = &[
    ("debian-fields", Break::Facts(|s| _ = facts(s).fields.remove("Maintainer"))),
    ("debian-fields", Break::Facts(|s| field(s, "Description", ""))),
    ("debian-version", Break::Facts(|s| field(s, "Version", "v1.4.2"))),
    ("debian-version", Break::Facts(|s| field(s, "Version", "1.4_2"))),
    ("debian-compression", Break::Facts(|s| facts(s).members[1] = "data.tar.zst".to_owned())),
    ("debian-members", Break::Facts(|s| facts(s).members.push("_gpgorigin".to_owned()))),
    ("debian-service", Break::Facts(|s| facts(s).units.clear())),
    ("debian-service-wanted", Break::Facts(|s| unit(s, "WantedBy=", "#WantedBy="))),
    ("debian-service-restart", Break::Facts(|s| unit(s, "Restart=always", "Restart=no"))),
    ("debian-service-account", Break::Facts(|s| unit(s, "[Service]", "[Service]\nUser=agent"))),
    ("debian-service-account", Break::Facts(|s| unit(s, "[Service]", "[Service]\nDynamicUser=yes"))),
    ("debian-agent-executable", Break::Facts(|s| agent(s).mode = 0o644)),
    ("debian-agent-executable", Break::Facts(|s| unit(s, "ExecStart=", "ExecStart=/opt/x "))),
    ("debian-agent-architecture", Break::Facts(|s| agent(s).machine = Some(183))),
    ("debian-owner", Break::Facts(|s| agent(s).owner = (1000, 1000))),
    ("debian-not-writable", Break::Facts(|s| agent(s).mode = 0o775)),
    ("debian-not-writable", Break::Facts(|s| agent(s).mode = 0o4755)),
    ("debian-token-mode", Break::Facts(|s| token_file(s).mode = 0o644)),
    (
        "debian-token-conffile",
        Break::Facts(|s| {
            let path = format!("/{}", facts(s).token_path.clone().unwrap());
            facts(s).conffiles.push(path);
        }),
    ),
    ("debian-postinst", Break::Facts(|s| script(s, "postinst", "deb-systemd-helper", "true"))),
    ("debian-purge", Break::Facts(|s| script(s, "postrm", "/var/lib/", "/nowhere/"))),
    ("debian-scripts", Break::Facts(|s| script(s, "prerm", "set -e", ""))),
    ("debian-scripts", Break::Facts(|s| facts(s).scripts.get_mut("postrm").unwrap().mode = 0o644)),
    ("debian-documents", Break::Facts(|s| facts(s).placed.retain(|path, _| !path.ends_with("/copyright")))),
    ("debian-documents", Break::Facts(|s| facts(s).conffiles.clear())),
    (
        "debian-documents",
        Break::Facts(|s| _ = facts(s).placed.insert("opt".to_owned(), Placed { mode: 0o755, ..Placed::default() })),
    ),
];

#[test]
fn each_rule_of_debian_can_be_broken_alone() {
    let (file, _) = stamped(Kind::Deb);
    hold(Profile::Debian, &file, |_| (), &[token::CASES, CASES]);
}

/// A oneshot unit that a timer starts is not wanted by any target and is not started again.
#[test]
fn a_unit_beside_the_agents_own_is_no_fault() {
    let (file, _) = stamped(Kind::Deb);
    let mut subject = cases::read(&file);
    let helper = "[Service]\nType=oneshot\nExecStart=/usr/lib/example-agent/example-agent --update\n";
    for name in ["aaa-update", "example-agent-update", "zzz-update"] {
        let path = format!("usr/lib/systemd/system/{name}.service");
        facts(&mut subject).units.insert(path, helper.to_owned());
    }
    assert_eq!(cases::broken(Profile::Debian, &subject), [""; 0]);
    // The agent's own still has to be.
    let own = facts(&mut subject).units.get_mut("usr/lib/systemd/system/example-agent.service").unwrap();
    *own = own.replace("WantedBy=", "#WantedBy=");
    assert_eq!(cases::broken(Profile::Debian, &subject), ["debian-service-wanted"]);
}
