//! The fields of a certificate (RFC 5280 §4.1), as they stand.

use const_oid::ObjectIdentifier;

use crate::der::{BIT_STRING, BOOLEAN, CONTEXT_0, CONTEXT_3, INTEGER, OCTET_STRING, SEQUENCE, SET, Value, Values};
use crate::reader::{Malformed, Problem};

/// commonName (X.520 §6.2.2).
pub const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
/// organizationName (X.520 §6.4.1).
pub const ORGANISATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
/// id-ce-subjectKeyIdentifier (RFC 5280 §4.2.1.2).
const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");

const UTF8_STRING: u8 = 0x0C;
const PRINTABLE_STRING: u8 = 0x13;
const TELETEX_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const BMP_STRING: u8 = 0x1E;

/// A certificate's fields.
#[derive(Debug, Clone, Copy)]
pub struct Certificate<'a> {
    /// All of it.
    pub whole: &'a [u8],
    /// tbsCertificate: what its issuer signed.
    pub tbs: Value<'a>,
    /// serialNumber.
    pub serial: Value<'a>,
    /// issuer, a Name.
    pub issuer: Value<'a>,
    /// subject, a Name.
    pub subject: Value<'a>,
    /// subjectPublicKeyInfo.
    pub spki: Value<'a>,
    /// `[3] extensions`, of version 3 only.
    pub(crate) extensions: Option<Value<'a>>,
    /// signatureAlgorithm.
    pub signature_algorithm: ObjectIdentifier,
    /// The signature's bytes.
    pub signature: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads a certificate that is all of these bytes.
    pub fn from_der(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut outer = Values::der(bytes);
        let value = outer.expect(SEQUENCE, "Certificate")?;
        outer.finish("Certificate")?;
        Self::read(value)
    }

    /// Reads a certificate that is a value of a message. It is hashed, so it must be DER.
    pub fn read(value: Value<'a>) -> Result<Self, Malformed> {
        if value.tag != SEQUENCE {
            return Err(value.wrong("Certificate", Problem::Tag { found: value.tag, expected: SEQUENCE }));
        }
        let mut fields = value.der_values();
        let tbs = fields.expect(SEQUENCE, "tbsCertificate")?;
        let algorithm = fields.expect(SEQUENCE, "signatureAlgorithm")?.values().take("signatureAlgorithm")?;
        let signature = fields.expect(BIT_STRING, "signatureValue")?;
        fields.finish("Certificate")?;
        let Some((0, bytes)) = signature.content.split_first() else {
            let problem = Problem::Data { what: "it does not end at a whole byte" };
            return Err(signature.wrong("signatureValue", problem));
        };
        let mut fields = tbs.values();
        fields.optional(CONTEXT_0, "version")?;
        let serial = fields.expect(INTEGER, "serialNumber")?;
        fields.expect(SEQUENCE, "signature")?;
        let issuer = fields.expect(SEQUENCE, "issuer")?;
        fields.expect(SEQUENCE, "validity")?;
        let subject = fields.expect(SEQUENCE, "subject")?;
        let spki = fields.expect(SEQUENCE, "subjectPublicKeyInfo")?;
        let mut extensions = None;
        while !fields.is_empty() {
            // issuerUniqueID and subjectUniqueID may come before; no authority issues them today.
            let field = fields.take("tbsCertificate")?;
            extensions = extensions.or((field.tag == CONTEXT_3).then_some(field));
        }
        Ok(Self {
            whole: value.whole,
            tbs,
            serial,
            issuer,
            subject,
            spki,
            extensions,
            signature_algorithm: algorithm.oid("signatureAlgorithm")?,
            signature: bytes,
        })
    }

    /// The subject key identifier, if it has one that can be read.
    #[must_use]
    pub(crate) fn key_identifier(&self) -> Option<&'a [u8]> {
        let mut inner = Values::der(self.extension(SUBJECT_KEY_IDENTIFIER)?);
        inner.expect(OCTET_STRING, "subjectKeyIdentifier").ok().map(|value| value.content)
    }

    /// The value of an extension, if it is there.
    #[must_use]
    pub fn extension(&self, kind: ObjectIdentifier) -> Option<&'a [u8]> {
        let mut extensions = self.extensions?.only(SEQUENCE, "extensions").ok()?.values();
        while !extensions.is_empty() {
            let mut fields = extensions.expect(SEQUENCE, "Extension").ok()?.values();
            if !fields.take("extnID").ok()?.is_oid(kind) {
                continue;
            }
            fields.optional(BOOLEAN, "critical").ok()?;
            return fields.expect(OCTET_STRING, "extnValue").ok().map(|value| value.content);
        }
        None
    }
}

/// The first part of this kind of a Name as text, if it is text without control characters.
#[must_use]
pub fn name_part(name: Value<'_>, kind: ObjectIdentifier) -> Option<String> {
    let mut sets = name.values();
    while !sets.is_empty() {
        let mut parts = sets.expect(SET, "RelativeDistinguishedName").ok()?.values();
        while !parts.is_empty() {
            let mut fields = parts.expect(SEQUENCE, "AttributeTypeAndValue").ok()?.values();
            if fields.take("type").ok()?.is_oid(kind) {
                return text(fields.take("value").ok()?);
            }
        }
    }
    None
}

fn text(value: Value<'_>) -> Option<String> {
    let bytes = value.content;
    let text = match value.tag {
        UTF8_STRING | PRINTABLE_STRING | IA5_STRING => std::str::from_utf8(bytes).ok()?.to_owned(),
        // Latin-1 in practice (RFC 5280 §4.1.2.4 tells of the confusion).
        TELETEX_STRING => bytes.iter().copied().map(char::from).collect(),
        BMP_STRING => {
            let units: Vec<u16> =
                bytes.chunks_exact(2).map(|pair| pair.iter().fold(0, |n, &b| n << 8 | u16::from(b))).collect();
            String::from_utf16(&units).ok()?
        }
        _ => return None,
    };
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(text)
}
