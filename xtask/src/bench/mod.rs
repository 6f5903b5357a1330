//! `cargo xtask bench`: what building and stamping cost, beside what others need for the same, in one run on one machine. Writes
//! `docs/performance.md`. Times are medians of runs that take turns, so that a busy minute hits all of them.

mod batch;
mod builds;
mod kits;
mod measure;
mod page;
mod rpms;
mod serve;
mod setup;
mod signed;
mod stamps;

use std::path::Path;

use xshell::Shell;

use self::setup::{Bench, FOLDER, FULL, QUICK};
use crate::debian::{self, program};
use crate::failure::Result;
use crate::{demo, judges, samples, token};

/// A part that can be measured alone.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Part {
    /// Downloads from the service, beside nginx
    Serve,
}

/// Measures one part and puts its section into the page; a quick run only shows it. `program` is measured instead of a release build.
pub(crate) fn part(sh: &Shell, part: Part, quick: bool, program: Option<&Path>) -> Result {
    let Part::Serve = part;
    let stampwright = program.map_or_else(|| demo::program(sh), |program| Ok(program.to_owned()))?;
    let build = if program.is_some() { ", the service as a development build" } else { "" };
    let section = serve(sh, &stampwright, quick, build)?;
    println!("{section}");
    if quick { Ok(()) } else { page::keep_section(sh, serve::HEADING, &section) }
}

fn serve(sh: &Shell, stampwright: &Path, quick: bool, build: &str) -> Result<String> {
    let asked = if quick { serve::Asked { rounds: 1, secs: 2 } } else { serve::Asked { rounds: 3, secs: 8 } };
    Ok(serve::section(&serve::run(sh, stampwright, &asked)?, &format!("{}{build}", page::machine(sh)?)))
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
    let serve = serve(sh, &bench.stampwright, quick, "")?;
    let page = page::page(sh, effort, &builds, &stamps, (&kits, &batch, &signed), &serve)?;
    println!("{page}");
    if quick { Ok(()) } else { page::keep(sh, &page) }
}
