//! `stampwright verify`: everything that is wrong with an installer, not only the first thing.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueHint};
use installer::formats;
use kit::rules::Outcome;
use serde::Serialize;
use stampwright::{Check, Error, Expected, Result, Verification, input};

use crate::args::{PreparedArgs, ProfileName, profile_names, token_file};
use crate::env;
use crate::print::{self, Results};

#[derive(Debug, Args)]
pub struct Verify {
    /// The installer
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// It must be this base with a token in it, byte for byte
    #[arg(long, value_name = "BASE", value_hint = ValueHint::FilePath)]
    pub base: Option<PathBuf>,
    /// It must have the token in this file; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,
    /// It must have this agent in it, byte for byte
    #[arg(long, value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub agent: Option<PathBuf>,
    #[command(flatten)]
    pub prepared: PreparedArgs,
    /// It must meet the rules of this management system
    #[arg(long, value_name = "SYSTEM", value_parser = profile_names())]
    pub profile: Option<ProfileName>,
    /// Trust the certificates in this file (PEM or DER): the signer's, and its timestamp's, must lead to one of them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub root: Vec<PathBuf>,
    /// Print the report as one JSON document on standard output
    #[arg(long)]
    pub json: bool,
    /// List each check in the JSON document: what was compared, where, and what became of it
    #[arg(long, requires = "json")]
    pub checks: bool,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    file: String,
    ok: bool,
    checks: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    each_check: Option<&'a [Check]>,
    findings: &'a [stampwright::Finding],
    /// Every rule of the profile and what became of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<Outcome>,
}

pub fn run(args: &Verify) -> Result<ExitCode> {
    let token = args.token_file.as_deref().map(token_file).transpose()?;
    let prepared = args.prepared.read()?;
    let roots = input::roots(&args.root)?;
    let profile = match args.profile {
        Some(ProfileName::One(profile)) => Some(profile),
        Some(name) => {
            let about = |error| Error::from(error).about(&args.file);
            let file = input::installer(&args.file)?;
            Some(name.of(formats::open(&file).map_err(about)?.format().kind()))
        }
        None => None,
    };
    let expected = Expected {
        token: token.as_ref(),
        base: args.base.as_deref(),
        agent: args.agent.as_deref(),
        prepared: prepared.as_ref(),
        profile,
        trust: roots.at(env::now()),
        list_checks: args.checks,
    };
    let Verification { report, rules } = stampwright::verify(&args.file, &expected)?;
    let code = if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if args.json {
        let (file, ok) = (args.file.display().to_string(), report.is_ok());
        let (checks, each_check) = (report.checks(), report.listed());
        print::json(&Document { file, ok, checks, each_check, findings: report.findings(), rules })?;
        return Ok(code);
    }
    print::report(&report, &args.file, Results::Stdout);
    if let Some(profile) = profile {
        if print::settings().verbose {
            for rule in &rules {
                let what = if rule.holds { "holds" } else { "does not hold" };
                print::result(format_args!("  {}: {what}", rule.id), Results::Stdout);
            }
        }
        let held = rules.iter().filter(|rule| rule.holds).count();
        let (file, name, all) = (args.file.display(), profile.name(), rules.len());
        let line = match all {
            0 => format!("{file}: {name}: not judged, because the file cannot be read to its end"),
            _ => format!("{file}: {name}: {held} of {all} rules hold"),
        };
        print::result(format_args!("{line}"), Results::Stdout);
    }
    Ok(code)
}
