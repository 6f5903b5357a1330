//! Timestamps: an authority says when a signature existed, so that it stays valid after its certificate expires. RFC 3161 is asked for; a
//! countersignature (PKCS #9), the way before it, is read as well.
//!
//! ```text
//! us         SHA-256 of the signature, a nonce, "with your certificates"
//! authority  status, token = SignedData over TSTInfo { imprint, time, nonce }
//! us         status granted? our imprint, our nonce? signed by whom it says? is that one allowed to?
//! ```
//!
//! The answer is signed, so plain HTTP is enough: an attacker on the network can only make it fail. Every public authority
//! answers there.

mod authority;
mod countersignature;
mod errors;
mod http;
mod request;
mod response;
mod stamp;

pub use authority::{Authority, Timestamper};
pub(crate) use countersignature::read_countersignature;
pub use errors::TimestampError;
pub(crate) use response::read_token;
pub(crate) use stamp::Stamp;
