//! Debians that boot. A root is made once by mmdebstrap and kept in `target/judges`; each test boots a copy of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::debian_root::{self, Debian, SID, TRIXIE};
use crate::support::{both, judge, judges_folder, missing, output};

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

const UNIT: &str = "[Unit]\nAfter=basic.target dbus.socket\n[Service]\nType=oneshot\nExecStart=/bin/sh /test/steps\n\
                    [Install]\nWantedBy=multi-user.target\n";

const BOOKWORM: Debian = Debian { name: "debian-root", suite: "bookworm", packages: &[] };
const WITH_RPM: Debian = Debian { name: "debian-rpm-root", suite: "bookworm", packages: &["rpm", "dnf", "zypper"] };

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

/// What a copy that boots does without: most of the root.
const WINE: &str = "./usr/lib/x86_64-linux-gnu/wine";

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

fn is_root() -> bool {
    String::from_utf8_lossy(&output(Command::new("id").arg("-u")).stdout).trim() == "0"
}

/// Boots a copy of the root with `folder` at /test, until these steps have switched it off; gives what they said.
pub(super) fn boot(debian: &Path, nspawn: &Path, folder: &Path, steps: &str) -> BTreeMap<String, String> {
    let scratch = tempfile::Builder::new().prefix("debian-").tempdir_in(judges_folder()).unwrap();
    let copy = scratch.path().join("root");
    fs::create_dir(&copy).unwrap();
    let pipe = format!("tar -C \"$1\" --exclude={WINE} -cf - . | tar -C \"$2\" -xpf -");
    let copied = output(Command::new("sh").args(["-e", "-c", &pipe, "copy"]).arg(debian).arg(&copy));
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
