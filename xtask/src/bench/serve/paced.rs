//! How long a client waits for its first byte while many others read slowly: 256 connections at saturation would measure the queue on the
//! machine's cores, whoever serves.

use std::fmt::Write as _;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use xshell::{Shell, cmd};

use crate::failure::{AtPath, Failure, Result};

/// Readers at once, and what each takes in a second.
const READERS: usize = 256;
const RATE: &str = "1M";
/// Clients that come one after another meanwhile.
const PROBES: usize = 200;

/// A download: how curl is to ask for it, for one client by its number.
pub(super) type Ask<'a> = &'a dyn Fn(usize) -> String;

/// Milliseconds from a request to its first byte: of half of the clients at most, of 99 in 100 at most.
#[derive(Clone, Copy)]
pub(super) struct Wait {
    pub(super) half: f64,
    pub(super) most: f64,
}

/// What clients have waited for.
#[derive(Clone, Copy)]
pub(super) struct FirstByte {
    /// Without the part that the server's `Server-Timing` gives to its ledger.
    pub(super) server: Wait,
    /// With it.
    pub(super) whole: Wait,
}

/// The time to the first byte.
pub(super) fn first_byte(sh: &Shell, processors: &str, folder: &str, ask: Ask<'_>) -> Result<FirstByte> {
    let each = "write-out = \"%{time_starttransfer} %header{server-timing}\\n\"\n";
    let requests = config(sh, &format!("{folder}/probes.curl"), PROBES, ask, each)?;
    let said = cmd!(sh, "taskset -c {processors} curl -sS --fail -K {requests}").quiet().read()?;
    let times: Vec<(f64, f64)> = said.lines().filter_map(times).collect();
    if times.len() != PROBES {
        return Err(Failure::answer("curl", format!("{} of {PROBES} downloads were answered", times.len())));
    }
    Ok(FirstByte {
        server: wait(times.iter().map(|(whole, ledger)| whole - ledger)),
        whole: wait(times.iter().map(|(whole, _)| *whole)),
    })
}

/// The milliseconds of a download to its first byte, and those of the ledger within: `0.004571 ledger;dur=3.201`.
fn times(line: &str) -> Option<(f64, f64)> {
    let (whole, timing) = line.split_once(' ')?;
    let ledger = timing.trim().strip_prefix("ledger;dur=");
    Some((whole.parse::<f64>().ok()? * 1000.0, ledger.map_or(Some(0.0), |text| text.parse().ok())?))
}

fn wait(times: impl Iterator<Item = f64>) -> Wait {
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    let of = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or(f64::NAN);
    Wait { half: of(50), most: of(99) }
}

/// Clients that read slowly; they go with this.
pub(super) struct Readers(Child);

impl Readers {
    /// Starts them, and waits until they have all begun.
    pub(super) fn start(sh: &Shell, processors: &str, folder: &str, ask: Ask<'_>) -> Result<Self> {
        let each = format!("limit-rate = \"{RATE}\"\n");
        let requests = config(sh, &format!("{folder}/readers.curl"), READERS, ask, &each)?;
        let mut command = Command::new("taskset");
        command.current_dir(sh.current_dir()).args([
            "-c",
            processors,
            "curl",
            "-sS",
            "--no-keepalive",
            "--parallel",
            "--parallel-immediate",
        ]);
        command.args(["--parallel-max", &READERS.to_string(), "-K", &requests]).stdout(Stdio::null());
        let readers = Self(command.stderr(Stdio::null()).spawn().at("start", "curl")?);
        thread::sleep(Duration::from_secs(2));
        Ok(readers)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        // It may be through already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A file of requests for curl; what is secret in them is not seen among the arguments.
fn config(sh: &Shell, path: &str, count: usize, ask: Ask<'_>, each: &str) -> Result<String> {
    let mut text = String::new();
    for number in 0..count {
        // Writing to a String cannot fail.
        let _ =
            write!(text, "{}{}output = \"/dev/null\"\n{each}", if number == 0 { "" } else { "next\n" }, ask(number));
    }
    let full = sh.current_dir().join(path);
    fs::write(&full, text).at("write", &full)?;
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledgers_part_is_told_apart() {
        assert_eq!(times("0.004500 ledger;dur=3.250"), Some((4.5, 3.25)));
        assert_eq!(times("0.000500 "), Some((0.5, 0.0)));
        assert_eq!(times("0.000500 ledger;dur=x"), None);
        assert_eq!(times(""), None);
    }
}
