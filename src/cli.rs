//! What can be typed. The sentences here are the program's help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use installer::Kind;

pub use crate::commands::prepare::Prepare;
pub use crate::prepared::PreparedArgs;

use crate::commands::batch::BatchArgs;
use crate::commands::profile::Rules;
use crate::commands::sign::{Sign, SigningArgs};

/// Stamps a signed endpoint agent and a tenant's enrollment token into MSI, PKG, Intune-ready and deb installers,
/// and proves each by reading it back.
#[derive(Debug, Parser)]
#[command(name = "stampwright", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit status: 0 done; 1 the input was read and is wrong, or a verification found an error;\n\
                        2 usage; 3 the machine failed (I/O).")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented stampwright.toml to start from
    Init(Init),
    /// Build, stamp and verify the installers of a product, all in one
    Make(Make),
    /// Build bases: installers without a token, to be stamped later
    Build(Build),
    /// Put a token into a base
    Stamp(Stamp),
    /// Give a signed base a place for tokens beside its signature, once, without a key
    Prepare(Prepare),
    /// Say what an installer is, and whose: never the token itself
    Inspect(Inspect),
    /// Take an installer apart
    Extract(Extract),
    /// Check an installer: its structure, its token, its agent
    Verify(Verify),
    /// Write what an admin uploads to Intune, Group Policy or Jamf: files, bodies, profiles, steps
    Kit(crate::commands::kit::Kit),
    /// Make, read and check signed tokens, and the keys of who signs them
    #[command(subcommand)]
    Token(crate::commands::token::Token),
    /// Sign an installer, a base or a stamped one
    Sign(Sign),
    /// List the rules of management systems that verify --profile checks
    Rules(Rules),
    /// Print the JSON Schema of stampwright.toml
    Schema,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub struct Init {
    /// The file to write; it must not be there yet
    #[arg(default_value = "stampwright.toml", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct ProductArgs {
    /// The product's manifest
    #[arg(long, value_name = "TOML", default_value = "stampwright.toml", value_hint = ValueHint::FilePath)]
    pub product: PathBuf,
    /// Only these formats
    #[arg(long, value_name = "FORMAT", value_delimiter = ',')]
    pub format: Vec<FormatName>,
    /// The public keys of who mints the tokens (JWKS), instead of the manifest's: they are installed with the agent,
    /// and no other tokens are taken
    #[arg(long, value_name = "JWKS", value_hint = ValueHint::FilePath)]
    pub issuer_keys: Option<PathBuf>,
    /// Take agents without a code signature (tests and prototypes)
    #[arg(long)]
    pub allow_unsigned_agent: bool,
    /// The folder to write to; it is made if it is not there
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// Print what was made as one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    Msi,
    Pkg,
    Deb,
}

impl From<FormatName> for Kind {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Msi => Self::Msi,
            FormatName::Pkg => Self::Pkg,
            FormatName::Deb => Self::Deb,
        }
    }
}

/// Where the token comes from: never from an argument, which every user of the machine can read.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct TokenArgs {
    /// The file with the token; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,
    /// The environment variable with the token
    #[arg(long, value_name = "NAME")]
    pub token_env: Option<String>,
}

#[derive(Debug, Args)]
pub struct Make {
    #[command(flatten)]
    pub product: ProductArgs,
    #[command(flatten)]
    pub token: TokenArgs,
    #[command(flatten)]
    pub signing: SigningArgs,
    /// Make kits for these management systems as well, each beside its installer as FILE.kit
    #[arg(long, value_name = "SYSTEM", value_delimiter = ',')]
    pub kit: Vec<crate::commands::kit::System>,
}

#[derive(Debug, Args)]
pub struct Build {
    #[command(flatten)]
    pub product: ProductArgs,
}

#[derive(Debug, Args)]
pub struct Stamp {
    /// The base
    #[arg(value_hint = ValueHint::FilePath)]
    pub base: PathBuf,
    #[command(flatten)]
    pub token: TokenArgs,
    #[command(flatten)]
    pub batch: BatchArgs,
    /// The installer to write; - is standard output
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Take only tokens that one of these keys has signed (JWKS). Keys that are in the base count as well
    #[arg(long, value_name = "JWKS", value_hint = ValueHint::FilePath)]
    pub issuer_keys: Option<PathBuf>,
    /// Replace the token of an installer that is already stamped
    #[arg(long)]
    pub restamp: bool,
    #[command(flatten)]
    pub prepared: PreparedArgs,
    /// Write a receipt (JSON): digests, sizes, the token's fingerprint. Hashes both files
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub receipt: Option<PathBuf>,
    /// Print the receipt on standard output
    #[arg(long)]
    pub json: bool,
    /// Leave the base's signature behind and sign the stamp anew
    #[arg(long, requires = "signer")]
    pub resign: bool,
    #[command(flatten)]
    pub signing: SigningArgs,
}

#[derive(Debug, Args)]
pub struct Inspect {
    /// The installer
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Trust the certificates in this file (PEM or DER)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub root: Vec<PathBuf>,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Extract {
    /// The installer
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The folder to write; it must not be there yet, or be empty
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// Print what was extracted as one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// The installer
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// It must be this base with a token in it, byte for byte
    #[arg(long, value_name = "BASE", value_hint = ValueHint::FilePath)]
    pub base: Option<PathBuf>,
    /// It must have the token in this file; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,
    /// It must have this agent in it, byte for byte
    #[arg(long, value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub agent: Option<PathBuf>,
    #[command(flatten)]
    pub prepared: PreparedArgs,
    /// It must meet the rules of this management system
    #[arg(long, value_name = "SYSTEM")]
    pub profile: Option<Profile>,
    /// Trust the certificates in this file (PEM or DER): the signer's, and its timestamp's, must lead to one of them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub root: Vec<PathBuf>,
    /// Print the report as one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Group Policy, software installation
    Gpo,
    /// Microsoft Intune, Win32 and line-of-business apps
    IntuneWindows,
    /// Microsoft Intune, macOS line-of-business and PKG apps
    IntuneMacos,
    /// Jamf Pro
    Jamf,
    /// Debian and its relatives
    Debian,
}
