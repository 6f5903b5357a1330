//! The numbers of a public key, and of a signature, read and put to use.

use container::digest::Algorithm;
use container::reader::{Malformed, Problem, Reader};
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, RsaPublicKey};

use super::packet::number;
use crate::algorithm::PublicKey;

/// Curves by their object identifiers (RFC 6637 §11; RFC 9580 §9.2).
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[0x2b, 0x81, 4, 0, 0x22];
const ED25519: &[u8] = &[0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1];
/// The largest RSA key whose arithmetic is done for an untrusted file.
const MAX_RSA_BITS: usize = 8192;

/// A public key that signatures can be checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Material {
    Other(PublicKey),
    Ed25519(ed25519_dalek::VerifyingKey),
    /// A key that only encrypts, or an algorithm that is not known.
    Unknown,
}

impl Material {
    /// Reads the rest of a public key packet.
    pub(super) fn read(algorithm: u8, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = reader.clone();
        let wrong = || at.wrong(Problem::Data { what: "the numbers are no key" });
        match algorithm {
            1 | 3 => {
                let (n, e) = (BigUint::from_bytes_be(number(reader)?), BigUint::from_bytes_be(number(reader)?));
                let key = RsaPublicKey::new_with_max_size(n, e, MAX_RSA_BITS).map_err(|_| wrong())?;
                Ok(Self::Other(PublicKey::Rsa(key)))
            }
            19 | 22 => {
                let len = reader.u8()?.into();
                let curve = reader.take(len)?;
                let point = number(reader)?;
                Ok(match (algorithm, curve) {
                    (19, P256) => p256::ecdsa::VerifyingKey::from_sec1_bytes(point)
                        .map(|key| Self::Other(PublicKey::P256(key)))
                        .map_err(|_| wrong())?,
                    (19, P384) => p384::ecdsa::VerifyingKey::from_sec1_bytes(point)
                        .map(|key| Self::Other(PublicKey::P384(key)))
                        .map_err(|_| wrong())?,
                    (22, ED25519) => Self::ed25519(point.strip_prefix(&[0x40]).ok_or_else(wrong)?).ok_or_else(wrong)?,
                    _ => Self::Unknown,
                })
            }
            27 => Self::ed25519(reader.take(32)?).ok_or_else(wrong),
            _ => {
                reader.take_rest();
                Ok(Self::Unknown)
            }
        }
    }

    fn ed25519(point: &[u8]) -> Option<Self> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(point.try_into().ok()?).ok()?;
        Some(Self::Ed25519(key))
    }

    /// As a SubjectPublicKeyInfo.
    pub(super) fn spki(&self) -> Option<Vec<u8>> {
        use rsa::pkcs8::EncodePublicKey as _;
        let document = match self {
            Self::Other(PublicKey::Rsa(key)) => key.to_public_key_der().ok()?,
            Self::Other(PublicKey::P256(key)) => p256::PublicKey::from(key).to_public_key_der().ok()?,
            Self::Other(PublicKey::P384(key)) => p384::PublicKey::from(key).to_public_key_der().ok()?,
            Self::Ed25519(key) => key.to_public_key_der().ok()?,
            Self::Unknown => return None,
        };
        Some(document.as_bytes().to_vec())
    }

    /// Whether a signature's numbers are this key's over a digest.
    pub(super) fn verifies(&self, algorithm: Algorithm, digest: &[u8], numbers: &Numbers) -> bool {
        match (self, numbers) {
            (Self::Other(key @ PublicKey::Rsa(rsa)), Numbers::One(value)) => {
                padded(value, rsa.size()).is_some_and(|value| key.verifies(algorithm, digest, &value))
            }
            (Self::Other(key @ PublicKey::P256(_)), Numbers::Two(r, s)) => both(r, s, 32)
                .and_then(|both| p256::ecdsa::Signature::from_slice(&both).ok())
                .is_some_and(|signature| key.verifies(algorithm, digest, signature.to_der().as_bytes())),
            (Self::Other(key @ PublicKey::P384(_)), Numbers::Two(r, s)) => both(r, s, 48)
                .and_then(|both| p384::ecdsa::Signature::from_slice(&both).ok())
                .is_some_and(|signature| key.verifies(algorithm, digest, signature.to_der().as_bytes())),
            (Self::Ed25519(key), Numbers::Two(r, s)) => both(r, s, 32)
                .and_then(|both| ed25519_dalek::Signature::from_slice(&both).ok())
                .is_some_and(|signature| key.verify_strict(digest, &signature).is_ok()),
            _ => false,
        }
    }
}

/// A signature's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Numbers {
    One(Vec<u8>),
    Two(Vec<u8>, Vec<u8>),
    /// Of an algorithm that is not known.
    Unknown,
}

impl Numbers {
    /// Reads the rest of a signature packet.
    pub(super) fn read(algorithm: u8, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match algorithm {
            1 | 3 => Self::One(number(reader)?.to_vec()),
            19 | 22 => Self::Two(number(reader)?.to_vec(), number(reader)?.to_vec()),
            27 => Self::Two(reader.take(32)?.to_vec(), reader.take(32)?.to_vec()),
            _ => {
                reader.take_rest();
                Self::Unknown
            }
        })
    }
}

/// A number with zeros in front, up to a length.
fn padded(number: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; len.checked_sub(number.len())?];
    out.extend_from_slice(number);
    Some(out)
}

fn both(r: &[u8], s: &[u8], len: usize) -> Option<Vec<u8>> {
    Some([padded(r, len)?, padded(s, len)?].concat())
}
