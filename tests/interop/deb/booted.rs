//! A Debian that boots: apt installs, systemd starts, the agent finds its token, and a purge leaves nothing.

use std::fs;
use std::path::PathBuf;

use installer::product::Compression;
use installer::{Product, Token};

use super::super::boot::{PROBE, boot, debian, trixie};
use super::{package, token};
use crate::support::{judge, judges_folder, missing, root};

/// A file of the administrator's beside the agent.
const FILE: &str = r#"
[[file]]
platform = "linux"
source = "agent.conf"
destination = "/etc/probe-agent/agent.conf"
"#;

/// Runs inside, as root, once the system is up. Every line of the result is `step.what=value`.
const STEPS: &str = r#"#!/bin/sh
exec > /test/log 2>&1
set -x
export DEBIAN_FRONTEND=noninteractive
token=/etc/probe-agent/enrollment-token
state=/var/lib/probe-agent/enrollment-state

say() { printf '%s=%s\n' "$1" "$2" >> /test/result; }
install() { apt-get -o DPkg::Lock::Timeout=600 install -y "/test/$1.deb"; say "$1.status" "$?"; }
look() {
    sleep 0.3
    say "$1.active" "$(systemctl is-active probe-agent)"
    say "$1.enabled" "$(systemctl is-enabled probe-agent)"
    say "$1.version" "$(dpkg-query -W -f '${Version} ${db:Status-Status}' probe-agent)"
    say "$1.token" "$(cat $token)"
    say "$1.mode" "$(stat -c '%a %U %G' $token)"
    say "$1.staged" "$(stat -c '%a %U %G' /usr/lib/probe-agent/enrollment-token)"
    say "$1.state" "$(stat -c '%a %U %G' /var/lib/probe-agent)"
    say "$1.pid" "$(systemctl show -p MainPID --value probe-agent)"
}

install base
say base.reason "$(grep -c 'this package has no enrollment token' /test/log)"
apt-get -o DPkg::Lock::Timeout=600 purge -y probe-agent

install first; look first
say first.log "$(ls /var/log | grep probe)"
dpkg --verify probe-agent; say first.verify "$?"

install second; look second

echo enrolled > $state; rm $token
install first; look enrolled

rm $state
install next; look next

apt-get -o DPkg::Lock::Timeout=600 remove -y probe-agent; look removed
install kept; look kept

apt-get -o DPkg::Lock::Timeout=600 purge -y probe-agent; look purged
say purged.left "$(find /etc /usr /var/lib /lib -name '*probe-agent*' | grep -v /var/lib/dpkg/info | tr '\n' ' ')"
say purged.info "$(find /var/lib/dpkg/info -name 'probe-agent*' | tr '\n' ' ')"
say leaks "$(grep -rlaE 'token-of-(one|two|next)' /var/log /var/lib/dpkg /var/cache/apt | tr '\n' ' ')"
say journal "$(journalctl | grep -cE 'token-of-(one|two|next)')"
sync
systemctl poweroff --no-block
"#;

#[test]
fn apt_installs_retokens_upgrades_removes_and_purges() {
    apt_does_it_all(debian());
}

/// apt 3.0, dpkg 1.22 and systemd 257.
#[test]
fn apt_of_debian_13_does_the_same() {
    apt_does_it_all(trixie());
}

fn apt_does_it_all(root_of_debian: Option<PathBuf>) {
    let (Some(nspawn), Some(debian)) = (judge("systemd-nspawn"), root_of_debian) else { return };
    let probe = judges_folder().with_file_name("payloads").join("linux-x64/probe-service");
    if !probe.is_file() {
        return missing("probe-service (cargo xtask payloads builds it)");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::copy(&probe, folder.path().join("probe-service")).unwrap();
    fs::write(folder.path().join("agent.conf"), "nothing = true\n").unwrap();
    let product = |version: &str, compression| {
        let text = format!("{PROBE}{FILE}").replace("1.4.2", version);
        let manifest = folder.path().join("stampwright.toml");
        Product::load(&manifest, &text).unwrap().with_compression(compression)
    };
    let long = format!("token-of-next.{}", "x".repeat(Token::MAX_BYTES - 14));
    let make = |name: &str, version: &str, compression, text: Option<&str>| {
        let token = text.map(token);
        package(&product(version, compression), token.as_ref(), &folder.path().join(name));
    };
    make("base.deb", "1.4.2", Compression::Xz, None);
    make("first.deb", "1.4.2", Compression::Xz, Some("token-of-one"));
    make("second.deb", "1.4.2", Compression::Gzip, Some("token-of-two"));
    make("next.deb", "1.4.3", Compression::Zstd, Some(&long));
    make("kept.deb", "1.4.4", Compression::Zstd, None);

    let said = boot(&debian, &nspawn, folder.path(), STEPS);
    let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
    let is = |key: &str, expected: &str| {
        let found = said.get(key).map_or("(nothing)", String::as_str);
        assert!(found == expected, "{key} is {found:?}, must be {expected:?}\n{root}\n{log}", root = root().display());
    };
    let up = |step: &str, version: &str, token: &str| {
        is(&format!("{step}.active"), "active");
        is(&format!("{step}.enabled"), "enabled");
        is(&format!("{step}.version"), &format!("{version} installed"));
        is(&format!("{step}.token"), token);
        is(&format!("{step}.state"), "700 root root");
    };
    assert!(said.get("base.status").is_some_and(|status| status != "0"), "a base without a token installs\n{log}");
    for step in ["first", "second", "next"] {
        is(&format!("{step}.status"), "0");
        is(&format!("{step}.mode"), "600 root root");
        is(&format!("{step}.staged"), "600 root root");
    }
    up("first", "1.4.2", "token-of-one");
    is("first.log", "probe %h $HOME \"x\" agent.log");
    is("first.verify", "0");
    up("second", "1.4.2", "token-of-two");
    assert_ne!(said["first.pid"], said["second.pid"], "another token does not restart the agent\n{log}");
    up("enrolled", "1.4.2", "");
    up("next", "1.4.3", &long);
    is("removed.active", "inactive");
    is("removed.version", "1.4.3 config-files");
    is("removed.token", &long);
    is("removed.staged", "");
    is("removed.state", "700 root root");
    is("kept.status", "0");
    up("kept", "1.4.4", &long);
    is("kept.staged", "");
    is("purged.active", "inactive");
    is("purged.token", "");
    is("purged.left", "");
    is("purged.info", "");
    is("leaks", "");
    is("journal", "0");
}
