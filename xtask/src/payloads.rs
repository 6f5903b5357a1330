//! `cargo xtask payloads`: cross-builds the probe service and the reference agent into `target/payloads/<platform>/`, signed where a platform wants it.
//!
//! Rust's own standard library for Windows comes by `rustup target add`. Where that is not to be had, Debian's `rustc-web` builds
//! the library from its packaged source, which is slower and needs nothing from outside Debian.

use std::fs;
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use crate::debian::{self, program};
use crate::failure::{AtPath, Result};
use crate::judges;
use crate::kit_size;
use crate::sign::{self, Throwaway};
use crate::token_reader;

/// What zig builds.
const MANIFEST: &str = "payloads/probe-service/Cargo.toml";
/// Manifest and name of the programs for Linux and Windows. (What the reference agent links of macOS is only on a Mac.)
const PROGRAMS: [(&str, &str); 2] =
    [(MANIFEST, "probe-service"), ("payloads/reference-agent/Cargo.toml", "reference-agent")];
pub(crate) const WINDOWS: &str = "x86_64-pc-windows-gnu";

/// What zig links when asked for every platform.
const BY_ZIG: [(&str, &str, &str); 2] = [
    ("aarch64-pc-windows-gnullvm", "windows-arm64", "probe-service.exe"),
    ("aarch64-apple-darwin", "macos-arm64", "probe-service"),
];

/// What builds and signs a program for Windows.
const FOR_WINDOWS: [debian::Need; 3] = [
    program("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64"),
    program("osslsigncode", "osslsigncode"),
    program("openssl", "openssl"),
];

/// Builds the programs for the platforms that the tests run, or for all.
pub(crate) fn run(sh: &Shell, all: bool) -> Result {
    token_reader::check(&sh.current_dir())?;
    let out = sh.current_dir().join("target/payloads");
    let _target = sh.push_env("CARGO_TARGET_DIR", out.join("build"));

    for (manifest, program) in PROGRAMS {
        cmd!(sh, "cargo build --quiet --locked --release --manifest-path {manifest}").quiet().run()?;
        let linux = out.join("linux-x64").join(program);
        copy(&out.join("build/release").join(program), &linux)?;
        println!("{}", linux.display());
    }
    kit_size::check(sh, &out.join("linux-x64/reference-agent"), &out.join("build"))?;

    debian::ensure(sh, &FOR_WINDOWS)?;
    let signer = Throwaway::in_folder(sh, &out.join("signer"))?;
    for (manifest, program) in PROGRAMS {
        build_windows(sh, &["--release", "--manifest-path", manifest])?;
        finish_windows(sh, &signer, program, WINDOWS, &out.join("windows-x64"))?;
    }
    if all {
        build_by_zig(sh, &signer, &out)?;
    }
    Ok(())
}

/// The reference agent for this machine.
pub(crate) fn reference_agent(sh: &Shell) -> Result<PathBuf> {
    let target = sh.current_dir().join("target/payloads/build");
    let _target = sh.push_env("CARGO_TARGET_DIR", &target);
    let [_, (manifest, program)] = PROGRAMS;
    cmd!(sh, "cargo build --quiet --locked --release --manifest-path {manifest}").quiet().run()?;
    Ok(target.join("release").join(program))
}

/// The reference agent for Windows, signed.
pub(crate) fn reference_agent_for_windows(sh: &Shell) -> Result<PathBuf> {
    debian::ensure(sh, &FOR_WINDOWS)?;
    let out = sh.current_dir().join("target/payloads");
    let _target = sh.push_env("CARGO_TARGET_DIR", out.join("build"));
    let signer = Throwaway::in_folder(sh, &out.join("signer"))?;
    let [_, (manifest, program)] = PROGRAMS;
    build_windows(sh, &["--release", "--manifest-path", manifest])?;
    finish_windows(sh, &signer, program, WINDOWS, &out.join("windows-x64"))?;
    Ok(out.join("windows-x64").join(program).with_extension("exe"))
}

/// Clippy for the programs, which are no members of the workspace, on both sides of its `cfg(windows)`.
pub(crate) fn lint(sh: &Shell) -> Result {
    let _target = sh.push_env("CARGO_TARGET_DIR", sh.current_dir().join("target/payloads/build"));
    token_reader::lint(sh)?;
    let windows: &[&str] = if has_std(sh, WINDOWS) { &["--target", WINDOWS] } else { &[] };
    for (manifest, _) in PROGRAMS {
        cmd!(sh, "cargo fmt --check --manifest-path {manifest}").quiet().run()?;
        for target in [&[], windows] {
            cmd!(sh, "cargo clippy --quiet --locked --manifest-path {manifest} {target...} -- -D warnings")
                .quiet()
                .run()?;
        }
    }
    Ok(())
}

/// `cargo build` for Windows with these options.
pub(crate) fn build_windows(sh: &Shell, options: &[&str]) -> Result {
    if has_std(sh, WINDOWS) || cmd!(sh, "rustup target add {WINDOWS}").quiet().ignore_stderr().run().is_ok() {
        cmd!(sh, "cargo build --quiet --locked {options...} --target {WINDOWS}").quiet().run()?;
        return Ok(());
    }
    eprintln!("no standard library for {WINDOWS} from rustup: building it with Debian's compiler");
    debian::ensure(
        sh,
        &["rustc-web", "cargo-web", "rust-web-src"]
            .map(|package| debian::Need { probe: debian::Probe::Package, package }),
    )?;
    // rustup's stand-ins for rustc and cargo must not answer here.
    let _path = sh.push_env("PATH", "/usr/bin:/bin");
    let _unstable = sh.push_env("RUSTC_BOOTSTRAP", "1");
    let _linker = sh.push_env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", "x86_64-w64-mingw32-gcc");
    cmd!(sh, "cargo build --quiet --locked {options...} --target {WINDOWS}")
        .arg("-Zbuild-std=std,panic_abort")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("LD_LIBRARY_PATH")
        .quiet()
        .run()?;
    Ok(())
}

/// Does this toolchain have a standard library for the target?
fn has_std(sh: &Shell, target: &str) -> bool {
    let folder = cmd!(sh, "rustc --print target-libdir --target {target}").quiet().ignore_stderr().read();
    folder.is_ok_and(|folder| Path::new(&folder).is_dir())
}

fn build_by_zig(sh: &Shell, signer: &Throwaway, out: &Path) -> Result {
    let programs = judges::from_pypi(sh, "zig", &["ziglang==0.17.0", "cargo-zigbuild==0.24.0"])?;
    let judges = judges::from_pypi(sh, "judges", &judges::FROM_PYPI)?;
    for (target, platform, file) in BY_ZIG {
        if !has_std(sh, target) {
            cmd!(sh, "rustup target add {target}").quiet().run()?;
        }
        let path = format!("{}:{}", programs.display(), sh.var("PATH")?);
        let _path = sh.push_env("PATH", path);
        cmd!(sh, "cargo zigbuild --quiet --locked --release --manifest-path {MANIFEST} --target {target}")
            .quiet()
            .run()?;
        let folder = out.join(platform);
        if file.ends_with(".exe") {
            finish_windows(sh, signer, "probe-service", target, &folder)?;
        } else {
            let signed = folder.join(file);
            fs::create_dir_all(&folder).at("create", &folder)?;
            sign::sign_ad_hoc(
                sh,
                &judges.join("python"),
                &out.join("build").join(target).join("release").join(file),
                &signed,
            )?;
            println!("{}", signed.display());
        }
    }
    Ok(())
}

/// Keeps the program twice: as the compiler left it, to prove that it is refused, and signed.
fn finish_windows(sh: &Shell, signer: &Throwaway, program: &str, target: &str, folder: &Path) -> Result {
    let unsigned = folder.join(format!("{program}-unsigned.exe"));
    copy(&built(sh, target).join(format!("{program}.exe")), &unsigned)?;
    let signed = folder.join(format!("{program}.exe"));
    signer.sign(sh, &unsigned, &signed)?;
    println!("{}", signed.display());
    Ok(())
}

fn built(sh: &Shell, target: &str) -> PathBuf {
    sh.current_dir().join("target/payloads/build").join(target).join("release")
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result {
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).at("create", folder)?;
    fs::copy(from, to).at("copy to", to)?;
    Ok(())
}
