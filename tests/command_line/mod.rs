//! The program as its users meet it: where its output goes, what it says, and what it takes for an answer.

mod manifest;
mod mistakes;
mod outputs;
mod pages;
mod said;
mod shells;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::product::Small;
use crate::support::{self, both};

/// A scratch folder with the small product, its bases and a token.
pub(super) struct Desk {
    small: Small,
    user: User,
}

/// Who runs the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum User {
    /// Whoever runs the tests.
    Own,
    /// One without any rights, where the tests run as root.
    Nobody,
}

/// Debian's `nobody` and `nogroup`.
const NOBODY: u32 = 65_534;

impl Desk {
    pub(super) fn new() -> Self {
        Self::of(User::Own)
    }

    pub(super) fn of(user: User) -> Self {
        let desk = Self { small: Small::new(), user };
        desk.write("token", "t1.example-tenant.0123456789abcdef\n");
        if user == User::Nobody {
            let owner = format!("{NOBODY}:{NOBODY}");
            support::run("chown", ["-R", &owner, desk.path().to_str().unwrap()]);
        }
        let built = desk.run("stampwright build --format deb,msi -o bases -q");
        assert!(built.status.success(), "{}", both(&built));
        desk
    }

    /// Both users where the tests run as root, else the one that there is: it is not root.
    pub(super) fn users() -> Vec<User> {
        let is_root = support::run("id", ["-u"]).trim() == "0";
        if is_root { vec![User::Own, User::Nobody] } else { vec![User::Own] }
    }

    pub(super) fn path(&self) -> &Path {
        self.small.folder.path()
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// A file that its owner alone can read.
    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.file(name), content).unwrap();
        self.mode(name, 0o600);
    }

    pub(super) fn mode(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.file(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.file(name).symlink_metadata().is_ok()
    }

    /// What bash makes of a line, with the program on the path.
    pub(super) fn run(&self, line: &str) -> Output {
        support::output(&mut self.command(line))
    }

    pub(super) fn command(&self, line: &str) -> Command {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_stampwright"));
        let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command.args(["-c", line]).current_dir(self.path()).stdin(std::process::Stdio::null());
        command.env("PATH", path).env("SOURCE_DATE_EPOCH", "1704067200").env("LC_ALL", "C");
        // A scratch folder is its owner's alone.
        if self.user == User::Nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// A line that must end with this status; gives both outputs.
    pub(super) fn ends(&self, status: i32, line: &str) -> String {
        let output = self.run(line);
        let said = both(&output);
        assert_eq!(output.status.code(), Some(status), "{:?}: {line}\n{said}", self.user);
        said
    }
}
