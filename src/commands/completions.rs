//! `stampwright completions`: what a shell needs to complete commands and options.

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::Failure;

pub fn run(shell: Shell) -> Result<(), Failure> {
    // Into memory first: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "stampwright", &mut script);
    std::io::stdout().write_all(&script).map_err(Failure::io("write", Path::new("standard output")))
}
