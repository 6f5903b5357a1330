//! What a signed token must be before it goes into an installer. One that is understood must be of use: not expired nor about to, and
//! for this product. Where the issuer's keys are known, nothing but a token that one of them signed is taken; elsewhere an opaque
//! token is as good as ever.

use std::path::Path;

use container::ReadAt;
use installer::claims::ClaimsError;
use installer::format::{Format, Inspection};
use installer::{Claims, IssuerKeys, Kind, Product, Token};

use crate::doors;
use crate::failure::Failure;
use crate::source;

/// The rule for the tokens of one product.
pub struct Issued {
    keys: Option<IssuerKeys>,
    /// The product's name; `None` where the installer does not know it.
    product: Option<String>,
    now: u64,
}

impl Issued {
    /// The rule for a product that is being built.
    pub fn for_product(product: &Product) -> Result<Self, Failure> {
        let keys = product.issuer_keys().map(IssuerKeys::parse).transpose()?;
        Ok(Self { keys, product: Some(product.name().to_owned()), now: doors::now() })
    }

    /// The rule for a base: the keys of the command line, else those that are in it.
    pub fn for_base(format: &dyn Format, base: &dyn ReadAt, keys: Option<&Path>) -> Result<Self, Failure> {
        let keys = match keys {
            Some(path) => Some(source::issuer_keys(path)?),
            // A deb's are in its payload, and a stamp does not read that.
            None if format.kind() == Kind::Deb => None,
            None => format.issuer_keys(base)?.as_deref().map(IssuerKeys::parse).transpose()?,
        };
        let product = format.inspect(base)?.product_name().map(str::to_owned);
        Ok(Self { keys, product, now: doors::now() })
    }

    /// Checks a token; gives what it says, if it is understood.
    pub fn check(&self, token: &Token) -> Result<Option<Claims>, ClaimsError> {
        let claims = match &self.keys {
            Some(keys) => Some(keys.verify(token)?),
            None => Claims::of(token)?,
        };
        if let Some(claims) = &claims {
            claims.check(self.now, self.product.as_deref().unwrap_or(&claims.product))?;
        }
        Ok(claims)
    }
}

/// What `inspect` prints of an installer's token.
pub fn lines(inspection: &Inspection) -> Vec<(&'static str, String)> {
    let Some(claims) = inspection.token.as_ref().and_then(|token| token.claims.as_ref()) else { return Vec::new() };
    vec![
        ("token tenant", claims.tenant.clone()),
        ("token id", claims.id.clone()),
        ("token expires", claims.expires.clone()),
    ]
}
