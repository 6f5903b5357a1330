//! `stampwright completions`: what a shell needs to complete commands and options.

use clap_complete::Shell;
use stampwright::Result;

use crate::print;

pub fn run(shell: Shell, program: &mut clap::Command) -> Result<()> {
    // Into memory first: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, program, "stampwright", &mut script);
    print::bytes(&script)
}
