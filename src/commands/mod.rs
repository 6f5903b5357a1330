//! One file per command.

pub mod batch;
mod build;
mod completions;
mod extract;
mod init;
mod inspect;
mod intune;
pub mod kit;
mod make;
pub mod prepare;
pub mod profile;
mod schema;
pub mod sign;
mod stamp;
pub mod token;
mod verify;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

/// Runs what was typed.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Init(args) => init::run(&args),
        Command::Make(args) => make::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Stamp(args) => stamp::run(&args),
        Command::Prepare(args) => prepare::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Extract(args) => extract::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Kit(args) => kit::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Sign(args) => sign::run(&args),
        Command::Rules(args) => profile::list(&args),
        Command::Schema => schema::run(),
        Command::Completions { shell } => completions::run(shell),
    }
}
