//! What a signed token must be before it goes into an installer. One that is understood must be of use: not expired nor about to, and
//! for this product. Where the issuer's keys are known, nothing but a token that one of them signed is taken; elsewhere an opaque
//! token is as good as ever.

use container::ReadAt;
use installer::claims::ClaimsError;
use installer::format::{Format, Inspection};
use installer::{Claims, IssuerKeys, Product, Token, TokenPolicy};

use crate::doors;
use crate::failure::Failure;

/// The rule for the tokens of one product, today.
pub struct Issued {
    policy: TokenPolicy,
    now: u64,
}

impl Issued {
    /// The rule for a product that is being built.
    pub fn for_product(product: &Product) -> Result<Self, Failure> {
        let keys = product.issuer_keys().map(IssuerKeys::parse).transpose()?;
        Ok(Self { policy: TokenPolicy::new(keys, None, Some(product.name().to_owned())), now: doors::now() })
    }

    /// The rule for an installer.
    pub fn for_file(format: &dyn Format, file: &dyn ReadAt) -> Result<Self, Failure> {
        let file = format.open(file)?;
        let keys = file.issuer_keys()?.as_deref().map(IssuerKeys::parse).transpose()?;
        Ok(Self { policy: TokenPolicy::new(keys, None, file.product_name()?), now: doors::now() })
    }

    /// Checks a token; gives what it says, if it is understood.
    pub fn check(&self, token: &Token) -> Result<Option<Claims>, ClaimsError> {
        self.policy.check(token, self.now)
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
