//! `stampwright prepare`: a signed base gets its place for tokens, once, without a key.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use stampwright::{Error, IssuerKeys, KeySource, Result, input};

use crate::print::{self, Results};

#[derive(Debug, Args)]
pub struct Prepare {
    /// The signed base: an MSI, or a flat package with or without a stapled ticket
    #[arg(value_hint = ValueHint::FilePath)]
    pub base: PathBuf,
    /// The prepared base to write; its record goes beside it, OUT.prepare.json
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// The issuer's public keys (JWKS), for an installer that another tool has built
    #[arg(long, value_name = "FILE", requires = "keys_pinned_in_agent", value_hint = ValueHint::FilePath)]
    pub issuer_keys: Option<PathBuf>,
    /// I assert that the agent inside carries these keys and takes no token that they have not signed
    #[arg(long, requires = "issuer_keys")]
    pub keys_pinned_in_agent: bool,
    /// Print the record on standard output as well
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Prepare) -> Result<()> {
    let asserted = args.issuer_keys.as_deref().map(keys).transpose()?;
    let preparation = stampwright::prepare(&args.base, asserted.as_deref(), &args.output)?;
    for warning in &preparation.warnings {
        print::warning(format_args!("{}: {}", args.output.display(), warning.message), warning.hint.as_deref());
    }
    let record = &preparation.record;
    if args.json {
        return print::json(record);
    }
    let source = match record.issuer_keys.source {
        KeySource::Seen => "seen in the signed part",
        KeySource::Asserted => "asserted, not seen",
    };
    let line = format!(
        "{}: prepared; {} bytes at offset {} take a token, {} bytes more than the base; issuer keys {source}",
        args.output.display(),
        record.slot.length,
        record.slot.offset,
        preparation.growth_bytes
    );
    print::result(line, Results::Stdout);
    Ok(())
}

/// Reads issuer keys that are asserted.
fn keys(path: &Path) -> Result<Vec<u8>> {
    let jwks = input::jwks(path)?;
    IssuerKeys::parse(&jwks).map_err(|error| Error::wrong(error).about(path))?;
    Ok(jwks)
}
