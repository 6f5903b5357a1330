//! Where the device stands, from its own files: works while the service is down, and connects to nothing.

use serde::Serialize;

use crate::error::Result;
use crate::fingerprint::{self, Fingerprint};
use crate::identity::{Outcome, Standing};
use crate::kit::Kit;

/// Where the device stands.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// `product.name`.
    pub product: String,
    /// The agent's version.
    pub version: String,
    /// None before the first enrollment.
    pub standing: Option<Standing>,
    /// The id of its record.
    pub device_id: Option<String>,
    /// Whose it is.
    pub tenant: Option<String>,
    /// The server knows that the identity is stored.
    pub confirmed: bool,
    /// The last check-in, seconds since 1970 by the device's clock.
    pub checked_in: Option<u64>,
    /// Does a token wait?
    pub token_waits: bool,
    /// How the last try ended.
    pub last: Option<Outcome>,
    /// What the device says of its hardware.
    pub hardware_fingerprint: Fingerprint,
}

impl Kit {
    /// Where the device stands.
    ///
    /// # Errors
    /// When the agent's files cannot be read.
    pub fn status(&self) -> Result<Status> {
        let identity = self.places.identity()?;
        Ok(Status {
            product: self.product.name.clone(),
            version: self.product.version_text(),
            standing: identity.as_ref().map(|identity| identity.standing),
            device_id: identity.as_ref().map(|identity| identity.device_id.clone()),
            tenant: identity.as_ref().map(|identity| identity.tenant.clone()),
            confirmed: identity.as_ref().is_some_and(|identity| identity.confirmed),
            checked_in: identity.as_ref().and_then(|identity| identity.checked_in),
            token_waits: self.places.token.read()?.is_some(),
            last: self.places.outcome(),
            hardware_fingerprint: fingerprint::of_this_machine(&self.vendor_key),
        })
    }
}
