//! A TimeStampReq.

use container::der::OCTET_STRING;
use container::digest::Algorithm;

use crate::algorithm::unsigned;
use crate::asn1::{algorithm, sequence, small, tlv};

/// `certReq BOOLEAN TRUE`: without it the token has no certificates, and could not be verified later.
const CERTIFICATES_PLEASE: [u8; 3] = [1, 1, 0xff];

/// Asks for a timestamp over a signature.
pub(super) fn encode(signature: &[u8], nonce: &[u8]) -> Vec<u8> {
    let imprint = sequence(&[
        &algorithm(Algorithm::Sha256.oid(), true),
        &tlv(OCTET_STRING, &Algorithm::Sha256.digest(signature)),
    ]);
    sequence(&[&small(1), &imprint, &unsigned(nonce), &CERTIFICATES_PLEASE])
}
