//! What the tests share: judges, scratch folders, small products.
#![allow(dead_code, reason = "not every test needs every helper")]

pub mod agents;
pub mod issuer;
pub mod keys;
pub mod kit_readers;
pub mod kits;
pub mod object_store;
pub mod once;
pub mod pkcs7;
pub mod postgres;
pub mod product;
pub mod readers;
pub mod schemas;
pub mod signed;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program that is being built, for tests of the command line.
pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_stampwright"))
}

/// The repository's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where judges that need a place of their own have it: `target/judges/{venv,wine,debian-root}`.
pub fn judges_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("judges")
}

/// Finds a judge by its program's name, on the path or in the judges' Python environment.
///
/// `None` means that the test cannot be held here and must return; the judge's name has been printed. Where judges are
/// required the test fails instead.
pub fn judge(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([judges_folder().join("venv/bin")]);
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        missing(name);
    }
    found
}

/// The judges' own Python, if it has this module.
pub fn python_with(module: &str) -> Option<PathBuf> {
    let python = judges_folder().join("venv/bin/python");
    let import = format!("import {module}");
    if python.is_file() && output(Command::new(&python).args(["-c", &import])).status.success() {
        return Some(python);
    }
    missing(module);
    None
}

/// Says that a judge is missing; fails where judges are required.
pub fn missing(name: &str) {
    let required = std::env::var_os("CI").is_some()
        || std::env::var_os("STAMPWRIGHT_JUDGES").is_some_and(|value| value == "required");
    assert!(!required, "judge missing: {name} (cargo xtask judges installs it)");
    eprintln!("judge missing, not held: {name}");
}

/// Runs a command that must succeed and gives its standard output as text.
pub fn run<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = S>) -> String {
    let mut command = Command::new(program);
    command.args(args);
    let output = output(&mut command);
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, both(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a command and gives what it said, however it ended.
pub fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Both outputs of a command as text.
pub fn both(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    format!("{stdout}{stderr}")
}
