//! `cargo xtask windows`: the program for an admin's desk, into `target/payloads/windows-x64/`. It has everything but the service, which is
//! for servers. The tests run it under Wine, and its files must be the bytes that the Linux program makes.

use std::path::Path;

use xshell::Shell;

use crate::debian::{self, program};
use crate::failure::{AtPath, Result};
use crate::payloads::{self, WINDOWS};

/// Where it is then.
pub(crate) const PROGRAM: &str = "target/payloads/windows-x64/stampwright.exe";

/// Builds it: for tests as they build everything, or as it would be shipped.
pub(crate) fn run(sh: &Shell, release: bool) -> Result {
    debian::ensure(sh, &[program("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64")])?;
    let out = sh.current_dir().join("target/payloads");
    let _target = sh.push_env("CARGO_TARGET_DIR", out.join("build"));
    let (profile, options): (_, &[&str]) = if release {
        ("release", &["--package", "stampwright-cli", "--release"])
    } else {
        ("debug", &["--package", "stampwright-cli"])
    };
    payloads::build_windows(sh, options)?;
    let built = out.join("build").join(WINDOWS).join(profile).join("stampwright.exe");
    let to = sh.current_dir().join(PROGRAM);
    payloads::copy(&built, &to)?;
    let size = size(&to)?;
    println!("{} ({} MB)", to.display(), size / 1_000_000);
    Ok(())
}

fn size(path: &Path) -> Result<u64> {
    Ok(std::fs::metadata(path).at("measure", path)?.len())
}
