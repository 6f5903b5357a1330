//! What goes on, for a person: notes always, how far long work has come on a terminal only.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use stampwright::{Event, Observer, Unit};

use crate::print;

/// Standard error.
#[derive(Debug)]
pub struct Terminal {
    is_terminal: bool,
    line: Mutex<Option<Line>>,
}

/// A line that is written again and again while work goes on.
#[derive(Debug)]
struct Line {
    work: String,
    total: u64,
    unit: Unit,
    done: u64,
    start: Instant,
    shown: Instant,
}

const PAUSE: Duration = Duration::from_millis(100);

impl Terminal {
    pub fn new() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal(), line: Mutex::new(None) }
    }

    fn with_line(&self, work: impl FnOnce(&mut Option<Line>)) {
        if self.is_terminal {
            work(&mut self.line.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Observer for Terminal {
    fn notice(&self, event: &Event<'_>) {
        match event {
            Event::Began { work, total, unit } => self.with_line(|line| {
                let now = Instant::now();
                let (work, total, unit) = ((*work).to_owned(), *total, *unit);
                *line = Some(Line { work, total, unit, done: 0, start: now, shown: now });
            }),
            Event::Advanced(amount) => self.with_line(|line| {
                if let Some(line) = line {
                    line.advance(*amount);
                }
            }),
            Event::Ended => self.with_line(|line| {
                *line = None;
                // A terminal that cannot be written to is no reason to stop.
                let _ = write!(std::io::stderr(), "\r\x1b[K");
            }),
            Event::Made { verb, path } => eprintln!("{verb} {}", path.display()),
            Event::Note(note) => eprintln!("note: {note}"),
            Event::Mistake { place, message } => eprintln!("error: {}: {message}", place.display()),
            Event::Verified { path, report } => print::report(report, path),
            _ => {}
        }
    }
}

impl Line {
    fn advance(&mut self, amount: u64) {
        self.done += amount;
        if self.shown.elapsed() < PAUSE {
            return;
        }
        self.shown = Instant::now();
        let text = match self.unit {
            Unit::Bytes => format!("{} %", (self.done * 100).checked_div(self.total).unwrap_or(100).min(100)),
            Unit::Installers => count(self.done, self.total, self.start.elapsed()),
        };
        let _ = write!(std::io::stderr(), "\r\x1b[K{} {text}", self.work);
    }
}

/// So many of so many, how fast, and how long it will take.
fn count(done: u64, total: u64, elapsed: Duration) -> String {
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
        assert_eq!(count(500, 20_000, Duration::from_secs(1)), "500 of 20000, 500/s, 39 s left");
        assert_eq!(count(10, 20_000, Duration::from_secs(10)), "10 of 20000, 1/s, 334 min left");
        assert_eq!(count(0, 5, Duration::ZERO).split(',').next(), Some("0 of 5"));
    }
}
