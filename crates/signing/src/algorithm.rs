//! What can be signed with what: RSA of 2048 to 4096 bits and ECDSA over P-256 and P-384.
//!
//! Ed25519 is for OpenPGP alone ([`crate::openpgp`]), where what it signs is the digest.
//!
//! Everything that is signed here is signed over a SHA-256. A P-384 key signs a SHA-256 too: Authenticode asks that
//! the digest of the file, of the attributes and of the message be one algorithm, and the file's is SHA-256.

use std::fmt;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912;
use container::digest::Algorithm;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs8::DecodePublicKey;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPublicKey};

/// `const-oid` lacks it.
const ECDSA_WITH_SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
/// The name that the OIW gave to SHA-1 with RSA; certificates of old timestamp authorities have it.
const OIW_SHA_1_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.29");

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with a modulus of so many bits; signatures are PKCS #1 v1.5.
    Rsa {
        /// The modulus.
        bits: usize,
    },
    /// ECDSA over NIST P-256.
    P256,
    /// ECDSA over NIST P-384.
    P384,
    /// Ed25519 over the 32 bytes of the digest: in OpenPGP only.
    Ed25519,
}

impl KeyKind {
    /// The name that a signing command gets.
    #[must_use]
    pub(crate) const fn signature_name(self) -> &'static str {
        match self {
            Self::Rsa { .. } => "rsa-pkcs1-sha256",
            Self::P256 => "ecdsa-p256-sha256",
            Self::P384 => "ecdsa-p384-sha256",
            Self::Ed25519 => "ed25519-sha256",
        }
    }

    /// How long a signature is at most, in bytes.
    pub(crate) const fn most_signature_bytes(self) -> usize {
        match self {
            Self::Rsa { bits } => bits.div_ceil(8),
            Self::P256 => 72,
            Self::P384 => 104,
            Self::Ed25519 => 64,
        }
    }

    /// How long one of the two numbers of an ECDSA signature is.
    const fn number_bytes(self) -> usize {
        match self {
            Self::Rsa { .. } | Self::Ed25519 => 0,
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    /// `r || s` (IEEE P1363) as the DER that CMS wants; everything else stays as it is.
    pub(crate) fn to_der(self, signature: &[u8]) -> Vec<u8> {
        let number = self.number_bytes();
        if number == 0 || signature.len() != 2 * number {
            return signature.to_vec();
        }
        let (r, s) = signature.split_at(number);
        crate::asn1::sequence(&[&unsigned(r), &unsigned(s)])
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
            Self::P256 => f.write_str("ECDSA P-256"),
            Self::P384 => f.write_str("ECDSA P-384"),
            Self::Ed25519 => f.write_str("Ed25519"),
        }
    }
}

/// A number without a sign as an INTEGER.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let at = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len());
    let mut content: Vec<u8> = bytes.get(at..).unwrap_or_default().to_vec();
    if content.first().is_none_or(|&first| first >= 0x80) {
        content.insert(0, 0);
    }
    crate::asn1::tlv(container::der::INTEGER, &content)
}

/// A public key that signatures can be checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA.
    Rsa(RsaPublicKey),
    /// P-256.
    P256(p256::ecdsa::VerifyingKey),
    /// P-384.
    P384(p384::ecdsa::VerifyingKey),
}

impl PublicKey {
    /// From a SubjectPublicKeyInfo. `None`: another kind of key, or none at all.
    #[must_use]
    pub(crate) fn from_spki(der: &[u8]) -> Option<Self> {
        RsaPublicKey::from_public_key_der(der)
            .map(Self::Rsa)
            .or_else(|_| p256::ecdsa::VerifyingKey::from_public_key_der(der).map(Self::P256))
            .or_else(|_| p384::ecdsa::VerifyingKey::from_public_key_der(der).map(Self::P384))
            .ok()
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        match self {
            Self::Rsa(key) => KeyKind::Rsa { bits: key.n().bits() },
            Self::P256(_) => KeyKind::P256,
            Self::P384(_) => KeyKind::P384,
        }
    }

    /// Whether `signature` is this key's over a digest.
    #[must_use]
    pub fn verifies(&self, algorithm: Algorithm, digest: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa(key) => key.verify(padding(algorithm), digest, signature).is_ok(),
            Self::P256(key) => p256::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
            Self::P384(key) => p384::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
        }
    }

    /// Whether `signature` is this RSA key's over a digest without its name: padding, and then the digest's bytes alone. Authorities that
    /// countersigned for Authenticode wrote it so (CryptoAPI's `CRYPT_NOHASHOID`), and Windows takes it.
    #[must_use]
    pub(crate) fn verifies_unnamed(&self, digest: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa(key) => {
                let padding = Pkcs1v15Sign { hash_len: Some(digest.len()), prefix: Box::default() };
                key.verify(padding, digest, signature).is_ok()
            }
            _ => false,
        }
    }
}

/// PKCS #1 v1.5 padding with a digest's name in it.
pub(crate) fn padding(algorithm: Algorithm) -> Pkcs1v15Sign {
    let (prefix, hash_len) = digest_info_prefix(algorithm);
    Pkcs1v15Sign { hash_len: Some(hash_len), prefix: prefix.into() }
}

/// What precedes the digest in a DigestInfo (RFC 8017 §9.2, note 1), and how long the digest is.
pub(crate) fn digest_info_prefix(algorithm: Algorithm) -> (Vec<u8>, usize) {
    let hash_len = algorithm.len_bytes();
    let mut whole = crate::asn1::sequence(&[
        &crate::asn1::algorithm(algorithm.oid(), true),
        &crate::asn1::tlv(container::der::OCTET_STRING, &vec![0; hash_len]),
    ]);
    whole.truncate(whole.len() - hash_len);
    (whole, hash_len)
}

/// The digest that a signature algorithm names, as certificates have them.
pub(crate) fn signature_digest(oid: ObjectIdentifier) -> Option<Algorithm> {
    match oid {
        rfc5912::SHA_1_WITH_RSA_ENCRYPTION | OIW_SHA_1_WITH_RSA | ECDSA_WITH_SHA_1 => Some(Algorithm::Sha1),
        rfc5912::SHA_256_WITH_RSA_ENCRYPTION | rfc5912::ECDSA_WITH_SHA_256 => Some(Algorithm::Sha256),
        rfc5912::SHA_384_WITH_RSA_ENCRYPTION | rfc5912::ECDSA_WITH_SHA_384 => Some(Algorithm::Sha384),
        rfc5912::SHA_512_WITH_RSA_ENCRYPTION | rfc5912::ECDSA_WITH_SHA_512 => Some(Algorithm::Sha512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_ecdsa_signature_becomes_der() {
        let mut plain = [0; 64];
        plain[0] = 0x80;
        plain[63] = 1;
        let der = KeyKind::P256.to_der(&plain);
        assert_eq!(&der[..5], [0x30, 38, 2, 33, 0]);
        assert_eq!(&der[der.len() - 3..], [2, 1, 1]);
        assert_eq!(KeyKind::P384.to_der(&plain), plain);
    }

    #[test]
    fn the_digest_info_of_sha256_is_the_specifications() {
        let (prefix, len) = digest_info_prefix(Algorithm::Sha256);
        let hex: String = prefix.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((hex.as_str(), len), ("3031300d060960864801650304020105000420", 32));
    }
}
