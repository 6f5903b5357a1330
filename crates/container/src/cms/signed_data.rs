//! The message and its parts.

use const_oid::ObjectIdentifier;

use super::certificate::Certificate;
use super::oid::SIGNED_DATA;
use super::signer_info::SignerInfo;
use crate::der::{CONTEXT_0, CONTEXT_1, Encoding, INTEGER, SEQUENCE, SET, Value, Values};
use crate::reader::{Malformed, Problem};

/// A signed message. Places are bytes from its start.
#[derive(Debug, Clone)]
pub struct SignedData<'a> {
    /// ContentInfo, which is all of the message.
    pub(crate) content_info: Value<'a>,
    /// `[0]` around SignedData.
    pub(crate) explicit: Value<'a>,
    /// SignedData.
    pub signed_data: Value<'a>,
    /// eContentType.
    pub content_type: ObjectIdentifier,
    /// `[0]` around eContent. `None`: the content is elsewhere.
    pub content: Option<Value<'a>>,
    /// `[0] certificates`, if it is there.
    pub certificate_set: Option<Value<'a>>,
    /// What is in it, in its order: most of it certificates (SEQUENCE).
    pub certificates: Vec<Value<'a>>,
    /// The signers, in the order of the message.
    pub signers: Vec<SignerInfo<'a>>,
    /// What follows the message in its place.
    pub trailing: &'a [u8],
}

impl<'a> SignedData<'a> {
    /// Reads the message that `bytes` start with. What must be DER in any case is read so: the signed attributes.
    pub fn read(encoding: Encoding, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut outer = Values::new(encoding, bytes);
        let content_info = outer.expect(SEQUENCE, "ContentInfo")?;
        let message = Self::from_content_info(content_info)?;
        Ok(Self { trailing: outer.rest(), ..message })
    }

    /// Reads a message that is a value of another, e.g. a timestamp in an attribute.
    pub fn from_content_info(content_info: Value<'a>) -> Result<Self, Malformed> {
        let mut fields = content_info.values();
        let kind = fields.take("contentType")?;
        if !kind.is_oid(SIGNED_DATA) {
            return Err(kind.wrong("contentType", Problem::Data { what: "it is not signedData" }));
        }
        let explicit = fields.expect(CONTEXT_0, "content")?;
        fields.finish("ContentInfo")?;
        let signed_data = explicit.only(SEQUENCE, "SignedData")?;

        let mut fields = signed_data.values();
        fields.expect(INTEGER, "version")?;
        fields.expect(SET, "digestAlgorithms")?;
        let (content_type, content) = encapsulated(fields.expect(SEQUENCE, "encapContentInfo")?)?;
        let certificate_set = fields.optional(CONTEXT_0, "certificates")?;
        let certificates = match certificate_set {
            Some(set) => set.values().all("certificates")?,
            None => Vec::new(),
        };
        fields.optional(CONTEXT_1, "crls")?;
        let signers = fields.expect(SET, "signerInfos")?.values().all("signerInfos")?;
        fields.finish("SignedData")?;
        let signers = signers.into_iter().map(SignerInfo::read).collect::<Result<_, _>>()?;
        Ok(Self {
            content_info,
            explicit,
            signed_data,
            content_type,
            content,
            certificate_set,
            certificates,
            signers,
            trailing: &[],
        })
    }

    /// The signer's certificate, if it is in the bag.
    #[must_use]
    pub fn certificate_of(&self, signer: &SignerInfo<'a>) -> Option<Certificate<'a>> {
        let certificates = self.certificates.iter().filter_map(|value| Certificate::read(*value).ok());
        certificates.into_iter().find(|certificate| signer.signer.is(certificate))
    }

    /// How many bytes follow the message in its place; 0 when all of them are zeros, with which such places are filled up.
    #[must_use]
    pub fn left_over(&self) -> usize {
        if self.trailing.iter().all(|byte| *byte == 0) { 0 } else { self.trailing.len() }
    }
}

fn encapsulated(value: Value<'_>) -> Result<(ObjectIdentifier, Option<Value<'_>>), Malformed> {
    let mut fields = value.values();
    let kind = fields.take("eContentType")?.oid("eContentType")?;
    let explicit = fields.optional(CONTEXT_0, "eContent")?;
    fields.finish("encapContentInfo")?;
    Ok((kind, explicit))
}
