//! A Debian that boots: apt installs, systemd starts, the agent finds its token, and a purge leaves nothing.
//!
//! The root is made once by mmdebstrap and kept in `target/judges/debian-root`; each test boots a copy of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use installer::product::Compression;
use installer::{Product, Token};

use super::{package, token};
use crate::support::{both, judge, judges_folder, missing, output, root};

const MANIFEST: &str = r#"
[product]
name = '''Müller's "Probe" & [x] %h $(id)'''
folder = "Probe Agent"
file-stem = "Probe-Agent"
version = "1.4.2"
publisher = "Example Ltd"
summary = "tells which token it was left"
licence = "MIT"
maintainer = "Example <packages@example.com>"

[service]
linux-arguments = ["--log", '/var/log/probe %h $HOME "x" agent.log',
    "--token-file", "/etc/probe-agent/enrollment-token", "--state-file", "/var/lib/probe-agent/enrollment-state"]

[[agent]]
platform = "linux"
arch = "x64"
path = "probe-service"

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

const UNIT: &str = "[Unit]\nAfter=basic.target dbus.socket\n[Service]\nType=oneshot\nExecStart=/bin/sh /test/steps\n\
                    [Install]\nWantedBy=multi-user.target\n";

/// The root, made at first use (half a minute).
pub(super) fn debian() -> Option<PathBuf> {
    let mmdebstrap = judge("mmdebstrap")?;
    if !is_root() {
        missing("root, to boot a Debian");
        return None;
    }
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let made = judges_folder().join("debian-root");
    if !made.is_dir() {
        let partial = judges_folder().join("debian-root.partial");
        fs::create_dir_all(judges_folder()).unwrap();
        let _ = fs::remove_dir_all(&partial);
        let mut command = Command::new(mmdebstrap);
        command.args(["--variant=minbase", "--include=systemd,systemd-sysv,dbus", "bookworm"]).arg(&partial);
        command.args(mirror());
        let made_it = output(&mut command);
        assert!(made_it.status.success(), "{}", both(&made_it));
        fs::rename(&partial, &made).unwrap();
    }
    Some(made)
}

/// Where this machine gets its own packages from.
fn mirror() -> Option<String> {
    let sources = fs::read_to_string("/etc/apt/sources.list.d/debian.sources").ok()?;
    let line = sources.lines().find_map(|line| line.strip_prefix("URIs:"))?;
    line.split_whitespace().next().map(str::to_owned)
}

fn is_root() -> bool {
    String::from_utf8_lossy(&output(Command::new("id").arg("-u")).stdout).trim() == "0"
}

/// Boots a copy of the root with `folder` at /test, until these steps have switched it off; gives what they said.
pub(super) fn boot(debian: &Path, nspawn: &Path, folder: &Path, steps: &str) -> BTreeMap<String, String> {
    let scratch = tempfile::Builder::new().prefix("debian-").tempdir_in(judges_folder()).unwrap();
    let copy = scratch.path().join("root");
    let copied = output(Command::new("cp").args(["-a", "--reflink=auto"]).arg(debian).arg(&copy));
    assert!(copied.status.success(), "{}", both(&copied));
    fs::write(folder.join("steps"), steps).unwrap();
    fs::write(copy.join("etc/systemd/system/steps.service"), UNIT).unwrap();
    let wants = copy.join("etc/systemd/system/multi-user.target.wants");
    fs::create_dir_all(&wants).unwrap();
    symlink("/etc/systemd/system/steps.service", wants.join("steps.service")).unwrap();
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "240"]).arg(nspawn);
    let machine = scratch.path().file_name().map(|name| name.to_string_lossy().replace(['.', '_'], "")).unwrap();
    command.args(["--register=no", "--keep-unit", "--quiet", "--boot"]).arg(format!("--machine={machine}"));
    command.arg(format!("--directory={}", copy.display())).arg(format!("--bind={}:/test", folder.display()));
    let booted = output(&mut command);
    let result = fs::read_to_string(folder.join("result"));
    let Ok(result) = result else { panic!("nothing ran: {}", both(&booted)) };
    result.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.into(), value.into())).collect()
}

#[test]
fn apt_installs_retokens_upgrades_removes_and_purges() {
    let (Some(nspawn), Some(debian)) = (judge("systemd-nspawn"), debian()) else { return };
    let probe = judges_folder().with_file_name("payloads").join("linux-x64/probe-service");
    if !probe.is_file() {
        return missing("probe-service (cargo xtask payloads builds it)");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::copy(&probe, folder.path().join("probe-service")).unwrap();
    fs::write(folder.path().join("agent.conf"), "nothing = true\n").unwrap();
    let product = |version: &str, compression| {
        let text = MANIFEST.replace("1.4.2", version);
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
