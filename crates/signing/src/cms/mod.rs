//! Signed messages (CMS SignedData, RFC 5652), written.
//!
//! ```text
//! ContentInfo signedData
//!   version 1, digestAlgorithms { SHA-256 }
//!   encapContentInfo     Authenticode: SpcIndirectDataContent;  XAR: id-data, the content is elsewhere
//!   certificates [0]     the chain, the leaf first
//!   signerInfo
//!     issuer and serial number of the leaf
//!     signedAttrs [0]    contentType, messageDigest, and what the format adds; in ascending order, these are signed
//!     signature
//!     unsignedAttrs [1]  the timestamp over the signature
//! ```
//!
//! `cms` has a builder, but it wants a key in memory, sorts the certificates and writes version 3, which Authenticode's
//! readers do not know.

pub mod authenticode;
pub mod package;

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5911, rfc5912, rfc8410};
use container::der::{CONTEXT_0, CONTEXT_1, OCTET_STRING, SET};
use container::digest::Algorithm;

use crate::algorithm::KeyKind;
use crate::asn1::{algorithm, attribute, nest, oid, sequence, set_content, small, tlv};
use crate::identity::{Identity, IdentityError};
use crate::timestamp::{TimestampError, Timestamper};

/// Why a message was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key or its certificates.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The timestamp.
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
    /// The name or address in the signature.
    #[error("the signature's {what} {problem}")]
    Text {
        /// Which text.
        what: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The time is after the year 9999.
    #[error("the signing time is after the year 9999")]
    Time,
}

impl SignError {
    /// Whether a key, a card, a command or a service has failed, so that the same call may succeed later.
    #[must_use]
    pub const fn is_machine(&self) -> bool {
        match self {
            Self::Identity(IdentityError::Key(error)) => error.is_machine(),
            Self::Timestamp(error) => error.is_machine(),
            _ => false,
        }
    }

    /// The next step, when there is one.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Identity(IdentityError::Key(error)) => error.hint(),
            Self::Timestamp(error) => error.hint(),
            _ => None,
        }
    }
}

/// What a message is made of.
struct Message<'a> {
    content_type: ObjectIdentifier,
    /// The content's value with tag and length. `None`: it is elsewhere.
    content: Option<&'a [u8]>,
    /// The bytes that messageDigest is over.
    digested: &'a [u8],
    /// The signed attributes besides contentType and messageDigest.
    attributes: Vec<Vec<u8>>,
    /// The attribute that the timestamp becomes.
    timestamp: ObjectIdentifier,
}

impl Message<'_> {
    /// Signs it.
    fn sign(self, identity: &Identity, timestamper: Option<&dyn Timestamper>) -> Result<Vec<u8>, SignError> {
        let digest = tlv(OCTET_STRING, &Algorithm::Sha256.digest(self.digested));
        let mut attributes = self.attributes.clone();
        attributes.push(attribute(rfc5911::ID_CONTENT_TYPE, &oid(self.content_type)));
        attributes.push(attribute(rfc5911::ID_MESSAGE_DIGEST, &digest));
        let attributes = set_content(attributes);
        // Signed as a SET OF, written as [0] (RFC 5652 §5.4).
        let signature = identity.sign(&tlv(SET, &attributes))?;
        let token = timestamper.map(|timestamper| timestamper.timestamp(&signature)).transpose()?;
        let unsigned = token.map(|token| tlv(CONTEXT_1, &attribute(self.timestamp, &token)));
        let info = sequence(&[
            &small(1),
            &sequence(&[identity.leaf().issuer_der(), identity.leaf().serial_der()]),
            &algorithm(Algorithm::Sha256.oid(), true),
            &tlv(CONTEXT_0, &attributes),
            &signature_algorithm(identity.kind()),
            &tlv(OCTET_STRING, &signature),
            unsigned.as_deref().unwrap_or_default(),
        ]);
        Ok(self.assemble(identity, &info))
    }

    fn assemble(&self, identity: &Identity, info: &[u8]) -> Vec<u8> {
        let content = self.content.map(|content| tlv(CONTEXT_0, content)).unwrap_or_default();
        let certificates: Vec<&[u8]> = identity.certificates().iter().map(|certificate| certificate.der()).collect();
        let data = sequence(&[
            &small(1),
            &tlv(SET, &algorithm(Algorithm::Sha256.oid(), true)),
            &sequence(&[&oid(self.content_type), &content]),
            &nest(CONTEXT_0, &certificates),
            &tlv(SET, info),
        ]);
        sequence(&[&oid(rfc5911::ID_SIGNED_DATA), &tlv(CONTEXT_0, &data)])
    }
}

/// RSA is named without a digest, as signtool does; ECDSA's name has the digest in it (RFC 5754 §3.3).
fn signature_algorithm(kind: KeyKind) -> Vec<u8> {
    match kind {
        KeyKind::Rsa { .. } => algorithm(rfc5912::RSA_ENCRYPTION, true),
        KeyKind::P256 | KeyKind::P384 => algorithm(rfc5912::ECDSA_WITH_SHA_256, false),
        // RFC 8419; `Identity` takes no such key, because what it signs here would have to be the attributes themselves.
        KeyKind::Ed25519 => algorithm(rfc8410::ID_ED_25519, false),
    }
}
