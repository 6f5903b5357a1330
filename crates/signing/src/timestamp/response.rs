//! A TimeStampResp and the token in it, checked.

use const_oid::ObjectIdentifier;
use container::cms::SignedData;
use container::der::{
    BOOLEAN, Encoding, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, Value, Values,
};
use container::digest::Algorithm;
use container::reader::{Malformed, Problem};

use super::errors::TimestampError;
use super::stamp::Stamp;
use crate::algorithm::unsigned;
use crate::certificate::TIME_STAMPING;
use crate::time;
use crate::verify::signature;

/// id-ct-TSTInfo.
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// The token in a response, if it was granted (status 0, or 1: with changes).
pub(super) fn granted(answer: &[u8]) -> Result<Vec<u8>, TimestampError> {
    let mut outer = Values::der(answer);
    let response = outer.expect(SEQUENCE, "TimeStampResp")?;
    outer.finish("TimeStampResp")?;
    let mut fields = response.values();
    let mut info = fields.expect(SEQUENCE, "PKIStatusInfo")?.values();
    let status = info.expect(INTEGER, "PKIStatus")?;
    let [number] = status.content else {
        return Err(status.wrong("PKIStatus", Problem::Data { what: "it is not a small number" }).into());
    };
    if *number > 1 {
        let text = info.optional(SEQUENCE, "PKIFreeText").ok().flatten().map(said).unwrap_or_default();
        return Err(TimestampError::Refused { status: *number, text });
    }
    let token = fields.expect(SEQUENCE, "TimeStampToken")?;
    fields.finish("TimeStampResp")?;
    Ok(token.whole.to_vec())
}

/// What an authority says, after a comma, fit for a terminal.
fn said(text: Value<'_>) -> String {
    let mut parts = text.values();
    let mut out = String::new();
    while let Ok(part) = parts.take("PKIFreeText") {
        out.push_str(", ");
        let clean = String::from_utf8_lossy(part.content);
        out.extend(clean.chars().take(200).map(|c| if c.is_control() { '\u{fffd}' } else { c }));
    }
    out
}

/// Checks a token that was just asked for.
pub(super) fn check_fresh(token: &[u8], signature: &[u8], nonce: &[u8]) -> Result<(), TimestampError> {
    let mut values = Values::der(token);
    let (stamp, answered) = read(values.take("TimeStampToken")?, signature)?;
    if answered != Some(unsigned(nonce)) {
        return Err(TimestampError::Wrong("answers another question: its nonce is not ours".to_owned()));
    }
    if !stamp.is_for_stamps_alone {
        let problem = "is signed by a certificate that is not for time stamping alone (RFC 3161 §2.3)";
        return Err(TimestampError::Wrong(problem.to_owned()));
    }
    Ok(())
}

/// Reads a token that must be over this signature, and checks all that it says of itself.
pub(crate) fn read_token(token: Value<'_>, signature: &[u8]) -> Result<Stamp, TimestampError> {
    read(token, signature).map(|(stamp, _)| stamp)
}

/// The same, and the nonce that it answers to: an INTEGER with tag and length.
fn read(token: Value<'_>, signature: &[u8]) -> Result<(Stamp, Option<Vec<u8>>), TimestampError> {
    let wrong = |problem: &str| TimestampError::Wrong(problem.to_owned());
    let data = SignedData::from_content_info(token)?;
    if data.content_type != TST_INFO {
        return Err(wrong("has no TSTInfo in it"));
    }
    let content = data.content.ok_or_else(|| wrong("has no content"))?;
    let mut inside = content.values();
    let octets = inside.take("TSTInfo")?.octets("TSTInfo")?;
    inside.finish("TSTInfo")?;
    let [info] = data.signers.as_slice() else { return Err(wrong("does not have exactly one signer")) };
    let certificates = signature::understood(&data);
    let signer = signature::find(info, &certificates)
        .ok_or_else(|| wrong("does not have its signer's certificate in it"))?
        .clone();
    signature::check(info, TST_INFO, &octets, &signer)?;
    let usages = signer.extended_usages().unwrap_or_default();
    if !usages.contains(&TIME_STAMPING) {
        return Err(wrong("is signed by a certificate that is not for time stamping"));
    }
    let is_for_stamps_alone = usages.as_slice() == [TIME_STAMPING] && signer.extended_usage_is_critical();
    let Info { time, algorithm, imprint, nonce } = Info::read(&octets)?;
    if let Some(problem) = signer.invalid_at(time) {
        return Err(TimestampError::Wrong(format!("is signed by a certificate that {problem}")));
    }
    let algorithm = Algorithm::from_oid(algorithm)
        .map_err(|name| TimestampError::NotChecked(format!("is over the {name} digest of the signature")))?;
    if algorithm.digest(signature)[..] != imprint {
        return Err(wrong("is over another signature: the imprint does not match"));
    }
    Ok((Stamp { time, signer, certificates, is_for_stamps_alone }, nonce))
}

/// TSTInfo (RFC 3161 §2.4.2).
struct Info {
    time: u64,
    algorithm: ObjectIdentifier,
    imprint: Vec<u8>,
    nonce: Option<Vec<u8>>,
}

impl Info {
    fn read(octets: &[u8]) -> Result<Self, Malformed> {
        let mut outer = Values::new(Encoding::Der, octets);
        let info = outer.expect(SEQUENCE, "TSTInfo")?;
        outer.finish("TSTInfo")?;
        let mut fields = info.values();
        fields.expect(INTEGER, "version")?;
        fields.expect(OBJECT_IDENTIFIER, "policy")?;
        let (algorithm, imprint) = message_imprint(fields.expect(SEQUENCE, "messageImprint")?)?;
        fields.expect(INTEGER, "serialNumber")?;
        let time = time::decode(&fields.expect(GENERALIZED_TIME, "genTime")?, "genTime")?;
        fields.optional(SEQUENCE, "accuracy")?;
        fields.optional(BOOLEAN, "ordering")?;
        let nonce = fields.optional(INTEGER, "nonce")?.map(|nonce| nonce.whole.to_vec());
        Ok(Self { time, algorithm, imprint, nonce })
    }
}

fn message_imprint(value: Value<'_>) -> Result<(ObjectIdentifier, Vec<u8>), Malformed> {
    let mut fields = value.values();
    let algorithm = fields.expect(SEQUENCE, "hashAlgorithm")?.values().take("hashAlgorithm")?;
    let hashed = fields.expect(OCTET_STRING, "hashedMessage")?;
    fields.finish("messageImprint")?;
    Ok((algorithm.oid("hashAlgorithm")?, hashed.content.to_vec()))
}
