//! Authenticode over a Windows Installer package, and over an executable that goes into one.
//!
//! "Windows Authenticode Portable Executable Signature Format" (Microsoft, 2008) describes the message; for MSI the
//! SpcPeImageData in it is an SpcSipInfo with the package provider's GUID. The file's digest, the attributes' digest
//! and the message's are one algorithm, here SHA-256.

use const_oid::ObjectIdentifier;
use container::der::{BIT_STRING, CONTEXT_0, CONTEXT_0_PRIMITIVE, CONTEXT_1, CONTEXT_2, OCTET_STRING, SEQUENCE};
use container::digest::Algorithm;

use super::{Message, SignError};
use crate::asn1::{algorithm, attribute, oid, sequence, small, tlv};
use crate::identity::Identity;
use crate::timestamp::Timestamper;

/// SPC_INDIRECT_DATA_OBJID.
const INDIRECT_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.4");
/// SPC_SIPINFO_OBJID.
const SIP_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.30");
/// SPC_PE_IMAGE_DATAOBJ.
const PE_IMAGE_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.15");
/// SPC_SP_OPUS_INFO_OBJID.
pub(crate) const OPUS_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.12");
/// SPC_STATEMENT_TYPE_OBJID.
const STATEMENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.11");
/// SPC_INDIVIDUAL_SP_KEY_PURPOSE_OBJID: every signature has this one, whoever signs.
const INDIVIDUAL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.21");
/// szOID_RFC3161_counterSign.
pub(crate) const TIMESTAMP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.3.3.1");
/// szOID_INTENT_TO_SEAL, szOID_SEALING_SIGNATURE, szOID_SEALING_TIMESTAMP (wintrust.h).
pub(crate) const SEALING: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.4.2"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.4.3"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.4.4"),
];

/// The subject interface package for Windows Installer, {000C10F1-0000-0000-C000-000000000046}, as it lies in memory.
const MSI_SIP: [u8; 16] = [0xf1, 0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];
/// Maximum length of a program's name and address.
const MAX_TEXT: usize = 1024;

/// What the user sees when Windows asks: SpcSpOpusInfo.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opus {
    /// The program's name.
    pub description: Option<String>,
    /// Where there is more about it.
    pub url: Option<String>,
}

/// Signs the digest of a Windows Installer package.
pub fn sign(
    identity: &Identity,
    sha256: &[u8; 32],
    opus: &Opus,
    timestamper: Option<&dyn Timestamper>,
) -> Result<Vec<u8>, SignError> {
    let reserved = small(0).repeat(5);
    let sip_info = sequence(&[&small(1), &tlv(OCTET_STRING, &MSI_SIP), &reserved]);
    sign_file(identity, &sequence(&[&oid(SIP_INFO), &sip_info]), sha256, opus, timestamper)
}

/// Signs the digest of an executable.
pub fn sign_image(
    identity: &Identity,
    sha256: &[u8; 32],
    opus: &Opus,
    timestamper: Option<&dyn Timestamper>,
) -> Result<Vec<u8>, SignError> {
    // SpcPeImageData: no flags, and a link to a file without a name, as signtool writes it.
    let link = tlv(CONTEXT_0, &tlv(CONTEXT_2, &tlv(CONTEXT_0_PRIMITIVE, &[])));
    let image = sequence(&[&tlv(BIT_STRING, &[0]), &link]);
    sign_file(identity, &sequence(&[&oid(PE_IMAGE_DATA), &image]), sha256, opus, timestamper)
}

/// Signs the digest of a file of a kind.
fn sign_file(
    identity: &Identity,
    kind: &[u8],
    sha256: &[u8; 32],
    opus: &Opus,
    timestamper: Option<&dyn Timestamper>,
) -> Result<Vec<u8>, SignError> {
    // The digest is over the content's value without its tag and length (PKCS #7 §9.3; CMS differs for other types).
    let digest_info = sequence(&[&algorithm(Algorithm::Sha256.oid(), true), &tlv(OCTET_STRING, sha256)]);
    let digested = [kind, &digest_info].concat();
    let content = tlv(SEQUENCE, &digested);
    let message = Message {
        content_type: INDIRECT_DATA,
        content: Some(&content),
        digested: &digested,
        attributes: vec![
            attribute(STATEMENT_TYPE, &sequence(&[&oid(INDIVIDUAL)])),
            attribute(OPUS_INFO, &opus_info(opus)?),
        ],
        timestamp: TIMESTAMP,
    };
    message.sign(identity, timestamper)
}

/// `programName [0] EXPLICIT SpcString { unicode [0] IMPLICIT BMPString }`, `moreInfo [1] EXPLICIT SpcLink { url [0]
/// IMPLICIT IA5String }`.
fn opus_info(opus: &Opus) -> Result<Vec<u8>, SignError> {
    let wrong = |what, problem| SignError::Text { what, problem };
    let mut content = Vec::new();
    if let Some(text) = &opus.description {
        let units: Vec<u16> = text.encode_utf16().collect();
        if text.is_empty() || units.len() > MAX_TEXT || text.chars().any(char::is_control) {
            return Err(wrong("description", "must be 1 to 1024 characters without control characters"));
        }
        if units.len() != text.chars().count() {
            return Err(wrong("description", "has a character that a BMPString cannot have"));
        }
        let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        content.extend(tlv(CONTEXT_0, &tlv(CONTEXT_0_PRIMITIVE, &bytes)));
    }
    if let Some(url) = &opus.url {
        let web = url.starts_with("https://") || url.starts_with("http://");
        if !web || url.len() > MAX_TEXT || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("URL", "must start with http:// or https:// and have printable ASCII only"));
        }
        content.extend(tlv(CONTEXT_1, &tlv(CONTEXT_0_PRIMITIVE, url.as_bytes())));
    }
    Ok(tlv(SEQUENCE, &content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_cannot_be_written_are_refused() {
        let info = |description: Option<&str>, url: Option<&str>| {
            opus_info(&Opus { description: description.map(Into::into), url: url.map(Into::into) })
        };
        assert_eq!(info(None, None).unwrap(), [0x30, 0]);
        assert_eq!(info(Some("é"), None).unwrap(), [0x30, 6, 0xa0, 4, 0x80, 2, 0, 0xe9]);
        for (description, url) in [
            (Some("a\nb"), None),
            (Some(""), None),
            (Some("😀"), None),
            (None, Some("ftp://x")),
            (None, Some("http://x y")),
        ] {
            assert!(info(description, url).is_err(), "{description:?} {url:?}");
        }
    }
}
