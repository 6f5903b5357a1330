//! Debians that boot. A root is made once by mmdebstrap and kept in `target/judges`; each test boots a copy of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

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

/// The root that dpkg and apt are judged in, made at first use (half a minute).
pub(super) fn debian() -> Option<PathBuf> {
    root("debian-root", &[])
}

/// The root that rpm, dnf and zypper are judged in, made at first use (a minute).
pub(super) fn debian_with_rpm() -> Option<PathBuf> {
    root("debian-rpm-root", &["rpm", "dnf", "zypper"])
}

fn root(name: &str, packages: &[&str]) -> Option<PathBuf> {
    let mmdebstrap = judge("mmdebstrap")?;
    if !is_root() {
        missing("root, to boot a Debian");
        return None;
    }
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let made = judges_folder().join(name);
    if !made.is_dir() {
        let partial = judges_folder().join(format!("{name}.partial"));
        fs::create_dir_all(judges_folder()).unwrap();
        let _ = fs::remove_dir_all(&partial);
        let mut command = Command::new(mmdebstrap);
        let packages = [&["systemd", "systemd-sysv", "dbus"], packages].concat();
        let include = format!("--include={}", packages.join(","));
        command.args(["--variant=minbase", &include, "bookworm"]).arg(&partial);
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
