//! Countersignatures: the timestamp of Authenticode before RFC 3161 (PKCS #9, RFC 2985 §5.3.6; RFC 5652 §11.4).
//!
//! ```text
//! unsignedAttrs
//! └─ countersignature      1.2.840.113549.1.9.6
//!    └─ SignerInfo         of the timestamp authority, whose certificates are in the bag of the message that it belongs to
//!       ├─ signedAttrs     contentType data (RFC 5652 wants none), signingTime, messageDigest over the signature's bytes
//!       └─ signature          RSA in many of them over the bare digest, without its name before it
//! ```
//!
//! The authority's word is `signingTime`. It is what VeriSign, DigiCert and others answered at `/scripts/timstamp.dll`, to `signtool /t` and
//! `osslsigncode -t`; millions of published files are valid because of one.

use container::cms::{SIGNING_TIME, SignerInfo};
use container::der::Value;

use super::errors::TimestampError;
use super::stamp::Stamp;
use crate::certificate::{Certificate, TIME_STAMPING};
use crate::time;
use crate::verify::signature;

/// Reads a countersignature of `signed`, a signature's bytes, and checks all that it says of itself. `certificates` are those of the message.
pub(crate) fn read_countersignature(
    value: Value<'_>,
    signed: &[u8],
    certificates: &[Certificate],
) -> Result<Stamp, TimestampError> {
    let wrong = |problem: &str| TimestampError::Wrong(problem.to_owned());
    let info = SignerInfo::read(value)?;
    let signer = signature::find(&info, certificates)
        .ok_or_else(|| wrong("does not have its signer's certificate in the message"))?;
    let attributes = info.signed_attributes()?;
    signature::check_countersignature(&info, signed, signer)?;
    let usages = signer.extended_usages().unwrap_or_default();
    if !usages.contains(&TIME_STAMPING) {
        return Err(wrong("is signed by a certificate that is not for time stamping"));
    }
    let said = attributes.only(SIGNING_TIME).ok_or_else(|| wrong("does not say when it was made exactly once"))?;
    let time = time::decode(&said, "signingTime")?;
    if let Some(problem) = signer.invalid_at(time) {
        return Err(TimestampError::Wrong(format!("is signed by a certificate that {problem}")));
    }
    // The rule that a certificate be for stamps alone came with RFC 3161.
    Ok(Stamp { time, signer: signer.clone(), certificates: Vec::new(), is_for_stamps_alone: true })
}
