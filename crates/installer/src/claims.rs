//! What a signed token says, and whether a listed issuer said it.
//!
//! ```text
//!   token ──three parts? EdDSA or ES256? `tenant` and `product`?──▶ no: opaque, nothing is known of it
//!     │ yes                                                                (Claims::of gives None)
//!     ▼
//!   Claims ──check(now, product)──▶ not expired, not within the hour, for this product
//!   IssuerKeys ──verify(token)────▶ signed by a listed key, and it says nothing else than these claims
//! ```
//!
//! A token is a JSON Web Signature in its compact form (RFC 7515 §3.1) with the header `{"alg","kid","typ":"JWT"}` and
//! the claims `tenant`, `product`, `jti`, `iat`, `exp` and, if wanted, `serial` and `least_agent` (RFC 7519 §4).
//!
//! - **What counts as ours** is decided by the algorithm (EdDSA, ES256) and by having both `tenant` and `product`. Everything
//!   else is opaque, JSON Web Tokens of other systems included: a server that mints its own with another algorithm or other
//!   claims is not told when they expire.
//! - **What verifies says nothing else.** [`IssuerKeys::verify`] refuses header fields and claims that it does not know: a
//!   verified token may lie outside of a file's signature, and an address or a switch has no business there.
//! - Time is an argument; the library's own clock is not asked.

mod claims_set;
mod errors;
mod json;
mod keys;
#[cfg(test)]
mod tests;

pub use claims_set::Claims;
pub use errors::ClaimsError;
pub use keys::IssuerKeys;
#[cfg(test)]
pub(crate) use keys::SAMPLE_KEYS;
