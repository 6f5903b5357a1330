//! Which tokens a product or an installer takes; [`TokenPolicy`] itself has the rule.

use installer::format::Installer;
use installer::{IssuerKeys, Product, TokenPolicy};

use crate::error::Result;

/// The rule for a product that is being built.
pub(crate) fn for_product(product: &Product) -> Result<TokenPolicy> {
    let keys = product.issuer_keys().map(IssuerKeys::parse).transpose()?;
    Ok(TokenPolicy::new(keys, None, Some(product.name().to_owned())))
}

/// The rule for an installer that is there, stamped or not.
pub(crate) fn for_installer(installer: &dyn Installer) -> Result<TokenPolicy> {
    let keys = installer.issuer_keys()?.as_deref().map(IssuerKeys::parse).transpose()?;
    Ok(TokenPolicy::new(keys, None, installer.product_name()?))
}
