//! `cargo xtask bench`: what building and stamping cost, beside what others need for the same, in one run on one machine. Writes
//! `docs/performance.md`. Times are medians of runs that take turns, so that a busy minute hits all of them.

mod batch;
mod builds;
mod enroll;
mod kits;
mod measure;
mod page;
mod rpms;
mod serve;
mod setup;
mod signed;
mod stamps;

use std::path::{Path, PathBuf};

use xshell::Shell;

use self::page::Section;
use self::setup::{Bench, Effort, FOLDER, FULL, QUICK};
use crate::debian::{self, program};
use crate::failure::{Failure, Result};
use crate::{demo, judges, samples, token};

/// A part that can be measured alone. A later one needs what an earlier one has built, in `target/bench/`.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Building MSIs and flat packages, beside those who build such files
    Builds,
    /// Building debs
    Debs,
    /// Building rpms
    Rpms,
    /// Stamping, as a process and inside one
    Stamps,
    /// Wrapping for Intune
    Kits,
    /// Stamping a list
    List,
    /// Stamping signed bases
    Signed,
    /// Downloads from the service, beside nginx
    Serve,
    /// The agent kit on a device, and a fleet that enrolls
    Enroll,
}

/// In this order, which is that of what they need.
const ALL: [Part; 9] = [
    Part::Builds,
    Part::Debs,
    Part::Rpms,
    Part::Stamps,
    Part::Kits,
    Part::List,
    Part::Signed,
    Part::Serve,
    Part::Enroll,
];

/// What is asked of a run.
#[derive(clap::Args)]
pub(crate) struct Asked {
    /// Only these parts, and their sections of the page
    parts: Vec<Part>,
    /// Fewer and smaller runs, shown and not written
    #[arg(long)]
    quick: bool,
    /// With a part: measure this program instead of a release build
    #[arg(long, requires = "parts")]
    program: Option<PathBuf>,
}

/// Measures, and puts each section into the page as soon as it is there: a run takes most of an hour, and may end early.
pub(crate) fn run(sh: &Shell, asked: &Asked) -> Result {
    let effort = if asked.quick { QUICK } else { FULL };
    let stampwright = asked.program.clone().map_or_else(|| demo::program(sh), Ok)?;
    let build = if asked.program.is_some() { ", a development build" } else { "" };
    let machine = format!("{}{build}", page::machine(sh)?);
    let run = format!("One run of {} on {machine}.", page::version(sh)?);
    let parts = if asked.parts.is_empty() { ALL.to_vec() } else { asked.parts.clone() };
    let (mut bench, mut outside) = (None, Vec::new());
    for part in parts {
        let sections = if part == Part::Serve {
            let (section, lines) = serve(sh, &stampwright, asked.quick, &run)?;
            outside.extend(lines);
            vec![section]
        } else if part == Part::Enroll {
            vec![enroll(sh, &stampwright, asked.quick, &machine)?]
        } else {
            let bench = match &bench {
                Some(bench) => bench,
                None => bench.insert(prepared(sh, effort, &stampwright)?),
            };
            sections(bench, part, &run)?
        };
        for section in sections {
            println!("{section}");
            if !asked.quick {
                page::keep(sh, &section)?;
            }
        }
    }
    if asked.quick || outside.is_empty() {
        return Ok(());
    }
    Err(Failure::answer("the service", format!("it is outside of its bounds: {}", outside.join("; "))))
}

fn sections(bench: &Bench<'_>, part: Part, run: &str) -> Result<Vec<Section>> {
    let rounds = bench.effort.builds;
    Ok(match part {
        Part::Builds => vec![page::builds(page::BASES, &builds::run(bench)?, rounds, run)],
        Part::Debs => vec![page::builds(page::DEBS, &builds::debs(bench)?, rounds, run)],
        Part::Rpms => vec![page::builds(page::RPMS, &rpms::run(bench)?, rounds, run)],
        Part::Stamps => {
            let stamps = stamps::run(bench)?;
            vec![page::inside(&stamps, bench.effort.bulk_mib, run), page::to_a_file(&stamps, bench.effort.stamps, run)]
        }
        Part::Kits => vec![page::kits(&kits::run(bench)?, rounds, run)],
        Part::List => vec![page::list(&batch::run(bench)?, run)],
        Part::Signed => vec![page::signed_bases(&signed::run(bench)?, run)],
        Part::Serve | Part::Enroll => Vec::new(),
    })
}

/// The service's section, and what is outside of its bounds.
fn serve(sh: &Shell, stampwright: &Path, quick: bool, run: &str) -> Result<(Section, Vec<String>)> {
    let asked = if quick { serve::Asked { rounds: 1, secs: 2 } } else { serve::Asked { rounds: 5, secs: 5 } };
    let served = serve::run(sh, stampwright, &asked)?;
    Ok((serve::section(&served, &asked, run), served.outside()))
}

fn enroll(sh: &Shell, stampwright: &Path, quick: bool, machine: &str) -> Result<Section> {
    let asked = if quick {
        enroll::Asked { devices: 200, rest_secs: 5 }
    } else {
        enroll::Asked { devices: 5000, rest_secs: 60 }
    };
    Ok(enroll::section(&enroll::run(sh, stampwright, &asked)?, machine))
}

/// What all but the service's parts start from.
fn prepared<'a>(sh: &'a Shell, effort: Effort, stampwright: &Path) -> Result<Bench<'a>> {
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
    Ok(Bench {
        sh,
        effort,
        stampwright: stampwright.to_owned(),
        token: token::for_tests(sh, FOLDER)?,
        venv: judges::from_pypi(sh, "judges", &judges::FROM_PYPI)?,
    })
}
