//! `stampwright man`: manual pages, one for the program and one for each command.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Command, ValueHint};
use clap_mangen::Man;
use stampwright::output::{self, Pending, Readers};
use stampwright::{Error, Result};

use crate::print::{self, Results};

#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder to write all pages to; else the program's own page goes to standard output
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
}

pub fn run(args: &ManArgs, program: Command) -> Result<()> {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let Some(folder) = &args.output else { return print::bytes(&page(&program)?) };
    output::folder(folder)?;
    let mut written = 0;
    let mut left = vec![("stampwright".to_owned(), program)];
    while let Some((name, command)) = left.pop() {
        let path = folder.join(format!("{name}.1"));
        let mut pending = Pending::text(&path)?;
        pending.file().write_all(&page(&command)?).map_err(Error::io("write", &path))?;
        pending.finish(Readers::All)?;
        written += 1;
        left.extend(command.get_subcommands().map(|below| (format!("{name}-{}", below.get_name()), below.clone())));
    }
    print::result(format_args!("wrote {written} pages to {}", folder.display()), Results::Stdout);
    Ok(())
}

fn page(command: &Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    // A date would make two builds differ.
    Man::new(command.clone()).date("").render(&mut page).map_err(Error::machine)?;
    Ok(page)
}
