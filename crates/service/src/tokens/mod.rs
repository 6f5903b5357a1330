//! Tokens: minting them, and whether they may be stamped.
//!
//! The service can be the issuer. A token that it mints is a signed one like that of `stampwright token mint`; what may change afterwards
//! (revoked or not, how many devices have used it) is kept in the ledger by its `jti` and is no claim in it.
//!
//! Keys are rotated in four steps, and no token is minted that an installer which is being served would not trust:
//! 1. the new key is listed beside the old one, which still mints: `GET /v1/jwks` gives both;
//! 2. bases are built with both keys in them, and served;
//! 3. the new key mints: it is moved to the front;
//! 4. when the last token of the old key has expired, it is no longer listed.

mod issuers;
mod minted;
mod registry;
#[cfg(test)]
mod tests;

pub(crate) use issuers::Issuers;
pub(crate) use minted::{Minted, TokenRequest};
pub(crate) use registry::{MintOutcome, ServedBase, TokenError, Tokens};
