//! A place for a token that no signature covers: the extension of a superfluous certificate.
//!
//! ```text
//! ContentInfo
//! └─ signedData
//!    └─ SignedData
//!       ├─ version, digestAlgorithms
//!       ├─ SpcIndirectDataContent            what is signed: the digest of the package
//!       ├─ certificates [0]
//!       │  ├─ the signer's, its issuers', …
//!       │  └─ one more, in no chain          ◀── its one extension has 4115 bytes: the slot
//!       └─ signerInfos                       their signatures cover neither the list of certificates nor each other's attributes
//! ```
//!
//! The certificate is long expired, on a public point, with one byte for a signature: no reader can take it for more than a place.
//! Google's updater has kept its tags in such a certificate for more than ten years (Chromium `certificate_tag.cc`); the identifier here is our
//! own, and the slot is found by going through the structure, never by searching for bytes.
//!
//! Adding it changes the four lengths around it and nothing else; filling it changes no length. A *sealed* signature does cover all of that,
//! and gets no slot.

use crate::cms::SignedData;
use crate::der::{
    BIT_STRING, BOOLEAN, CONTEXT_0, CONTEXT_3, Encoding, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, Value, encode,
};
use crate::reader::{Malformed, Problem};
use crate::slot::{MAX_TOKEN_BYTES, MSI_LEN_BYTES, MSI_MAGIC, MSI_OID_DER, MSI_VERSION};

/// 1.3.6.1.4.1.311.2.4: of Microsoft's attributes of signatures; .2 is the intent to seal, .3 the sealing signature, .4 its timestamp.
const SEALING: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x04];
/// `signtool` fills its stream to a multiple of this with zeros.
const PADDING: usize = 8;

/// A message that can have a slot: DER throughout, with certificates, and nothing but zeros behind it.
struct Message<'a> {
    data: SignedData<'a>,
    certificates: Value<'a>,
}

impl<'a> Message<'a> {
    fn parse(stream: &'a [u8]) -> Result<Self, Malformed> {
        let data = SignedData::read(Encoding::Der, stream)?;
        let padding = data.trailing.len();
        if padding >= PADDING || data.left_over() > 0 {
            let offset = data.content_info.end() as u64;
            return Err(Malformed {
                structure: "ContentInfo",
                offset,
                problem: Problem::Trailing { bytes: padding as u64 },
            });
        }
        let certificates = data.certificate_set.ok_or_else(|| {
            data.signed_data.wrong("SignedData", Problem::Missing { what: "its list of certificates" })
        })?;
        Ok(Self { data, certificates })
    }

    /// Where the slot's value is, from the start of the message. It must be in the last certificate, once, and of the right length.
    fn slot(&self) -> Result<Option<Value<'a>>, Malformed> {
        let mut found = None;
        for certificate in &self.data.certificates {
            let values = if certificate.tag == SEQUENCE { slots(certificate)? } else { Vec::new() };
            if found.is_some() && !values.is_empty() || values.len() > 1 {
                return Err(certificate.wrong("certificates", Problem::Twice { what: "a slot" }));
            }
            if found.is_some() {
                let problem = Problem::Text { what: "the slot is not in the last certificate" };
                return Err(certificate.wrong("certificates", problem));
            }
            found = values.first().copied();
        }
        if let Some(value) = found.filter(|value| value.content.len() != MSI_LEN_BYTES) {
            let (found, expected) = (value.content.len() as u64, "4115");
            return Err(value.wrong("slot", Problem::Value { field: "its length", found, expected }));
        }
        Ok(found)
    }

    /// Refuses signatures that cover what a slot would change.
    fn refuse_seal(&self) -> Result<(), Malformed> {
        for signer in &self.data.signers {
            let (signed, unsigned) = (signer.signed_attributes()?, signer.unsigned_attributes()?);
            for attribute in signed.iter().chain(unsigned.iter()) {
                if matches!(attribute.kind.content.strip_prefix(SEALING), Some([2..=4])) {
                    let what = "the signature is sealed: it covers the place that a slot would be in";
                    return Err(attribute.kind.wrong("attrType", Problem::Text { what }));
                }
            }
        }
        Ok(())
    }
}

/// The values of the extensions of our kind in one certificate.
fn slots<'a>(certificate: &Value<'a>) -> Result<Vec<Value<'a>>, Malformed> {
    let mut found = Vec::new();
    let tbs = certificate.values().expect(SEQUENCE, "tbsCertificate")?;
    for part in tbs.values().all("tbsCertificate")? {
        if part.tag != CONTEXT_3 {
            continue;
        }
        for extension in part.only(SEQUENCE, "extensions")?.values().all("extensions")? {
            let mut fields = extension.values();
            if fields.expect(OBJECT_IDENTIFIER, "extnID")?.content == MSI_OID_DER {
                fields.optional(BOOLEAN, "critical")?;
                found.push(fields.expect(OCTET_STRING, "extnValue")?);
                fields.finish("Extension")?;
            }
        }
    }
    Ok(found)
}

/// Where the slot starts in a signature's stream; it has [`MSI_LEN_BYTES`] bytes. `None`: there is none. A signature without a trace of our
/// identifier is not looked at further, whatever else is wrong with it.
pub fn find(stream: &[u8]) -> Result<Option<usize>, Malformed> {
    if !stream.windows(MSI_OID_DER.len()).any(|window| window == MSI_OID_DER) {
        return Ok(None);
    }
    Ok(Message::parse(stream)?.slot()?.map(|value| value.inside))
}

/// A signature's stream with an empty slot added, and where the slot starts in it. Everything else in it is byte for byte what it was, but
/// for the four lengths around the certificates.
pub fn insert(stream: &[u8]) -> Result<(Vec<u8>, usize), Malformed> {
    let message = Message::parse(stream)?;
    let certificates = message.certificates;
    if message.slot()?.is_some() {
        return Err(certificates.wrong("certificates", Problem::Twice { what: "a slot" }));
    }
    message.refuse_seal()?;
    let SignedData { content_info, explicit, signed_data, trailing, .. } = message.data;
    let part = |from: usize, to: usize| stream.get(from..to).unwrap_or_default();
    let spare = certificate();
    let certificates_now = encode(CONTEXT_0, &[certificates.content, &spare]);
    let before = part(signed_data.inside, certificates.start);
    let after = part(certificates.end(), signed_data.end());
    let signed_data_now = encode(SEQUENCE, &[before, &certificates_now, after]);
    let explicit_now = encode(CONTEXT_0, &[&signed_data_now]);
    let mut out = encode(SEQUENCE, &[part(content_info.inside, explicit.start), &explicit_now]);
    let end = out.len() - after.len();
    if !trailing.is_empty() {
        out.resize(out.len().next_multiple_of(PADDING), 0);
    }
    Ok((out, end - (TAIL.len() + MSI_LEN_BYTES)))
}

/// What stands in the slot without a token.
#[must_use]
pub fn empty() -> Vec<u8> {
    let mut out = MSI_MAGIC.to_vec();
    out.push(MSI_VERSION);
    out.resize(MSI_LEN_BYTES, 0);
    out
}

/// The token's bytes in a slot. `None`: it is empty.
pub fn read(slot: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let mut r = crate::reader::Reader::new("slot", 0, slot);
    if r.take(MSI_MAGIC.len())? != MSI_MAGIC {
        return Err(r.wrong(Problem::Text { what: "it does not start as a slot does" }));
    }
    let version = r.u8()?;
    if version != MSI_VERSION {
        return Err(r.wrong(Problem::Value { field: "version", found: version.into(), expected: "1" }));
    }
    let [high, low] = r.array()?;
    let len = usize::from(u16::from_be_bytes([high, low]));
    if len > MAX_TOKEN_BYTES {
        let expected = "4096 at most";
        return Err(r.wrong(Problem::Value { field: "length of the token", found: len as u64, expected }));
    }
    let token = r.take(len)?;
    if r.take(MAX_TOKEN_BYTES - len)?.iter().any(|byte| *byte != 0) {
        return Err(r.wrong(Problem::Text { what: "something stands behind the token" }));
    }
    r.finish()?;
    Ok((len > 0).then_some(token))
}

/// The certificate's signature: one byte.
const TAIL: &[u8] = &[
    0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B, 0x05,
    0x00, // sha256WithRSAEncryption
    0x03, 0x02, 0x00, 0x00,
];
/// P-256's point with x = 0.
const POINT_Y: [u8; 32] = [
    0x66, 0x48, 0x5C, 0x78, 0x0E, 0x2F, 0x83, 0xD7, 0x24, 0x33, 0xBD, 0x5D, 0x84, 0xA0, 0x6B, 0xB6, 0x54, 0x1C, 0x2A,
    0xF3, 0x1D, 0xAE, 0x87, 0x17, 0x28, 0xBF, 0x85, 0x6A, 0x17, 0x4F, 0x93, 0xF4,
];

/// The superfluous certificate, with an empty slot.
fn certificate() -> Vec<u8> {
    let name = |text: &str| {
        let attribute =
            encode(SEQUENCE, &[&[OBJECT_IDENTIFIER, 3, 0x55, 0x04, 0x03], &encode(0x0C, &[text.as_bytes()])]);
        encode(SEQUENCE, &[&encode(SET, &[&attribute])])
    };
    let time = |text: &str| encode(0x17, &[text.as_bytes()]);
    let validity = encode(SEQUENCE, &[&time("130101000000Z"), &time("130401000000Z")]);
    let algorithm = [
        0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, // ecPublicKey
        0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, // prime256v1
    ];
    let key = encode(SEQUENCE, &[&algorithm, &encode(BIT_STRING, &[&[0, 4], [0; 32].as_slice(), &POINT_Y])]);
    let extension =
        encode(SEQUENCE, &[&encode(OBJECT_IDENTIFIER, &[&MSI_OID_DER]), &encode(OCTET_STRING, &[&empty()])]);
    let extensions = encode(CONTEXT_3, &[&encode(SEQUENCE, &[&extension])]);
    let signature_algorithm = TAIL.get(..15).unwrap_or_default();
    let tbs = encode(
        SEQUENCE,
        &[
            [0xA0, 3, 2, 1, 2].as_slice(), // version 3
            &[2, 1, 1],                    // serial number 1
            signature_algorithm,
            &name("Stampwright slot"),
            &validity,
            &name("Superfluous certificate"),
            &key,
            &extensions,
        ],
    );
    encode(SEQUENCE, &[&tbs, TAIL])
}
