//! SpcIndirectDataContent: what kind of file is signed, and its digest ("Windows Authenticode Portable Executable Signature Format", 2008).

use const_oid::ObjectIdentifier;

use crate::cms::SignedData;
use crate::der::{Encoding, INTEGER, OCTET_STRING, SEQUENCE, Value};
use crate::digest::{Algorithm, NotComputed};
use crate::reader::{Malformed, Problem};

/// SPC_INDIRECT_DATA_OBJID.
pub const INDIRECT_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.4");
/// SPC_PE_IMAGE_DATAOBJ.
const PE_IMAGE_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.15");
/// SPC_SIPINFO_OBJID.
const SIP_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.30");
/// szOID_NESTED_SIGNATURE: a further signature, in an unsigned attribute.
pub const NESTED_SIGNATURE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.4.1");
/// The subject interface package for Windows Installer, {000C10F1-0000-0000-C000-000000000046}, as it lies in memory.
const MSI_SIP: [u8; 16] = [0xF1, 0x10, 0x0C, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46];

/// Signatures in signatures are not followed deeper.
pub const MAX_NESTED_DEPTH: usize = 2;
/// Nor are more looked at beside each other: there is one for each digest algorithm at most.
pub const MAX_NESTED: usize = 4;

/// What kind of file is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A Windows executable.
    PeImage,
    /// A Windows Installer package.
    Msi,
    /// Another kind of file: a script, a catalog, a cabinet.
    Other,
}

/// What an Authenticode message is about.
#[derive(Debug, Clone, Copy)]
pub struct IndirectData<'a> {
    /// The kind of file.
    pub subject: Subject,
    /// The digest's algorithm.
    pub(crate) digest_algorithm: ObjectIdentifier,
    /// The file's digest.
    pub digest: &'a [u8],
    /// The value itself. The message's digest is over its content, without tag and length (PKCS #7 §9.3; CMS differs for other types).
    pub value: Value<'a>,
}

impl<'a> IndirectData<'a> {
    /// Reads the content of a message.
    pub fn read(message: &SignedData<'a>) -> Result<Self, Malformed> {
        let Some(explicit) = message.content else {
            return Err(message.signed_data.wrong("eContent", Problem::Missing { what: "what is signed" }));
        };
        if message.content_type != INDIRECT_DATA {
            return Err(explicit.wrong("eContentType", Problem::Data { what: "it is not SpcIndirectDataContent" }));
        }
        let value = explicit.only(SEQUENCE, "SpcIndirectDataContent")?;
        let mut fields = value.der_values();
        let subject = subject(fields.expect(SEQUENCE, "SpcAttributeTypeAndOptionalValue")?)?;
        let mut info = fields.expect(SEQUENCE, "DigestInfo")?.values();
        fields.finish("SpcIndirectDataContent")?;
        let algorithm = info.expect(SEQUENCE, "digestAlgorithm")?.values().take("digestAlgorithm")?;
        let digest = info.expect(OCTET_STRING, "digest")?.content;
        info.finish("DigestInfo")?;
        Ok(Self { subject, digest_algorithm: algorithm.oid("digestAlgorithm")?, digest, value })
    }

    /// The digest's algorithm, or else its name.
    pub fn algorithm(&self) -> Result<Algorithm, NotComputed> {
        Algorithm::from_oid(self.digest_algorithm)
    }
}

/// The kind of file.
fn subject(value: Value<'_>) -> Result<Subject, Malformed> {
    let mut fields = value.values();
    let kind = fields.take("SpcAttributeTypeAndOptionalValue")?;
    if kind.is_oid(PE_IMAGE_DATA) {
        // SpcPeImageData has flags and a link that says <<<Obsolete>>>.
        return Ok(Subject::PeImage);
    }
    if !kind.is_oid(SIP_INFO) {
        return Ok(Subject::Other);
    }
    let mut sip = fields.expect(SEQUENCE, "SpcSipInfo")?.values();
    sip.expect(INTEGER, "SpcSipInfo")?;
    let guid = sip.expect(OCTET_STRING, "SpcSipInfo")?;
    Ok(if guid.content == MSI_SIP { Subject::Msi } else { Subject::Other })
}

/// The algorithms of the file digests that a message names, its nested signatures' included: what has to be computed before it can be judged.
/// What cannot be read names none.
#[must_use]
pub fn named_algorithms(message: &[u8]) -> Vec<Algorithm> {
    let mut found = Vec::new();
    if let Ok(message) = SignedData::read(Encoding::Ber, message) {
        collect(&message, MAX_NESTED_DEPTH, &mut found);
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn collect(message: &SignedData<'_>, depth: usize, found: &mut Vec<Algorithm>) {
    found.extend(IndirectData::read(message).ok().and_then(|content| content.algorithm().ok()));
    let Some(depth) = depth.checked_sub(1) else { return };
    for attributes in message.signers.iter().filter_map(|signer| signer.unsigned_attributes().ok()) {
        for value in attributes.values(NESTED_SIGNATURE).take(MAX_NESTED) {
            if let Ok(nested) = SignedData::from_content_info(value) {
                collect(&nested, depth, found);
            }
        }
    }
}
