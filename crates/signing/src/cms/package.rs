//! The two signatures of a macOS product archive, both over the checksum of the XAR's table of contents as it is stored.
//!
//! - `<x-signature style="CMS">`: a detached message over the checksum's 20 bytes, with a signing time and, from a
//!   timestamp authority, the time at which it existed. macOS reads this one.
//! - `<signature style="RSA">`: PKCS #1 v1.5 alone, for readers that know no CMS. `productsign` takes the checksum
//!   itself for the digest (a SHA-1 DigestInfo); `rcodesign` takes the SHA-256 of the checksum, and macOS and Apple's
//!   notary accept both, other verifiers only the first. Here it is the first wherever the key signs a SHA-1: in files, on cards, behind a
//!   command that is told the algorithm. Key services in the cloud no longer do; for them it is the second. Our reader knows both.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911;

use super::{Message, SignError};
use crate::algorithm::KeyKind;
use crate::asn1::attribute;
use crate::identity::{Identity, IdentityError};
use crate::time;
use crate::timestamp::Timestamper;

/// id-aa-timeStampToken (RFC 3161, appendix A).
pub(crate) const TIMESTAMP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");
/// Certificates of a timestamp authority come with its token: as many bytes as we know of, twice.
const MAX_TIMESTAMP_BYTES: usize = 16 << 10;
/// What a message needs besides the certificates and the signature: measured 400, with long names.
const MAX_FRAME_BYTES: usize = 2048;

/// Signs a checksum: the detached message.
pub fn sign(
    identity: &Identity,
    checksum: &[u8; 20],
    signing_time: u64,
    timestamper: Option<&dyn Timestamper>,
) -> Result<Vec<u8>, SignError> {
    let time = time::encode(signing_time).ok_or(SignError::Time)?;
    let message = Message {
        content_type: rfc5911::ID_DATA,
        content: None,
        digested: checksum,
        attributes: vec![attribute(rfc5911::ID_SIGNING_TIME, &time)],
        timestamp: TIMESTAMP,
    };
    message.sign(identity, timestamper)
}

/// Signs a checksum: the plain RSA signature.
pub fn sign_rsa(identity: &Identity, checksum: &[u8; 20]) -> Result<Vec<u8>, IdentityError> {
    identity.sign_checksum(checksum)
}

/// How long the plain RSA signature is; 0 when the key is not RSA.
#[must_use]
pub const fn rsa_len(identity: &Identity) -> usize {
    match identity.kind() {
        KeyKind::Rsa { bits } => bits.div_ceil(8),
        KeyKind::P256 | KeyKind::P384 | KeyKind::Ed25519 => 0,
    }
}

/// How long the detached message is at most.
#[must_use]
pub fn max_cms_len(identity: &Identity, timestamped: bool) -> usize {
    let certificates: usize = identity.certificates().iter().map(|certificate| certificate.der().len()).sum();
    let names = identity.leaf().issuer_der().len() + identity.leaf().serial_der().len();
    let timestamp = if timestamped { MAX_TIMESTAMP_BYTES } else { 0 };
    MAX_FRAME_BYTES + certificates + names + identity.kind().most_signature_bytes() + timestamp
}
