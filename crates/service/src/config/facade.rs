//! `[facade]`: the paths that a client of the field's asynchronous installer service knows.

use std::path::PathBuf;

use serde::Deserialize;
use stampwright::{Error, Result};

use super::duration::duration;

/// The façade.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Facade {
    /// Whether it is there.
    pub(crate) enabled: bool,
    /// The product whose bases it stamps.
    pub(crate) product: Option<String>,
    /// The product for `"fleet_desktop": true`. Without it, that is refused.
    pub(crate) desktop_product: Option<String>,
    /// The server that the bases have in them: a request that names another one is refused.
    pub(crate) url: Option<String>,
    /// A file with the API key of requests that bring none.
    pub(crate) key_file: Option<PathBuf>,
    /// How long an installer can be fetched.
    #[serde(deserialize_with = "duration")]
    pub(crate) expires: u64,
    /// How many times.
    pub(crate) uses: u64,
}

impl Default for Facade {
    fn default() -> Self {
        Self {
            enabled: false,
            product: None,
            desktop_product: None,
            url: None,
            key_file: None,
            expires: 3600,
            uses: 10,
        }
    }
}

impl Facade {
    pub(super) fn check(&self) -> Result<()> {
        if !self.enabled {
            return Ok(());
        }
        if self.product.is_none() || self.url.is_none() {
            return Err(Error::usage(
                "[facade] needs product and url: what its installers are, and the server in them",
            ));
        }
        if self.uses == 0 || self.expires == 0 {
            return Err(Error::usage("facade.uses and facade.expires must be at least 1"));
        }
        Ok(())
    }
}
