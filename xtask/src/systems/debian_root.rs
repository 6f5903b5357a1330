//! Debians in folders: made once by mmdebstrap, booted in copies, or entered for one program.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian 13: a newer dpkg, apt and systemd, rpm 4.20 and Wine 10 in one root of 1.1 GB, made in a minute and a half.
pub(crate) const TRIXIE: Debian = Debian { name: "trixie-root", suite: "trixie", packages: &["rpm", "wine", "wine64"] };

/// Debian 12 with rpm and what installs by it, beside dpkg and apt.
pub(crate) const WITH_RPM: Debian =
    Debian { name: "debian-rpm-root", suite: "bookworm", packages: &["rpm", "dnf", "zypper"] };

/// A root.
#[derive(Clone, Copy)]
pub(crate) struct Debian {
    /// Its folder in `target/judges`.
    pub(crate) name: &'static str,
    pub(crate) suite: &'static str,
    /// Beside what every system has, and what boots it.
    pub(crate) packages: &'static [&'static str],
}

impl Debian {
    /// The root, made at first use. Needs root.
    pub(crate) fn make(self, judges: &Path) -> Result<PathBuf, String> {
        let made = judges.join(self.name);
        if made.is_dir() {
            return Ok(made);
        }
        let partial = judges.join(format!("{}.partial", self.name));
        // Nothing is ever mounted in one of these outside of a namespace, but for mmdebstrap's own, which it takes away.
        let text = |error: std::io::Error| format!("{}: {error}", partial.display());
        if partial.is_dir() {
            fs::remove_dir_all(&partial).map_err(text)?;
        }
        fs::create_dir_all(judges).map_err(text)?;
        let packages = [&["systemd", "systemd-sysv", "dbus"], self.packages].concat();
        let mut command = Command::new("mmdebstrap");
        command.args(["--variant=minbase", "--aptopt=APT::Install-Recommends \"false\""]);
        // A mirror may lag behind unstable by more than the week that its index promises.
        command.args((self.suite == "sid").then_some("--aptopt=Acquire::Check-Valid-Until \"false\""));
        command.arg(format!("--include={}", packages.join(","))).arg(self.suite).arg(&partial).args(mirror());
        let output = command.output().map_err(|error| format!("mmdebstrap: {error}"))?;
        if !output.status.success() {
            return Err(format!("mmdebstrap: {}", String::from_utf8_lossy(&output.stderr)));
        }
        fs::write(partial.join("etc/hosts"), "127.0.0.1 localhost\n").map_err(text)?;
        fs::rename(&partial, &made).map_err(text)?;
        Ok(made)
    }
}

/// Where this machine gets its own packages from.
fn mirror() -> Option<String> {
    let sources = fs::read_to_string("/etc/apt/sources.list.d/debian.sources").ok()?;
    let line = sources.lines().find_map(|line| line.strip_prefix("URIs:"))?;
    line.split_whitespace().next().map(str::to_owned)
}

/// The mounts are those of a namespace of the process's own and end with it: whoever removes the root cannot reach through them. Process
/// numbers are those outside, and so is `/proc`.
const ENTER: &str = r#"
root=$1; shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for folder in "$1" "$2"; do
    mkdir -p "$root$folder"
    mount --bind "$folder" "$root$folder"
done
shift 2
exec chroot "$root" /bin/sh -c 'cd "$0" && exec "$@"' "$PWD" "$@"
"#;

/// A program of the root, in the folder where this process is or which the command is given. The folder of scratch files and that of what
/// is built, `target`, are there at the paths that they have outside; the folder must be in one of them.
pub(crate) fn enter(root: &Path, target: &Path, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-e", "-c", ENTER, "enter"]);
    command.arg(root).arg(std::env::temp_dir()).arg(target).arg(program);
    command
}
