//! `cargo xtask world`: programs and packages that other people made, got by their packages' names with pinned digests. For each of
//! them `tests/world/*.tsv` has what an independent program says of it and what this one must say. With `--bless` the last two columns
//! are written anew, to be read by a person before they are kept.

mod case;
mod contents;
mod fetch;
mod judge;
mod made;
mod ours;
mod token;

use std::fs;
use std::path::Path;

use xshell::{Shell, cmd};

use self::case::{Case, TABLES, Table};
use crate::debian::{self, Need, Probe, program};
use crate::failure::{AtPath, Failure, Result};
use crate::{judges, samples};

/// The part that the test command runs: what is small, got by a pinned name from npm or PyPI, or made here in a second.
const SMALL: [&str; 7] = [
    "npm\trcedit@4.0.1\t",
    "npm\tnode-notifier@10.0.1\t",
    "npm\t7zip-bin@5.2.0\t",
    "made\tmsi.sh ",
    "made\tmsi-embala ",
    "made\tpkg.sh ",
    "made\tdeb.sh ",
];

/// What of it is not small: recipes that need a source package of Debian.
const LARGE: [&str; 2] = ["made\tmsi.sh quantum\t", "made\tmsi.sh spanned\t"];

/// What is asked of the world.
#[derive(clap::Args)]
pub(crate) struct World {
    /// Only lines that have this in them
    only: Option<String>,
    /// Only the part that the test command runs
    #[arg(long)]
    small: bool,
    /// Write what is said now into the tables. A file with another digest than the pinned one stays a failure
    #[arg(long)]
    bless: bool,
    /// With --bless: write the digests as well. Only for lines whose file was changed on purpose
    #[arg(long, requires = "bless")]
    new_digests: bool,
    /// Ask this program instead of building one
    #[arg(long, value_name = "FILE")]
    program: Option<std::path::PathBuf>,
}

/// What gets the files, makes some, and judges them.
fn others_tools(sh: &Shell) -> Result {
    debian::ensure(
        sh,
        &[
            program("npm", "npm"),
            program("osslsigncode", "osslsigncode"),
            program("readelf", "binutils"),
            program("dpkg-deb", "dpkg"),
            program("rpm", "rpm"),
            program("unzip", "unzip"),
            program("openssl", "openssl"),
            program("wixl", "wixl"),
            program("msiextract", "msitools"),
            program("gcab", "gcab"),
            program("bsdtar", "libarchive-tools"),
            program("file", "file"),
            Need { probe: Probe::Package, package: "gir1.2-gsf-1" },
            Need { probe: Probe::Package, package: "python3-gi" },
        ],
    )
}

/// The small part, with a program that is built already.
pub(crate) fn small(sh: &Shell, program: std::path::PathBuf) -> Result {
    run(sh, &World { only: None, small: true, bless: false, new_digests: false, program: Some(program) })
}

/// Gets the files, asks everybody, and says where an answer is another one than the table's.
pub(crate) fn run(sh: &Shell, world: &World) -> Result {
    others_tools(sh)?;
    let python = judges::from_pypi(sh, "judges", &judges::FROM_PYPI)?.join("python");
    let stampwright = match &world.program {
        Some(program) => program.clone(),
        None => {
            cmd!(sh, "cargo build --quiet --locked --package stampwright-cli").quiet().run()?;
            sh.current_dir().join("target/debug/stampwright")
        }
    };
    let (mut wrong, mut asked_for) = (0, 0);
    for path in TABLES {
        let full = sh.current_dir().join(path);
        let mut table = Table::parse(&fs::read_to_string(&full).at("read", &full)?)
            .map_err(|problem| Failure::answer(path, problem))?;
        for case in table.cases.iter_mut().filter(|case| world.asks_for(&case.line())) {
            asked_for += 1;
            let found = asked(sh, &python, &stampwright, case).and_then(|found| world.pinned(case, found));
            match found {
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
    if let (0, Some(only)) = (asked_for, &world.only) {
        return Err(Failure::answer("tests/world", format!("no line has {only:?} in it")));
    }
    if wrong > 0 {
        return Err(Failure::answer(
            "the world",
            format!("{wrong} files are answered differently, or were not to be had"),
        ));
    }
    Ok(())
}

impl World {
    /// Whether a line of a table is to be asked about.
    fn asks_for(&self, line: &str) -> bool {
        let is_small =
            SMALL.iter().any(|start| line.starts_with(start)) && !LARGE.iter().any(|start| line.starts_with(start));
        self.only.as_ref().is_none_or(|only| line.contains(only)) && (!self.small || is_small)
    }

    /// A file of another digest is another file: its answers replace those of the table only if that is asked for by name.
    fn pinned(&self, case: &Case, found: Case) -> Result<Case> {
        if found.sha256 == case.sha256 || !self.bless || self.new_digests {
            return Ok(found);
        }
        let (name, found, expected) = (case.name(), found.sha256, &case.sha256);
        Err(Failure::answer(name, format!("sha256 is {found}, must be {expected}; --new-digests takes it")))
    }
}

/// The case with the answers of today.
fn asked(sh: &Shell, python: &Path, stampwright: &Path, case: &Case) -> Result<Case> {
    let file = if case.source == "made" { made::file(sh, &case.package)? } else { fetch::file(sh, case)? };
    // What is made anew each time has other identifiers each time.
    let sha256 = if case.source == "made" { case.sha256.clone() } else { samples::sha256_of(&file)? };
    let judged = judge::ask(sh, python, &case.judge, &file)?;
    let ours = ours::ask(sh, stampwright, case, &file)?;
    Ok(Case { sha256, judged, ours, ..case.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(sha256: &str, ours: &str) -> Case {
        let line = format!("debian\thello\t-\t-\t{sha256}\tdpkg-deb\treads it\t{ours}\n");
        Table::parse(&line).unwrap().cases.remove(0)
    }

    #[test]
    fn a_new_digest_is_not_blessed_unless_asked_for() {
        let world = |bless, new_digests| World { only: None, small: false, bless, new_digests, program: None };
        let (before, same, other) = (case("aa", "ok"), case("aa", "not ok"), case("bb", "ok"));
        assert_eq!(world(true, false).pinned(&before, same.clone()).unwrap(), same);
        let refused = world(true, false).pinned(&before, other.clone()).unwrap_err().to_string();
        assert!(refused.contains("sha256 is bb, must be aa"), "{refused}");
        assert_eq!(world(true, true).pinned(&before, other.clone()).unwrap(), other);
        // Without --bless it differs from the table, and that is said as every difference.
        assert_eq!(world(false, false).pinned(&before, other.clone()).unwrap(), other);
    }
}
