//! A TimeStampResp and the token in it, checked.

use const_oid::ObjectIdentifier;
use container::digest::Algorithm;

use super::errors::TimestampError;
use crate::algorithm::{digest_of, unsigned};
use crate::asn1::{Asn1Error, Der, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, Value};
use crate::certificate::{Certificate, TIME_STAMPING};
use crate::time;
use crate::verify::signed_data::SignedData;

/// id-ct-TSTInfo.
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// A token that holds together: its own signature is its signer's, who may give timestamps. Whether the signer is to be
/// trusted is another question.
#[derive(Debug)]
pub(crate) struct Token {
    /// The moment that the authority vouches for, in seconds since 1970.
    pub(crate) time: u64,
    pub(crate) algorithm: Algorithm,
    pub(crate) imprint: Vec<u8>,
    /// The INTEGER with tag and length.
    nonce: Option<Vec<u8>>,
    pub(crate) signer: Certificate,
    pub(crate) certificates: Vec<Certificate>,
}

/// The token in a response, if it was granted (status 0, or 1: with changes).
pub(super) fn granted(answer: &[u8]) -> Result<Vec<u8>, TimestampError> {
    let mut outer = Der::new(answer);
    let response = outer.expect(SEQUENCE, "TimeStampResp")?;
    outer.finish("TimeStampResp")?;
    let mut fields = response.inner();
    let mut info = fields.expect(SEQUENCE, "PKIStatusInfo")?.inner();
    let status = info.expect(INTEGER, "PKIStatus")?;
    let status = match status.content {
        [status] => *status,
        _ => return Err(status.wrong("PKIStatus", "it is no small number").into()),
    };
    if status > 1 {
        let text = info.optional(SEQUENCE, "PKIFreeText").ok().flatten().map(said).unwrap_or_default();
        return Err(TimestampError::Refused { status, text });
    }
    let token = fields.expect(SEQUENCE, "TimeStampToken")?;
    fields.finish("TimeStampResp")?;
    Ok(token.whole.to_vec())
}

/// What an authority says, after a comma, fit for a terminal.
fn said(text: Value<'_>) -> String {
    let mut parts = text.inner();
    let mut out = String::new();
    while let Ok(part) = parts.next("PKIFreeText") {
        out.push_str(", ");
        let clean = String::from_utf8_lossy(part.content);
        out.extend(clean.chars().take(200).map(|c| if c.is_control() { '\u{fffd}' } else { c }));
    }
    out
}

/// Checks a token that was just asked for.
pub(super) fn check_fresh(token: &[u8], signature: &[u8], nonce: &[u8]) -> Result<(), TimestampError> {
    let token = read_token(token)?;
    if token.nonce != Some(unsigned(nonce)) {
        return Err(TimestampError::Wrong("answers another question: its nonce is not ours".to_owned()));
    }
    check_imprint(&token, signature)
}

/// Checks that a token is over these bytes.
pub(crate) fn check_imprint(token: &Token, signature: &[u8]) -> Result<(), TimestampError> {
    if token.algorithm.digest(signature) != token.imprint {
        return Err(TimestampError::Wrong("is over another signature: the imprint does not match".to_owned()));
    }
    Ok(())
}

/// Reads a token and checks all that it says of itself.
pub(crate) fn read_token(token: &[u8]) -> Result<Token, TimestampError> {
    let wrong = |problem: &str| TimestampError::Wrong(problem.to_owned());
    let data = SignedData::read(token)?;
    if data.content_type != TST_INFO {
        return Err(wrong("has no TSTInfo in it"));
    }
    let content = data.content.ok_or_else(|| wrong("has no content"))?;
    let mut inside = content.inner();
    let octets = inside.expect(OCTET_STRING, "TSTInfo")?;
    inside.finish("TSTInfo")?;
    let [info] = data.signers.as_slice() else { return Err(wrong("does not have exactly one signer")) };
    let certificates = data.understood_certificates();
    let signer = info.find(&certificates).ok_or_else(|| wrong("does not have its signer's certificate in it"))?;
    if let Some(problem) = info.problem(&data, octets.content, signer) {
        return Err(TimestampError::Wrong(problem));
    }
    let usages = signer.extended_usages().unwrap_or_default();
    if usages.as_slice() != [TIME_STAMPING] || !signer.extended_usage_is_critical() {
        return Err(wrong("is signed by a certificate that is not for time stamping alone (RFC 3161 §2.3)"));
    }
    let (signer, all) = (signer.clone(), certificates);
    let (time, algorithm, imprint, nonce) = read_info(octets)?;
    if let Some(problem) = signer.invalid_at(time) {
        return Err(TimestampError::Wrong(format!("is signed by a certificate that {problem}")));
    }
    Ok(Token { time, algorithm, imprint, nonce, signer, certificates: all })
}

type Info = (u64, Algorithm, Vec<u8>, Option<Vec<u8>>);

/// TSTInfo (RFC 3161 §2.4.2).
fn read_info(octets: Value<'_>) -> Result<Info, TimestampError> {
    let mut outer = octets.inner();
    let info = outer.expect(SEQUENCE, "TSTInfo")?;
    outer.finish("TSTInfo")?;
    let mut fields = info.inner();
    fields.expect(INTEGER, "version")?;
    fields.expect(OBJECT_IDENTIFIER, "policy")?;
    let (algorithm, imprint) = message_imprint(fields.expect(SEQUENCE, "messageImprint")?)?;
    fields.expect(INTEGER, "serialNumber")?;
    let time = time::decode(&fields.expect(GENERALIZED_TIME, "genTime")?, "genTime")?;
    fields.optional(SEQUENCE, "accuracy")?;
    fields.optional(0x01, "ordering")?;
    let nonce = fields.optional(INTEGER, "nonce")?.map(|nonce| nonce.whole.to_vec());
    Ok((time, algorithm, imprint, nonce))
}

fn message_imprint(value: Value<'_>) -> Result<(Algorithm, Vec<u8>), Asn1Error> {
    let mut fields = value.inner();
    let algorithm = fields.expect(SEQUENCE, "hashAlgorithm")?.inner().next("hashAlgorithm")?;
    let hashed = fields.expect(OCTET_STRING, "hashedMessage")?;
    fields.finish("messageImprint")?;
    let digest = digest_of(algorithm.oid("hashAlgorithm")?)
        .ok_or_else(|| algorithm.wrong("hashAlgorithm", "it is none of SHA-1, SHA-256, SHA-384, SHA-512"))?;
    Ok((digest, hashed.content.to_vec()))
}
