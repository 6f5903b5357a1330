//! `stampwright extract`: an installer's parts as files, all of them or none.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use stampwright::{Modes, Result};

use crate::print::{self, Results};

#[derive(Debug, Args)]
pub struct Extract {
    /// The installer
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The folder to write; it must not be there yet, or be empty
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// Keep setuid bits and the write bits of group and others, which are taken away unless said
    #[arg(long)]
    pub preserve_modes: bool,
    /// Print what was extracted as one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

/// Where an extraction lists the files that it could not get at.
const NOT_EXTRACTED: &str = "metadata/not-extracted.txt";

pub fn run(args: &Extract) -> Result<()> {
    let modes = if args.preserve_modes { Modes::Preserved } else { Modes::Harmless };
    let extraction = stampwright::extract(&args.file, &args.output, modes)?;
    if args.json {
        return print::json(&extraction.entries);
    }
    let (files, folder) = (extraction.entries.len(), args.output.display());
    print::result(format_args!("extracted {files} files to {folder}"), Results::Stdout);
    if extraction.entries.iter().any(|entry| entry.path == NOT_EXTRACTED) {
        print::note(format_args!(
            "not all files are inside the installer, or could be opened: {NOT_EXTRACTED} lists the others"
        ));
    }
    if let Some(proven) = extraction.proven {
        print::result(format_args!("  {proven}"), Results::Stdout);
    }
    Ok(())
}
