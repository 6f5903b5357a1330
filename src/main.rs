//! The program: what was typed becomes one call, and its answer is printed.
//!
//! Nothing in here knows a format. Each command has a file of its own in `commands/`; the clock, the environment and
//! randomness come in through `doors`, and nowhere else.

#![allow(unreachable_pub, reason = "in a program `pub` means: for the other modules")]

mod cli;
mod commands;
mod doors;
mod executables;
mod failure;
mod issued;
mod once;
mod output;
mod prepared;
mod progress;
mod receipt;
mod signatures;
mod signer;
mod source;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
