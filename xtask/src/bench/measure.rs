//! Whole processes, measured by GNU time: the kernel's count of CPU time and peak memory, of a program and all its children.

use std::fs;
use std::path::Path;

use xshell::{Shell, cmd};

use super::setup::FOLDER;
use crate::failure::{AtPath, Failure, Result};

/// One way to do something, as a line of shell.
pub(super) struct Way {
    /// What the page calls it.
    pub(super) name: String,
    /// The line; it starts in the tree's top folder.
    pub(super) line: String,
    /// What it makes, removed before each run and measured after the last.
    pub(super) output: String,
}

/// What a way needs.
pub(super) struct Measured {
    /// What the page calls it.
    pub(super) name: String,
    /// Medians.
    pub(super) wall_secs: f64,
    /// User and system time together.
    pub(super) cpu_secs: f64,
    /// The largest of all runs.
    pub(super) peak_mib: f64,
    /// The size of what it made.
    pub(super) bytes: u64,
}

/// Runs the ways in turns, `rounds` times each.
pub(super) fn in_turns(sh: &Shell, ways: &[Way], rounds: usize) -> Result<Vec<Measured>> {
    let mut runs: Vec<Vec<Run>> = ways.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (way, runs) in ways.iter().zip(&mut runs) {
            runs.push(once(sh, way)?);
        }
    }
    let mut measured = Vec::new();
    for (way, runs) in ways.iter().zip(&runs) {
        let output = sh.current_dir().join(&way.output);
        measured.push(Measured {
            name: way.name.clone(),
            wall_secs: median(runs.iter().map(|run| run.wall_secs)),
            cpu_secs: median(runs.iter().map(|run| run.cpu_secs)),
            peak_mib: runs.iter().map(|run| run.peak_kib / 1024.0).fold(0.0, f64::max),
            bytes: fs::metadata(&output).at("measure", &output)?.len(),
        });
    }
    Ok(measured)
}

struct Run {
    wall_secs: f64,
    cpu_secs: f64,
    peak_kib: f64,
}

fn once(sh: &Shell, way: &Way) -> Result<Run> {
    let output = sh.current_dir().join(&way.output);
    if output.exists() {
        fs::remove_file(&output).at("remove", &output)?;
    }
    // Or whoever syncs first also waits for what the run before has left to the disk.
    cmd!(sh, "sync").quiet().run()?;
    let numbers = sh.current_dir().join(FOLDER).join("time.txt");
    let line = &way.line;
    // The shell is replaced by the line's last program where there is only one: `exec` keeps it out of the count.
    cmd!(sh, "time -f")
        .args(["%e %U %S %M", "-o"])
        .arg(&numbers)
        .args(["sh", "-c", line])
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()?;
    read(&numbers).ok_or_else(|| Failure::answer("time", format!("no four numbers for: {line}")))
}

fn read(numbers: &Path) -> Option<Run> {
    let text = fs::read_to_string(numbers).ok()?;
    let mut fields = text.lines().next_back()?.split(' ').map(|field| field.parse::<f64>().ok());
    let mut next = || fields.next().flatten();
    let (wall_secs, user, system, peak_kib) = (next()?, next()?, next()?, next()?);
    Some(Run { wall_secs, cpu_secs: user + system, peak_kib })
}

/// The middle one, or the mean of the two middle ones.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    f64::midpoint(at(low), at(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), 2.5);
        assert!(median(std::iter::empty()).is_nan());
    }
}
