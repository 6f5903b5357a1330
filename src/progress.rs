//! How far long work has come, on a terminal only.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use installer::format::Progress;

/// A line that is written again and again while an installer is built.
#[derive(Debug)]
pub struct Line {
    label: String,
    total_bytes: u64,
    shown: Option<Mutex<Shown>>,
}

#[derive(Debug)]
struct Shown {
    done: u64,
    at: Instant,
}

const PAUSE: Duration = Duration::from_millis(100);

impl Line {
    pub fn new(label: impl Into<String>, total_bytes: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let shown = terminal.then(|| Mutex::new(Shown { done: 0, at: Instant::now() }));
        Self { label: label.into(), total_bytes, shown }
    }
}

impl Progress for Line {
    fn advance(&self, bytes: u64) {
        let Some(Ok(mut shown)) = self.shown.as_ref().map(Mutex::lock) else { return };
        shown.done += bytes;
        if shown.at.elapsed() >= PAUSE {
            shown.at = Instant::now();
            let percent = (shown.done * 100).checked_div(self.total_bytes).unwrap_or(100).min(100);
            // A terminal that cannot be written to is no reason to stop.
            let _ = write!(std::io::stderr(), "\r\x1b[K{} {percent} %", self.label);
        }
    }
}

impl Drop for Line {
    /// Clears the line; nothing else hangs on it.
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// A line that counts: so many of so many, how fast, and how long it will take.
#[derive(Debug)]
pub struct Count {
    label: &'static str,
    total: usize,
    start: Instant,
    shown: Option<Mutex<Shown>>,
}

impl Count {
    pub fn new(label: &'static str, total: usize) -> Self {
        let start = Instant::now();
        let shown = std::io::stderr().is_terminal().then(|| Mutex::new(Shown { done: 0, at: start }));
        Self { label, total, start, shown }
    }

    /// One more is done.
    pub fn advance(&self) {
        let Some(Ok(mut shown)) = self.shown.as_ref().map(Mutex::lock) else { return };
        shown.done += 1;
        if shown.at.elapsed() >= PAUSE {
            shown.at = Instant::now();
            let text = sentence(shown.done, self.total as u64, self.start.elapsed());
            let _ = write!(std::io::stderr(), "\r\x1b[K{} {text}", self.label);
        }
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn sentence(done: u64, total: u64, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
    let left = (total.saturating_sub(done) as f64 / rate.max(0.001)).ceil() as u64;
    let left = if left < 120 { format!("{left} s") } else { format!("{} min", left.div_ceil(60)) };
    format!("{done} of {total}, {rate:.0}/s, {left} left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_says_rate_and_rest() {
        assert_eq!(sentence(500, 20_000, Duration::from_secs(1)), "500 of 20000, 500/s, 39 s left");
        assert_eq!(sentence(10, 20_000, Duration::from_secs(10)), "10 of 20000, 1/s, 334 min left");
        assert_eq!(sentence(0, 5, Duration::ZERO).split(',').next(), Some("0 of 5"));
    }
}
