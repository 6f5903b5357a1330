//! What can be typed: the commands. Their arguments stand beside their code; the sentences are the program's help.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use stampwright::Result;

#[cfg(unix)]
use crate::commands::serve;
use crate::commands::{
    build, check, completions, doctor, extract, init, inspect, kit, make, man, prepare, rpm_key, rules, schema, sign,
    stamp, token, verify,
};
use crate::print::{self, Mistake, Settings};

/// Stamps a signed endpoint agent and a tenant's enrollment token into MSI, PKG, Intune-ready, deb and rpm installers,
/// and proves each by reading it back.
#[derive(Debug, Parser)]
#[command(name = "stampwright", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit status: 0 done; 1 the input was read and is wrong, or a verification found an error;\n\
                        2 usage; 3 the machine failed (I/O).")]
pub struct Cli {
    #[command(flatten)]
    display: Display,
    #[command(subcommand)]
    command: Command,
}

/// How much is said, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Display")]
struct Display {
    /// Say nothing but errors, and what was asked for
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say what goes on, and which rules of a profile hold
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Use colours: auto is on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a commented stampwright.toml to start from
    Init(init::Init),
    /// Build, stamp and verify the installers of a product, all in one
    Make(make::Make),
    /// A dry run: what would be made, and every problem of manifest, agents and keys at once
    Check(check::Check),
    /// Build bases: installers without a token, to be stamped later
    Build(build::Build),
    /// Put a token into a base
    Stamp(Box<stamp::Stamp>),
    /// Give a signed base a place for tokens beside its signature, once, without a key
    Prepare(prepare::Prepare),
    /// Say what an installer is, and whose: never the token itself
    Inspect(inspect::Inspect),
    /// Take an installer apart
    Extract(extract::Extract),
    /// Check an installer: its structure, its token, its agent
    Verify(verify::Verify),
    /// Write what an admin uploads to Intune or Jamf, or offers by Group Policy or dnf: files, bodies, profiles, steps
    Kit(kit::Kit),
    /// Make, read and check signed tokens, and the keys of who signs them
    #[command(subcommand)]
    Token(token::Token),
    /// Sign an installer, a base or a stamped one
    Sign(sign::Sign),
    /// Hand out installers over HTTP: one token in, one installer out
    #[cfg(unix)]
    Serve(serve::Serve),
    /// Print the public key of who signs rpms, for rpm --import and gpgkey=
    RpmKey(rpm_key::RpmKey),
    /// Say what keeps a device from being enrolled, from the bundle that its agent wrote
    Doctor(doctor::Doctor),
    /// List the rules of management systems that verify --profile checks
    Rules(rules::Rules),
    /// Print the JSON Schema of stampwright.toml
    Schema,
    /// Write the manual pages
    Man(man::ManArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

impl Cli {
    /// Reads what was typed. Help and mistakes are printed; what is left is the status.
    pub fn typed(words: Vec<OsString>) -> Result<Self, ExitCode> {
        // Both count for mistakes in the command line too.
        let json = words.iter().take_while(|word| *word != "--").any(|word| word == "--json");
        let color = color(&words);
        match color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        let parsed = Self::command().color(color).try_get_matches_from(words);
        match parsed.and_then(|matches| Self::from_arg_matches(&matches)) {
            Ok(cli) => {
                print::set(Settings { quiet: cli.display.quiet, verbose: cli.display.verbose, json });
                Ok(cli)
            }
            Err(error) => {
                if json && error.use_stderr() {
                    let text = error.render().to_string();
                    let sentence = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect::<Vec<_>>();
                    let sentence = sentence.join(" ");
                    let message = sentence.strip_prefix("error: ").unwrap_or(&sentence);
                    let hint = suggestion(&error);
                    print::json_error(&Mistake { kind: "usage", message, place: None, hint: hint.as_deref() });
                }
                // A reader of the help that has gone is no mistake; what cannot be written is the machine's.
                let printed = error.print().or_else(|error| match error.kind() {
                    std::io::ErrorKind::BrokenPipe => Ok(()),
                    _ => Err(error),
                });
                let code = u8::try_from(error.exit_code()).unwrap_or(2);
                Err(ExitCode::from(if printed.is_err() && !error.use_stderr() { 3 } else { code }))
            }
        }
    }

    /// Runs what was typed.
    pub fn run(self) -> Result<ExitCode> {
        let done = match self.command {
            Command::Init(args) => init::run(&args),
            Command::Make(args) => make::run(&args),
            Command::Check(args) => return check::run(&args),
            Command::Build(args) => build::run(&args),
            Command::Stamp(args) => stamp::run(&args),
            Command::Prepare(args) => prepare::run(&args),
            Command::Inspect(args) => inspect::run(&args),
            Command::Extract(args) => extract::run(&args),
            Command::Verify(args) => return verify::run(&args),
            Command::Kit(args) => kit::run(&args),
            Command::Token(args) => token::run(&args),
            Command::Sign(args) => sign::run(&args),
            #[cfg(unix)]
            Command::Serve(args) => serve::run(&args),
            Command::RpmKey(args) => rpm_key::run(&args),
            Command::Doctor(args) => return doctor::run(&args),
            Command::Rules(args) => rules::run(&args),
            Command::Schema => schema::run(),
            Command::Man(args) => man::run(&args, Self::command()),
            Command::Completions { shell } => completions::run(shell, &mut Self::command()),
        };
        done.map(|()| ExitCode::SUCCESS)
    }
}

/// What `--color` says, looked up before the command line is read: its mistakes have colours too.
fn color(words: &[OsString]) -> ColorChoice {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).take_while(|word| *word != "--").collect();
    let separate = words.windows(2).find_map(|pair| match pair {
        ["--color", value] => Some(*value),
        _ => None,
    });
    let value = separate.or_else(|| words.iter().find_map(|word| word.strip_prefix("--color=")));
    value.and_then(|value| value.parse().ok()).unwrap_or(ColorChoice::Auto)
}

/// What clap thinks was meant.
fn suggestion(error: &clap::Error) -> Option<String> {
    [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue].into_iter().find_map(
        |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(format!("perhaps {text}")),
            Some(ContextValue::Strings(texts)) => texts.first().map(|text| format!("perhaps {text}")),
            _ => None,
        },
    )
}
