//! What can be typed: the commands. Their arguments stand beside their code; the sentences are the program's help.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use stampwright::Result;

use crate::commands::{
    build, completions, extract, init, inspect, kit, make, prepare, rpm_key, rules, schema, sign, stamp, token, verify,
};

/// Stamps a signed endpoint agent and a tenant's enrollment token into MSI, PKG, Intune-ready, deb and rpm installers,
/// and proves each by reading it back.
#[derive(Debug, Parser)]
#[command(name = "stampwright", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit status: 0 done; 1 the input was read and is wrong, or a verification found an error;\n\
                        2 usage; 3 the machine failed (I/O).")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a commented stampwright.toml to start from
    Init(init::Init),
    /// Build, stamp and verify the installers of a product, all in one
    Make(make::Make),
    /// Build bases: installers without a token, to be stamped later
    Build(build::Build),
    /// Put a token into a base
    Stamp(stamp::Stamp),
    /// Give a signed base a place for tokens beside its signature, once, without a key
    Prepare(prepare::Prepare),
    /// Say what an installer is, and whose: never the token itself
    Inspect(inspect::Inspect),
    /// Take an installer apart
    Extract(extract::Extract),
    /// Check an installer: its structure, its token, its agent
    Verify(verify::Verify),
    /// Write what an admin uploads to Intune, Group Policy or Jamf: files, bodies, profiles, steps
    Kit(kit::Kit),
    /// Make, read and check signed tokens, and the keys of who signs them
    #[command(subcommand)]
    Token(token::Token),
    /// Sign an installer, a base or a stamped one
    Sign(sign::Sign),
    /// Print the public key of who signs rpms, for rpm --import and gpgkey=
    RpmKey(rpm_key::RpmKey),
    /// List the rules of management systems that verify --profile checks
    Rules(rules::Rules),
    /// Print the JSON Schema of stampwright.toml
    Schema,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

impl Cli {
    /// Runs what was typed.
    pub fn run(self) -> Result<ExitCode> {
        let done = match self.command {
            Command::Init(args) => init::run(&args),
            Command::Make(args) => make::run(&args),
            Command::Build(args) => build::run(&args),
            Command::Stamp(args) => stamp::run(&args),
            Command::Prepare(args) => prepare::run(&args),
            Command::Inspect(args) => inspect::run(&args),
            Command::Extract(args) => extract::run(&args),
            Command::Verify(args) => return verify::run(&args),
            Command::Kit(args) => kit::run(&args),
            Command::Token(args) => token::run(&args),
            Command::Sign(args) => sign::run(&args),
            Command::RpmKey(args) => rpm_key::run(&args),
            Command::Rules(args) => rules::run(&args),
            Command::Schema => schema::run(),
            Command::Completions { shell } => completions::run(shell, &mut Self::command()),
        };
        done.map(|()| ExitCode::SUCCESS)
    }
}
