//! `cargo xtask bench`: what building and stamping cost, beside what others need for the same, in one run on one machine. Writes
//! `docs/performance.md`. Times are medians of runs that take turns, so that a busy minute hits all of them.

mod batch;
mod builds;
mod kits;
mod measure;
mod page;
mod rpms;
mod setup;
mod signed;
mod stamps;

use xshell::Shell;

use self::setup::{Bench, FOLDER, FULL, QUICK};
use crate::debian::{self, program};
use crate::failure::Result;
use crate::{demo, judges, samples, token};

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
            program("rpmbuild", "rpm"),
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
    let mut builds = builds::run(&bench)?;
    builds.extend(rpms::run(&bench)?);
    let stamps = stamps::run(&bench)?;
    let kits = kits::run(&bench)?;
    let batch = batch::run(&bench)?;
    let signed = signed::run(&bench)?;
    let page = page::page(sh, effort, &builds, &stamps, (&kits, &batch, &signed))?;
    println!("{page}");
    if quick { Ok(()) } else { page::keep(sh, &page) }
}
