//! An agent that installs its own update, on a Debian that boots: dpkg runs in the service's own control group, which systemd ends when it
//! stops the service. It must end configured, with the new version running, by dpkg, by apt, and out of a repository; and an agent that
//! removes itself must be gone. There is no terminal, so an edited configuration file must not be asked about.
//!
//! The agent is the shell of the host, whose arguments make it do what a file says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use installer::Product;
use sha2::{Digest, Sha256};

use super::super::boot::{boot, debian, trixie};
use super::{package, token};
use crate::support::{judge, output};

const MANIFEST: &str = r#"
[product]
name = "Probe Agent"
file-stem = "Probe-Agent"
version = "VERSION"
publisher = "Example Ltd"
summary = "does what it is told"
license = "MIT"
maintainer = "Example <packages@example.com>"

[service]
linux-arguments = ["-c", '''while :; do if [ -e /test/go ]; then mv /test/go /test/task; sh /test/task > /test/self 2>&1; echo "rc=$?" >> /test/self; fi; sleep 0.1; done; : VERSION''']

[[agent]]
platform = "linux"
arch = "x64"
path = "shell"

[[file]]
platform = "linux"
source = "VERSION.conf"
destination = "/etc/probe-agent/edited.conf"
config = true

[[file]]
platform = "linux"
source = "VERSION.conf"
destination = "/etc/probe-agent/untouched.conf"
config = true

[[file]]
platform = "linux"
source = "VERSION.conf"
destination = "/etc/other/removed.conf"
config = true
mode = "0640"
"#;

const STEPS: &str = r#"#!/bin/sh
exec > /test/log 2>&1
set -x
export DEBIAN_FRONTEND=noninteractive
etc=/etc/probe-agent

say() { printf '%s=%s\n' "$1" "$2" >> /test/result; }
look() {
    pid=$(systemctl show -p MainPID --value probe-agent)
    say "$1.active" "$(systemctl is-active probe-agent)"
    say "$1.version" "$(dpkg-query -W -f '${Version} ${db:Status-Status}' probe-agent)"
    say "$1.audit" "$(dpkg --audit)"
    say "$1.running" "$(tr '\0' ' ' < "/proc/$pid/cmdline" | sed 's/.*: //')"
}
# from inside the agent: until the task is done, and until what it left for later is
inside() {
    rm -f /test/self
    printf '%s\n' "$2" > /test/new
    mv /test/new /test/go
    n=0; until grep -q ^rc= /test/self || [ $n -gt 300 ]; do sleep 0.1; n=$((n + 1)); done
    cat /test/self
    say "$1.rc" "$(sed -n 's/^rc=//p' /test/self)"
    n=0; while systemctl is-active -q 'probe-agent-after-dpkg-*' && [ $n -lt 150 ]; do sleep 0.1; n=$((n + 1)); done
    look "$1"
}
folder() { say "$1" "$(stat -c '%a %U %G' "$2")"; }

# what somebody made before
mkdir -m 0777 $etc /var/lib/probe-agent
chown 1000:1000 $etc /var/lib/probe-agent
dpkg -i /test/1.0.0.deb
look first
folder first.etc $etc
folder first.state /var/lib/probe-agent
folder first.config $etc/edited.conf
folder first.mode /etc/other/removed.conf
echo edited > $etc/edited.conf
rm /etc/other/removed.conf

inside dpkg 'dpkg -i /test/1.1.0.deb'
say dpkg.edited "$(cat $etc/edited.conf) $(cat $etc/edited.conf.dpkg-dist)"
say dpkg.untouched "$(cat $etc/untouched.conf) $(ls $etc | tr '\n' ' ')"
say dpkg.removed "$(ls /etc/other)"
inside apt 'apt-get install -y /test/1.2.0.deb'
say apt.edited "$(cat $etc/edited.conf) $(cat $etc/edited.conf.dpkg-dist)"
echo 'deb [trusted=yes] file:/test/repository ./' > /etc/apt/sources.list
rm -rf /etc/apt/sources.list.d/*
inside repository 'apt-get update && apt-get upgrade -y'
before=$(systemctl show -p MainPID --value probe-agent)
dpkg -i /test/1.3.0.deb
look outside
[ "$before" != "$(systemctl show -p MainPID --value probe-agent)" ]; say outside.restarted $?
say outside.later "$(systemctl is-active -q 'probe-agent-after-dpkg-*' && echo active || echo inactive)"
inside removed 'apt-get remove -y probe-agent'
say removed.config "$(cat $etc/edited.conf)"
dpkg -i /test/1.3.0.deb
look again
inside purged 'apt-get purge -y probe-agent'
say purged.left "$(find /etc /usr /var/lib /lib -name '*probe-agent*' -o -path /etc/other | grep -v /var/lib/dpkg/info | tr '\n' ' ')"
sync
systemctl poweroff --no-block
"#;

/// A repository of one package, as apt reads it from a folder.
fn repository(folder: &Path, deb: &str) {
    let repository = folder.join("repository");
    fs::create_dir(&repository).unwrap();
    let bytes = fs::read(folder.join(deb)).unwrap();
    fs::write(repository.join(deb), &bytes).unwrap();
    let fields = output(Command::new("dpkg-deb").arg("--field").arg(folder.join(deb)));
    let fields = String::from_utf8(fields.stdout).unwrap();
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let entry = format!("{fields}Filename: ./{deb}\nSize: {}\nSHA256: {digest}\n", bytes.len());
    fs::write(repository.join("Packages"), entry).unwrap();
}

#[test]
fn an_agent_installs_its_own_update_and_removes_itself() {
    updates_itself(debian());
}

#[test]
fn an_agent_does_so_on_debian_13() {
    updates_itself(trixie());
}

fn updates_itself(root: Option<PathBuf>) {
    let (Some(nspawn), Some(debian), Some(shell)) = (judge("systemd-nspawn"), root, judge("dash")) else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::copy(shell, folder.path().join("shell")).unwrap();
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
        fs::write(folder.path().join(format!("{version}.conf")), format!("{version}\n")).unwrap();
        let text = MANIFEST.replace("VERSION", version);
        let product = Product::load(&folder.path().join("stampwright.toml"), &text).unwrap();
        let token = token("token-0123456789");
        package(&product, Some(&token), &folder.path().join(format!("{version}.deb")));
    }
    repository(folder.path(), "1.3.0.deb");
    let said = boot(&debian, &nspawn, folder.path(), STEPS);
    let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
    let is = |key: &str, expected: &str| {
        let found = said.get(key).map_or("(nothing)", String::as_str);
        assert!(found == expected, "{key} is {found:?}, must be {expected:?}\n{log}");
    };
    let runs = |step: &str, version: &str| {
        is(&format!("{step}.active"), "active");
        is(&format!("{step}.version"), &format!("{version} installed"));
        is(&format!("{step}.audit"), "");
        is(&format!("{step}.running"), &format!("{version} "));
    };
    runs("first", "1.0.0");
    is("first.etc", "755 root root");
    is("first.state", "700 root root");
    is("first.config", "644 root root");
    is("first.mode", "640 root root");
    for (step, version) in [("dpkg", "1.1.0"), ("apt", "1.2.0"), ("repository", "1.3.0")] {
        is(&format!("{step}.rc"), "0");
        runs(step, version);
    }
    is("dpkg.edited", "edited 1.1.0");
    is("dpkg.untouched", "1.1.0 edited.conf edited.conf.dpkg-dist enrollment-token untouched.conf ");
    is("dpkg.removed", "");
    is("apt.edited", "edited 1.2.0");
    runs("outside", "1.3.0");
    is("outside.restarted", "0");
    is("outside.later", "inactive");
    is("removed.rc", "0");
    is("removed.active", "inactive");
    is("removed.version", "1.3.0 config-files");
    is("removed.audit", "");
    is("removed.config", "edited");
    runs("again", "1.3.0");
    is("purged.rc", "0");
    is("purged.active", "inactive");
    is("purged.audit", "");
    is("purged.left", "");
}
