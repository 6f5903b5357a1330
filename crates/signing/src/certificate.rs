//! Certificates (RFC 5280): read once, their bytes kept.

use std::fmt;

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc4519, rfc5280};
use container::Malformed;
use container::cms;
use container::der::Values;
use container::digest::{Algorithm, hex};
use der::{Decode, Tag, Tagged};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::name::Name;

use crate::algorithm::{PublicKey, signature_digest};
use crate::{pem, time};

/// The most certificates that a file may have; real chains have two to four.
const MAX_CERTIFICATES: usize = 200;

/// A certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
    parts: Parts,
}

/// The bytes of its parts as they stand.
#[derive(Clone, PartialEq, Eq)]
struct Parts {
    /// What its issuer signed.
    tbs: Vec<u8>,
    signature_algorithm: ObjectIdentifier,
    signature: Vec<u8>,
    serial: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    spki: Vec<u8>,
}

/// Bytes that are not a certificate, or a file without one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The file has none.
    #[error("there is no certificate in it, must be PEM or DER")]
    None,
    /// It has too many.
    #[error("there are more than {MAX_CERTIFICATES} certificates in it")]
    TooMany,
    /// One of them is not DER.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// One of them cannot be understood.
    #[error("the certificate cannot be parsed: {0}")]
    Parse(String),
}

impl Certificate {
    /// Reads one certificate in DER.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let parts = Parts::read(der)?;
        let parsed =
            x509_cert::Certificate::from_der(der).map_err(|error| CertificateError::Parse(error.to_string()))?;
        Ok(Self { der: der.to_vec(), parsed, parts })
    }

    /// All certificates of a file, in PEM (other blocks are skipped) or one in DER.
    pub fn read_all(file: &[u8]) -> Result<Vec<Self>, CertificateError> {
        if !pem::is_pem(file) {
            return Ok(vec![Self::from_der(file)?]);
        }
        let blocks = pem::blocks(file);
        let found = blocks.iter().filter(|block| matches!(block.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE"));
        let found: Vec<Self> = found.map(|block| Self::from_der(&block.der)).collect::<Result<_, _>>()?;
        match found.len() {
            0 => Err(CertificateError::None),
            1..=MAX_CERTIFICATES => Ok(found),
            _ => Err(CertificateError::TooMany),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its public key. `None`: of a kind that this tool does not know.
    #[must_use]
    pub fn public_key(&self) -> Option<PublicKey> {
        PublicKey::from_spki(&self.parts.spki)
    }

    /// Whom it is about, for people: the common name, or else the whole name.
    #[must_use]
    pub fn subject(&self) -> String {
        readable(&self.parsed.tbs_certificate.subject)
    }

    /// Who issued it, for people.
    #[must_use]
    pub fn issuer(&self) -> String {
        readable(&self.parsed.tbs_certificate.issuer)
    }

    /// Its serial number in hexadecimal digits.
    #[must_use]
    pub fn serial(&self) -> String {
        Values::der(&self.parts.serial).take("serialNumber").map(|value| hex(value.content)).unwrap_or_default()
    }

    /// The SHA-256 of its bytes in hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex(&Algorithm::Sha256.digest(&self.der))
    }

    /// The first second of its validity, since 1970.
    #[must_use]
    pub fn not_before(&self) -> u64 {
        self.parsed.tbs_certificate.validity.not_before.to_unix_duration().as_secs()
    }

    /// The last second of its validity, since 1970.
    #[must_use]
    pub(crate) fn not_after(&self) -> u64 {
        self.parsed.tbs_certificate.validity.not_after.to_unix_duration().as_secs()
    }

    /// What keeps it from being valid at a moment, as the rest of a sentence.
    #[must_use]
    pub fn invalid_at(&self, moment: u64) -> Option<String> {
        if moment < self.not_before() {
            return Some(format!(
                "is not valid before {} (it is {})",
                time::date(self.not_before()),
                time::date(moment)
            ));
        }
        (moment > self.not_after())
            .then(|| format!("expired at {} (it is {})", time::date(self.not_after()), time::date(moment)))
    }

    /// What it may be used for. `None`: it does not say, so for everything.
    pub(crate) fn extended_usages(&self) -> Option<Vec<ObjectIdentifier>> {
        let (_, usage) = self.parsed.tbs_certificate.get::<ExtendedKeyUsage>().ok()??;
        Some(usage.0)
    }

    /// Whether its extended key usage is critical, as a timestamp authority's must be.
    pub(crate) fn extended_usage_is_critical(&self) -> bool {
        self.parsed
            .tbs_certificate
            .get::<ExtendedKeyUsage>()
            .is_ok_and(|found| found.is_some_and(|(critical, _)| critical))
    }

    /// Whether what it signs ends with it, whatever a timestamp says: "lifetime signing" (wincrypt.h).
    pub(crate) fn is_for_its_lifetime(&self) -> bool {
        self.extended_usages().is_some_and(|usages| usages.contains(&LIFETIME_SIGNING))
    }

    /// Whether its key may sign. A certificate that does not say allows it.
    pub(crate) fn may_sign(&self) -> bool {
        match self.parsed.tbs_certificate.get::<KeyUsage>() {
            Ok(Some((_, usage))) => usage.digital_signature() || usage.non_repudiation(),
            _ => true,
        }
    }

    /// Whether it may issue certificates.
    pub(crate) fn is_authority(&self) -> bool {
        let basic = self.parsed.tbs_certificate.get::<BasicConstraints>();
        let signs = match self.parsed.tbs_certificate.get::<KeyUsage>() {
            Ok(Some((_, usage))) => usage.key_cert_sign(),
            _ => true,
        };
        signs && matches!(basic, Ok(Some((_, basic))) if basic.ca)
    }

    /// Whether its subject and its issuer are one.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.parts.subject == self.parts.issuer
    }

    /// Whether `child` names this certificate's subject as its issuer, and this certificate's key signed it.
    pub(crate) fn issued(&self, child: &Self) -> bool {
        let parts = &child.parts;
        // Names first: they cost nothing.
        if parts.issuer != self.parts.subject {
            return false;
        }
        let (Some(key), Some(digest)) = (self.public_key(), signature_digest(parts.signature_algorithm)) else {
            return false;
        };
        key.verifies(digest, &digest.digest(&parts.tbs), &parts.signature)
    }

    /// The issuer's name as it stands.
    pub(crate) fn issuer_der(&self) -> &[u8] {
        &self.parts.issuer
    }

    /// The serial number as it stands.
    pub(crate) fn serial_der(&self) -> &[u8] {
        &self.parts.serial
    }

    /// The SubjectPublicKeyInfo as it stands.
    pub(crate) fn spki(&self) -> &[u8] {
        &self.parts.spki
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "certificate({:?}, serial {})", self.subject(), self.serial())
    }
}

impl Parts {
    fn read(der: &[u8]) -> Result<Self, Malformed> {
        let fields = cms::Certificate::from_der(der)?;
        Ok(Self {
            tbs: fields.tbs.whole.to_vec(),
            signature_algorithm: fields.signature_algorithm,
            signature: fields.signature.to_vec(),
            serial: fields.serial.whole.to_vec(),
            issuer: fields.issuer.whole.to_vec(),
            subject: fields.subject.whole.to_vec(),
            spki: fields.spki.whole.to_vec(),
        })
    }
}

/// The common name, else the organisation, else all of it.
fn readable(name: &Name) -> String {
    let part = |wanted| {
        let part = name.0.iter().flat_map(|set| set.0.iter()).find(|part| part.oid == wanted)?;
        let bytes = part.value.value();
        let text = match part.value.tag() {
            Tag::BmpString => {
                let units: Vec<u16> =
                    bytes.chunks_exact(2).map(|pair| pair.iter().fold(0, |n, &b| n << 8 | u16::from(b))).collect();
                String::from_utf16_lossy(&units)
            }
            // Latin-1 in practice (RFC 5280 §4.1.2.4 tells of the confusion)
            Tag::TeletexString => bytes.iter().copied().map(char::from).collect(),
            _ => String::from_utf8_lossy(bytes).into_owned(),
        };
        (!text.is_empty()).then_some(text)
    };
    let text = part(rfc4519::CN).or_else(|| part(rfc4519::O)).unwrap_or_else(|| name.to_string());
    // It goes to terminals: nothing that moves the cursor.
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Any purpose.
pub(crate) const ANY_USAGE: ObjectIdentifier = rfc5280::ANY_EXTENDED_KEY_USAGE;
/// Code signing.
pub(crate) const CODE_SIGNING: ObjectIdentifier = rfc5280::ID_KP_CODE_SIGNING;
/// szOID_KP_LIFETIME_SIGNING.
const LIFETIME_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.13");
/// Time stamping.
pub(crate) const TIME_STAMPING: ObjectIdentifier = rfc5280::ID_KP_TIME_STAMPING;
/// Apple's Developer ID Installer.
pub(crate) const APPLE_INSTALLER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.4.13");
/// Apple's installer certificates for its shop and for organisations' own packages.
pub(crate) const APPLE_SHOP_INSTALLER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.4.9");
