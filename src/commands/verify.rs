//! `stampwright verify`: everything that is wrong with an installer, not only the first thing.

use std::fs::File;
use std::path::Path;

use container::ReadAt;
use container::at::{Cursor, FileAt};
use installer::format::{Format, ReadError};
use installer::proof::{Contents, sha256};
use installer::stamp::{Base, OpenOptions};
use installer::{Report, Severity, formats};
use kit::rules::Outcome;
use serde::Serialize;
use signing::verify::Trust;

use super::profile::Around;
use crate::cli::{PreparedArgs, Verify};
use crate::doors;
use crate::executables;
use crate::failure::Failure;
use crate::once::Once;
use crate::receipt;
use crate::signatures;
use crate::source;

#[derive(Debug, Serialize)]
struct Document<'a> {
    file: String,
    ok: bool,
    checks: u32,
    findings: &'a [installer::Finding],
    /// Every rule of the profile and what became of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<Outcome>,
}

pub fn run(args: &Verify) -> Result<(), Failure> {
    let file = source::installer(&args.file)?;
    let (report, rules) = verify(&file, args).map_err(|failure| failure.about(&args.file))?;
    if args.json {
        let document = Document {
            file: args.file.display().to_string(),
            ok: report.is_ok(),
            checks: report.checks(),
            findings: report.findings(),
            rules,
        };
        receipt::print(&document)?;
    } else {
        print(&report, &args.file);
        let held = rules.iter().filter(|rule| rule.holds).count();
        if let Some(profile) = args.profile {
            let (name, all) = (kit::rules::Profile::from(profile).name(), rules.len());
            eprintln!("{}: {name}: {held} of {all} rules hold", args.file.display());
        }
    }
    if report.is_ok() { Ok(()) } else { Err(Failure::wrong("")) }
}

fn verify(file: &FileAt, args: &Verify) -> Result<(Report, Vec<Outcome>), Failure> {
    let format = formats::recognise(file)?;
    let mut report = Report::new();
    if let Err(error) = format.verify(file, &mut report) {
        return Ok((damaged(format, file, args, report, error)?, Vec::new()));
    }
    if let Some(path) = &args.token_file {
        let expected = source::token_file(path)?;
        let found = format.token(file)?;
        report.check(found.as_ref() == Some(&expected), "token-differs", "token", || match &found {
            Some(found) => format!("is {found}, must be {expected}"),
            None => format!("there is none, must be {expected}"),
        });
    }
    check_signature(format, file, args, &mut report)?;
    executables::check(format, file, &mut report)?;
    args.prepared.check(file, &args.file, &mut report)?;
    if let Some(path) = &args.base {
        check_base(format, file, path, &mut report)?;
    }
    if let Some(path) = &args.agent {
        check_agent(format, file, path, &mut report)?;
    }
    let rules = match args.profile {
        Some(profile) => super::profile::check(
            profile,
            format,
            file,
            (&args.file, Around::Folder(args.base.as_deref())),
            &mut report,
        )?,
        None => Vec::new(),
    };
    Ok((report, rules))
}

/// A file that cannot be read to its end: if it is signed, the signature says whether it was damaged afterwards.
fn damaged(
    format: &dyn Format,
    file: &FileAt,
    args: &Verify,
    mut report: Report,
    error: ReadError,
) -> Result<Report, Failure> {
    let signed = matches!(error, ReadError::Malformed(_)) && matches!(format.sealed(file), Ok(Some(_)));
    if !signed || check_signature(format, file, args, &mut report).is_err() {
        return Err(error.into());
    }
    report.error("damaged", "file", error.to_string());
    Ok(report)
}

/// The signature, if there is one; it must be there where roots are given.
fn check_signature(format: &dyn Format, file: &FileAt, args: &Verify, report: &mut Report) -> Result<(), Failure> {
    let roots = signatures::roots(&args.root)?;
    match signatures::judge(format, file, Trust { roots: &roots, now: doors::now() })? {
        Some(judged) => judged.report(report),
        None if roots.is_empty() => {}
        None => report.error("signature-missing", "signature", "there is none, and roots to trust were given"),
    }
    Ok(())
}

/// The file must be the base, stamped with the file's own token.
fn check_base(format: &dyn Format, file: &FileAt, path: &Path, report: &mut Report) -> Result<(), Failure> {
    let about = |failure: Failure| failure.about(path);
    let base = Base::open(source::installer(path)?, OpenOptions::default()).map_err(|error| about(error.into()))?;
    let base = PreparedArgs { prepared: None }.pin(base, path)?;
    let Some(token) = format.token(file)? else {
        report.error("base-differs", "token", "there is none, so this is no stamp of a base");
        return Ok(());
    };
    // A stamp stays a stamp of its base when its token has expired.
    let token = match base.accept(token, 0) {
        Ok(token) => token,
        Err(error) => {
            report.error("base-differs", "token", format!("the base does not take it: {error}"));
            return Ok(());
        }
    };
    let splice = base.stamp(&token).map_err(|error| about(error.into()))?;
    let mut expected = splice.reader(base.bytes());
    let (_, expected) = sha256(&mut expected).map_err(Failure::io("read", path))?;
    let (_, found) = sha256(&mut Cursor::new(file)).map_err(Failure::io("read", path))?;
    report.check(splice.len() == file.len() && expected == found, "base-differs", "file", || {
        "is not this base with a token in it: other bytes differ as well".to_owned()
    });
    Ok(())
}

/// Some file of the installer must be the agent; for an application folder, each of its files must be there.
fn check_agent(format: &dyn Format, file: &FileAt, path: &Path, report: &mut Report) -> Result<(), Failure> {
    let contents = Contents::read(&*format.open(file)?)?;
    let mut waiting = vec![path.to_path_buf()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(&path).map_err(Failure::io("read", &path))? {
                waiting.push(entry.map_err(Failure::io("read", &path))?.path());
            }
            continue;
        }
        if path.is_symlink() {
            continue;
        }
        let mut agent = File::open(&path).map_err(Failure::io("open", &path))?;
        let (_, digest) = sha256(&mut agent).map_err(Failure::io("read", &path))?;
        report.check(contents.find(&digest).is_some(), "agent-differs", path.display().to_string(), || {
            "is not in the installer, byte for byte".to_owned()
        });
    }
    Ok(())
}

/// The report for a person.
pub fn print(report: &Report, path: &Path) {
    for finding in report.findings() {
        let severity = match finding.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        eprintln!("{severity}[{}]: {}: {}", finding.id, finding.place, finding.message);
        if let Some(hint) = &finding.hint {
            eprintln!("  hint: {hint}");
        }
    }
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    let verdict = if report.is_ok() { "ok" } else { "not ok" };
    eprintln!("{}: {verdict}: {} checks, {errors} errors, {warnings} warnings", path.display(), report.checks());
}
