//! Everything that is wrong with an installer, not only the first thing.

use std::fs::File;
use std::path::Path;

use container::ReadAt;
use container::read_at::{Cursor, FileAt};
use installer::format::{Installer, ReadError};
use installer::proof::{Contents, sha256};
use installer::report::{Finding, Severity};
use installer::{Report, Token, formats};
use kit::rules::{self, Outcome};
use signing::verify::Trust;

use crate::base::Base;
use crate::error::{Error, ErrorKind, Result};
use crate::prepare::Prepared;
use crate::profile::{self, Around};
use crate::{input, programs, signature};

/// What an installer is held to, beside what it must be by itself.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// It must have this token.
    pub token: Option<&'a Token>,
    /// It must be this base with a token in it, byte for byte.
    pub base: Option<&'a Path>,
    /// It must have this file, or every file of this folder, in it, byte for byte.
    pub agent: Option<&'a Path>,
    /// It must be a stamp of the prepared base that this record is of. Default: the record beside the file.
    pub prepared: Option<&'a Prepared>,
    /// It must meet the rules of this management system.
    pub profile: Option<rules::Profile>,
    /// Whom to trust, and when it is. Where roots are given there must be a signature.
    pub trust: Trust<'a>,
    /// The report lists each check, not only their number.
    pub list_checks: bool,
}

/// What was found.
#[derive(Debug)]
pub struct Verification {
    /// Every finding with its place.
    pub report: Report,
    /// Every rule of the profile and what became of it.
    pub rules: Vec<Outcome>,
}

/// Verifies an installer, ours or another tool's. Reads it whole.
///
/// # Errors
/// It cannot be read; what is wrong with it is in the report.
pub fn verify(path: &Path, expected: &Expected<'_>) -> Result<Verification> {
    let file = input::installer(path)?;
    checked(&file, path, expected).map_err(|error| error.about(path))
}

fn checked(file: &FileAt, path: &Path, expected: &Expected<'_>) -> Result<Verification> {
    let opened = formats::open(file)?;
    let mut report = if expected.list_checks { Report::listing() } else { Report::new() };
    if let Err(error) = opened.verify(&mut report) {
        return Ok(Verification { report: damaged(&*opened, expected, report, error)?, rules: Vec::new() });
    }
    if let Some(expected) = expected.token {
        let found = opened.token()?;
        report.check(found.as_ref() == Some(expected), "token-differs", "token", || match &found {
            Some(found) => format!("is {found}, must be {expected}"),
            None => format!("there is none, must be {expected}"),
        });
    }
    check_signature(&*opened, expected.trust, &mut report)?;
    check_programs(&*opened, &mut report)?;
    Prepared::check(expected.prepared, file, path, &mut report)?;
    if let Some(base) = expected.base {
        check_base(&*opened, file, base, &mut report)?;
    }
    if let Some(agent) = expected.agent {
        check_agent(&*opened, agent, &mut report)?;
    }
    let rules = match expected.profile {
        Some(profile) => {
            let around = Around::Folder(expected.base);
            match profile::check(profile, file, path, around, expected.trust.now, &mut report) {
                Ok(rules) => rules,
                // What was found before counts, whatever the rules cannot be held against.
                Err(error) if error.kind() == ErrorKind::Wrong && !report.is_ok() => {
                    report.error("damaged", "file", error.to_string());
                    Vec::new()
                }
                Err(error) => return Err(error),
            }
        }
        None => Vec::new(),
    };
    Ok(Verification { report, rules })
}

/// A file that cannot be read to its end: what was found before is said as well, and if it is signed, whether it was damaged afterwards.
fn damaged(installer: &dyn Installer, expected: &Expected<'_>, mut report: Report, error: ReadError) -> Result<Report> {
    let is_signed = installer.signable().is_some_and(|file| matches!(file.stored(), Ok(Some(_))));
    let is_known = is_signed && check_signature(installer, expected.trust, &mut report).is_ok();
    let is_worth_saying = is_known || !report.is_ok();
    if !matches!(error, ReadError::Malformed(_) | ReadError::Part { .. }) || !is_worth_saying {
        return Err(error.into());
    }
    report.error("damaged", "file", error.to_string());
    Ok(report)
}

/// The programs inside. What cannot be taken out is damage, which a finding says, beside everything that was found before.
fn check_programs(installer: &dyn Installer, report: &mut Report) -> Result<()> {
    match programs::check(installer, report) {
        Err(damage @ (ReadError::Malformed(_) | ReadError::Part { .. })) if !report.is_ok() => {
            report.note("programs-unread", "payload", format!("the programs inside were not judged: {damage}"));
        }
        Err(damage @ (ReadError::Malformed(_) | ReadError::Part { .. })) => {
            report.error("damaged", "payload", damage.to_string());
        }
        other => other?,
    }
    Ok(())
}

/// The signature, if there is one; it must be there where roots are given.
fn check_signature(installer: &dyn Installer, trust: Trust<'_>, report: &mut Report) -> Result<()> {
    match signature::judge(installer, trust)? {
        Some(judged) => judged.report(report),
        None if trust.roots.is_empty() && trust.keys.keys().is_empty() => {}
        None => report.error("signature-missing", "signature", "there is none, and roots to trust were given"),
    }
    Ok(())
}

/// The file must be the base, stamped with the file's own token.
fn check_base(installer: &dyn Installer, file: &FileAt, path: &Path, report: &mut Report) -> Result<()> {
    let base = Base::open(path).map_err(|error| match error.kind() {
        ErrorKind::Wrong => {
            error.hint("--base is the installer that was stamped: without a token, as build, sign or prepare made it")
        }
        _ => error,
    })?;
    let Some(token) = installer.token()? else {
        report.error("base-differs", "token", "there is none, so this is no stamp of a base");
        return Ok(());
    };
    // A stamp stays a stamp of its base when its token has expired.
    let token = match base.accept(token, 0) {
        Ok(token) => match installer.stamp_number()? {
            Some(number) => token.with_number(number),
            None => token,
        },
        Err(error) => {
            report.error("base-differs", "token", format!("the base does not take it: {error}"));
            return Ok(());
        }
    };
    let stamp = base.stamp(&token)?;
    let expected = stamp.sha256()?;
    let (_, found) = sha256(&mut Cursor::new(file)).map_err(Error::io("read", path))?;
    if stamp.len() == file.len() && expected == found {
        report.held("base-differs", "file");
        return Ok(());
    }
    report.add(Finding {
        id: "base-differs",
        severity: Severity::Error,
        place: "file".to_owned(),
        message: "is not this base with a token in it: other bytes differ as well".to_owned(),
        hint: Some(
            "compare product, version and architecture of both with inspect; a stamp that was signed after it was made is none of the base alone"
                .to_owned(),
        ),
    });
    Ok(())
}

/// Some file of the installer must be the agent; for an application folder, each of its files must be there.
fn check_agent(installer: &dyn Installer, path: &Path, report: &mut Report) -> Result<()> {
    let contents = Contents::read(installer)?;
    let mut waiting = vec![path.to_path_buf()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(&path).map_err(Error::io("read", &path))? {
                waiting.push(entry.map_err(Error::io("read", &path))?.path());
            }
            continue;
        }
        if path.is_symlink() {
            continue;
        }
        let mut agent = File::open(&path).map_err(Error::io("open", &path))?;
        let (_, digest) = sha256(&mut agent).map_err(Error::io("read", &path))?;
        report.check(contents.find(&digest).is_some(), "agent-differs", path.display().to_string(), || {
            "is not in the installer, byte for byte".to_owned()
        });
    }
    Ok(())
}
