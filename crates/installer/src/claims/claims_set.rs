//! The claims set (RFC 7519 §4) of a token, read without asking who signed it.

use super::errors::ClaimsError;
use super::json::{self, Object};
use crate::epoch::Civil;
use crate::token::Token;
use crate::version::Version;

/// What a signed token says. Times are seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whose devices enroll with it (`tenant`).
    pub tenant: String,
    /// The product's name that it is for (`product`).
    pub product: String,
    /// The token's own id (`jti`).
    pub id: String,
    /// When it was minted (`iat`).
    pub issued: u64,
    /// The first second at which it is no longer valid (`exp`).
    pub expires: u64,
    /// The one device that may use it (`serial`).
    pub serial: Option<String>,
    /// The oldest agent that may use it (`least_agent`), as `MAJOR.MINOR.PATCH`.
    pub least_agent: Option<String>,
    /// Which issuer key signed it (`kid` of the header).
    pub key_id: String,
}

/// A token that expires within so many seconds is not worth an installer.
const LEAST_LIFE_SECS: u64 = 3600;

/// The claims that a token must have, then those that it may have.
const CLAIMS: [&str; 7] = ["tenant", "product", "jti", "iat", "exp", "serial", "least_agent"];

impl Claims {
    /// Reads what a token says, without asking who says it. `None`: it is opaque ([`crate::claims`] says what that is).
    ///
    /// # Errors
    /// It is one of ours, and lacks a claim or has one that is wrong.
    pub fn from_token(token: &Token) -> Result<Option<Self>, ClaimsError> {
        let Ok(parts) = Parts::from_token(token) else { return Ok(None) };
        if !["tenant", "product"].iter().all(|name| parts.claims.has(name)) {
            return Ok(None);
        }
        parts.claims().map(Some)
    }

    /// Checks that the token can still be used at `now` and is for `product`, by its name.
    pub fn check(&self, now: u64, product: &str) -> Result<(), ClaimsError> {
        let (id, expires) = (self.id.clone(), self.expires);
        if expires <= now {
            return Err(ClaimsError::Expired { id, expires });
        }
        if expires.saturating_sub(now) <= LEAST_LIFE_SECS {
            return Err(ClaimsError::ExpiresSoon { id, expires });
        }
        if self.product != product {
            return Err(ClaimsError::OtherProduct { id, found: self.product.clone(), expected: product.to_owned() });
        }
        Ok(())
    }
}

/// The algorithms that a token may be signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA over P-256 with SHA-256 (RFC 7518 §3.4).
    Es256,
}

/// A token, taken apart and not yet understood.
pub(super) struct Parts {
    pub(super) algorithm: Algorithm,
    header: Object,
    claims: Object,
}

impl Parts {
    pub(super) fn from_token(token: &Token) -> Result<Self, ClaimsError> {
        let mut parts = token.expose().split('.');
        let (Some(header), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ClaimsError::NotSigned("does not have three parts with dots between them"));
        };
        let header = Object::from_base64url(header)
            .ok_or(ClaimsError::NotSigned("does not start with a JSON object in base64url"))?;
        let algorithm = match header.text("alg") {
            Some("EdDSA") => Algorithm::EdDsa,
            Some("ES256") => Algorithm::Es256,
            Some(other) => return Err(ClaimsError::Algorithm(json::printable(other))),
            None => return Err(ClaimsError::NotSigned("has no algorithm in its header")),
        };
        let claims = Object::from_base64url(claims)
            .ok_or(ClaimsError::NotSigned("has no JSON object in base64url as its second part"))?;
        Ok(Self { algorithm, header, claims })
    }

    pub(super) fn key_id(&self) -> Result<String, ClaimsError> {
        self.header.word("kid").map_err(|problem| wrong("header field kid", problem))
    }

    /// The claims by themselves: each that must be there is, and each that is there is of the right kind.
    pub(super) fn claims(&self) -> Result<Claims, ClaimsError> {
        let text = |name: &str| self.claims.word(name).map_err(|problem| wrong(format!("claim {name}"), problem));
        let optional = |name: &str| if self.claims.has(name) { text(name).map(Some) } else { Ok(None) };
        let time = |name: &str| match self.claims.number(name) {
            Some(secs) if secs <= Civil::LAST_SECS => Ok(secs),
            Some(_) => Err(wrong(format!("claim {name}"), "is later than the year 9999")),
            None => Err(wrong(format!("claim {name}"), "must be whole seconds since 1970")),
        };
        let claims = Claims {
            tenant: text("tenant")?,
            product: self.claims.line("product").map_err(|problem| wrong("claim product", problem))?,
            id: text("jti")?,
            issued: time("iat")?,
            expires: time("exp")?,
            serial: optional("serial")?,
            least_agent: optional("least_agent")?,
            key_id: self.key_id()?,
        };
        if claims.expires <= claims.issued {
            return Err(wrong("claim exp", "must be later than iat"));
        }
        if claims
            .least_agent
            .as_deref()
            .is_some_and(|version| Version::parse(version).is_none_or(|version| !version.is_release()))
        {
            return Err(wrong("claim least_agent", "must be a version of three numbers, e.g. 1.4.2"));
        }
        Ok(claims)
    }

    /// Refuses what has no business in a token that may lie outside of a file's signature.
    pub(super) fn only_known(&self) -> Result<(), ClaimsError> {
        if let Some(name) = self.header.names().find(|name| !["alg", "kid", "typ"].contains(name)) {
            return Err(wrong(format!("header field {}", json::printable(name)), "must not be there"));
        }
        if self.header.has("typ") && self.header.text("typ") != Some("JWT") {
            return Err(wrong("header field typ", "must be JWT"));
        }
        if let Some(name) = self.claims.names().find(|name| !CLAIMS.contains(name)) {
            return Err(wrong(format!("claim {}", json::printable(name)), "must not be there"));
        }
        Ok(())
    }
}

fn wrong(part: impl Into<String>, problem: &'static str) -> ClaimsError {
    ClaimsError::Part { part: part.into(), problem }
}
