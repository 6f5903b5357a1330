//! `cargo xtask test`: everything that has to hold, from a clean checkout. `.ci/run` is this command and nothing else.

use xshell::{Shell, cmd};

use crate::failure::Result;
use crate::{fuzz, image, judges, payloads, probe, release, tidy, windows, world};

/// Runs every check; the first that fails ends it.
pub(crate) fn run(sh: &Shell) -> Result {
    // First what costs a second and fails most often.
    tidy::run(sh)?;
    cmd!(sh, "cargo fmt --all --check").run()?;

    judges::run(sh)?;
    payloads::run(sh, false)?;
    windows::run(sh, false)?;
    probe::run(sh)?;
    payloads::lint(sh)?;
    cmd!(sh, "cargo clippy --quiet --locked --workspace --all-targets -- -D warnings").run()?;
    fuzz::lint(sh)?;
    cmd!(sh, "cargo doc --quiet --locked --workspace --no-deps").env("RUSTDOCFLAGS", "-D warnings").run()?;
    // A judge that is missing is an error from here on, not a test that is skipped.
    cmd!(sh, "cargo test --locked --workspace").env("STAMPWRIGHT_JUDGES", "required").run()?;
    // Other people's files, and what their tools make here, from end to end.
    world::small(sh, sh.current_dir().join("target/debug/stampwright"))?;
    release::rehearse(sh)?;
    image::rehearse(sh)
}
