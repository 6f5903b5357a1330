//! `stampwright doctor`: what keeps a device from being enrolled, from the bundle that its agent wrote.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueHint};
use stampwright::{Diagnosis, Result};

use crate::print;

#[derive(Debug, Args)]
pub struct Doctor {
    /// The file that the agent wrote with doctor --bundle FILE
    #[arg(value_hint = ValueHint::FilePath)]
    pub bundle: PathBuf,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Doctor) -> Result<ExitCode> {
    let diagnosis = Diagnosis::read(&args.bundle)?;
    if args.json {
        print::json(&diagnosis)?;
    } else {
        let text: String = diagnosis.lines().iter().map(|line| format!("{line}\n")).collect();
        print::bytes(text.as_bytes())?;
    }
    Ok(ExitCode::from(u8::from(!diagnosis.is_healthy())))
}
