//! `stampwright inspect`: what an installer is, and whose.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use stampwright::{Inspected, Result, input};

use crate::{env, print};

#[derive(Debug, Args)]
pub struct Inspect {
    /// The installer, or an .intunewin or .intunemac
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Trust the certificates in this file (PEM or DER)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub root: Vec<PathBuf>,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Inspect) -> Result<()> {
    if let Some(archive) = stampwright::intune_archive(&args.file)? {
        if args.json {
            return print::json(&archive);
        }
        let text: String = archive.lines().iter().map(|(name, value)| format!("{name:<22} {value}\n")).collect();
        print::text(&text);
        return Ok(());
    }
    let roots = input::roots(&args.root)?;
    let inspected = stampwright::inspect(&args.file, roots.at(env::now()))?;
    if args.json {
        return print::json(&inspected);
    }
    print::text(&text(&inspected));
    Ok(())
}

fn text(inspected: &Inspected) -> String {
    let Inspected { digest, described, signature, .. } = inspected;
    let token = match &described.token {
        Some(token) => format!("{} bytes, fingerprint {}", token.len, token.fingerprint),
        None if described.is_ours => "none: a base".to_owned(),
        None => "none: not a base of Stampwright".to_owned(),
    };
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name:<22} {value}");
    };
    line("product", &described.product);
    line("version", &described.version);
    line("format", described.kind.extension());
    // A package that says nothing of processors, as a component package or an MSI with no platform in its template.
    if !described.arch.is_empty() {
        line("architecture", &described.arch);
    }
    line("token", &token);
    if let Some(claims) = described.token.as_ref().and_then(|token| token.claims.as_ref()) {
        line("token tenant", &claims.tenant);
        line("token id", &claims.id);
        line("token expires", &claims.expires);
    }
    match signature {
        Some(judged) => judged.lines().iter().for_each(|(name, value)| line(name, value)),
        None => line("signature", if described.signed { "there is one" } else { "none" }),
    }
    for (name, value) in &described.details {
        line(name, value);
    }
    line("size", &digest.size.to_string());
    line("sha256", &digest.sha256);
    out
}
