//! What the agent kit adds to an agent: the reference agent, which is little more than the kit, less a program that does nothing. Both are
//! stripped, and built with the same profile.

use std::fs;
use std::path::Path;

use xshell::{Shell, cmd};

use crate::failure::{AtPath, Failure, Result};

/// The most bytes that the kit may add.
pub(crate) const MOST_BYTES: u64 = 1_500_000;

/// A program that does nothing: what it has, every program in Rust has.
const NOTHING: &str = "fn main() { println!(\"nothing\"); }";
/// As the profile of `payloads/reference-agent/Cargo.toml` builds.
const LEAN: [&str; 10] = [
    "-Copt-level=z",
    "-Clto=true",
    "-Ccodegen-units=1",
    "-Cpanic=abort",
    "-Cstrip=symbols",
    "--edition",
    "2024",
    "--crate-type",
    "bin",
    "-o",
];

/// The bytes that the agent has more than a program that does nothing. That one is made in `folder`.
pub(crate) fn added(sh: &Shell, agent: &Path, folder: &Path) -> Result<u64> {
    fs::create_dir_all(folder).at("create", folder)?;
    let (source, program) = (folder.join("nothing.rs"), folder.join("nothing"));
    fs::write(&source, NOTHING).at("write", &source)?;
    cmd!(sh, "rustc").args(LEAN).arg(&program).arg(&source).quiet().run()?;
    let bytes = |path: &Path| Ok::<_, Failure>(fs::metadata(path).at("measure", path)?.len());
    Ok(bytes(agent)?.saturating_sub(bytes(&program)?))
}

/// Refuses an agent to which the kit adds more than it may.
pub(crate) fn check(sh: &Shell, agent: &Path, folder: &Path) -> Result {
    match added(sh, agent, folder)? {
        found if found < MOST_BYTES => Ok(()),
        found => Err(Failure::Answer {
            program: agent.display().to_string(),
            answer: format!("the agent kit adds {found} bytes to an agent, must be below {MOST_BYTES}"),
        }),
    }
}
