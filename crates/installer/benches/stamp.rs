//! What a stamp costs inside a process that serves many: opening a base, stamping it, and the memory for both.
//!
//! `cargo bench --bench stamp -- BASE…` prints one JSON document a line. Memory is the kernel's own count of the
//! process's peak, so one base is measured per process: with several, the first one's peak hides the others'.
#![allow(missing_docs, clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark's edge")]

use std::error::Error;
use std::fs::{self, File};
use std::time::{Duration, Instant};

use container::at::FileAt;
use installer::Token;
use installer::stamp::Base;

const OPENS: u32 = 200;
const STAMPS: u32 = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args().skip(1).filter(|argument| !argument.starts_with("--")) {
        measure(&path)?;
    }
    Ok(())
}

fn measure(path: &str) -> Result<(), Box<dyn Error>> {
    let token = Token::parse("demo.".repeat(80).as_bytes())?;
    let open = || -> Result<_, Box<dyn Error>> { Ok(Base::open(FileAt::new(File::open(path)?)?, true)?) };
    let before_kib = peak_kib()?;
    let base = open()?;
    let splice = base.stamp(&token)?;
    let opened = per_round(OPENS, || open().map(drop))?;
    let stamped = per_round(STAMPS, || base.stamp(&token).map(drop).map_err(Into::into))?;
    let document = serde_json::json!({
        "base": path,
        "bytes": splice.len(),
        "open_us": micros(opened),
        "stamp_us": micros(stamped),
        "put_bytes": splice.put_bytes(),
        "memory_kib": peak_kib()?.saturating_sub(before_kib),
    });
    println!("{document}");
    Ok(())
}

/// CPU time of one round: other programs' turns on a busy machine do not count.
fn per_round(rounds: u32, mut round: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let (wall, begin) = (Instant::now(), on_cpu());
    for _ in 0..rounds {
        round()?;
    }
    let spent = match (begin, on_cpu()) {
        (Some(begin), Some(end)) => end.saturating_sub(begin),
        _ => wall.elapsed(),
    };
    Ok(spent / rounds)
}

/// What this thread has had of a CPU, where the kernel says it (proc(5), schedstat).
fn on_cpu() -> Option<Duration> {
    let line = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    line.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// The most memory that this process has had, without what is a file's, such as its own code: that only grows.
fn peak_kib() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| -> Result<u64, Box<dyn Error>> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0 kB");
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    };
    Ok(field("VmHWM:")?.saturating_sub(field("RssFile:")?))
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
