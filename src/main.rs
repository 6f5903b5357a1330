//! The program: what was typed becomes one call of the library, and its answer is printed.
//!
//! ```text
//!   main ── cli ──▶ commands/* ──▶ args (shared groups), env (clock, environment, randomness), terminal, print ──▶ stampwright
//! ```
//!
//! Nothing in here knows a format or a rule. Each command has a file of its own with its arguments; the clock, the environment and
//! randomness come in through `env`, and nowhere else.

#![allow(unreachable_pub, reason = "in a program `pub` means: for the other modules")]

mod args;
mod cli;
mod commands;
mod env;
mod print;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    let code = match cli::Cli::typed(std::env::args_os().collect()) {
        Ok(cli) => cli.run().unwrap_or_else(|error| print::error(&error)),
        Err(code) => code,
    };
    print::end(code)
}
