//! `stampwright init`: a commented manifest to start from.

use std::io::Write;

use installer::guid;

use crate::cli::Init;
use crate::doors;
use crate::failure::Failure;
use crate::output::{Pending, Readers};

const TEMPLATE: &str = include_str!("../../templates/stampwright.toml");

pub fn run(args: &Init) -> Result<(), Failure> {
    if args.file.exists() {
        return Err(Failure::wrong(format!("{} is there already", args.file.display())).hint("nothing was changed"));
    }
    // Drawn once, here, and then a part of the product for ever.
    let upgrade_code = guid::derive(&[b"upgrade code", &doors::random()?]);
    let text = TEMPLATE.replace("{UPGRADE-CODE}", &upgrade_code);
    let mut pending = Pending::create(&args.file)?;
    pending.file().write_all(text.as_bytes()).map_err(Failure::io("write", &args.file))?;
    pending.finish(Readers::All)?;
    eprintln!("wrote {}", args.file.display());
    eprintln!("  next: fill it in, then stampwright make --token-file TOKEN -o dist");
    Ok(())
}
