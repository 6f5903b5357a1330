//! A system that boots and installs by rpm: dnf and zypper install from a repository and from a file, with their check of signatures on,
//! under the vendor preset of Fedora and RHEL (`disable *`). systemd starts the agent, a new token restarts it, a removal leaves nothing.
//!
//! The root is a Debian, which has the three programs.

use std::fs;
use std::path::{Path, PathBuf};

use super::boot::{PROBE, boot, debian_with_rpm};
use super::rpm_root::distribution;
use crate::support::keys::{Keys, keys};
use crate::support::{both, judge, judges_folder, missing, output, program, run};

/// Runs inside, as root, once the system is up. Every line of the result is `step.what=value`.
const STEPS: &str = r#"#!/bin/sh
exec > /test/log 2>&1
set -x
token=/etc/probe-agent/enrollment-token
state=/var/lib/probe-agent/enrollment-state
mkdir -p /etc/rpm /etc/yum.repos.d /etc/zypp/repos.d
# Debian's rpm has its database in the home folder.
echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros
rpm --initdb
rpm -U --nodeps /test/distribution.rpm
echo 'disable *' > /usr/lib/systemd/system-preset/99-default-disable.preset
cp /test/probe-agent.repo /etc/yum.repos.d/
cp /test/probe-agent.repo /etc/zypp/repos.d/

say() { printf '%s=%s\n' "$1" "$2" >> /test/result; }
serve() { ln -sfn "/test/$1" /srv/served; }
dnf() { command dnf -y --releasever=1 --setopt=keepcache=0 --refresh "$@"; }
zypper() { command zypper --non-interactive --gpg-auto-import-keys "$@"; }
look() {
    say "$1.status" "$2"
    sleep 0.3
    say "$1.active" "$(systemctl is-active probe-agent)"
    say "$1.enabled" "$(systemctl is-enabled probe-agent)"
    say "$1.version" "$(rpm -q --qf '%{VERSION}-%{RELEASE}' probe-agent)"
    say "$1.verify" "$(rpm -V --nodeps probe-agent)"
    say "$1.token" "$(cat $token)"
    say "$1.modes" "$(stat -c '%a %U' $token /usr/lib/probe-agent/enrollment-token /var/lib/probe-agent | tr '\n' ' ')"
    say "$1.pid" "$(systemctl show -p MainPID --value probe-agent)"
}

serve first
dnf --disablerepo='*' install /test/base.rpm; say base.status "$?"
say base.reason "$(grep -c 'no enrollment token' /test/log)"
say base.left "$(find /etc /usr /var/lib -name '*probe-agent*' | grep -v repos.d | tr '\n' ' ')"

dnf install probe-agent; look first "$?"

serve second
zypper refresh
zypper update probe-agent; look second "$?"

# A file, as an administrator gets it from the download page; nothing else is asked for.
dnf install /test/third.rpm; look third "$?"
zypper install --allow-unsigned-rpm /test/fourth.rpm; look fourth "$?"

# Signed with a key that the repository does not have.
serve forged
dnf upgrade; say forged.dnf "$?"
zypper refresh
zypper update probe-agent; say forged.zypper "$?"
say forged.version "$(rpm -q --qf '%{VERSION}-%{RELEASE}' probe-agent)"

echo enrolled > $state; rm $token
dnf install /test/fifth.rpm; look enrolled "$?"

rm $state
dnf install /test/next.rpm; look next "$?"

# An administrator has switched it off: an upgrade does not switch it on.
systemctl disable --now probe-agent
dnf install /test/later.rpm; look off "$?"

dnf remove probe-agent; look removed "$?"
say removed.left "$(find /etc /usr /var/lib -name '*probe-agent*' | grep -v repos.d | tr '\n' ' ')"

zypper install --allow-unsigned-rpm /test/first.rpm; look again "$?"
zypper remove probe-agent; look gone "$?"
say leaks "$(grep -rlaE 'token-of-' /var/log /var/lib/rpm /var/lib/dnf /etc/zypp | tr '\n' ' ')"
say journal "$(journalctl | grep -cE 'token-of-')"
sync
systemctl poweroff --no-block
"#;

/// One repository for both programs, written as a kit for dnf writes it; which stamp it has, the steps say.
const REPOSITORY: &str = "[probe-agent]\nname=Probe Agent\nbaseurl=file:///srv/served\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=0\n\
                          gpgkey=file:///test/RPM-GPG-KEY-probe-agent\n";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder with a product, in which the program makes packages as a person does.
struct Workshop {
    folder: tempfile::TempDir,
    keys: &'static Keys,
}

impl Workshop {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn made(&self, args: &[&str]) {
        let said = output(program().current_dir(self.folder.path()).args(args));
        assert!(said.status.success(), "{args:?}: {}", both(&said));
    }

    /// A base, in a folder of its own.
    fn base(&self, version: &str) -> String {
        fs::write(self.path("stampwright.toml"), PROBE.replace("1.4.2", version)).unwrap();
        let out = format!("bases-{version}");
        self.made(&["build", "--format", "rpm", "-o", &out]);
        format!("{out}/Probe-Agent.rpm")
    }

    fn stamp(&self, base: &str, name: &str, token: &str, release: &str, key: Option<&str>) {
        fs::write(self.path("token"), token).unwrap();
        let key = key.map(|key| [self.keys.text(&format!("{key}.pem")), self.keys.text(&format!("{key}.key"))]);
        let signer = key.iter().flat_map(|[certificate, key]| ["--certs", certificate, "--key", key]);
        let args = ["stamp", base, "--token-file", "token", "--release", release, "-o", name];
        self.made(&args.into_iter().chain(signer).collect::<Vec<_>>());
    }

    /// A repository with one package.
    fn serve(&self, folder: &str, package: &str, createrepo: &Path) {
        let served = self.path(folder);
        fs::create_dir(&served).unwrap();
        fs::copy(self.path(package), served.join("probe-agent.rpm")).unwrap();
        run(createrepo, ["--quiet", text(&served)]);
    }
}

#[test]
fn dnf_and_zypper_install_retoken_upgrade_and_remove() {
    let (Some(nspawn), Some(debian), Some(createrepo), Some(keys)) =
        (judge("systemd-nspawn"), debian_with_rpm(), judge("createrepo_c"), keys())
    else {
        return;
    };
    let probe = judges_folder().with_file_name("payloads").join("linux-x64/probe-service");
    if !probe.is_file() {
        return missing("probe-service (cargo xtask payloads builds it)");
    }
    let made = Workshop { folder: tempfile::tempdir().unwrap(), keys };
    fs::copy(&probe, made.path("probe-service")).unwrap();
    let (base, next) = (made.base("1.4.2"), made.base("1.4.3"));
    let ours = Some("rsa2048");
    made.stamp(&base, "first.rpm", "token-of-one", "100", ours);
    made.stamp(&base, "second.rpm", "token-of-two", "200", ours);
    made.stamp(&base, "third.rpm", "token-of-three", "300", None);
    made.stamp(&base, "fourth.rpm", "token-of-four", "400", None);
    made.stamp(&base, "fifth.rpm", "token-of-five", "500", None);
    made.stamp(&base, "forged.rpm", "token-of-others", "450", Some("rsa4096"));
    made.stamp(&next, "next.rpm", "token-of-next", "100", ours);
    made.stamp(&next, "later.rpm", "token-of-later", "200", ours);
    for name in ["first", "second", "forged"] {
        made.serve(name, &format!("{name}.rpm"), &createrepo);
    }
    fs::copy(made.path(&base), made.path("base.rpm")).unwrap();
    let Some(packages) = distribution(&made.path("base.rpm"), made.folder.path()) else { return };
    fs::copy(packages, made.path("distribution.rpm")).unwrap();
    let (certificate, key) = (keys.text("rsa2048.pem"), keys.text("rsa2048.key"));
    let block =
        run(program().get_program(), ["rpm-key", "--certs", &certificate, "--key", &key, "--user-id", "Example"]);
    fs::write(made.path("RPM-GPG-KEY-probe-agent"), block).unwrap();
    fs::write(made.path("probe-agent.repo"), REPOSITORY).unwrap();

    let said = boot(&debian, &nspawn, made.folder.path(), STEPS);
    let log = fs::read_to_string(made.path("log")).unwrap_or_default();
    let is = |key: &str, expected: &str| {
        let found = said.get(key).map_or("(nothing)", String::as_str);
        assert!(found == expected, "{key} is {found:?}, must be {expected:?}\n{log}");
    };
    let up = |step: &str, version: &str, token: &str| {
        is(&format!("{step}.status"), "0");
        is(&format!("{step}.active"), "active");
        is(&format!("{step}.enabled"), "enabled");
        is(&format!("{step}.version"), version);
        is(&format!("{step}.verify"), "");
        is(&format!("{step}.token"), token);
    };
    assert!(said.get("base.status").is_some_and(|status| status != "0"), "a base without a token installs\n{log}");
    is("base.left", "");
    up("first", "1.4.2-1.100", "token-of-one");
    is("first.modes", "600 root 600 root 700 root ");
    up("second", "1.4.2-1.200", "token-of-two");
    assert_ne!(said["first.pid"], said["second.pid"], "another token does not restart the agent\n{log}");
    up("third", "1.4.2-1.300", "token-of-three");
    up("fourth", "1.4.2-1.400", "token-of-four");
    for program in ["forged.dnf", "forged.zypper"] {
        assert!(
            said.get(program).is_some_and(|status| status != "0"),
            "{program}: another's signature is taken\n{log}"
        );
    }
    is("forged.version", "1.4.2-1.400");
    up("enrolled", "1.4.2-1.500", "");
    up("next", "1.4.3-1.100", "token-of-next");
    is("off.status", "0");
    is("off.active", "inactive");
    is("off.enabled", "disabled");
    is("off.version", "1.4.3-1.200");
    for step in ["removed", "gone"] {
        is(&format!("{step}.status"), "0");
        is(&format!("{step}.active"), "inactive");
        is(&format!("{step}.token"), "");
    }
    is("removed.left", "");
    up("again", "1.4.2-1.100", "token-of-one");
    is("leaks", "");
    is("journal", "0");
}
