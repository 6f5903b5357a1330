//! What is asked for, and what is given.

use std::fmt;

use serde::{Deserialize, Serialize};
use stampwright::Token;
use zeroize::Zeroizing;

/// A token that is to be minted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// Whose devices enroll with it.
    pub tenant: String,
    /// The product's name.
    pub product: String,
    /// How long it is valid, in seconds.
    pub life_secs: u64,
    /// How many devices may use it; none for any number.
    pub uses: Option<u64>,
    /// The one device that may use it.
    pub serial: Option<String>,
}

impl TokenRequest {
    /// 30 days.
    pub const DEFAULT_LIFE_SECS: u64 = 30 * 86_400;
    /// Two hours: an installer refuses what expires within the hour.
    pub const MIN_LIFE_SECS: u64 = 2 * 3600;
    /// Ten years.
    pub const MAX_LIFE_SECS: u64 = 3653 * 86_400;
}

/// A token that was minted; the token is shown this once. It prints without it.
#[derive(Clone, PartialEq, Eq)]
pub struct Minted {
    /// Its `jti`.
    pub id: String,
    /// The token.
    pub token: Token,
    /// The first second at which it is no longer valid.
    pub expires: u64,
}

/// The same as text: what is kept, sealed, for a request that is repeated. Neither an id nor a token has a letter that JSON escapes.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    id: &'a str,
    token: &'a str,
    expires: u64,
}

impl Minted {
    pub(super) fn to_kept(&self) -> serde_json::Result<Zeroizing<Vec<u8>>> {
        let kept = Kept { id: &self.id, token: self.token.expose(), expires: self.expires };
        serde_json::to_vec(&kept).map(Zeroizing::new)
    }

    pub(super) fn from_kept(bytes: &[u8]) -> Option<Self> {
        let kept: Kept<'_> = serde_json::from_slice(bytes).ok()?;
        let token = Token::parse(kept.token.as_bytes()).ok()?;
        Some(Self { id: kept.id.to_owned(), token, expires: kept.expires })
    }
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Minted({}, {}, expires {})", self.id, self.token, self.expires)
    }
}
