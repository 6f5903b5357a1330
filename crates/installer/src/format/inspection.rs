//! What an installer says of itself.

use std::collections::BTreeMap;

use serde::Serialize;

use super::kind::Kind;
use crate::claims::Claims;
use crate::epoch::Civil;
use crate::token::Token;

/// What an installer says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Its format.
    pub kind: Kind,
    /// The product's name; the package's where the installer does not say it.
    pub product: String,
    /// The product's version.
    pub version: String,
    /// The architecture, in the format's own word, e.g. `amd64`, `x64`, `arm64,x86_64`.
    pub arch: String,
    /// The token's length and fingerprint, if there is a token.
    pub token: Option<TokenSummary>,
    /// Whether the file carries a signature.
    pub signed: bool,
    /// Whether Stampwright built it, by its mark. Others have no token in a place of ours, and are no bases either.
    #[serde(skip)]
    pub is_ours: bool,
    /// What only this format knows, by the field's own name, e.g. `ProductCode`.
    pub details: BTreeMap<&'static str, String>,
}

/// What may be said of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenSummary {
    /// Its length in bytes.
    pub len: usize,
    /// The first 16 hexadecimal digits of its SHA-256.
    pub fingerprint: String,
    /// What it says, if it is understood. Its signature is not verified here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<ClaimsSummary>,
}

/// What may be said of a signed token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it; see `Claims`")]
pub struct ClaimsSummary {
    pub tenant: String,
    pub id: String,
    /// As ISO 8601 writes it.
    pub expires: String,
}

impl From<&Token> for TokenSummary {
    fn from(token: &Token) -> Self {
        let summary = |claims: Claims| ClaimsSummary {
            tenant: claims.tenant,
            id: claims.id,
            expires: Civil::from_secs(claims.expires).to_string(),
        };
        let claims = Claims::from_token(token).ok().flatten().map(summary);
        Self { len: token.len(), fingerprint: token.fingerprint(), claims }
    }
}
