//! What a kit needs to know of an MSI, checked for where it will stand.

use container::ReadAt;
use installer::format::TokenSummary;
use installer::msi::{Context, Facts, TOKEN_PROPERTY, facts};

use crate::folder::KitError;
use crate::text::{is_plain_name, is_version, plain};

/// An MSI that a kit can be made of.
#[derive(Debug, Clone)]
pub struct Windows {
    /// Its file name, e.g. `TheOneRMM-Agent.msi`; safe inside double quotes of a command line.
    pub(crate) file_name: String,
    /// Everything its tables say; codes are GUIDs.
    pub facts: Facts,
    /// The product's name, on one line.
    pub product: String,
    /// The publisher, on one line.
    pub publisher: String,
}

impl Windows {
    /// Reads and checks an MSI that is called `file_name`.
    pub fn read(file: &dyn ReadAt, file_name: &str) -> Result<Self, KitError> {
        if !is_plain_name(file_name) {
            return Err(KitError::Unfit(format!(
                "the file name {file_name:?} has characters that a command line takes for its own"
            )));
        }
        let facts = facts(file)?;
        if !is_version(&facts.product_version) {
            return Err(KitError::Unfit(format!(
                "ProductVersion is {:?}, must be numbers and dots",
                plain(&facts.product_version)
            )));
        }
        if facts.context != Context::Machine {
            return Err(KitError::Unfit("the installer is not per machine: ALLUSERS must be 1".to_owned()));
        }
        let (product, publisher) = (plain(&facts.product_name), plain(&facts.publisher));
        Ok(Self { file_name: file_name.to_owned(), facts, product, publisher })
    }

    /// The name without its ending.
    #[must_use]
    pub(crate) fn stem(&self) -> &str {
        self.file_name.rsplit_once('.').map_or(&self.file_name, |(stem, _)| stem)
    }

    /// The architecture, in Windows Installer's word: `x64`, `Arm64`, `Intel`.
    #[must_use]
    pub fn arch(&self) -> &str {
        self.facts.template.split(';').next().unwrap_or_default()
    }

    /// Whether a token must come with the kit: `Ok(true)` when `given` brings one to a base.
    pub(crate) fn needs_token(&self, given: bool) -> Result<bool, KitError> {
        match (&self.facts.token, given) {
            (Some(TokenSummary { fingerprint, .. }), true) => Err(KitError::TwoTokens(fingerprint.clone())),
            (Some(_), false) => Ok(false),
            (None, false) => Err(KitError::NoToken),
            (None, true) if self.facts.takes_token => Ok(true),
            (None, true) => {
                Err(KitError::Unfit(format!("the installer was not built to take a token in {TOKEN_PROPERTY}")))
            }
        }
    }
}
