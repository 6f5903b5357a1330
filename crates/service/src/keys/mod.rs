//! API keys: who may call, and what for.
//!
//! ```text
//! sw_3kTq81Zb_0x7J…43 letters…Qf2d1Xz
//! │  │        │                └ 6 letters: the CRC-32 of everything before them; a typing mistake is told without a look-up
//! │  │        └ 32 random bytes in base 62
//! │  └ the public id, for look-up and logs
//! └ a mark that secret scanners find
//! ```
//!
//! A key has 256 random bits, so a plain SHA-256 of it is kept: there is nothing to guess that a slow hash would protect.

mod api_key;
mod caller;
mod first;
mod scopes;
#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use api_key::ApiKey;
pub(crate) use caller::{Caller, CallerError, CallerId};
pub(crate) use first::write_secret;
pub(crate) use first::{NewApiKey, first_admin_key};
pub(crate) use scopes::{Scope, Scopes};
