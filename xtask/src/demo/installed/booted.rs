//! Linux devices: a Debian 13 that boots, dpkg or rpm in it, and systemd.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use xshell::Shell;

use super::list::listed;
use super::product::{AGENT, download};
use crate::failure::{AtPath, Failure, Result};
use crate::serving::{Serving, said};
use crate::systems::nspawn;

/// What is typed on the device, by format.
const INSTALL: [(&str, &str); 2] = [
    ("deb", "dpkg -i /test/FILE"),
    // Debian's rpm has its database in the home folder, and no package of it provides systemd or a shell to rpm.
    (
        "rpm",
        "mkdir -p /etc/rpm && echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros && rpm --initdb && rpm -U --nodeps /test/FILE",
    ),
];

/// What is done on the device.
const STEPS: &str = r#"#!/bin/sh
exec > /test/log 2>&1
set -x
say() { printf '%s=%s\n' "$1" "$2" >> /test/result; }
INSTALL
say installed "$?"
for n in $(seq 1200); do grep -q checked-in /var/lib/PACKAGE/outcome.json && break; sleep 0.1; done
say active "$(systemctl is-active PACKAGE)"
say state "$(cat /var/lib/PACKAGE/enrollment-state)"
say token "$(test -e /etc/PACKAGE/enrollment-token && echo there || echo gone)"
journalctl -u PACKAGE --no-pager
sync
systemctl poweroff --no-block
"#;

/// Installs what is downloaded on a device of each format.
pub(super) fn run(sh: &Shell, service: &Serving, trixie: &Path, folder: &Path) -> Result {
    for (format, install) in INSTALL {
        let folder = folder.join(format);
        fs::create_dir_all(&folder).at("create", &folder)?;
        let file = download(sh, service, &folder, "linux", format)?;
        let steps = STEPS.replace("INSTALL", &install.replace("FILE", &file.name)).replace("PACKAGE", AGENT.package);
        let judges = sh.current_dir().join("target/judges");
        let begin = Instant::now();
        let booted = nspawn::boot(trixie, Path::new("systemd-nspawn"), &judges, &folder, &steps);
        let answers = booted.map_err(|problem| Failure::answer("systemd-nspawn", problem))?;
        is_enrolled(&answers, &folder)?;
        let manager = if format == "deb" { "dpkg" } else { "rpm" };
        listed(sh, service, &file.token, begin, &format!("{manager} in a Debian 13 that boots, a service of systemd"))?;
        println!("           its service runs, and the token's file is gone");
    }
    Ok(())
}

fn is_enrolled(answers: &BTreeMap<String, String>, folder: &Path) -> Result {
    for (key, expected) in [("installed", "0"), ("active", "active"), ("state", "enrolled"), ("token", "gone")] {
        let found = answers.get(key).map_or("nothing", String::as_str);
        if found != expected {
            let log = folder.join("log");
            return Err(said(format!("the device says {key} {found}, not {expected}: see {}", log.display())));
        }
    }
    Ok(())
}
