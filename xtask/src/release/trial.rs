//! Each architecture's program does the main job once.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use xshell::Shell;

use super::archive::digests;
use super::programs::command;
use crate::failure::{AtPath, Failure, Result};

/// What the programs pack in their trial: one format for each compressor that is C.
const MANIFEST: &str = r#"[product]
name = "Trial"
file-stem = "trial"
version = "1.0.0"
publisher = "Example"
summary = "is never installed"
license = "MIT"
maintainer = "Example <packages@example.com>"

[deb]
compression = "zstd"

[rpm]
compression = "gzip"
"#;

/// Each program does the main job, make and verify, and the bases that they build are the same bytes on every architecture.
pub(super) fn run(sh: &Shell, programs: &[(&str, PathBuf)]) -> Result {
    let scratch = sh.create_temp_dir()?;
    let folder = scratch.path();
    let Some((arch, agent)) = programs.first() else { return Ok(()) };
    let manifest = folder.join("stampwright.toml");
    let text =
        format!("{MANIFEST}\n[[agent]]\nplatform = \"linux\"\narch = \"{arch}\"\npath = '{}'\n", agent.display());
    fs::write(&manifest, text).at("write", &manifest)?;
    let token = folder.join("token");
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&token).at("create", &token)?;
    file.write_all(b"token-of-a-trial").at("write", &token)?;
    let _epoch = sh.push_env("SOURCE_DATE_EPOCH", "1700000000");
    let mut first = None;
    for (arch, program) in programs {
        let run = |arguments: &[&OsStr]| -> Result {
            match command(sh, arch, program)? {
                Some(command) => Ok(command.args(arguments).quiet().ignore_stdout().ignore_stderr().run()?),
                None => Err(Failure::answer(*arch, "there is no emulator to run the program")),
            }
        };
        if command(sh, arch, program)?.is_none() {
            eprintln!("{arch}: not tried here: there is no emulator");
            continue;
        }
        let (made, bases) = (folder.join(format!("made-{arch}")), folder.join(format!("bases-{arch}")));
        let product = ["--product".as_ref(), manifest.as_os_str(), "--output".as_ref()];
        let with_token = [made.as_os_str(), "--token-file".as_ref(), token.as_os_str()];
        run(&[&["make".as_ref()][..], &product, &with_token].concat())?;
        for path in sh.read_dir(&made)? {
            run(&["verify".as_ref(), path.as_os_str()])?;
        }
        run(&[&["build".as_ref()][..], &product, &[bases.as_os_str()]].concat())?;
        let built = digests(&bases)?;
        let (other, expected) = first.get_or_insert_with(|| (*arch, built.clone()));
        if built.is_empty() || built != *expected {
            let names = format!("{other} and {arch} build different bases: {expected:?}, {built:?}");
            return Err(Failure::answer("the trial", names));
        }
        eprintln!("{arch}: makes and verifies; its bases are the bytes of {other}'s");
    }
    Ok(())
}
