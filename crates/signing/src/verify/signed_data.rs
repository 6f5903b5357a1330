//! A CMS SignedData, read with its bytes kept (RFC 5652 §5; PKCS #7 §9 for Authenticode's version of it).

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5911, rfc5912};
use container::digest::Algorithm;

use crate::algorithm::{KeyKind, digest_of, signature_digest};
use crate::asn1::{
    Asn1Error, CONTEXT_0, CONTEXT_0_PRIMITIVE, CONTEXT_1, Der, INTEGER, OCTET_STRING, SEQUENCE, SET, Value, tlv,
};
use crate::certificate::Certificate;

/// A message with more certificates than these was made to keep its readers busy.
const CERTIFICATES_MAX: usize = 100;

/// A signed message.
#[derive(Debug)]
pub(crate) struct SignedData<'a> {
    pub(crate) content_type: ObjectIdentifier,
    /// What is inside `[0]`. `None`: the content is elsewhere.
    pub(crate) content: Option<Value<'a>>,
    /// All of `certificates [0]`, as they stand.
    pub(crate) certificates: Vec<Value<'a>>,
    pub(crate) signers: Vec<SignerInfo<'a>>,
}

/// One signer of it.
#[derive(Debug)]
pub(crate) struct SignerInfo<'a> {
    signer: SignerIdentifier<'a>,
    digest: ObjectIdentifier,
    signed: Option<Value<'a>>,
    signature_algorithm: ObjectIdentifier,
    /// The signature's bytes.
    pub(crate) signature: &'a [u8],
    unsigned: Option<Value<'a>>,
}

#[derive(Debug)]
enum SignerIdentifier<'a> {
    /// Issuer and serial number, with tags and lengths.
    Named { issuer: &'a [u8], serial: &'a [u8] },
    /// The subject key identifier.
    Key(&'a [u8]),
}

/// An attribute and its values.
pub(crate) type Attribute<'a> = (ObjectIdentifier, Vec<Value<'a>>);

/// What is wrong with one signature, as the rest of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignerProblem {
    #[error("does not have the signed attribute {0} exactly once")]
    Attribute(&'static str),
    #[error("says that it signs another type of content than there is")]
    ContentType,
    #[error("is over other content: its messageDigest is not the content's digest")]
    Digest,
    #[error("is not its signer's: it does not verify under the certificate's key")]
    Forged,
    #[error("uses {0}, which is not supported here")]
    Algorithm(String),
    #[error(transparent)]
    Asn1(#[from] Asn1Error),
}

impl<'a> SignedData<'a> {
    /// Reads a ContentInfo with a SignedData in it; nothing may follow.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Asn1Error> {
        let mut outer = Der::new(bytes);
        let info = outer.expect(SEQUENCE, "ContentInfo")?;
        outer.finish("ContentInfo")?;
        Self::from_content_info(info)
    }

    /// The same from a place that is filled up with zeros.
    pub(crate) fn read_padded(bytes: &'a [u8]) -> Result<Self, Asn1Error> {
        let mut outer = Der::new(bytes);
        let info = outer.expect(SEQUENCE, "ContentInfo")?;
        if outer.rest().iter().any(|&byte| byte != 0) {
            outer.finish("ContentInfo")?;
        }
        Self::from_content_info(info)
    }

    fn from_content_info(info: Value<'a>) -> Result<Self, Asn1Error> {
        let mut fields = info.inner();
        let kind = fields.next("contentType")?;
        if kind.oid("contentType")? != rfc5911::ID_SIGNED_DATA {
            return Err(kind.wrong("contentType", "it is not signedData"));
        }
        let explicit = fields.expect(CONTEXT_0, "content")?;
        fields.finish("ContentInfo")?;
        let mut inside = explicit.inner();
        let data = inside.expect(SEQUENCE, "SignedData")?;
        inside.finish("content")?;

        let mut fields = data.inner();
        fields.expect(INTEGER, "version")?;
        fields.expect(SET, "digestAlgorithms")?;
        let (content_type, content) = encapsulated(fields.expect(SEQUENCE, "encapContentInfo")?)?;
        let certificates = fields.optional(CONTEXT_0, "certificates")?;
        let certificates = certificates.map(|set| set.inner().all("certificates")).transpose()?.unwrap_or_default();
        fields.optional(CONTEXT_1, "crls")?;
        let signers = fields.expect(SET, "signerInfos")?.inner().all("signerInfos")?;
        fields.finish("SignedData")?;
        let signers = signers.into_iter().map(SignerInfo::read).collect::<Result<_, _>>()?;
        Ok(Self { content_type, content, certificates, signers })
    }

    /// The certificates that can be parsed, of the first [`CERTIFICATES_MAX`].
    pub(crate) fn understood_certificates(&self) -> Vec<Certificate> {
        self.certificates
            .iter()
            .take(CERTIFICATES_MAX)
            .filter_map(|value| Certificate::from_der(value.whole).ok())
            .collect()
    }
}

fn encapsulated(value: Value<'_>) -> Result<(ObjectIdentifier, Option<Value<'_>>), Asn1Error> {
    let mut fields = value.inner();
    let kind = fields.next("eContentType")?.oid("eContentType")?;
    let explicit = fields.optional(CONTEXT_0, "eContent")?;
    fields.finish("encapContentInfo")?;
    Ok((kind, explicit))
}

impl<'a> SignerInfo<'a> {
    pub(crate) fn read(value: Value<'a>) -> Result<Self, Asn1Error> {
        let mut fields = value.inner();
        fields.expect(INTEGER, "signerInfo version")?;
        let signer = match fields.optional(CONTEXT_0_PRIMITIVE, "sid")? {
            Some(key) => SignerIdentifier::Key(key.content),
            None => {
                let mut sid = fields.expect(SEQUENCE, "sid")?.inner();
                let issuer = sid.expect(SEQUENCE, "issuer")?.whole;
                let serial = sid.expect(INTEGER, "serialNumber")?.whole;
                sid.finish("sid")?;
                SignerIdentifier::Named { issuer, serial }
            }
        };
        let digest = fields.expect(SEQUENCE, "digestAlgorithm")?.inner().next("digestAlgorithm")?;
        let signed = fields.optional(CONTEXT_0, "signedAttrs")?;
        let algorithm = fields.expect(SEQUENCE, "signatureAlgorithm")?.inner().next("signatureAlgorithm")?;
        let signature = fields.expect(OCTET_STRING, "signature")?.content;
        let unsigned = fields.optional(CONTEXT_1, "unsignedAttrs")?;
        fields.finish("signerInfo")?;
        Ok(Self {
            signer,
            digest: digest.oid("digestAlgorithm")?,
            signed,
            signature_algorithm: algorithm.oid("signatureAlgorithm")?,
            signature,
            unsigned,
        })
    }

    /// The signer's certificate.
    pub(crate) fn find<'c>(&self, certificates: &'c [Certificate]) -> Option<&'c Certificate> {
        certificates.iter().find(|certificate| match self.signer {
            SignerIdentifier::Named { issuer, serial } => {
                certificate.issuer_der() == issuer && certificate.serial_der() == serial
            }
            SignerIdentifier::Key(key) => certificate.key_identifier().as_deref() == Some(key),
        })
    }

    /// The digest algorithm.
    pub(crate) fn digest(&self) -> Result<Algorithm, SignerProblem> {
        digest_of(self.digest).ok_or_else(|| SignerProblem::Algorithm(format!("the digest {}", self.digest)))
    }

    /// The signed attributes.
    pub(crate) fn signed_attributes(&self) -> Result<Vec<Attribute<'a>>, Asn1Error> {
        self.signed.map_or_else(|| Ok(Vec::new()), attributes)
    }

    /// The attributes that nothing protects.
    pub(crate) fn unsigned_attributes(&self) -> Result<Vec<Attribute<'a>>, Asn1Error> {
        self.unsigned.map_or_else(|| Ok(Vec::new()), attributes)
    }

    /// Checks the message digest over `content` and the signature under `signer`.
    pub(crate) fn check(
        &self,
        content_type: ObjectIdentifier,
        content: &[u8],
        signer: &Certificate,
    ) -> Result<(), SignerProblem> {
        let algorithm = self.digest()?;
        let signed_bytes = match self.signed {
            None => content.to_vec(),
            Some(set) => {
                let attributes = self.signed_attributes()?;
                let kind = the_one(&attributes, rfc5911::ID_CONTENT_TYPE, "contentType")?;
                if kind.oid("contentType")? != content_type {
                    return Err(SignerProblem::ContentType);
                }
                let named = the_one(&attributes, rfc5911::ID_MESSAGE_DIGEST, "messageDigest")?;
                if named.content != algorithm.digest(content) {
                    return Err(SignerProblem::Digest);
                }
                // It is signed as a SET OF, though it is written as [0] (RFC 5652 §5.4).
                tlv(SET, set.content)
            }
        };
        let key = signer.public_key().ok_or_else(|| {
            SignerProblem::Algorithm("a key that is neither RSA nor ECDSA over P-256 or P-384".to_owned())
        })?;
        self.check_algorithm(key.kind(), algorithm)?;
        match key.verifies(algorithm, &algorithm.digest(&signed_bytes), self.signature) {
            true => Ok(()),
            false => Err(SignerProblem::Forged),
        }
    }

    /// The signature algorithm must fit the key and, where it names a digest, the message's.
    fn check_algorithm(&self, kind: KeyKind, algorithm: Algorithm) -> Result<(), SignerProblem> {
        let oid = self.signature_algorithm;
        let plain = match kind {
            KeyKind::Rsa { .. } => oid == rfc5912::RSA_ENCRYPTION,
            KeyKind::P256 | KeyKind::P384 => oid == rfc5912::ID_EC_PUBLIC_KEY,
            KeyKind::Ed25519 => false,
        };
        if plain || signature_digest(oid) == Some(algorithm) {
            return Ok(());
        }
        Err(SignerProblem::Algorithm(format!("the signature algorithm {oid} with {}", algorithm.name())))
    }

    /// The same as a sentence's rest, for a message with one signer.
    pub(crate) fn problem(&self, data: &SignedData<'_>, content: &[u8], signer: &Certificate) -> Option<String> {
        self.check(data.content_type, content, signer).err().map(|problem| problem.to_string())
    }
}

/// Attributes in a SET OF.
fn attributes(set: Value<'_>) -> Result<Vec<Attribute<'_>>, Asn1Error> {
    let mut found = Vec::new();
    for value in set.inner().all("attributes")? {
        if value.tag != SEQUENCE {
            return Err(value.wrong("Attribute", "it is no SEQUENCE"));
        }
        let mut fields = value.inner();
        let kind = fields.next("attrType")?.oid("attrType")?;
        let values = fields.expect(SET, "attrValues")?.inner().all("attrValues")?;
        fields.finish("Attribute")?;
        found.push((kind, values));
    }
    Ok(found)
}

/// The value of an attribute that must be there once, with one value.
pub(crate) fn the_one<'a>(
    attributes: &[Attribute<'a>],
    kind: ObjectIdentifier,
    name: &'static str,
) -> Result<Value<'a>, SignerProblem> {
    let mut found = attributes.iter().filter(|(oid, _)| *oid == kind);
    match (found.next().map(|(_, values)| values.as_slice()), found.next()) {
        (Some([value]), None) => Ok(*value),
        _ => Err(SignerProblem::Attribute(name)),
    }
}
