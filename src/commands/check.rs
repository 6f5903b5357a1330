//! `stampwright check`: a dry run. Everything that is wrong at once, and nothing is made.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueHint};
use serde::Serialize;
use stampwright::{CheckOptions, Checked, Error, ErrorKind, Planned, Result};

use crate::args::{ManifestArgs, Signers, SigningArgs, token_file};
use crate::env;
use crate::print::{self, Mistake, Results};

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub manifest: ManifestArgs,
    /// A token that they would get; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,
    #[command(flatten)]
    pub signing: SigningArgs,
    /// Print what was found as one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    ok: bool,
    files: &'a [Planned],
    problems: Vec<Problem>,
    notes: &'a [String],
}

#[derive(Debug, Serialize)]
struct Problem {
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

pub fn run(args: &Check) -> Result<ExitCode> {
    let product = args.manifest.product()?;
    let token = args.token_file.as_deref().map(token_file).transpose()?;
    // A signer that cannot be opened is one problem among others.
    let (signers, no_signer) = match Signers::open(&args.signing, &product, &args.manifest.format, None) {
        Ok(signers) => (Some(signers), None),
        Err(error) => (None, Some(error)),
    };
    let signing = |kind| signers.as_ref().and_then(|signers| signers.of(kind));
    let plan = args.manifest.plan(product, Path::new(""))?;
    let options = CheckOptions { token: token.as_ref(), signing: &signing, now: env::now() };
    let Checked { files, mut problems, notes } = stampwright::check(&plan, &options);
    problems.extend(no_signer);
    say(&files, &problems, &notes, args.json)?;
    let is_machine = problems.iter().any(|problem| problem.kind() == ErrorKind::Machine);
    Ok(match (problems.is_empty(), is_machine) {
        (true, _) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
        (false, true) => ExitCode::from(3),
    })
}

fn say(files: &[Planned], problems: &[Error], notes: &[String], json: bool) -> Result<()> {
    if json {
        let problem = |error: &Error| Problem {
            kind: Mistake::kind(error),
            message: error.to_string(),
            hint: error.next_step().map(str::to_owned),
        };
        let problems: Vec<Problem> = problems.iter().map(problem).collect();
        return print::json(&Document { ok: problems.is_empty(), files, problems, notes });
    }
    for planned in files {
        let Planned { file, kind, arch, agent, files, payload_bytes, signed } = planned;
        let (file, kind, agent) = (file.display(), kind.extension(), agent.display());
        let signed = if *signed { ", signed" } else { "" };
        let line = format!("{file}: {kind} for {arch} of {agent}: {files} files, {payload_bytes} bytes{signed}");
        print::result(line, Results::Stdout);
    }
    notes.iter().for_each(print::note);
    for problem in problems {
        print::failure(problem);
    }
    let (good, bad) = (files.len(), problems.len());
    let plural = if bad == 1 { "problem" } else { "problems" };
    print::result(format_args!("{good} can be made, {bad} {plural}"), Results::Stdout);
    Ok(())
}
