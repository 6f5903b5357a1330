//! `stampwright kit`: what an admin uploads to a management system.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use stampwright::{KitOptions, Result, System};

use crate::args::{SystemName, token_file};
use crate::env;
use crate::print::{self, Results};
use crate::terminal::Terminal;

#[derive(Debug, Args)]
pub struct Kit {
    /// The installer, stamped or a base
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The management systems
    #[arg(long = "for", value_name = "SYSTEM", value_delimiter = ',', required = true)]
    pub systems: Vec<SystemName>,
    /// The folder to write; it must not be there yet, or be empty
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// For a base: the token, which then comes in a transform or a profile; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "token_env")]
    pub token_file: Option<PathBuf>,
    /// For a base: the environment variable with the token
    #[arg(long, value_name = "NAME")]
    pub token_env: Option<String>,
    /// Whose devices: profiles of one tenant keep their identifiers from kit to kit. Default: the token's tenant, if it names one
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
    /// Where the package will be, for Apple's manifest, Jamf's deploy-package and dnf's .repo file
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub package_url: Option<String>,
    /// Print the kit's receipt on standard output
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Kit) -> Result<()> {
    let token = match (&args.token_file, &args.token_env) {
        (None, None) => None,
        (Some(path), _) => Some(token_file(path)?),
        (None, Some(name)) => Some(env::token(name)?),
    };
    let systems: Vec<System> = args.systems.iter().map(|name| System::from(*name)).collect();
    let options = KitOptions {
        systems: &systems,
        token: token.as_ref(),
        tenant: args.tenant.as_deref(),
        package_url: args.package_url.as_deref(),
        epoch: env::epoch()?,
        now: env::now(),
        entropy: &env::entropy,
    };
    let receipt = stampwright::kit(&args.file, &options, &args.output, &Terminal::new(Results::beside(args.json)))?;
    if args.json {
        return print::json(&receipt);
    }
    let (folder, files) = (args.output.display(), receipt.files());
    print::result(format_args!("wrote {folder}: {files} files; start with README.md"), Results::Stdout);
    Ok(())
}
