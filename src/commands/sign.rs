//! `stampwright sign`: an installer gets its signature, and the signature is read back before the file appears.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use stampwright::output::{self, Files};
use stampwright::{Error, Existing, Result};

use crate::args::SigningArgs;
use crate::env;
use crate::print::{self, Results};

#[derive(Debug, Args)]
pub struct Sign {
    /// The installer: a base or a stamped one, ours or somebody else's
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The signed installer to write, another file than the first; - is standard output
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Replace the signatures that are there, all of them
    #[arg(long)]
    pub replace: bool,
    /// Print what was signed as one JSON document on standard output
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub signing: SigningArgs,
}

pub fn run(args: &Sign) -> Result<()> {
    let method = args.signing.method([])?.ok_or_else(|| {
        Error::usage("a key is needed: --key, --pkcs12, --pkcs11, --sign-command or --sign-file-command")
    })?;
    let to_stdout = output::is_stdout(&args.output);
    if to_stdout && args.json {
        return Err(Error::usage("the installer and what was signed cannot both go to standard output"));
    }
    let mut files = Files::new().reads(&args.file).writes(&args.output);
    files = files.reads_all(args.signing.files());
    files.check()?;
    let existing = if args.replace { Existing::Replace } else { Existing::Refuse };
    let signed = stampwright::sign_file(&args.file, &method, existing, &args.output, env::now())?;
    if let Some(finding) = signed.ending() {
        print::finding(&finding, &args.output);
    }
    print::result(format_args!("signed {}", args.output.display()), Results::beside(args.json || to_stdout));
    if args.json { print::json(&signed) } else { Ok(()) }
}
