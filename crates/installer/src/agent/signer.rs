//! A CMS SignedData, and who signed it.
//!
//! RFC 5652, as Authenticode (version 1, content in it) and `codesign` (detached, BER outside) use it: one signer,
//! found by issuer and serial number, with signed attributes of which `messageDigest` is the digest of the content.

use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use const_oid::ObjectIdentifier;
use const_oid::db::{rfc4519, rfc5911, rfc5912};
use container::ber;
use container::digest::Algorithm;
use der::asn1::{Any, OctetStringRef};
use der::{Decode, Tag, Tagged};
use x509_cert::Certificate;
use x509_cert::name::Name;

use super::errors::AgentProblem;
use super::facts::Signer;

/// A parsed SignedData with its only signer.
pub(super) struct Signed {
    data: SignedData,
    info: SignerInfo,
    certificate: Certificate,
}

/// Maps the platform's digest OIDs; others (MD5 above all) are refused.
pub(super) fn algorithm(oid: ObjectIdentifier) -> Result<Algorithm, AgentProblem> {
    match oid {
        rfc5912::ID_SHA_1 => Ok(Algorithm::Sha1),
        rfc5912::ID_SHA_256 => Ok(Algorithm::Sha256),
        rfc5912::ID_SHA_384 => Ok(Algorithm::Sha384),
        rfc5912::ID_SHA_512 => Ok(Algorithm::Sha512),
        _ => Err(AgentProblem::Signature("its digest algorithm is none of SHA-1, SHA-256, SHA-384, SHA-512")),
    }
}

impl Signed {
    /// Reads a ContentInfo with a SignedData of one signer.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, AgentProblem> {
        let wrong = AgentProblem::Signature;
        let der = ber::definite(bytes).ok_or_else(|| wrong("it is not BER"))?;
        let content = ContentInfo::from_der(&der).map_err(|_| wrong("it is not a CMS message"))?;
        if content.content_type != rfc5911::ID_SIGNED_DATA {
            return Err(wrong("it is not a CMS SignedData"));
        }
        let data: SignedData = content.content.decode_as().map_err(|_| wrong("its CMS SignedData cannot be parsed"))?;
        let [info] = data.signer_infos.0.as_slice() else {
            return Err(wrong("it does not have exactly one signer"));
        };
        let info = info.clone();
        let certificate =
            find_certificate(&data, &info).ok_or_else(|| wrong("the signer's certificate is not in it"))?;
        Ok(Self { data, info, certificate })
    }

    /// The content's type and, unless it is detached, the content.
    pub(super) fn content(&self) -> (ObjectIdentifier, Option<&Any>) {
        let content = &self.data.encap_content_info;
        (content.econtent_type, content.econtent.as_ref())
    }

    /// Compares the signed digest with that of `content`, the bytes that are signed.
    pub(super) fn check_message_digest(&self, content: &[u8]) -> Result<(), AgentProblem> {
        let wrong = AgentProblem::Signature;
        let kind = self.attribute(rfc5911::ID_CONTENT_TYPE)?;
        if kind.decode_as::<ObjectIdentifier>().ok() != Some(self.data.encap_content_info.econtent_type) {
            return Err(wrong("its signed content type and the content's do not agree"));
        }
        let named = self.attribute(rfc5911::ID_MESSAGE_DIGEST)?;
        let named: OctetStringRef<'_> =
            named.decode_as().map_err(|_| wrong("its messageDigest attribute cannot be parsed"))?;
        if named.as_bytes() != algorithm(self.info.digest_alg.oid)?.digest(content) {
            return Err(wrong("its messageDigest and the signed content do not agree"));
        }
        Ok(())
    }

    /// The signer's names.
    pub(super) fn signer(&self) -> Signer {
        let subject = &self.certificate.tbs_certificate.subject;
        Signer {
            name: name_part(subject, rfc4519::CN),
            organisation: name_part(subject, rfc4519::O),
            ..Signer::default()
        }
    }

    /// All values of a signed attribute.
    pub(super) fn attribute_values(&self, oid: ObjectIdentifier) -> Vec<&Any> {
        let attributes = self.info.signed_attrs.as_ref().into_iter().flat_map(|set| set.iter());
        attributes.filter(|attribute| attribute.oid == oid).flat_map(|attribute| attribute.values.iter()).collect()
    }

    /// The value of a signed attribute, which must be there once, with one value.
    fn attribute(&self, oid: ObjectIdentifier) -> Result<&Any, AgentProblem> {
        let attributes = self.info.signed_attrs.as_ref();
        let mut found = attributes.into_iter().flat_map(|set| set.iter()).filter(|attribute| attribute.oid == oid);
        match (found.next().map(|attribute| attribute.values.as_slice()), found.next()) {
            (Some([value]), None) => Ok(value),
            _ => Err(AgentProblem::Signature("a signed attribute is not there exactly once")),
        }
    }
}

fn find_certificate(data: &SignedData, info: &SignerInfo) -> Option<Certificate> {
    let SignerIdentifier::IssuerAndSerialNumber(wanted) = &info.sid else { return None };
    data.certificates.as_ref()?.0.iter().find_map(|choice| match choice {
        CertificateChoices::Certificate(certificate) => {
            let tbs = &certificate.tbs_certificate;
            (tbs.issuer == wanted.issuer && tbs.serial_number == wanted.serial_number).then(|| certificate.clone())
        }
        CertificateChoices::Other(_) => None,
    })
}

/// One part of a name as text, if it is text without control characters.
fn name_part(name: &Name, oid: ObjectIdentifier) -> Option<String> {
    let part = name.0.iter().flat_map(|rdn| rdn.0.iter()).find(|part| part.oid == oid)?;
    let bytes = part.value.value();
    let text = match part.value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => std::str::from_utf8(bytes).ok()?.to_owned(),
        // Latin-1 in practice (RFC 5280 §4.1.2.4 tells of the confusion)
        Tag::TeletexString => bytes.iter().copied().map(char::from).collect(),
        Tag::BmpString => {
            let units: Vec<u16> =
                bytes.chunks_exact(2).map(|pair| pair.iter().fold(0, |n, &b| n << 8 | u16::from(b))).collect();
            String::from_utf16(&units).ok()?
        }
        _ => return None,
    };
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(text)
}
