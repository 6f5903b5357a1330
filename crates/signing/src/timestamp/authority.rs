//! Asking an authority.

use std::fmt::Debug;

use sha2::{Digest, Sha256};

use super::errors::TimestampError;
use super::{http, request, response};

/// Gives a timestamp.
pub trait Timestamper: Debug + Sync {
    /// A TimeStampToken (ContentInfo, DER) over a signature's bytes, checked.
    fn timestamp(&self, signature: &[u8]) -> Result<Vec<u8>, TimestampError>;
}

/// A timestamp authority at a URL.
#[derive(Debug, Clone)]
pub struct Authority {
    url: String,
    /// Where the nonces come from.
    seed: [u8; 16],
}

impl Authority {
    /// An authority. The seed must be fresh randomness: from it and the signature come the nonces.
    pub fn new(url: &str, seed: [u8; 16]) -> Result<Self, TimestampError> {
        if url.starts_with("https://") {
            return Err(TimestampError::Url(
                "is https, must be http: a timestamp is signed itself, and every public authority answers on http",
            ));
        }
        if !url.starts_with("http://") || url.len() > 2048 || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TimestampError::Url("must start with http://"));
        }
        Ok(Self { url: url.to_owned(), seed })
    }
}

impl Timestamper for Authority {
    fn timestamp(&self, signature: &[u8]) -> Result<Vec<u8>, TimestampError> {
        let digest = Sha256::new().chain_update(self.seed).chain_update(signature).finalize();
        let (nonce, _) = digest.split_at(16);
        let answer = http::post(&self.url, &request::encode(signature, nonce))?;
        let token = response::granted(&answer)?;
        response::check_fresh(&token, signature, nonce)?;
        Ok(token)
    }
}
