//! `stampwright check`: a dry run. Everything that is wrong at once, and nothing is made.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueHint};
use installer::product::{ManifestError, ManifestProblem};
use serde::Serialize;
use stampwright::{CheckOptions, Checked, Error, ErrorKind, Kind, Planned, Product, Result, Token};

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
    let mut found = Checked { files: Vec::new(), problems: Vec::new(), notes: Vec::new() };
    let token = args.token_file.as_deref().map(token_file).transpose();
    let token = token.unwrap_or_else(|error| {
        found.problems.push(error);
        None
    });
    match args.manifest.product() {
        Ok(product) => survey(args, product, token.as_ref(), &mut found)?,
        // There is nothing to look at.
        Err(error) if error.kind() != ErrorKind::Wrong => return Err(error),
        Err(error) => found.problems.extend(each(error)),
    }
    let Checked { files, problems, notes } = found;
    say(&files, &problems, &notes, args.json)?;
    let is_machine = problems.iter().any(|problem| problem.kind() == ErrorKind::Machine);
    Ok(match (problems.is_empty(), is_machine) {
        (true, _) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
        (false, true) => ExitCode::from(3),
    })
}

/// Looks at everything that a product needs. A format without an agent, or a signer that cannot be opened, is one problem among others.
fn survey(args: &Check, product: Product, token: Option<&Token>, found: &mut Checked) -> Result<()> {
    let (signers, no_signers) = Signers::survey(&args.signing, &product, &args.manifest.format, None);
    let has_agent = |kind: &Kind| product.agents_for(kind.platform()).next().is_some();
    let (kinds, without): (Vec<Kind>, Vec<Kind>) = args.manifest.format.iter().copied().partition(has_agent);
    let folder = Path::new("");
    let no_agents: Vec<Error> =
        without.iter().filter_map(|kind| args.manifest.plan_of(product.clone(), vec![*kind], folder).err()).collect();
    if without.is_empty() || !kinds.is_empty() {
        let plan = args.manifest.plan_of(product, kinds, folder)?;
        let options = CheckOptions { token, signing: &|kind| signers.of(kind), now: env::now() };
        let Checked { files, problems, notes } = stampwright::check(&plan, &options);
        (found.files, found.notes) = (files, notes);
        found.problems.extend(problems);
    }
    found.problems.extend(no_agents.into_iter().chain(no_signers));
    Ok(())
}

/// Each problem of a manifest as one of its own.
fn each(error: Error) -> Vec<Error> {
    let Some(ManifestError { file, problems }) = error.cause() else { return vec![error] };
    let one = |problem: &ManifestProblem| {
        let one = Error::wrong(problem.sentence()).about(Path::new(&problem.place(file)));
        match problem.hint {
            Some(hint) => one.hint(hint),
            None => one,
        }
    };
    problems.iter().map(one).collect()
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
