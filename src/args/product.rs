//! What is built, and into which folder.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use stampwright::{BuildPlan, Error, Kind, Result, UnsignedAgent, input};

use super::names::format_names;
use crate::env;

#[derive(Debug, Args)]
pub struct ProductArgs {
    /// The product's manifest
    #[arg(long, value_name = "TOML", default_value = "stampwright.toml", value_hint = ValueHint::FilePath)]
    pub product: PathBuf,
    /// Only these formats
    #[arg(long, value_name = "FORMAT", value_delimiter = ',', value_parser = format_names())]
    pub format: Vec<Kind>,
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

impl ProductArgs {
    /// The files that are read, beside those that the manifest names.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        [Some(self.product.as_path()), self.issuer_keys.as_deref()].into_iter().flatten()
    }

    /// What is to be built.
    pub fn plan(&self) -> Result<BuildPlan> {
        let mut product = input::product(&self.product)?;
        if let Some(path) = &self.issuer_keys {
            let jwks = input::jwks(path)?;
            product = product.with_issuer_keys(jwks).map_err(|error| Error::from(error).about(path))?;
        }
        let unsigned = if self.allow_unsigned_agent { UnsignedAgent::Allow } else { UnsignedAgent::Refuse };
        let plan =
            BuildPlan::new(product, self.format.clone(), &self.output, env::epoch()?, unsigned)?.reading(self.files());
        // A receipt costs a pass over the installer.
        Ok(if self.json { plan } else { plan.without_receipts() })
    }
}
