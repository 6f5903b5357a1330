//! The signatures of a macOS product archive.

use container::cms::{DATA, SIGNING_TIME, SignedData};
use container::der::Encoding;
use container::digest::Algorithm;

use super::facts::{SignatureFacts, Trust, Unreadable};
use super::signer::{Rules, judge};
use crate::certificate::{APPLE_INSTALLER, APPLE_SHOP_INSTALLER, Certificate};
use crate::cms::package::TIMESTAMP;
use crate::time;

/// The plain RSA signature.
#[derive(Debug, Clone, Copy)]
pub struct PlainSignature<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The certificates beside it, leaf first, DER.
    pub certificates: &'a [Vec<u8>],
}

/// Reads and judges a detached message that must be over this checksum, and the plain signature beside it.
pub fn package(
    cms: &[u8],
    plain: Option<PlainSignature<'_>>,
    checksum: &[u8; 20],
    trust: Trust<'_>,
) -> Result<SignatureFacts, Unreadable> {
    // Apple's encoder writes the outer values in indefinite lengths, as `codesign` does; what is hashed and signed inside is DER.
    let data = SignedData::read(Encoding::Ber, cms)?;
    let mut facts = SignatureFacts::nothing_yet();
    if data.content_type != DATA || data.content.is_some() {
        facts.error("signature-content", "is not a detached one over data");
    }
    let rules = Rules {
        content: checksum,
        timestamp: TIMESTAMP,
        usages: &[APPLE_INSTALLER, APPLE_SHOP_INSTALLER],
        purpose: "installer packages",
    };
    judge(&data, &rules, trust, &mut facts);
    for info in &data.signers {
        // What cannot be read has been said.
        let signed = info.signed_attributes().unwrap_or_default();
        let said = signed.values(SIGNING_TIME).find_map(|value| time::decode(&value, "signingTime").ok());
        facts.signing_time = said.map(time::date);
    }
    if let Some(plain) = plain {
        judge_plain(plain, checksum, &mut facts);
    }
    Ok(facts.finish())
}

fn judge_plain(plain: PlainSignature<'_>, checksum: &[u8; 20], facts: &mut SignatureFacts) {
    let leaf = plain.certificates.first().and_then(|der| Certificate::from_der(der).ok());
    let Some((leaf, key)) = leaf.and_then(|leaf| leaf.public_key().map(|key| (leaf, key))) else {
        facts.error("signature-rsa", "has an RSA signature beside it without a certificate that can be read");
        return;
    };
    let by_digest = key.verifies(Algorithm::Sha1, checksum, plain.bytes);
    let by_content = key.verifies(Algorithm::Sha256, &Algorithm::Sha256.digest(checksum), plain.bytes);
    if !by_digest && !by_content {
        facts.error("signature-rsa", "has an RSA signature beside it that is not over this table of contents");
    }
    let same = facts.signer.as_ref().is_none_or(|signer| signer.sha256 == leaf.fingerprint());
    if !same {
        facts.error("signature-rsa", "has an RSA signature beside it of another signer");
    }
}
