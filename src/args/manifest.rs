//! Which product, and what a call changes in its manifest.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use stampwright::{BuildPlan, Error, Kind, Overrides, Product, Result, Setting, UnsignedAgent, input};

use super::names::format_names;
use crate::env;

#[derive(Debug, Args)]
pub struct ManifestArgs {
    /// The product's manifest; else the stampwright.toml of this folder, or of the nearest one above it
    #[arg(long, value_name = "TOML", value_hint = ValueHint::FilePath)]
    pub product: Option<PathBuf>,
    /// Set a key of the manifest, e.g. --set product.version=1.5.0 or --set 'agent[0].path=build/agent'
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
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
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE, e.g. product.version=1.5.0")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl ManifestArgs {
    /// Where the manifest is.
    pub fn path(&self) -> Result<PathBuf> {
        if let Some(path) = &self.product {
            return Ok(path.clone());
        }
        let here = std::env::current_dir().map_err(Error::io("find", Path::new("this folder")))?;
        let missing = || {
            Error::machine(format!("there is no {} here or in a folder above", input::MANIFEST))
                .hint("give --product; stampwright init writes one")
        };
        let found = input::find_manifest(&here).ok_or_else(missing)?;
        // In this folder it has no folder in front, as if it had been typed.
        Ok(found.strip_prefix(&here).map(Path::to_path_buf).unwrap_or(found))
    }

    /// The product, with what this call sets.
    pub fn product(&self) -> Result<Product> {
        let mut set = Vec::new();
        if let Some(version) = env::text(env::VERSION)? {
            let (key, origin) = ("product.version".to_owned(), env::VERSION.to_owned());
            set.push(Setting { key, value: version, origin });
        }
        let typed = self.set.iter().cloned();
        set.extend(typed.map(|(key, value)| Setting { key, value, origin: "--set".to_owned() }));
        let variable = |name: &str| env::text(name).ok().flatten();
        let mut product = input::product_with(&self.path()?, &Overrides { set: &set, variable: &variable })?;
        if let Some(path) = &self.issuer_keys {
            let jwks = input::jwks(path)?;
            product = product.with_issuer_keys(jwks).map_err(|error| Error::from(error).about(path))?;
        }
        Ok(product)
    }

    /// What is to be built into a folder.
    pub fn plan(&self, product: Product, folder: &Path) -> Result<BuildPlan> {
        self.plan_of(product, self.format.clone(), folder)
    }

    /// The same for these formats.
    pub fn plan_of(&self, product: Product, kinds: Vec<Kind>, folder: &Path) -> Result<BuildPlan> {
        let unsigned = if self.allow_unsigned_agent { UnsignedAgent::Allow } else { UnsignedAgent::Refuse };
        let plan = BuildPlan::new(product, kinds, folder, env::epoch()?, unsigned)?;
        let read = [Some(self.path()?), self.issuer_keys.clone()];
        Ok(plan.reading(read.iter().flatten().map(PathBuf::as_path)))
    }
}
