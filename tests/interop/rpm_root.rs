//! A root of its own in which rpm and dnf install: a shell and the few programs that scriptlets use, and a database.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::boot::{in_sid, in_trixie};
use crate::support::{both, judge, missing, output, run};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Makes a package that has all that another one asks for, as the packages of a distribution have.
pub(super) fn distribution(asking: &Path, folder: &Path) -> Option<PathBuf> {
    let (rpm, rpmbuild) = (judge("rpm")?, judge("rpmbuild")?);
    let asked = run(&rpm, ["-qpR", text(asking)]);
    let provides: Vec<&str> = asked.lines().filter(|line| !line.starts_with("rpmlib(")).collect();
    let spec = folder.join("distribution.spec");
    let lines = format!(
        "Name: distribution\nVersion: 1\nRelease: 1\nSummary: a distribution\nLicense: MIT\nBuildArch: noarch\n\
         Provides: {}\n%description\nA distribution.\n%files\n",
        provides.join(" ")
    );
    fs::write(&spec, lines).unwrap();
    let top = format!("_topdir {}", text(folder));
    run(&rpmbuild, ["--quiet", "--define", &top, "-bb", text(&spec)]);
    Some(folder.join("RPMS/noarch/distribution-1-1.noarch.rpm"))
}

/// A root of its own with a shell and the few programs that scriptlets use.
pub(super) struct Root {
    rpm: fn() -> Option<Command>,
    folder: tempfile::TempDir,
}

impl Root {
    /// For this machine's rpm.
    pub(super) fn new() -> Option<Self> {
        Self::of(|| judge("rpm").map(Command::new))
    }

    /// For rpm 4.20, whose OpenPGP is Sequoia's.
    pub(super) fn of_trixie() -> Option<Self> {
        Self::of(|| in_trixie("rpm"))
    }

    /// For rpm 6.
    pub(super) fn of_sid() -> Option<Self> {
        Self::of(|| in_sid("rpm"))
    }

    fn of(rpm: fn() -> Option<Command>) -> Option<Self> {
        rpm()?;
        let folder = tempfile::tempdir().unwrap();
        if fs::metadata(folder.path()).unwrap().uid() != 0 {
            missing("root, for rpm --root");
            return None;
        }
        let root = Self { rpm, folder };
        for program in ["sh", "cat", "head", "mktemp", "mv", "rm", "rmdir", "sed", "grep"] {
            root.copy(&judge(program)?, &format!("usr/bin/{program}"));
        }
        for link in ["bin", "lib", "lib64"] {
            std::os::unix::fs::symlink(format!("usr/{link}"), root.path(link)).unwrap();
        }
        fs::create_dir(root.path("dev")).unwrap();
        let null = root.path("dev/null");
        if !output(Command::new("mknod").args(["-m", "666", text(&null), "c", "1", "3"])).status.success() {
            // Where no devices may be made, a file that nothing reads does.
            fs::write(null, "").unwrap();
        }
        root.rpm(&["--initdb"]);
        Some(root)
    }

    pub(super) fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    /// Copies a program and the libraries that it is linked to.
    pub(super) fn copy(&self, program: &Path, inside: &str) {
        let place = |from: &Path, inside: &str| {
            let to = self.path(inside);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from, to).unwrap();
        };
        place(program, inside);
        let libraries = output(Command::new("ldd").arg(program));
        for word in String::from_utf8_lossy(&libraries.stdout).split_whitespace().filter(|word| word.starts_with('/')) {
            let inside = word.trim_start_matches('/');
            let inside = if inside.starts_with("usr/") { inside.to_owned() } else { format!("usr/{inside}") };
            place(Path::new(word), &inside);
        }
    }

    /// Installs what the distribution would have installed.
    pub(super) fn distribution(&self, asking: &Path) -> Option<()> {
        let folder = tempfile::tempdir().unwrap();
        self.rpm(&["-U", "--nodeps", text(&distribution(asking, folder.path())?)]);
        Some(())
    }

    /// dnf on this root, with these repositories only.
    pub(super) fn dnf(&self, repositories: &Path, args: &[&str]) -> Option<Output> {
        let mut command = Command::new(judge("dnf")?);
        // Debian's rpm keeps its database in the home folder.
        let home = self.path("home");
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join(".rpmmacros"), "%_dbpath /var/lib/rpm\n").unwrap();
        command.env("HOME", &home).arg(format!("--installroot={}", text(self.folder.path())));
        command.args(["-y", "--releasever=1", "--noplugins", "--setopt=keepcache=0"]);
        command.arg(format!("--setopt=reposdir={}", text(repositories))).args(args);
        Some(output(&mut command))
    }

    pub(super) fn try_rpm(&self, args: &[&str]) -> Output {
        let mut command = (self.rpm)().unwrap();
        command.args(["--root", text(self.folder.path()), "--dbpath", "/var/lib/rpm"]).args(args);
        output(&mut command)
    }

    pub(super) fn rpm(&self, args: &[&str]) -> String {
        let said = self.try_rpm(args);
        assert!(said.status.success(), "{args:?}: {}", both(&said));
        both(&said)
    }

    pub(super) fn install(&self, file: &Path) {
        let said = self.rpm(&["-U", "--nodeps", text(file)]);
        // Debian's rpm says that this is Debian, and rpm 4.20 that a root gets no /tmp of its own.
        let is_rpms_own = |line: &&str| line.starts_with("rpm: ") || line.contains("private mounts in chroot");
        let said: Vec<_> = said.lines().filter(|line| !is_rpms_own(line)).collect();
        assert_eq!(said, [""; 0], "scriptlets say nothing when all is well");
        assert_eq!(self.rpm(&["-V", "--nodeps", "example-agent"]), "");
    }

    pub(super) fn read(&self, inside: &str) -> Option<String> {
        fs::read_to_string(self.path(inside)).ok()
    }

    /// Every file whose name has this in it.
    pub(super) fn named(&self, part: &str) -> String {
        run("find", [text(self.folder.path()), "-name", &format!("*{part}*")])
    }
}
