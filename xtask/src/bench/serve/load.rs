//! wrk as the client, and what a server's processes needed meanwhile.

use std::fs;

use xshell::{Shell, cmd};

use crate::failure::{AtPath, Failure, Result};

/// What wrk and the kernel say of one server, in one turn.
#[derive(Clone, Copy)]
pub(super) struct Load {
    /// GB (10^9 bytes) for a second that clients have read.
    pub(super) gb_per_second: f64,
    /// CPU seconds of the server's processes for a GB.
    pub(super) cpu_per_gb: f64,
}

/// What is asked of a server: what wrk's script says, for some seconds, on so many connections.
pub(super) struct Turn<'a> {
    pub(super) address: &'a str,
    pub(super) script: &'a str,
    pub(super) connections: usize,
    pub(super) secs: u64,
    /// Those that wrk has.
    pub(super) processors: &'a str,
}

impl Turn<'_> {
    /// Asks, and counts the CPU time of these processes.
    pub(super) fn run(&self, sh: &Shell, processes: &[u32]) -> Result<Load> {
        let Turn { address, script, processors, .. } = self;
        let (connections, secs) = (self.connections.to_string(), self.secs.to_string());
        let threads = self.connections.min(2).to_string();
        let before = cpu_secs(sh, processes)?;
        let said = cmd!(sh, "taskset -c {processors} wrk -t {threads} -c {connections} -d {secs} --timeout 60");
        let said = said.arg("-s").arg(script).arg(address).quiet().read()?;
        let needed = cpu_secs(sh, processes)? - before;
        let (gb, took) = read(&said).ok_or_else(|| Failure::answer("wrk", said.clone()))?;
        Ok(Load { gb_per_second: gb / took, cpu_per_gb: needed / gb })
    }
}

/// The GB that were read and the seconds that it took; nothing if a request failed.
fn read(report: &str) -> Option<(f64, f64)> {
    if report.contains("Non-2xx") || report.contains("Socket errors") {
        return None;
    }
    // `  100 requests in 5.00s, 1.00GB read`
    let (took, bytes) = report.lines().find_map(|line| line.split_once(" requests in ")?.1.split_once("s, "))?;
    let bytes = bytes.trim().strip_suffix(" read")?;
    let units = [("TB", 1_u64 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)];
    let (unit, scale) = units.into_iter().find(|(unit, _)| bytes.ends_with(unit))?;
    Some((bytes.strip_suffix(unit)?.parse::<f64>().ok()? * scale as f64 / 1e9, took.parse().ok()?))
}

/// User and system time of processes, from proc(5).
pub(super) fn cpu_secs(sh: &Shell, processes: &[u32]) -> Result<f64> {
    let ticks: f64 = cmd!(sh, "getconf CLK_TCK").quiet().read()?.trim().parse().unwrap_or(100.0);
    let mut sum = 0.0;
    for process in processes {
        let path = format!("/proc/{process}/stat");
        let stat = fs::read_to_string(&path).at("read", &path)?;
        // The second field is a name in brackets, which may have spaces in it; utime and stime are the 14th and 15th.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let field = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
        let of = field(11).zip(field(12)).ok_or_else(|| Failure::answer(&path, "it has no times"))?;
        sum += (of.0 + of.1) / ticks;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "Running 5s test @ http://127.0.0.1:1\n  2 threads and 16 connections\n  100 requests in 5.00s, 1.00GB read\n\
         Requests/sec:     20.50\nTransfer/sec:    200.00MB\n";

    #[test]
    fn a_report_is_read() {
        let (gb, took) = read(REPORT).unwrap();
        assert!((gb - 1.073_741_824).abs() < 1e-9 && (took - 5.0).abs() < 1e-9);
        assert!(read(&format!("{REPORT}  Non-2xx or 3xx responses: 3\n")).is_none());
        assert!(read("nothing").is_none());
    }
}
