//! One signer and its attributes (RFC 5652 §5.3).

use std::borrow::Cow;

use const_oid::ObjectIdentifier;

use super::certificate::Certificate;
use crate::der::{CONTEXT_0, CONTEXT_0_PRIMITIVE, CONTEXT_1, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, SET, Value, encode};
use crate::reader::{Malformed, Problem};

/// Whose signature it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignerIdentifier<'a> {
    /// Issuer and serial number of the certificate, with tags and lengths.
    IssuerAndSerialNumber {
        /// The issuer's name.
        issuer: &'a [u8],
        /// The serial number.
        serial: &'a [u8],
    },
    /// The certificate's subject key identifier.
    SubjectKeyIdentifier(&'a [u8]),
}

/// A signature and what it says of itself.
#[derive(Debug, Clone)]
pub struct SignerInfo<'a> {
    /// Whose it is.
    pub signer: SignerIdentifier<'a>,
    /// The algorithm that content and signed attributes are hashed with.
    pub digest_algorithm: ObjectIdentifier,
    /// `[0] signedAttrs`.
    pub signed: Option<Value<'a>>,
    /// The algorithm that the signature is made with.
    pub signature_algorithm: ObjectIdentifier,
    /// The signature's bytes.
    pub signature: Cow<'a, [u8]>,
    /// `[1] unsignedAttrs`.
    pub(crate) unsigned: Option<Value<'a>>,
}

/// An attribute and its values.
#[derive(Debug, Clone)]
pub struct Attribute<'a> {
    /// attrType: an OBJECT IDENTIFIER.
    pub kind: Value<'a>,
    /// attrValues.
    pub values: Vec<Value<'a>>,
}

/// The attributes of a signer, in their order.
#[derive(Debug, Clone, Default)]
pub struct Attributes<'a>(Vec<Attribute<'a>>);

impl SignerIdentifier<'_> {
    /// Whether it is this certificate that is meant.
    #[must_use]
    pub fn is(&self, certificate: &Certificate<'_>) -> bool {
        match self {
            Self::IssuerAndSerialNumber { issuer, serial } => {
                certificate.issuer.whole == *issuer && certificate.serial.whole == *serial
            }
            Self::SubjectKeyIdentifier(key) => certificate.key_identifier() == Some(*key),
        }
    }
}

impl<'a> SignerInfo<'a> {
    /// Reads a SignerInfo, which stands in a message or, as a countersignature, in an attribute.
    pub fn read(value: Value<'a>) -> Result<Self, Malformed> {
        if value.tag != SEQUENCE {
            return Err(value.wrong("SignerInfo", Problem::Tag { found: value.tag, expected: SEQUENCE }));
        }
        let mut fields = value.values();
        fields.expect(INTEGER, "SignerInfo version")?;
        let signer = match fields.optional(CONTEXT_0_PRIMITIVE, "sid")? {
            Some(key) => SignerIdentifier::SubjectKeyIdentifier(key.content),
            None => {
                let mut sid = fields.expect(SEQUENCE, "sid")?.values();
                let issuer = sid.expect(SEQUENCE, "issuer")?.whole;
                let serial = sid.expect(INTEGER, "serialNumber")?.whole;
                sid.finish("sid")?;
                SignerIdentifier::IssuerAndSerialNumber { issuer, serial }
            }
        };
        let (digest_algorithm, _) = algorithm(fields.expect(SEQUENCE, "digestAlgorithm")?, "digestAlgorithm")?;
        let signed = fields.optional(CONTEXT_0, "signedAttrs")?;
        let (signature_algorithm, _) = algorithm(fields.expect(SEQUENCE, "signatureAlgorithm")?, "signatureAlgorithm")?;
        let signature = fields.take("signature")?.octets("signature")?;
        let unsigned = fields.optional(CONTEXT_1, "unsignedAttrs")?;
        fields.finish("SignerInfo")?;
        Ok(Self { signer, digest_algorithm, signed, signature_algorithm, signature, unsigned })
    }

    /// The signed attributes, which must be DER: they are hashed. None are no attributes.
    pub fn signed_attributes(&self) -> Result<Attributes<'a>, Malformed> {
        match self.signed {
            Some(set) => Attributes::read(set.der_values().all("signedAttrs")?),
            None => Ok(Attributes::default()),
        }
    }

    /// The attributes that nothing protects.
    pub fn unsigned_attributes(&self) -> Result<Attributes<'a>, Malformed> {
        match self.unsigned {
            Some(set) => Attributes::read(set.values().all("unsignedAttrs")?),
            None => Ok(Attributes::default()),
        }
    }

    /// The bytes that are signed where there are signed attributes: a SET OF, though it is written as `[0]` (RFC 5652 §5.4).
    #[must_use]
    pub fn signed_bytes(&self) -> Option<Vec<u8>> {
        self.signed.map(|set| encode(SET, &[set.content]))
    }
}

impl<'a> Attributes<'a> {
    fn read(values: Vec<Value<'a>>) -> Result<Self, Malformed> {
        let attribute = |value: Value<'a>| {
            if value.tag != SEQUENCE {
                return Err(value.wrong("Attribute", Problem::Tag { found: value.tag, expected: SEQUENCE }));
            }
            let mut fields = value.values();
            let kind = fields.expect(OBJECT_IDENTIFIER, "attrType")?;
            let values = fields.expect(SET, "attrValues")?.values().all("attrValues")?;
            fields.finish("Attribute")?;
            Ok(Attribute { kind, values })
        };
        values.into_iter().map(attribute).collect::<Result<_, _>>().map(Self)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Attribute<'a>> {
        self.0.iter()
    }

    /// The values of all attributes of this kind.
    pub fn values(&self, kind: ObjectIdentifier) -> impl Iterator<Item = Value<'a>> {
        self.0
            .iter()
            .filter(move |attribute| attribute.kind.is_oid(kind))
            .flat_map(|attribute| &attribute.values)
            .copied()
    }

    /// Whether there is an attribute of this kind.
    #[must_use]
    pub fn has(&self, kind: ObjectIdentifier) -> bool {
        self.0.iter().any(|attribute| attribute.kind.is_oid(kind))
    }

    /// The value of an attribute that must be there once with one value. `None`: it is not.
    #[must_use]
    pub fn only(&self, kind: ObjectIdentifier) -> Option<Value<'a>> {
        let mut found = self.0.iter().filter(|attribute| attribute.kind.is_oid(kind));
        match (found.next().map(|attribute| attribute.values.as_slice()), found.next()) {
            (Some([value]), None) => Some(*value),
            _ => None,
        }
    }
}

/// An AlgorithmIdentifier: the algorithm and its parameters.
fn algorithm<'a>(value: Value<'a>, what: &'static str) -> Result<(ObjectIdentifier, Option<Value<'a>>), Malformed> {
    let mut fields = value.values();
    let kind = fields.take(what)?.oid(what)?;
    let parameters = if fields.is_empty() { None } else { Some(fields.take(what)?) };
    Ok((kind, parameters))
}
