//! The program's own packages as they are on a server: a Debian that boots, apt and dpkg, dnf and rpm in it, the service as its unit, an
//! upgrade under it, a removal.

use std::fs;
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use crate::debian::{self, program};
use crate::failure::{AtPath, Failure, Result};
use crate::systems::debian_root::WITH_RPM;
use crate::systems::nspawn;

/// A version below every real one.
const OLDER: &str = "0.0.1";
/// The container has this machine's network, so the port is an unusual one.
const PORT: &str = "18473";
/// What only an administrator and the service have made is there after a removal.
const LEFT: &str = "/etc/stampwright /var/lib/private/stampwright /var/lib/stampwright ";

/// Runs inside, as root, once the system is up. Every line of the result is `format.what=value`.
const STEPS: &str = r#"#!/bin/sh
exec > /test/log 2>&1
set -x
say() { printf '%s=%s\n' "$1" "$2" >> /test/result; }
ask() {
    bash -c 'exec 3<>/dev/tcp/127.0.0.1/PORT && printf "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\n\r\n" >&3 && head -n 1 <&3'
}
ready() {
    for n in $(seq 100); do case "$(ask 2> /dev/null)" in *" 200 "*) echo yes; return;; esac; sleep 0.1; done
    echo no
}
named() { find / -xdev -path /test -prune -o -name '*stampwright*' -print | sort | tr '\n' ' '; }
quiet() { "$@" > /dev/null 2>&1 && echo yes || echo no; }

check() {
    say $1.before "$(named)"
    $1_install; say $1.installed "$?"
    say $1.program "$(stampwright --version)"
    say $1.page "$(quiet test -s /usr/share/man/man1/stampwright.1.gz)"
    say $1.completion "$(quiet bash -n /usr/share/bash-completion/completions/stampwright)"
    say $1.enabled "$(systemctl is-enabled stampwright-serve)"
    mkdir -p /etc/stampwright
    printf 'listen = "127.0.0.1:PORT"\n' > /etc/stampwright/serve.toml
    systemctl enable --now stampwright-serve; say $1.started "$?"
    say $1.ready "$(ready)"
    pid=$(systemctl show -p MainPID --value stampwright-serve)
    $1_upgrade; say $1.upgraded "$?"
    say $1.ready-after-upgrade "$(ready)"
    say $1.same-process "$(quiet test "$pid" = "$(systemctl show -p MainPID --value stampwright-serve)")"
    systemctl daemon-reload
    systemctl restart stampwright-serve; say $1.restarted "$?"
    say $1.ready-again "$(ready)"
    say $1.failures "$(systemctl show -p NRestarts --value stampwright-serve)"
    journalctl -u stampwright-serve --no-pager
    systemctl disable --now stampwright-serve; say $1.stopped "$?"
    $1_remove; say $1.removed "$?"
    systemctl daemon-reload
    say $1.left "$(named)"
    rm -rf /etc/stampwright /var/lib/private/stampwright /var/lib/stampwright
}

deb_install() { apt-get install -y /test/older.deb; }
deb_upgrade() { dpkg -i /test/newer.deb; }
deb_remove() { apt-get purge -y stampwright; }

rpm_install() { dnf -y --disablerepo='*' --releasever=1 install /test/older.rpm; }
rpm_upgrade() { rpm -U /test/newer.rpm && test -z "$(rpm -V stampwright)"; }
rpm_remove() { dnf -y --disablerepo='*' --releasever=1 remove stampwright; }

check deb
# Debian's rpm has its database in the home folder, and no package of it provides what the system has.
mkdir -p /etc/rpm
echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros
rpm --initdb
rpm -U --nodeps /test/distribution.rpm
check rpm
sync
systemctl poweroff --no-block
"#;

/// What each step must have said.
const EXPECTED: [(&str, &str); 16] = [
    ("before", ""),
    ("installed", "0"),
    ("program", "stampwright VERSION"),
    ("page", "yes"),
    ("completion", "yes"),
    ("enabled", "disabled"),
    ("started", "0"),
    ("ready", "yes"),
    ("upgraded", "0"),
    ("ready-after-upgrade", "yes"),
    ("same-process", "yes"),
    ("restarted", "0"),
    ("ready-again", "yes"),
    ("failures", "0"),
    ("stopped", "0"),
    ("removed", "0"),
];

/// The packages of this machine's architecture, and those of a version before, made the same way.
pub(super) struct Packages<'a> {
    pub(super) version: &'a str,
    pub(super) deb: PathBuf,
    pub(super) rpm: PathBuf,
    /// The program that builds, the manifest, and what else it is given.
    pub(super) program: &'a Path,
    pub(super) manifest: &'a Path,
    pub(super) more: &'a [String],
}

/// Installs, starts, upgrades and removes them. Takes root.
pub(super) fn check(sh: &Shell, packages: &Packages<'_>) -> Result {
    let needs = [
        program("mmdebstrap", "mmdebstrap"),
        program("systemd-nspawn", "systemd-container"),
        program("rpmbuild", "rpm"),
    ];
    debian::ensure(sh, &needs)?;
    let folder = sh.create_temp_dir()?;
    let folder = folder.path();
    let copy = |from: &Path, name: &str| {
        let to = folder.join(name);
        fs::copy(from, &to).map(drop).at("copy to", &to)
    };
    copy(&packages.deb, "newer.deb")?;
    copy(&packages.rpm, "newer.rpm")?;
    let older = folder.join("older");
    let Packages { program, manifest, more, .. } = packages;
    cmd!(sh, "{program} build --product {manifest} --format deb --format rpm --output {older}")
        .args(["--set", &format!("product.version={OLDER}")])
        .args(*more)
        .quiet()
        .ignore_stderr()
        .run()?;
    for (newer, to) in [(&packages.deb, "older.deb"), (&packages.rpm, "older.rpm")] {
        copy(&older.join(newer.file_name().unwrap_or_default()), to)?;
    }
    distribution(sh, &packages.rpm, folder)?;
    let judges = sh.current_dir().join("target/judges");
    let root = WITH_RPM.make(&judges).map_err(|problem| Failure::answer("mmdebstrap", problem))?;
    let steps = STEPS.replace("PORT", PORT);
    let said = nspawn::boot(&root, Path::new("systemd-nspawn"), &judges, folder, &steps);
    let said = said.map_err(|problem| Failure::answer("systemd-nspawn", problem))?;
    let log = || fs::read_to_string(folder.join("log")).unwrap_or_else(|error| error.to_string());
    for format in ["deb", "rpm"] {
        for (what, expected) in EXPECTED.iter().copied().chain([("left", LEFT)]) {
            let expected = expected.replace("VERSION", packages.version);
            let found = said.get(&format!("{format}.{what}")).map_or("nothing", String::as_str);
            if found != expected {
                let wrong = format!("{what} is {found:?}, must be {expected:?}:\n{}", log());
                return Err(Failure::answer(format!("the {format} on a server"), wrong));
            }
        }
    }
    Ok(())
}

/// A package that has all that ours asks for, as the packages of a distribution have.
fn distribution(sh: &Shell, rpm: &Path, folder: &Path) -> Result {
    let asked = cmd!(sh, "rpm -qpR {rpm}").quiet().ignore_stderr().read()?;
    let provides: Vec<&str> = asked.lines().filter(|line| !line.starts_with("rpmlib(")).collect();
    let provides = if provides.is_empty() { String::new() } else { format!("Provides: {}\n", provides.join(" ")) };
    let spec = folder.join("distribution.spec");
    let text = format!(
        "Name: distribution\nVersion: 1\nRelease: 1\nSummary: a distribution\nLicense: MIT\nBuildArch: noarch\n{provides}\
         %description\nA distribution.\n%files\n"
    );
    fs::write(&spec, text).at("write", &spec)?;
    let top = format!("_topdir {}", folder.join("rpmbuild").display());
    cmd!(sh, "rpmbuild --quiet --define {top} -bb {spec}").quiet().ignore_stdout().ignore_stderr().run()?;
    let built = folder.join("rpmbuild/RPMS/noarch/distribution-1-1.noarch.rpm");
    let to = folder.join("distribution.rpm");
    fs::copy(&built, &to).map(drop).at("copy to", &to)
}
