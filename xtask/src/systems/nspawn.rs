//! A Debian that boots: a copy of a root, in a container of systemd's, with steps that it does and switches itself off after.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

const UNIT: &str = "[Unit]\nAfter=basic.target dbus.socket\n[Service]\nType=oneshot\nExecStart=/bin/sh /test/steps\n\
                    [Install]\nWantedBy=multi-user.target\n";
/// What a copy that boots does without: most of the root.
const WINE: &str = "./usr/lib/x86_64-linux-gnu/wine";
/// The longest that it runs.
const SECS: &str = "240";

/// A copy of a root; it goes with this.
struct Copied(PathBuf);

impl Copied {
    fn of(debian: &Path, judges: &Path) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("debian-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let copied = Self(judges.join(name));
        let root = copied.root();
        fs::create_dir_all(&root).map_err(|error| format!("{}: {error}", root.display()))?;
        let pipe = format!("tar -C \"$1\" --exclude={WINE} -cf - . | tar -C \"$2\" -xpf -");
        let output = Command::new("sh").args(["-e", "-c", &pipe, "copy"]).arg(debian).arg(&root).output();
        let output = output.map_err(|error| format!("sh: {error}"))?;
        if output.status.success() { Ok(copied) } else { Err(said(&output)) }
    }

    fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    /// The name of its container.
    fn machine(&self) -> String {
        self.0.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Boots a copy of the root with `folder` at /test, until these steps have switched it off; gives what they have written to /test/result, a
/// `name=value` a line. The copy lies in `judges`.
pub(crate) fn boot(
    debian: &Path,
    nspawn: &Path,
    judges: &Path,
    folder: &Path,
    steps: &str,
) -> Result<BTreeMap<String, String>, String> {
    let copy = Copied::of(debian, judges)?;
    let text = |error: std::io::Error| format!("{}: {error}", copy.0.display());
    fs::write(folder.join("steps"), steps).map_err(text)?;
    let units = copy.root().join("etc/systemd/system");
    fs::write(units.join("steps.service"), UNIT).map_err(text)?;
    let wants = units.join("multi-user.target.wants");
    fs::create_dir_all(&wants).map_err(text)?;
    // By a program: the standard library has symbolic links for one kind of system at a time.
    let link = Command::new("ln").args(["-s", "/etc/systemd/system/steps.service"]).arg(&wants).status();
    if !link.map_err(|error| format!("ln: {error}"))?.success() {
        return Err(format!("{}: the unit is not enabled", wants.display()));
    }
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", SECS]).arg(nspawn);
    command.args(["--register=no", "--keep-unit", "--quiet", "--boot"]).arg(format!("--machine={}", copy.machine()));
    command.arg(format!("--directory={}", copy.root().display())).arg(format!("--bind={}:/test", folder.display()));
    let booted = command.output().map_err(|error| format!("timeout: {error}"))?;
    let result = fs::read_to_string(folder.join("result"));
    let result = result.map_err(|_| format!("nothing ran: {}", said(&booted)))?;
    let pairs = result.lines().filter_map(|line| line.split_once('='));
    Ok(pairs.map(|(key, value)| (key.into(), value.into())).collect())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
