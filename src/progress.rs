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
    done_bytes: u64,
    at: Instant,
}

const PAUSE: Duration = Duration::from_millis(100);

impl Line {
    pub fn new(label: impl Into<String>, total_bytes: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let shown = terminal.then(|| Mutex::new(Shown { done_bytes: 0, at: Instant::now() }));
        Self { label: label.into(), total_bytes, shown }
    }
}

impl Progress for Line {
    fn advance(&self, bytes: u64) {
        let Some(Ok(mut shown)) = self.shown.as_ref().map(Mutex::lock) else { return };
        shown.done_bytes += bytes;
        if shown.at.elapsed() >= PAUSE {
            shown.at = Instant::now();
            let percent = (shown.done_bytes * 100).checked_div(self.total_bytes).unwrap_or(100).min(100);
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
