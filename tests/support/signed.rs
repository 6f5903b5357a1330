//! Files that are signed by the program, as a person would have it done.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use installer::{Kind, Token};
use tempfile::TempDir;

use super::once;
use super::product::bases;
use super::{both, output, program};

/// The token that signed stamps have.
pub const TOKEN: &str = "enroll-3f9a.7c21~b8";

/// A folder with an unsigned base and a stamp of it: `base.msi` and `stamped.msi`, or `.pkg`.
pub struct Bench {
    pub folder: TempDir,
    kind: Kind,
}

impl Bench {
    pub fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = &bases().iter().find(|base| base.format.kind() == kind).unwrap().bytes;
        let bench = Self { folder, kind };
        fs::write(bench.path("base"), base).unwrap();
        let opened = once::open(base.as_slice()).unwrap();
        let mut stamped = Vec::new();
        let splice = once::stamp(&opened, &Token::parse(TOKEN.as_bytes()).unwrap()).unwrap();
        splice.write_to(base.as_slice(), &mut stamped).unwrap();
        fs::write(bench.path("stamped"), stamped).unwrap();
        fs::write(bench.folder.path().join("token"), TOKEN).unwrap();
        bench
    }

    /// A file of the folder, by its name without the ending.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.{}", self.kind.extension()))
    }

    /// Runs the program in the folder.
    pub fn stampwright(&self, arguments: &[&str]) -> Output {
        output(program().args(arguments).current_dir(self.folder.path()))
    }

    /// Runs it; it must succeed. Gives what it said.
    pub fn must(&self, arguments: &[&str]) -> String {
        let said = self.stampwright(arguments);
        assert!(said.status.success(), "{arguments:?}: {}", both(&said));
        both(&said)
    }

    /// Signs `from.EXT` as `to.EXT`.
    pub fn sign(&self, from: &str, to: &str, arguments: &[String]) -> PathBuf {
        let said = self.try_to_sign(from, to, arguments);
        assert!(said.status.success(), "{arguments:?}: {}", both(&said));
        self.path(to)
    }

    /// The same, which may fail.
    pub fn try_to_sign(&self, from: &str, to: &str, arguments: &[String]) -> Output {
        let (from, to) = (self.path(from), self.path(to));
        let command = ["sign", from.to_str().unwrap(), "-o", to.to_str().unwrap()];
        let arguments: Vec<&str> = command.into_iter().chain(arguments.iter().map(String::as_str)).collect();
        self.stampwright(&arguments)
    }

    /// What `verify` says, and whether it says ok.
    pub fn verify(&self, file: &Path, arguments: &[&str]) -> (bool, String) {
        let command = ["verify", file.to_str().unwrap()];
        let said = self.stampwright(&command.into_iter().chain(arguments.iter().copied()).collect::<Vec<_>>());
        (said.status.success(), both(&said))
    }
}
