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

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => print::error(&error),
    }
}
