//! The project's own commands, one file each; `cargo xtask --help` lists them. The workflows and `.ci/run` call these and nothing else.
#![allow(clippy::print_stdout, reason = "these commands talk to people")]

mod bench;
mod debian;
mod demo;
mod device;
mod failure;
mod fuzz;
mod image;
mod judges;
mod kit_size;
mod page;
mod payloads;
mod probe;
mod release;
mod root;
mod rpm_six;
mod samples;
mod serving;
mod sign;
mod soak;
mod systems;
mod test;
mod tidy;
mod token;
mod token_reader;
mod windows;
mod world;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xshell::Shell;

use crate::failure::Result;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Get the sample agents into samples/, check their pinned digests
    Samples,
    /// Do the main job on the sample agents and print a table; devices enroll at its end, three of them by MSI, deb and rpm where this runs as root
    Demo {
        /// Run this program instead of a release build
        #[arg(long)]
        program: Option<std::path::PathBuf>,
    },
    /// Measure building and stamping beside their peers, write docs/performance.md
    Bench(bench::Asked),
    /// Cross-build the probe service into target/payloads/, check that the kept token readers are those of the source
    Payloads {
        /// Build the token readers instead, and keep them in payloads/token-reader/prebuilt/
        #[arg(long)]
        token_reader: bool,
        /// With --token-reader: compare what is built with what is kept, byte for byte, and keep nothing
        #[arg(long, requires = "token_reader")]
        compare: bool,
        /// For arm64 Windows and macOS as well, linked by zig from PyPI
        #[arg(long)]
        all: bool,
    },
    /// Fuzz every reader of untrusted input, a minute each
    Fuzz {
        /// Only this target of fuzz/targets/
        target: Option<String>,
        /// Seconds for each target
        #[arg(long, default_value_t = 60)]
        secs: u32,
    },
    /// Build the Containerfile's last stage and do the main job in it, without a network
    Image,
    /// Install the programs that judge our output
    Judges,
    /// Open the service's page in a browser, take its pictures for the README
    Page,
    /// Run the built probe service under Wine
    Probe,
    /// Make the program's own deb and rpm, with the program itself
    Release(release::Release),
    /// Let rpm 6 of Debian unstable judge our rpms
    #[command(name = "rpm6")]
    RpmSix,
    /// A thousand tokens and ten thousand downloads against the running service, then ten thousand clients that go in the middle; ledger, memory,
    /// descriptors and threads are counted
    Soak {
        /// Run this program instead of a release build
        #[arg(long)]
        program: Option<std::path::PathBuf>,
        /// Only the clients that go in the middle
        #[arg(long)]
        gone: bool,
    },
    /// Check the rules of the house
    Tidy,
    /// Make the probe's installers, or install one on this device
    #[command(subcommand)]
    Device(device::Device),
    /// Build the program for Windows into target/payloads/windows-x64/
    Windows {
        /// As it would be shipped; the tests do without optimisation
        #[arg(long)]
        release: bool,
    },
    /// Hold other people's programs and packages against what independent programs say of them
    World(world::World),
    /// Run every check, from a clean checkout
    Test,
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result {
    let sh = Shell::new()?;
    sh.change_dir(root::root());
    match command {
        Command::Samples => samples::run(&sh),
        Command::Demo { program } => demo::run(&sh, program.as_deref()),
        Command::Bench(asked) => bench::run(&sh, asked),
        Command::Payloads { token_reader: true, compare: true, .. } => token_reader::compare(&sh),
        Command::Payloads { token_reader: true, .. } => token_reader::build(&sh),
        Command::Payloads { all, .. } => payloads::run(&sh, *all),
        Command::Fuzz { target, secs } => fuzz::run(&sh, target.as_deref(), *secs),
        Command::Image => image::rehearse(&sh),
        Command::Judges => judges::run(&sh),
        Command::Page => page::run(&sh),
        Command::Probe => probe::run(&sh),
        Command::Release(release) => release::run(&sh, release),
        Command::RpmSix => rpm_six::run(&sh),
        Command::Device(device) => device::run(&sh, device),
        Command::Soak { program, gone } => soak::run(&sh, program.as_deref(), *gone),
        Command::Tidy => tidy::run(&sh),
        Command::Windows { release } => windows::run(&sh, *release),
        Command::World(world) => world::run(&sh, world),
        Command::Test => test::run(&sh),
    }
}
