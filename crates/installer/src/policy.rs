//! Which tokens an installer takes. The one room for this rule: a [`TokenPolicy`] is made when a base is opened, and an [`AcceptedToken`], the only
//! thing that can be stamped, is what has passed it.
//!
//! - A token that is understood (see [`crate::claims`]) must be of use: neither expired nor about to, and for this product.
//! - Where issuer keys are known, in the base or given by the caller, nothing but a token is taken that one of them has signed. Where a base has
//!   keys and others are given, the token must verify under both sets: the agent goes by those in the base.
//! - Elsewhere an opaque token is as good as a signed one.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::claims::{Claims, ClaimsError, IssuerKeys};
use crate::report::Report;
use crate::token::Token;

/// The rule for the tokens of one installer.
#[derive(Debug, Clone, Default)]
pub struct TokenPolicy {
    pinned: Option<IssuerKeys>,
    given: Option<IssuerKeys>,
    product: Option<String>,
}

impl TokenPolicy {
    /// The rule for an installer: the keys in it, those that the caller gives, and the product's name, if it is known.
    #[must_use]
    pub const fn new(pinned: Option<IssuerKeys>, given: Option<IssuerKeys>, product: Option<String>) -> Self {
        Self { pinned, given, product }
    }

    /// The product that tokens must be for, by its name.
    #[must_use]
    pub fn product(&self) -> Option<&str> {
        self.product.as_deref()
    }

    /// The issuer keys in the installer, or those that its maker asserts to be in the agent.
    #[must_use]
    pub const fn pinned(&self) -> Option<&IssuerKeys> {
        self.pinned.as_ref()
    }

    /// The same rule for an installer whose maker asserts that its agent has these keys. Keys that are seen in it stay the ones that count.
    pub(crate) fn assert(&mut self, keys: IssuerKeys) {
        self.pinned.get_or_insert(keys);
    }

    /// Checks a token at `now`, in seconds since 1970; gives what it says, if it is understood.
    ///
    /// # Errors
    /// Issuer keys are known and none of them has signed it; or it is expired, about to expire, or for another product.
    pub fn check(&self, token: &Token, now: u64) -> Result<Option<Claims>, ClaimsError> {
        let mut claims = None;
        for keys in [&self.pinned, &self.given].into_iter().flatten() {
            claims = Some(keys.verify(token)?);
        }
        if claims.is_none() {
            claims = Claims::from_token(token)?;
        }
        if let Some(claims) = &claims {
            claims.check(now, self.product.as_deref().unwrap_or(&claims.product))?;
        }
        Ok(claims)
    }

    /// The same, and the token with it, marked as accepted under this rule.
    pub(crate) fn accept(&self, token: Token, now: u64) -> Result<AcceptedToken, ClaimsError> {
        let claims = self.check(&token, now)?;
        let verified = self.pinned.is_some();
        let number = claims.as_ref().map_or(now, |claims| claims.issued);
        Ok(AcceptedToken { token, claims, verified, number, policy: self.fingerprint() })
    }

    /// Whether a token was accepted under this rule.
    pub(crate) fn has_accepted(&self, token: &AcceptedToken) -> bool {
        token.policy == self.fingerprint()
    }

    /// The SHA-256 of everything that the rule depends on.
    fn fingerprint(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for keys in [&self.pinned, &self.given] {
            digest.update(keys.as_ref().map_or([0; 32], IssuerKeys::digest));
        }
        digest.update(self.product.as_deref().unwrap_or_default());
        digest.finalize().into()
    }
}

/// A token that the policy of a base has accepted; made by [`crate::stamp::Base::accept`] alone.
#[derive(Clone)]
pub struct AcceptedToken {
    token: Token,
    claims: Option<Claims>,
    /// Whether issuer keys in the base, or asserted for it, have verified it.
    verified: bool,
    /// Higher for a token that is to take another's place.
    number: u64,
    /// The policy that has accepted it.
    policy: [u8; 32],
}

impl AcceptedToken {
    /// The token.
    #[must_use]
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// What it says, if it is understood.
    #[must_use]
    pub const fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    /// Whether issuer keys in the base, or asserted for it, have verified it.
    #[must_use]
    pub(crate) const fn is_verified(&self) -> bool {
        self.verified
    }

    /// Its number, for formats whose package managers take the package with the higher one for the newer: when the token was
    /// issued, where it says so, else when it was accepted; both in seconds since 1970.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The same token under another number: what makes the same stamp again has kept the number of the first one.
    #[must_use]
    pub const fn with_number(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    #[cfg(test)]
    pub(crate) fn unchecked(token: &Token) -> Self {
        Self { token: token.clone(), claims: None, verified: false, number: 0, policy: [0; 32] }
    }
}

impl fmt::Debug for AcceptedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AcceptedToken({})", self.token)
    }
}

/// Checks a token that was found in an installer against the issuer keys that were found there: the agent ignores what they do not cover.
pub(crate) fn check_found(keys: Option<&[u8]>, token: Option<&Token>, product: Option<&str>, report: &mut Report) {
    let Some(keys) = keys else { return };
    let keys = IssuerKeys::parse(keys);
    report.check(keys.is_ok(), "issuer-keys", "issuer keys", || match &keys {
        Err(error) => error.to_string(),
        Ok(_) => String::new(),
    });
    let (Ok(keys), Some(token)) = (keys, token) else { return };
    let verified = keys.verify(token);
    report.check(verified.is_ok(), "token-untrusted", "token", || match &verified {
        Err(error) => error.to_string(),
        Ok(_) => String::new(),
    });
    if let (Ok(claims), Some(product)) = (verified, product) {
        report.check(claims.product == product, "token-product", "token", || {
            format!("is for the product \"{}\", must be for \"{product}\"", claims.product)
        });
    }
}
