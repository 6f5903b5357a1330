//! The signature of an rpm: OpenPGP over its header.

use super::facts::{CertificateFacts, Severity, SignatureFacts, Trust};
use crate::openpgp::{CheckError, Signature};
use crate::time::date;

/// Judges a signature packet over a header. There is no chain: the key itself must be among those that are trusted, as an OpenPGP
/// key or in a certificate.
#[must_use]
pub fn openpgp(packet: &[u8], header: &[u8], trust: Trust<'_>) -> SignatureFacts {
    let mut facts = SignatureFacts::nothing_yet();
    if let Some(version) = Signature::version(packet).filter(|version| *version != 4) {
        facts.unchecked(format!("it is of OpenPGP's version {version}, and only version 4 is read"));
        return facts.finish();
    }
    let signature = match Signature::read(packet) {
        Ok(signature) => signature,
        Err(error) => {
            facts.error("signature-unreadable", format!("cannot be read: {error}"));
            return facts.finish();
        }
    };
    facts.openpgp_key = signature.issuer();
    facts.digest = signature.digest_name();
    facts.signing_time = signature.created().map(date);
    if trust.roots.is_empty() && trust.keys.keys().is_empty() {
        facts.say(
            Severity::Warning,
            "signature-chain",
            "was not compared with a key: an rpm does not carry its signer's",
        );
        return facts;
    }
    if by_certificate(&signature, header, trust, &mut facts) {
        return facts.finish();
    }
    match trust.keys.check(&signature, header, trust.now) {
        Ok(good) => {
            facts.openpgp_key = Some(good.fingerprint);
            facts.chain.push(good.user_id);
            facts.trusted = Some(true);
        }
        Err(error) => {
            facts.trusted = Some(false);
            let id = match error {
                CheckError::Bad => "signature-forged",
                CheckError::Digest(_) | CheckError::Kind(_) => "signature-digest",
                CheckError::NoKey(_) | CheckError::NotForSigning(_) => "signature-chain",
                _ => "signature-expired",
            };
            facts.error(id, unprefixed(&error));
        }
    }
    facts.finish()
}

/// A finding's place is the signature already.
fn unprefixed(error: &CheckError) -> String {
    let message = error.to_string();
    message.strip_prefix("the signature ").map_or(message.clone(), str::to_owned)
}

/// Whether one of the certificates has the key, and then what is to be said of it.
fn by_certificate(signature: &Signature, header: &[u8], trust: Trust<'_>, facts: &mut SignatureFacts) -> bool {
    let fits =
        |certificate: &&crate::Certificate| certificate.public_key().is_some_and(|key| signature.is_by(&key, header));
    let Some(certificate) = trust.roots.iter().find(fits) else { return false };
    facts.signer = Some(CertificateFacts::from(certificate));
    facts.chain.push(certificate.subject());
    facts.trusted = Some(true);
    match signature.created() {
        None => facts.error("signature-digest", "does not say when it was made"),
        Some(time) => {
            if let Some(problem) = certificate.invalid_at(time) {
                facts.error("signature-expired", format!("is by a certificate that {problem}"));
            }
            if let Err(error) = signature.check_time(time, trust.now) {
                facts.error("signature-expired", unprefixed(&error));
            }
        }
    }
    true
}
