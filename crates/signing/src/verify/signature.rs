//! One signature: is it over this content, and did this certificate's key make it (RFC 5652 §5.4, §5.6)?

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912;
use container::Malformed;
use container::cms::{CONTENT_TYPE, DATA, MESSAGE_DIGEST, SignedData, SignerInfo};
use container::digest::Algorithm;

use crate::algorithm::{KeyKind, PublicKey, signature_digest};
use crate::certificate::Certificate;
use crate::timestamp::TimestampError;

/// Certificates of a message that are looked at; more were put there to keep its readers busy.
const MAX_CERTIFICATES: usize = 100;

/// What is wrong with one signature, as the rest of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureProblem {
    #[error("does not have the signed attribute {0} exactly once")]
    Attribute(&'static str),
    #[error("says that it signs another type of content than there is")]
    ContentType,
    #[error("is over other content: its messageDigest is not the content's digest")]
    Digest,
    #[error("is not its signer's: it does not verify under the certificate's key")]
    Forged,
    #[error("uses {0}, which is not computed here")]
    NotChecked(String),
    #[error("cannot be read: {0}")]
    Malformed(#[from] Malformed),
}

impl From<SignatureProblem> for TimestampError {
    fn from(problem: SignatureProblem) -> Self {
        match problem {
            SignatureProblem::Malformed(malformed) => Self::Malformed(malformed),
            SignatureProblem::NotChecked(what) => Self::NotChecked(format!("uses {what}")),
            other => Self::Wrong(other.to_string()),
        }
    }
}

/// The certificates of a message that can be parsed, of the first [`MAX_CERTIFICATES`].
pub(crate) fn understood(message: &SignedData<'_>) -> Vec<Certificate> {
    let certificates = message.certificates.iter().take(MAX_CERTIFICATES);
    certificates.filter_map(|value| Certificate::from_der(value.whole).ok()).collect()
}

/// The certificate of a signer.
pub(crate) fn find<'c>(info: &SignerInfo<'_>, certificates: &'c [Certificate]) -> Option<&'c Certificate> {
    certificates.iter().find(|certificate| {
        container::cms::Certificate::from_der(certificate.der()).is_ok_and(|fields| info.signer.is(&fields))
    })
}

/// The algorithm of a signer's digest.
pub(crate) fn digest_algorithm(info: &SignerInfo<'_>) -> Result<Algorithm, SignatureProblem> {
    Algorithm::from_oid(info.digest_algorithm)
        .map_err(|name| SignatureProblem::NotChecked(format!("the digest algorithm {name}")))
}

/// Checks the message digest over `content` and the signature under `signer`.
pub(crate) fn check(
    info: &SignerInfo<'_>,
    content_type: ObjectIdentifier,
    content: &[u8],
    signer: &Certificate,
) -> Result<(), SignatureProblem> {
    check_with(info, Some(content_type), content, signer, PublicKey::verifies)
}

/// Checks a countersignature over a signature's bytes: it need not have a content type (RFC 5652 §11.4 wants none), and the digest that an RSA
/// key signed may lack its name.
pub(crate) fn check_countersignature(
    info: &SignerInfo<'_>,
    signed: &[u8],
    signer: &Certificate,
) -> Result<(), SignatureProblem> {
    let content_type = info.signed_attributes()?.has(CONTENT_TYPE).then_some(DATA);
    check_with(info, content_type, signed, signer, |key, algorithm, digest, signature| {
        key.verifies(algorithm, digest, signature) || key.verifies_unnamed(digest, signature)
    })
}

/// `content_type` is what the attribute of that name must say; `None`: there need not be one.
fn check_with(
    info: &SignerInfo<'_>,
    content_type: Option<ObjectIdentifier>,
    content: &[u8],
    signer: &Certificate,
    verifies: impl Fn(&PublicKey, Algorithm, &[u8], &[u8]) -> bool,
) -> Result<(), SignatureProblem> {
    let algorithm = digest_algorithm(info)?;
    let signed_bytes = match info.signed_bytes() {
        None => content.to_vec(),
        Some(bytes) => {
            let attributes = info.signed_attributes()?;
            if let Some(content_type) = content_type {
                let kind = attributes.only(CONTENT_TYPE).ok_or(SignatureProblem::Attribute("contentType"))?;
                if !kind.is_oid(content_type) {
                    return Err(SignatureProblem::ContentType);
                }
            }
            let named = attributes.only(MESSAGE_DIGEST).ok_or(SignatureProblem::Attribute("messageDigest"))?;
            if named.octets("messageDigest")?[..] != algorithm.digest(content)[..] {
                return Err(SignatureProblem::Digest);
            }
            bytes
        }
    };
    let key = signer.public_key().ok_or_else(|| {
        SignatureProblem::NotChecked("a key that is neither RSA nor ECDSA over P-256 or P-384".to_owned())
    })?;
    check_algorithm(info.signature_algorithm, key.kind(), algorithm)?;
    if verifies(&key, algorithm, &algorithm.digest(&signed_bytes), &info.signature) {
        Ok(())
    } else {
        Err(SignatureProblem::Forged)
    }
}

/// The signature algorithm must fit the key and, where it names a digest, the message's.
fn check_algorithm(oid: ObjectIdentifier, kind: KeyKind, algorithm: Algorithm) -> Result<(), SignatureProblem> {
    let plain = match kind {
        KeyKind::Rsa { .. } => oid == rfc5912::RSA_ENCRYPTION,
        KeyKind::P256 | KeyKind::P384 => oid == rfc5912::ID_EC_PUBLIC_KEY,
        KeyKind::Ed25519 => false,
    };
    if plain || signature_digest(oid) == Some(algorithm) {
        return Ok(());
    }
    let name = if oid == rfc5912::ID_RSASSA_PSS { "RSASSA-PSS".to_owned() } else { oid.to_string() };
    Err(SignatureProblem::NotChecked(format!("the signature algorithm {name} with {}", algorithm.name())))
}
