//! `cargo xtask world`: programs and packages that other people made, got by their packages' names with pinned digests. For each of
//! them `tests/world/*.tsv` has what an independent program says of it and what this one must say. With `--bless` the last three columns
//! are written anew, to be read by a person before they are kept.

mod case;
mod fetch;
mod judge;
mod ours;

use std::fs;
use std::path::Path;

use xshell::{Shell, cmd};

use self::case::{Case, TABLES, Table};
use crate::debian::{self, program};
use crate::failure::{AtPath, Failure, Result};
use crate::{judges, samples};

/// What is asked of the world.
#[derive(clap::Args)]
pub(crate) struct World {
    /// Only lines that have this in them
    only: Option<String>,
    /// Write what is said now into the tables
    #[arg(long)]
    bless: bool,
    /// Ask this program instead of building one
    #[arg(long, value_name = "FILE")]
    program: Option<std::path::PathBuf>,
}

/// Gets the files, asks everybody, and says where an answer is another one than the table's.
pub(crate) fn run(sh: &Shell, world: &World) -> Result {
    debian::ensure(
        sh,
        &[
            program("npm", "npm"),
            program("osslsigncode", "osslsigncode"),
            program("readelf", "binutils"),
            program("dpkg-deb", "dpkg"),
            program("unzip", "unzip"),
        ],
    )?;
    let python = judges::from_pypi(sh, "judges", &judges::FROM_PYPI)?.join("python");
    let stampwright = match &world.program {
        Some(program) => program.clone(),
        None => {
            cmd!(sh, "cargo build --quiet --locked --package stampwright-cli").quiet().run()?;
            sh.current_dir().join("target/debug/stampwright")
        }
    };
    let mut wrong = 0;
    for path in TABLES {
        let full = sh.current_dir().join(path);
        let mut table = Table::parse(&fs::read_to_string(&full).at("read", &full)?)
            .map_err(|problem| Failure::answer(path, problem))?;
        for case in
            table.cases.iter_mut().filter(|case| world.only.as_ref().is_none_or(|only| case.line().contains(only)))
        {
            match asked(sh, &python, &stampwright, case) {
                Ok(found) if found == *case => println!("{}: {}", case.name(), case.ours),
                Ok(found) if world.bless => {
                    println!("{}: {} | {} | {}", found.name(), found.judge, found.judged, found.ours);
                    *case = found;
                }
                Ok(found) => {
                    wrong += 1;
                    println!("{}: differs\n  must be  {}\n  is       {}", case.name(), case.line(), found.line());
                }
                Err(failure) => {
                    wrong += 1;
                    println!("{}: {failure}", case.name());
                }
            }
        }
        if world.bless {
            fs::write(&full, table.text()).at("write", &full)?;
        }
    }
    if wrong > 0 {
        return Err(Failure::answer(
            "the world",
            format!("{wrong} files are answered differently, or were not to be had"),
        ));
    }
    Ok(())
}

/// The case with the answers of today.
fn asked(sh: &Shell, python: &Path, stampwright: &Path, case: &Case) -> Result<Case> {
    let file = fetch::file(sh, case)?;
    let sha256 = samples::sha256_of(&file)?;
    let judged = judge::ask(sh, python, &case.judge, &file)?;
    let ours = ours::ask(sh, stampwright, case, &file)?;
    Ok(Case { sha256, judged, ours, ..case.clone() })
}
