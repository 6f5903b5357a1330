//! An Authenticode message over a Windows Installer package.

use container::digest::Algorithm;

use super::facts::{Severity, SignatureFacts, Trust, Unreadable};
use super::signed_data::{Attribute, SignedData};
use super::signer::{Rules, judge};
use crate::algorithm::digest_of;
use crate::asn1::{Asn1Error, CONTEXT_0, CONTEXT_0_PRIMITIVE, CONTEXT_1, INTEGER, OCTET_STRING, SEQUENCE, Value};
use crate::certificate::CODE_SIGNING;
use crate::cms::authenticode::{INDIRECT_DATA, MSI_SIP, NESTED, OPUS_INFO, SEALING, SIP_INFO, TIMESTAMP};

/// A signature in a signature in a signature is nobody's.
const NESTED_DEPTH_MAX: usize = 2;
/// Nor are more beside each other than there are digests.
const NESTED_MAX: usize = 4;

/// Reads and judges a message that must be over a package with this digest. Zeros may follow it.
pub fn authenticode(cms: &[u8], sha256: &[u8; 32], trust: Trust<'_>) -> Result<SignatureFacts, Unreadable> {
    Ok(read(&SignedData::read_padded(cms)?, sha256, trust, NESTED_DEPTH_MAX))
}

fn read(data: &SignedData<'_>, sha256: &[u8; 32], trust: Trust<'_>, depth: usize) -> SignatureFacts {
    let mut facts = SignatureFacts::nothing_yet();
    let content = match content(data) {
        Ok(content) => content,
        Err(error) => {
            facts.error("signature-content", format!("is not one of a Windows Installer package: {error}"));
            return facts;
        }
    };
    match digest_info(content) {
        Ok((Algorithm::Sha256, found)) if found == sha256 => {}
        Ok((Algorithm::Sha256, _)) => {
            facts.error("signature-digest", "is over another file: the package was changed after it was signed");
        }
        Ok((other, _)) => {
            let message = format!("is over the file's {} digest, which is not computed here", other.name());
            facts.say(Severity::Warning, "signature-digest-unchecked", message);
        }
        Err(error) => facts.error("signature-content", format!("is not one of a Windows Installer package: {error}")),
    }
    let rules =
        Rules { content: content.content, timestamp: TIMESTAMP, usages: &[CODE_SIGNING], purpose: "code signing" };
    judge(data, &rules, trust, &mut facts);
    for info in &data.signers {
        let (signed, unsigned) =
            (info.signed_attributes().unwrap_or_default(), info.unsigned_attributes().unwrap_or_default());
        opus(&signed, &mut facts);
        facts.sealed |= signed.iter().chain(&unsigned).any(|(kind, _)| SEALING.contains(kind));
        for value in unsigned.iter().filter(|(kind, _)| *kind == NESTED).flat_map(|(_, values)| values) {
            match SignedData::read(value.whole) {
                Ok(inner) if depth > 0 && facts.nested.len() < NESTED_MAX => {
                    facts.nested.push(read(&inner, sha256, trust, depth - 1))
                }
                Ok(_) => facts.error("signature-nested", "has more nested signatures than anybody needs"),
                Err(error) => {
                    facts.error("signature-nested", format!("has a nested signature that cannot be read: {error}"))
                }
            }
        }
    }
    facts
}

/// The SpcIndirectDataContent.
fn content<'a>(data: &SignedData<'a>) -> Result<Value<'a>, Asn1Error> {
    let none = Asn1Error { what: "eContent", at: 0, problem: crate::asn1::Asn1Problem::Content("there is none") };
    let explicit = data.content.ok_or(none)?;
    if data.content_type != INDIRECT_DATA {
        return Err(explicit.wrong("eContentType", "it is not SpcIndirectDataContent"));
    }
    let mut inside = explicit.inner();
    let value = inside.expect(SEQUENCE, "SpcIndirectDataContent")?;
    inside.finish("eContent")?;
    Ok(value)
}

/// The DigestInfo in it, if it is a Windows Installer package's.
fn digest_info(content: Value<'_>) -> Result<(Algorithm, &[u8]), Asn1Error> {
    let mut fields = content.inner();
    let mut data = fields.expect(SEQUENCE, "SpcAttributeTypeAndOptionalValue")?.inner();
    let kind = data.next("SpcAttributeTypeAndOptionalValue")?;
    if kind.oid("SpcAttributeTypeAndOptionalValue")? != SIP_INFO {
        return Err(kind.wrong("SpcAttributeTypeAndOptionalValue", "it is not SpcSipInfo"));
    }
    let mut sip = data.expect(SEQUENCE, "SpcSipInfo")?.inner();
    sip.expect(INTEGER, "SpcSipInfo")?;
    let guid = sip.expect(OCTET_STRING, "SpcSipInfo")?;
    if guid.content != MSI_SIP {
        return Err(guid.wrong("SpcSipInfo", "it names another kind of file"));
    }
    let mut info = fields.expect(SEQUENCE, "DigestInfo")?.inner();
    let algorithm = info.expect(SEQUENCE, "digestAlgorithm")?.inner().next("digestAlgorithm")?;
    let digest = info.expect(OCTET_STRING, "digest")?;
    info.finish("DigestInfo")?;
    fields.finish("SpcIndirectDataContent")?;
    let known = digest_of(algorithm.oid("digestAlgorithm")?);
    Ok((known.ok_or_else(|| algorithm.wrong("digestAlgorithm", "it is not known"))?, digest.content))
}

/// The name and address, where they can be read; other signers write them in several ways.
fn opus(attributes: &[Attribute<'_>], facts: &mut SignatureFacts) {
    let Some((_, values)) = attributes.iter().find(|(kind, _)| *kind == OPUS_INFO) else { return };
    for part in values.iter().flat_map(|value| value.inner().all("SpcSpOpusInfo").unwrap_or_default()) {
        let Ok(choice) = part.inner().next("SpcSpOpusInfo") else { continue };
        match part.tag {
            CONTEXT_0 if choice.tag == CONTEXT_0_PRIMITIVE => facts.description = Some(utf16(choice.content)),
            CONTEXT_0 => facts.description = Some(String::from_utf8_lossy(choice.content).into_owned()),
            CONTEXT_1 => facts.url = Some(String::from_utf8_lossy(choice.content).into_owned()),
            _ => {}
        }
    }
    for text in [&mut facts.description, &mut facts.url].into_iter().flatten() {
        *text = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    }
}

fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> =
        bytes.chunks_exact(2).map(|pair| pair.iter().fold(0, |n, &b| n << 8 | u16::from(b))).collect();
    String::from_utf16_lossy(&units)
}
