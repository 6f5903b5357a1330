//! What is printed: results and documents on standard output; progress, notes and errors on standard error.
//!
//! Nothing in here panics when an output is closed. A reader of results that went away (`| head`) is no error, so the work goes on in
//! silence; a disk that is full under `> made.txt` is said at the end, when the work is done.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::builder::styling::{Style, Styles};
use serde::Serialize;
use stampwright::{Error, ErrorKind, Finding, Report, Result, Severity};

/// The name of standard output in messages.
const STDOUT: &str = "standard output";

/// How much is said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    pub quiet: bool,
    pub verbose: bool,
    /// Standard output is for one document, errors too.
    pub json: bool,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();
/// The first result that could not be printed.
static LOST: OnceLock<Error> = OnceLock::new();

/// Sets how much is said, once.
pub fn set(settings: Settings) {
    // A second call would be of the same command line.
    let _ = SETTINGS.set(settings);
}

pub fn settings() -> Settings {
    SETTINGS.get().copied().unwrap_or_default()
}

/// Where results go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Results {
    Stdout,
    /// Standard output carries a document or an installer.
    Stderr,
}

impl Results {
    /// Beside what standard output carries.
    pub fn beside(document: bool) -> Self {
        if document { Self::Stderr } else { Self::Stdout }
    }
}

/// One document on standard output. A reader that went away is an error here: it has not got the document.
pub fn json(document: &impl Serialize) -> Result<()> {
    let mut text = zeroize::Zeroizing::new(serde_json::to_string_pretty(document).map_err(Error::wrong)?);
    text.push('\n');
    bytes(text.as_bytes())
}

/// These bytes on standard output.
pub fn bytes(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(Error::io("write", Path::new(STDOUT)))
}

/// What was asked for, as text for a person.
pub fn text(text: &str) {
    to_stdout(text);
}

/// One line about what was done.
pub fn result(line: impl Display, results: Results) {
    if settings().quiet {
        return;
    }
    match results {
        Results::Stdout => to_stdout(&format!("{line}\n")),
        Results::Stderr => to_stderr(&format!("{line}\n")),
    }
}

/// Something that is good to know.
pub fn note(note: impl Display) {
    if !settings().quiet {
        to_stderr(&labelled(Label::Note, "", &note, None));
    }
}

/// Something that may be wrong.
pub fn warning(warning: impl Display, hint: Option<&str>) {
    if !settings().quiet {
        to_stderr(&labelled(Label::Warning, "", &warning, hint));
    }
}

/// One of several mistakes.
pub fn mistake(mistake: impl Display) {
    to_stderr(&labelled(Label::Error, "", &mistake, None));
}

/// One line about what goes on.
pub fn progress(line: impl Display) {
    if !settings().quiet {
        to_stderr(&format!("{line}\n"));
    }
}

/// The sentence, the next step, and the exit status of the contract.
pub fn error(error: &Error) -> ExitCode {
    // Who closed a pipe knows it.
    let is_closed = error.cause::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe);
    if !is_closed {
        failure(error);
        if settings().json {
            let place = error.place().map(|place| place.display().to_string());
            let (message, hint) = (error.message(), error.next_step());
            json_error(&Mistake { kind: Mistake::kind(error), message, place: place.as_deref(), hint });
        }
    }
    ExitCode::from(match error.kind() {
        ErrorKind::Wrong => 1,
        ErrorKind::Usage => 2,
        ErrorKind::Machine => 3,
    })
}

/// The sentence and the next step.
pub fn failure(error: &Error) {
    to_stderr(&labelled(Label::Error, "", error, error.next_step()));
}

/// An error as a document.
#[derive(Debug, Serialize)]
pub struct Mistake<'a> {
    /// `wrong`, `usage` or `machine`, for the statuses 1, 2 and 3.
    pub kind: &'static str,
    pub message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'a str>,
}

impl Mistake<'_> {
    /// The kind of an error by its name.
    pub fn kind(error: &Error) -> &'static str {
        match error.kind() {
            ErrorKind::Wrong => "wrong",
            ErrorKind::Usage => "usage",
            ErrorKind::Machine => "machine",
        }
    }
}

pub fn json_error(mistake: &Mistake<'_>) {
    #[derive(Serialize)]
    struct Document<'a> {
        error: &'a Mistake<'a>,
    }
    // The sentence is on standard error already.
    let _ = json(&Document { error: mistake });
}

/// How the run ends: a result that could not be printed is said now.
pub fn end(code: ExitCode) -> ExitCode {
    match LOST.get() {
        Some(lost) => error(lost),
        None => code,
    }
}

/// One finding, where the work goes on.
pub fn finding(finding: &Finding, path: &Path) {
    to_stderr(&described(finding, Some(path)));
}

/// A finding for a person; `path` where it is not clear in which file. Nothing, where only errors are to be said.
fn described(finding: &Finding, path: Option<&Path>) -> String {
    let label = match finding.severity {
        Severity::Note => Label::Note,
        Severity::Warning => Label::Warning,
        Severity::Error => Label::Error,
    };
    if settings().quiet && finding.severity != Severity::Error {
        return String::new();
    }
    let file = path.map(|path| format!("{}: ", path.display())).unwrap_or_default();
    let message = format!("{file}{}: {}", finding.place, finding.message);
    labelled(label, &format!("[{}]", finding.id), &message, finding.hint.as_deref())
}

/// A report for a person.
pub fn report(report: &Report, path: &Path, results: Results) {
    let mut text = String::new();
    for one in report.findings() {
        text.push_str(&described(one, None));
    }
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    if !settings().quiet {
        let verdict = if report.is_ok() { "ok" } else { "not ok" };
        let checks = report.checks();
        text.push_str(&format!(
            "{}: {verdict}: {checks} checks, {errors} errors, {warnings} warnings\n",
            path.display()
        ));
    }
    match results {
        Results::Stdout => to_stdout(&text),
        Results::Stderr => to_stderr(&text),
    }
}

#[derive(Debug, Clone, Copy)]
enum Label {
    Note,
    Warning,
    Error,
}

/// A sentence behind its label, with its hint below, in the colours that the help has.
fn labelled(label: Label, id: &str, sentence: &dyn Display, hint: Option<&str>) -> String {
    let styles = Styles::styled();
    let (style, name) = match label {
        Label::Note => (*styles.get_literal(), "note"),
        Label::Warning => (styles.get_invalid().bold(), "warning"),
        Label::Error => (*styles.get_error(), "error"),
    };
    let mut text = format!("{}: {sentence}\n", styled(style, &format!("{name}{id}")));
    if let Some(hint) = hint {
        text.push_str(&format!("  {}: {hint}\n", styled(*styles.get_valid(), "hint")));
    }
    text
}

fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Colours are taken out where the output is no terminal, or the user wants none.
fn to_stdout(text: &str) {
    let mut out = anstream::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let _ = LOST.set(Error::io("write", Path::new(STDOUT))(error));
    }
}

fn to_stderr(text: &str) {
    // There is no place left to say that this failed.
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}
