//! What is asked for, and what is given.

use std::fmt;

use serde::{Deserialize, Serialize};
use stampwright::Token;

/// A token that is to be minted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenRequest {
    /// Whose devices enroll with it.
    pub(crate) tenant: String,
    /// The product's name.
    pub(crate) product: String,
    /// How long it is valid, in seconds.
    pub(crate) life_secs: u64,
    /// How many devices may use it; none for any number.
    pub(crate) uses: Option<u64>,
    /// The one device that may use it.
    pub(crate) serial: Option<String>,
}

impl TokenRequest {
    /// 30 days.
    pub(crate) const DEFAULT_LIFE_SECS: u64 = 30 * 86_400;
    /// Two hours: an installer refuses what expires within the hour.
    pub(crate) const MIN_LIFE_SECS: u64 = 2 * 3600;
    /// Ten years.
    pub(crate) const MAX_LIFE_SECS: u64 = 3653 * 86_400;
}

/// A token that was minted; the token is shown this once. It prints without it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Minted {
    /// Its `jti`.
    pub(crate) id: String,
    /// The token.
    pub(crate) token: Token,
    /// The first second at which it is no longer valid.
    pub(crate) expires: u64,
}

/// Which token it was: what is kept, sealed, for a request that is repeated. The token itself is kept in one place only, where revoking it
/// finds it.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) id: String,
    pub(super) expires: u64,
}

impl Kept {
    pub(super) fn of(minted: &Minted) -> Self {
        Self { id: minted.id.clone(), expires: minted.expires }
    }
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Minted({}, {}, expires {})", self.id, self.token, self.expires)
    }
}
