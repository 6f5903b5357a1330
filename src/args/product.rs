//! What is built, and into which folder.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use stampwright::{BuildPlan, Product, Result};

use super::manifest::ManifestArgs;
use crate::print;

#[derive(Debug, Args)]
pub struct ProductArgs {
    #[command(flatten)]
    pub manifest: ManifestArgs,
    /// The folder to write to; it is made if it is not there
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// Print what was made as one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

impl ProductArgs {
    /// What is to be built of a product.
    pub fn plan(&self, product: Product) -> Result<BuildPlan> {
        product.notes().iter().for_each(print::note);
        let plan = self.manifest.plan(product, &self.output)?;
        // A receipt costs a pass over the installer.
        Ok(if self.json { plan } else { plan.without_receipts() })
    }
}
