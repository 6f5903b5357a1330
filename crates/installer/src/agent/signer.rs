//! A code signature's message (CMS SignedData), and who signed it.
//!
//! Authenticode (PKCS #7, with its content in it) and `codesign` (detached, BER outside) are used alike: one signer with signed attributes, of
//! which `messageDigest` is the digest of the content. Three answers are told apart, because they lead to different next steps: the message
//! cannot be read, it names a digest that is not computed here, or a digest was computed and differs.

use const_oid::ObjectIdentifier;
use container::Malformed;
use container::cms::{
    self, Attributes, COMMON_NAME, CONTENT_TYPE, Certificate, MESSAGE_DIGEST, ORGANISATION, SignedData,
};
use container::der::{Encoding, Value};
use container::digest::{Algorithm, NotComputed};
use container::reader::Problem;

use super::errors::AgentProblem;
use super::facts::Signer;

/// A message with its only signer.
pub(super) struct Signed<'a> {
    data: SignedData<'a>,
    algorithm: Algorithm,
    attributes: Attributes<'a>,
    certificate: Certificate<'a>,
    /// Where the message starts in the file.
    offset: u64,
}

impl<'a> Signed<'a> {
    /// Reads the message that `bytes`, which lie at `offset` in the file, start with.
    pub(super) fn read(bytes: &'a [u8], offset: u64) -> Result<Self, AgentProblem> {
        let unreadable = |malformed| unreadable(malformed, offset);
        let data = SignedData::read(Encoding::Ber, bytes).map_err(unreadable)?;
        let [info] = data.signers.as_slice() else {
            let problem =
                Problem::Value { field: "number of signers", found: data.signers.len() as u64, expected: "1" };
            return Err(unreadable(data.signed_data.wrong("signerInfos", problem)));
        };
        let attributes = info.signed_attributes().map_err(unreadable)?;
        let algorithm = Algorithm::from_oid(info.digest_algorithm).map_err(not_checked)?;
        let certificate = data.certificate_of(info).ok_or_else(|| {
            let problem = Problem::Missing { what: "the signer's certificate" };
            unreadable(data.certificate_set.unwrap_or(data.signed_data).wrong("certificates", problem))
        })?;
        Ok(Self { algorithm, attributes, certificate, offset, data })
    }

    /// The message.
    pub(super) const fn data(&self) -> &SignedData<'a> {
        &self.data
    }

    /// A malformed part of the message as the agent's problem.
    pub(super) fn unreadable(&self, malformed: Malformed) -> AgentProblem {
        unreadable(malformed, self.offset)
    }

    /// Compares the signed digest with that of `content`, the bytes that are signed.
    pub(super) fn check_message_digest(&self, content: &[u8]) -> Result<(), AgentProblem> {
        if !self.attribute(CONTENT_TYPE, "contentType")?.is_oid(self.data.content_type) {
            return Err(AgentProblem::Signature("its signed content type and the content's do not agree"));
        }
        let named = self.attribute(MESSAGE_DIGEST, "messageDigest")?;
        let named = named.octets("messageDigest").map_err(|malformed| self.unreadable(malformed))?;
        if named[..] != self.algorithm.digest(content)[..] {
            return Err(AgentProblem::Changed("its messageDigest and the signed content do not agree"));
        }
        Ok(())
    }

    /// The signer's names.
    pub(super) fn signer(&self) -> Signer {
        let part = |kind| cms::name_part(self.certificate.subject, kind);
        Signer { name: part(COMMON_NAME), organisation: part(ORGANISATION), ..Signer::default() }
    }

    /// All values of a signed attribute.
    pub(super) fn attribute_values(&self, kind: ObjectIdentifier) -> Vec<Value<'a>> {
        self.attributes.values(kind).collect()
    }

    /// The value of a signed attribute, which must be there once, with one value.
    fn attribute(&self, kind: ObjectIdentifier, name: &'static str) -> Result<Value<'a>, AgentProblem> {
        self.attributes.only(kind).ok_or_else(|| {
            let problem = Problem::Missing { what: "a signed attribute that must be there once" };
            self.unreadable(self.data.signed_data.wrong(name, problem))
        })
    }
}

/// A part of the message that is not what it must be. Its place becomes one in the file.
fn unreadable(mut malformed: Malformed, offset: u64) -> AgentProblem {
    malformed.offset = malformed.offset.saturating_add(offset);
    AgentProblem::SignatureUnreadable(malformed)
}

/// MD5 above all: the file can be what it was when it was signed, and no check can tell.
pub(super) fn not_checked(NotComputed(name): NotComputed) -> AgentProblem {
    AgentProblem::SignatureNotChecked(name)
}
