//! Secrets that are needed later: the token of a link, the token behind a `token_id`, an answer that may be asked for again. They lie in
//! the database encrypted (XChaCha20-Poly1305), and the key lies elsewhere: in a file of the data folder, or in the configuration.
//!
//! ```text
//! 1 byte    version, 1
//! 4 bytes   which key: the start of the SHA-256 of its SHA-256
//! 24 bytes  nonce
//! the rest  the secret, encrypted, and 16 bytes of tag; authenticated with it: what it is and whose, so that no row passes for another
//! ```

mod keys;
#[cfg(test)]
mod tests;

pub(crate) use keys::{Purpose, SealedError, SealingKeys};
