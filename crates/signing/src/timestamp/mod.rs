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

mod http;
mod request;
mod response;

use std::fmt::Debug;

use container::digest::Algorithm;

use crate::asn1::Asn1Error;

pub(crate) use response::{check_imprint, read_token};

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

/// Why there is no timestamp.
#[derive(Debug, thiserror::Error)]
pub enum TimestampError {
    /// The address is not one of plain HTTP.
    #[error("the timestamp URL {0}")]
    Url(&'static str),
    /// The authority could not be asked.
    #[error("the timestamp authority {url}: {problem}")]
    Http {
        /// Its address.
        url: String,
        /// What happened.
        problem: String,
    },
    /// It refused.
    #[error("the timestamp authority refused: status {status}{text}")]
    Refused {
        /// PKIStatus (RFC 3161 §2.4.2).
        status: u8,
        /// What it says, after a comma.
        text: String,
    },
    /// Its answer is not DER.
    #[error("the timestamp authority's answer: {0}")]
    Asn1(#[from] Asn1Error),
    /// Its answer is wrong.
    #[error("the timestamp {0}")]
    Wrong(String),
}

impl TimestampError {
    /// The next step, when there is one.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Http { .. } => {
                Some("check the address or sign again later; a signature without a timestamp ends with its certificate")
            }
            _ => None,
        }
    }
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
        let nonce = Algorithm::Sha256.digest(&[&self.seed, signature].concat());
        let nonce = nonce.get(..16).unwrap_or_default();
        let answer = http::post(&self.url, &request::encode(signature, nonce))?;
        let token = response::granted(&answer)?;
        response::check_fresh(&token, signature, nonce)?;
        Ok(token)
    }
}
