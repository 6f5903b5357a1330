//! `stampwright init`: a commented manifest to start from.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use installer::guid;
use stampwright::output::{self, Pending, Readers};
use stampwright::{Error, Result};

use crate::env;
use crate::print::{self, Results};

#[derive(Debug, Args)]
pub struct Init {
    /// The file to write, which must not be there yet; - is standard output
    #[arg(default_value = "stampwright.toml", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
}

const TEMPLATE: &str = include_str!("../../templates/stampwright.toml");

pub fn run(args: &Init) -> Result<()> {
    // A stream is there already, and is written to.
    if args.file.is_file() {
        return Err(Error::wrong(format!("{} is there already", args.file.display())).hint("nothing was changed"));
    }
    // Drawn once, here, and then a part of the product for ever.
    let upgrade_code = guid::derive(&[b"upgrade code", &env::random()?]);
    let text = TEMPLATE.replace("{UPGRADE-CODE}", &upgrade_code);
    let mut pending = Pending::text(&args.file)?;
    pending.file().write_all(text.as_bytes()).map_err(Error::io("write", &args.file))?;
    pending.finish(Readers::All)?;
    let results = Results::beside(output::is_stdout(&args.file));
    print::result(format_args!("wrote {}", args.file.display()), results);
    print::result("  next: fill it in, then stampwright make --token-file TOKEN -o dist", results);
    Ok(())
}
