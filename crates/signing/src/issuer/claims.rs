//! What a token is to say, and why it is not said.

use serde::Serialize;

/// What a token is to say. Times are seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claims<'a> {
    /// Whose devices enroll with it.
    pub tenant: &'a str,
    /// The product's name that it is for.
    pub product: &'a str,
    /// The token's own id.
    #[serde(rename = "jti")]
    pub id: &'a str,
    /// When it is minted.
    #[serde(rename = "iat")]
    pub issued: u64,
    /// The first second at which it is no longer valid.
    #[serde(rename = "exp")]
    pub expires: u64,
    /// The one device that may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<&'a str>,
    /// The oldest agent that may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_agent: Option<&'a str>,
}

impl Claims<'_> {
    /// Refuses what a reader could not see.
    pub(super) fn check(&self) -> Result<(), IssuerError> {
        let texts = [("the tenant", self.tenant), ("the product", self.product), ("the id", self.id)];
        match texts.into_iter().find(|(_, text)| text.chars().any(is_invisible)) {
            Some((what, _)) => Err(IssuerError::Invisible(what)),
            None => Ok(()),
        }
    }
}

/// Why there is no key, or no token. Nothing of the key is part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// The file is not what `keygen` writes.
    #[error("is not a private key in PEM (PKCS #8, Ed25519 or P-256)")]
    NotAKey,
    /// The key is encrypted.
    #[error("is encrypted, which an issuer key cannot be")]
    Encrypted,
    /// These random bytes are no private key of P-256, which happens once in 2^32 times.
    #[error("the random bytes are no key of P-256; draw others")]
    OtherBytes,
    /// A claim has a mark that cannot be seen: two tenants that look the same would be two.
    #[error("{0} has a control character or a mark that cannot be seen")]
    Invisible(&'static str),
    /// The library refused.
    #[error("the token cannot be signed")]
    Sign,
}

/// Control characters, marks of direction, joiners: the general categories Cc and Cf.
fn is_invisible(c: char) -> bool {
    let is_format = matches!(
        c,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{E0001}'..='\u{E007F}'
    );
    c.is_control() || is_format
}
