//! The program for each architecture: built by this toolchain, for another machine with Debian's cross compiler, and run there by an emulator.

use std::path::{Path, PathBuf};

use xshell::{Cmd, Shell, cmd};

use crate::debian::{self, Need, Probe, program};
use crate::failure::{Failure, Result};

/// An architecture by a manifest's name, its Rust target, and what another machine needs for it: the linker, which compiles zstd, SQLite,
/// libdeflate and ring as well, the emulator and where the C library for it is.
struct Architecture {
    name: &'static str,
    target: &'static str,
    linker: &'static str,
    needs: [Need; 3],
    emulator: &'static str,
    libraries: &'static str,
}

const ARCHITECTURES: [Architecture; 2] = [
    Architecture {
        name: "x64",
        target: "x86_64-unknown-linux-gnu",
        linker: "x86_64-linux-gnu-gcc",
        needs: [
            program("x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu"),
            Need { probe: Probe::Package, package: "libc6-dev-amd64-cross" },
            program("qemu-x86_64", "qemu-user"),
        ],
        emulator: "qemu-x86_64",
        libraries: "/usr/x86_64-linux-gnu",
    },
    Architecture {
        name: "arm64",
        target: "aarch64-unknown-linux-gnu",
        linker: "aarch64-linux-gnu-gcc",
        needs: [
            program("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
            Need { probe: Probe::Package, package: "libc6-dev-arm64-cross" },
            program("qemu-aarch64", "qemu-user"),
        ],
        emulator: "qemu-aarch64",
        libraries: "/usr/aarch64-linux-gnu",
    },
];

/// This machine's, by the name that manifests have.
pub(super) fn own_architecture() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("x64"),
        "aarch64" => Ok("arm64"),
        other => {
            Err(Failure::answer("this machine", format!("its architecture is {other}, must be x86_64 or aarch64")))
        }
    }
}

/// Builds the program for every architecture; where a toolchain cannot, says what it lacks and leaves that one out.
pub(super) fn built(sh: &Shell) -> Result<Vec<(&'static str, PathBuf)>> {
    let own = own_architecture()?;
    let mut programs = Vec::new();
    for architecture in &ARCHITECTURES {
        let Architecture { name, target, linker, needs, .. } = architecture;
        let is_cross = *name != own;
        if !has_library(sh, target) {
            eprintln!("{name}: left out: no standard library for {target} (rustup target add {target})");
            continue;
        }
        if let (true, Err(missing)) = (is_cross, debian::ensure(sh, needs)) {
            eprintln!("{name}: left out: {missing}");
            continue;
        }
        let variable = target.to_uppercase().replace('-', "_");
        let _linker = is_cross.then(|| sh.push_env(format!("CARGO_TARGET_{variable}_LINKER"), linker));
        let _compiler = is_cross.then(|| sh.push_env(format!("CC_{}", target.replace('-', "_")), linker));
        cmd!(sh, "cargo build --quiet --locked --release --package stampwright-cli --target {target}").quiet().run()?;
        programs.push((*name, sh.current_dir().join("target").join(target).join("release/stampwright")));
    }
    Ok(programs)
}

/// Whether the toolchain has the target's standard library; rustup is asked for it first.
fn has_library(sh: &Shell, target: &str) -> bool {
    let there = || {
        let folder = cmd!(sh, "rustc --print target-libdir --target {target}").quiet().ignore_stderr().read();
        folder.is_ok_and(|folder| Path::new(&folder).is_dir())
    };
    there() || {
        let added = cmd!(sh, "rustup target add {target}").quiet().ignore_stdout().ignore_stderr().run();
        added.is_ok() && there()
    }
}

/// The program as a command, by an emulator where it is for another machine. `None`: there is no emulator.
pub(super) fn command<'a>(sh: &'a Shell, arch: &str, program: &Path) -> Result<Option<Cmd<'a>>> {
    if arch == own_architecture()? {
        return Ok(Some(cmd!(sh, "{program}")));
    }
    let found = ARCHITECTURES.iter().find(|one| one.name == arch);
    Ok(found.filter(|one| debian::has_program(sh, one.emulator)).map(|one| {
        let (emulator, libraries) = (one.emulator, one.libraries);
        cmd!(sh, "{emulator} -L {libraries} {program}")
    }))
}
