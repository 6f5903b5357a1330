//! `stampwright init`: a commented manifest to start from.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use installer::guid;
use stampwright::output::{Pending, Readers};
use stampwright::{Error, Result};

use crate::env;

#[derive(Debug, Args)]
pub struct Init {
    /// The file to write; it must not be there yet
    #[arg(default_value = "stampwright.toml", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
}

const TEMPLATE: &str = include_str!("../../templates/stampwright.toml");

pub fn run(args: &Init) -> Result<()> {
    if args.file.exists() {
        return Err(Error::wrong(format!("{} is there already", args.file.display())).hint("nothing was changed"));
    }
    // Drawn once, here, and then a part of the product for ever.
    let upgrade_code = guid::derive(&[b"upgrade code", &env::random()?]);
    let text = TEMPLATE.replace("{UPGRADE-CODE}", &upgrade_code);
    let mut pending = Pending::create(&args.file)?;
    pending.file().write_all(text.as_bytes()).map_err(Error::io("write", &args.file))?;
    pending.finish(Readers::All)?;
    eprintln!("wrote {}", args.file.display());
    eprintln!("  next: fill it in, then stampwright make --token-file TOKEN -o dist");
    Ok(())
}
