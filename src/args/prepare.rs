//! Which prepare record counts.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use stampwright::{Prepared, Result};

#[derive(Debug, Args)]
pub struct PreparedArgs {
    /// The record that prepare wrote; else the one beside the installer, FILE.prepare.json, if there is one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub prepared: Option<PathBuf>,
}

impl PreparedArgs {
    /// The record that was named.
    pub fn read(&self) -> Result<Option<Prepared>> {
        self.prepared.as_deref().map(Prepared::read).transpose()
    }
}
