//! What a stamp costs inside a process that serves many: opening a base, stamping it, and the memory for both.
//!
//! `cargo bench --bench stamp -- BASE…` prints one JSON document a line. Memory is the heap's peak while a base is opened
//! and stamped, beyond what there was before. A stamp that costs more than the limits that we promise is an error.
#![allow(missing_docs, clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark's edge")]

use std::error::Error;
use std::fs::{self, File};
use std::time::{Duration, Instant};

use container::at::FileAt;
use installer::Token;
use installer::stamp::Base;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const OPENS: u32 = 200;
const STAMPS: u32 = 1000;
/// Heap beyond the base, for opening and stamping together.
const HEAP_LIMIT_BYTES: usize = 1 << 20;
/// New bytes of a stamp.
const PATCH_LIMIT_BYTES: u64 = 64 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args().skip(1).filter(|argument| !argument.starts_with("--")) {
        measure(&path)?;
    }
    Ok(())
}

fn measure(path: &str) -> Result<(), Box<dyn Error>> {
    let token = Token::parse("demo.".repeat(80).as_bytes())?;
    let open = || -> Result<_, Box<dyn Error>> { Ok(Base::open(FileAt::new(File::open(path)?)?, true)?) };
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let base = open()?;
    let splice = base.stamp(&token)?;
    let heap_bytes = HEAP.peak_usage().saturating_sub(before);
    if heap_bytes > HEAP_LIMIT_BYTES || splice.put_bytes() > PATCH_LIMIT_BYTES {
        return Err(format!("{path}: {heap_bytes} bytes of heap, {} new bytes", splice.put_bytes()).into());
    }
    let opened = per_round(OPENS, || open().map(drop))?;
    let stamped = per_round(STAMPS, || base.stamp(&token).map(drop).map_err(Into::into))?;
    let document = serde_json::json!({
        "base": path,
        "bytes": splice.len(),
        "open_us": micros(opened),
        "stamp_us": micros(stamped),
        "put_bytes": splice.put_bytes(),
        "heap_kib": heap_bytes / 1024,
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

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
