//! Debians that boot. A root is made once by mmdebstrap and kept in `target/judges`; each test boots a copy of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::systems::debian_root::{self, Debian, TRIXIE, WITH_RPM};
use super::systems::nspawn;
use crate::support::{judge, judges_folder, missing, output};

/// The probe as a product whose names need care wherever they stand.
pub(super) const PROBE: &str = r#"
[product]
name = '''Müller's "Probe" & [x] %h $(id)'''
folder = "Probe Agent"
file-stem = "Probe-Agent"
version = "1.4.2"
publisher = "Example Ltd"
summary = "tells which token it was left"
license = "MIT"
maintainer = "Example <packages@example.com>"

[service]
linux-arguments = ["--log", '/var/log/probe %h $HOME "x" agent.log',
    "--token-file", "/etc/probe-agent/enrollment-token", "--state-file", "/var/lib/probe-agent/enrollment-state"]

[[agent]]
platform = "linux"
arch = "x64"
path = "probe-service"
"#;

const BOOKWORM: Debian = Debian { name: "debian-root", suite: "bookworm", packages: &[] };
/// Debian unstable, for rpm 6 (220 MB, two minutes and more): for `cargo xtask rpm6` alone.
const SID: Debian = Debian { name: "sid-root", suite: "sid", packages: &["rpm"] };

/// The root that dpkg and apt are judged in, made at first use (half a minute).
pub(super) fn debian() -> Option<PathBuf> {
    root(BOOKWORM)
}

/// The root that rpm, dnf and zypper are judged in, made at first use (a minute).
pub(super) fn debian_with_rpm() -> Option<PathBuf> {
    root(WITH_RPM)
}

/// Debian 13, a second judge of all of them and of MSIs.
pub(super) fn trixie() -> Option<PathBuf> {
    root(TRIXIE)
}

/// A program of Debian 13 that runs in its root without booting it.
pub(super) fn in_trixie(program: &str) -> Option<Command> {
    inside(TRIXIE, program)
}

/// A program of Debian unstable.
pub(super) fn in_sid(program: &str) -> Option<Command> {
    inside(SID, program)
}

fn inside(debian: Debian, program: &str) -> Option<Command> {
    let root = root(debian)?;
    judge("unshare")?;
    let target = judges_folder().parent().map_or_else(judges_folder, Path::to_path_buf);
    Some(debian_root::enter(&root, &target, program))
}

fn root(debian: Debian) -> Option<PathBuf> {
    judge("mmdebstrap")?;
    if !is_root() {
        missing("root, to boot a Debian");
        return None;
    }
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    Some(debian.make(&judges_folder()).unwrap())
}

pub(super) fn is_root() -> bool {
    String::from_utf8_lossy(&output(Command::new("id").arg("-u")).stdout).trim() == "0"
}

/// Boots a copy of the root with `folder` at /test, until these steps have switched it off; gives what they said.
pub(super) fn boot(debian: &Path, nspawn: &Path, folder: &Path, steps: &str) -> BTreeMap<String, String> {
    nspawn::boot(debian, nspawn, &judges_folder(), folder, steps).unwrap()
}
