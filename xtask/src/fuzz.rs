//! `cargo xtask fuzz`: every reader of untrusted input for a minute each. A crash, an answer that takes more than a second, or
//! memory beyond the limit is a failure, and the input that did it is kept in `fuzz/artifacts/`. Once it is understood it belongs into
//! `fuzz/corpus-regressions/`, where the tests read it.
//!
//! libFuzzer needs its coverage counters and nothing else, because there is no unsafe code that a sanitizer could watch: the stable
//! compiler is enough.

use std::fs;
use std::path::Path;

use xshell::{Shell, cmd};

use crate::debian::{self, program};
use crate::failure::{AtPath, Failure, Result};
use crate::token;

/// LLVM's counters, as libFuzzer reads them (clang, SanitizerCoverage).
const COUNTERS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";
/// The rule is an error within a second and under 64 MiB; libFuzzer's own tables come on top.
const MAX_MIB: &str = "512";
const MAX_INPUT_BYTES: &str = "131072";
/// Where the installers to start from are made.
const SEEDS: &str = "target/fuzz/seeds";

/// Whether the targets still fit the readers; nothing is run. In the workspace's folder, where most of what they need is compiled.
pub(crate) fn lint(sh: &Shell) -> Result {
    debian::ensure(sh, &[program("c++", "g++")])?;
    let clippy = "clippy --quiet --locked --manifest-path fuzz/Cargo.toml --target-dir target -- -D warnings";
    cmd!(sh, "cargo").args(clippy.split(' ')).run().map_err(Into::into)
}

/// Runs one target, or all of them.
pub(crate) fn run(sh: &Shell, only: Option<&str>, secs: u32) -> Result {
    debian::ensure(sh, &[program("c++", "g++")])?;
    let names = targets(sh)?;
    let chosen: Vec<&String> = names.iter().filter(|name| only.is_none_or(|only| only == *name)).collect();
    if chosen.is_empty() {
        return Err(Failure::answer("fuzz", format!("no such target; there are {}", names.join(", "))));
    }
    let out = sh.current_dir().join("target/fuzz");
    // The tests put their own files into the corpora, each where it is good input.
    cmd!(sh, "cargo test --quiet --test all -- --exact hostile::seeds --ignored").quiet().ignore_stdout().run()?;
    // A target of its own keeps the counters out of build scripts.
    let host = cmd!(sh, "rustc --print host-tuple").quiet().read()?;
    cmd!(sh, "cargo build --quiet --release --manifest-path fuzz/Cargo.toml --target {host}")
        .env("CARGO_TARGET_DIR", &out)
        .env("RUSTFLAGS", COUNTERS)
        .quiet()
        .run()?;
    installers(sh)?;
    for name in chosen {
        fuzz(sh, &out.join(&host).join("release").join(name), name, secs)?;
    }
    Ok(())
}

fn fuzz(sh: &Shell, target: &Path, name: &str, secs: u32) -> Result {
    let corpus = sh.current_dir().join("fuzz/corpus").join(name);
    let artifacts = sh.current_dir().join("fuzz/artifacts").join(name);
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).at("create", folder)?;
    }
    seed(sh, name, &corpus)?;
    let limits = [
        format!("-max_total_time={secs}"),
        "-timeout=1".to_owned(),
        format!("-rss_limit_mb={MAX_MIB}"),
        format!("-max_len={MAX_INPUT_BYTES}"),
        format!("-artifact_prefix={}/", artifacts.display()),
        "-print_final_stats=1".to_owned(),
        "-verbosity=0".to_owned(),
    ];
    let output = cmd!(sh, "{target} {limits...} {corpus}").quiet().ignore_status().output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprintln!("{words}");
        return Err(Failure::answer(name, format!("fails on an input that is kept in {}", artifacts.display())));
    }
    let runs = words.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    println!("{name}: {} runs in {secs} s, nothing found", runs.unwrap_or(" unknown").trim());
    Ok(())
}

/// Our own smallest installers, made anew in each run: an old layout would be refused at the door.
fn installers(sh: &Shell) -> Result {
    let token = token::for_tests(sh, SEEDS)?;
    // The Mach-O is signed ad hoc, which make counts as unsigned.
    let make = [
        "make",
        "--product",
        "fuzz/seeds/product.toml",
        "--allow-unsigned-agent",
        "--token-file",
        &token,
        "--output",
        SEEDS,
    ];
    cmd!(sh, "cargo run --quiet --locked --package stampwright-cli -- {make...}").quiet().ignore_stderr().run()?;
    Ok(())
}

/// Small real files to start from: what fuzzing finds by itself from nothing is mostly the first magic number.
fn seed(sh: &Shell, name: &str, corpus: &Path) -> Result {
    let regressions = format!("fuzz/corpus-regressions/{name}");
    for folder in ["fuzz/seeds", SEEDS, &regressions] {
        let folder = sh.current_dir().join(folder);
        if !folder.is_dir() {
            continue;
        }
        for seed in fs::read_dir(&folder).at("list", &folder)?.flatten() {
            let to = corpus.join(seed.file_name());
            fs::copy(seed.path(), &to).at("copy to", &to)?;
        }
    }
    Ok(())
}

fn targets(sh: &Shell) -> Result<Vec<String>> {
    let folder = sh.current_dir().join("fuzz/targets");
    let list = fs::read_dir(&folder).at("list", &folder)?;
    let files = list.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = files.filter_map(|file| Some(file.strip_suffix(".rs")?.to_owned())).collect();
    names.sort();
    Ok(names)
}
