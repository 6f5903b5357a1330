//! A TimeStampReq.

use container::digest::Algorithm;

use crate::algorithm::{digest_oid, unsigned};
use crate::asn1::{OCTET_STRING, algorithm, sequence, small, tlv};

/// `certReq BOOLEAN TRUE`: without it the token has no certificates, and nobody could check it later.
const CERTIFICATES_PLEASE: [u8; 3] = [1, 1, 0xff];

/// Asks for a timestamp over a signature.
pub(super) fn encode(signature: &[u8], nonce: &[u8]) -> Vec<u8> {
    let imprint = sequence(&[
        &algorithm(digest_oid(Algorithm::Sha256), true),
        &tlv(OCTET_STRING, &Algorithm::Sha256.digest(signature)),
    ]);
    sequence(&[&small(1), &imprint, &unsigned(nonce), &CERTIFICATES_PLEASE])
}
