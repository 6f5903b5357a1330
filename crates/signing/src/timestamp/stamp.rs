//! What a timestamp says, whichever way it is written.

use crate::certificate::Certificate;

/// A timestamp that holds together: its own signature is its signer's, who may give timestamps, and it is over the signature that it belongs
/// to. Whether the signer is to be trusted is another question.
#[derive(Debug)]
pub(crate) struct Stamp {
    /// The moment that the authority vouches for, in seconds since 1970.
    pub(crate) time: u64,
    pub(crate) signer: Certificate,
    /// The certificates that came with it.
    pub(crate) certificates: Vec<Certificate>,
    /// Whether the signer's certificate is for nothing else and says so with force, as RFC 3161 §2.3 asks.
    pub(crate) is_for_stamps_alone: bool,
}
