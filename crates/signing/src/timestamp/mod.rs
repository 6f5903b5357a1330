//! Timestamps (RFC 3161): an authority says when a signature existed, so that it stays valid after its certificate expires.
//!
//! ```text
//! us         SHA-256 of the signature, a nonce, "with your certificates"
//! authority  status, token = SignedData over TSTInfo { imprint, time, nonce }
//! us         status granted? our imprint, our nonce? signed by whom it says? is that one allowed to?
//! ```
//!
//! The answer is signed, so plain HTTP is enough: nobody between can do more than make it fail. Every public authority
//! answers there.

mod authority;
mod errors;
mod http;
mod request;
mod response;

pub use authority::{Authority, Timestamper};
pub use errors::TimestampError;
pub(crate) use response::{check_imprint, read_token};
