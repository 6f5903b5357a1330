//! What goes on, for a person: notes always, how far long work has come on a terminal, and of long work elsewhere a line now and then.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use stampwright::{Event, Observer, Unit};

use crate::print::{self, Results};

/// Standard error, and standard output for what was made.
#[derive(Debug)]
pub struct Terminal {
    shows: Shows,
    results: Results,
    line: Mutex<Option<Line>>,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// One line, written again and again.
    OneLine,
    /// A line of its own each time: a log, a file, a pipe.
    Lines,
    Nothing,
}

/// The work that goes on.
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
/// In a log.
const LONG_PAUSE: Duration = Duration::from_secs(10);

impl Terminal {
    pub fn new(results: Results) -> Self {
        let shows = match (print::settings().quiet, std::io::stderr().is_terminal()) {
            (true, _) => Shows::Nothing,
            (false, true) => Shows::OneLine,
            (false, false) => Shows::Lines,
        };
        Self { shows, results, line: Mutex::new(None) }
    }

    fn with_line(&self, work: impl FnOnce(&mut Option<Line>)) {
        if self.shows != Shows::Nothing {
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
                    line.advance(*amount, self.shows);
                }
            }),
            Event::Ended => self.with_line(|line| {
                let ended = line.take();
                if self.shows == Shows::OneLine {
                    // A terminal that cannot be written to is no reason to stop.
                    let _ = write!(std::io::stderr(), "\r\x1b[K");
                }
                if let Some(line) = ended.filter(|_| print::settings().verbose) {
                    print::progress(format_args!("{}: {:.1} s", line.work, line.start.elapsed().as_secs_f64()));
                }
            }),
            Event::Made { verb, path } => print::result(format_args!("{verb} {}", path.display()), self.results),
            Event::Note(note) => print::note(note),
            Event::Mistake { place, message } => print::mistake(format_args!("{}: {message}", place.display())),
            Event::Warned { path, finding } => print::finding(finding, path),
            Event::Verified { path, report } => print::report(report, path, Results::Stderr),
            _ => {}
        }
    }
}

impl Line {
    fn advance(&mut self, amount: u64, shows: Shows) {
        self.done += amount;
        if self.shown.elapsed() < if shows == Shows::OneLine { PAUSE } else { LONG_PAUSE } {
            return;
        }
        self.shown = Instant::now();
        let text = match self.unit {
            Unit::Bytes => format!("{} %", (self.done * 100).checked_div(self.total).unwrap_or(100).min(100)),
            Unit::Installers => count(self.done, self.total, self.start.elapsed()),
        };
        match shows {
            Shows::OneLine => {
                let _ = write!(std::io::stderr(), "\r\x1b[K{} {text}", self.work);
            }
            Shows::Lines => print::progress(format_args!("{} {text}", self.work)),
            Shows::Nothing => {}
        }
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
