//! A token for each device of a list, bound to its serial number.

use installer::proof::hex;
use installer::{Claims, Token};

use crate::error::Result;
use crate::issuer::{Issuer, NewClaims};
use crate::observer::Entropy;

/// Mints tokens for devices.
pub struct Minter {
    /// Who mints them.
    pub issuer: Issuer,
    /// Whose devices enroll with them.
    pub tenant: String,
    /// The product that they are for, by its name in the manifest.
    pub product: String,
    /// The oldest agent that may use them, e.g. `1.4.2`.
    pub least_agent: Option<String>,
    /// When they are minted, in seconds since 1970.
    pub issued: u64,
    /// The first second at which they are no longer valid.
    pub expires: u64,
    /// For the tokens' ids.
    pub entropy: Box<dyn Entropy>,
}

impl Minter {
    /// A new token for one device, read back by the code that will read it.
    pub fn mint(&self, serial: &str) -> Result<Token> {
        let mut id = [0; 16];
        self.entropy.fill(&mut id)?;
        let claims = NewClaims {
            tenant: &self.tenant,
            product: &self.product,
            id: &hex(&id),
            issued: self.issued,
            expires: self.expires,
            serial: Some(serial),
            least_agent: self.least_agent.as_deref(),
        };
        Ok(self.issuer.mint(&claims)?.0)
    }

    /// Whether a token is one that [`Minter::mint`] has made for this device, and still of use.
    pub(super) fn has_minted(&self, token: &Token, serial: &str) -> bool {
        let is_it = |claims: Claims| {
            claims.tenant == self.tenant
                && claims.serial.as_deref() == Some(serial)
                && claims.least_agent == self.least_agent
                && claims.check(self.issued, &self.product).is_ok()
        };
        self.issuer.verify(token).is_ok_and(is_it)
    }
}
