//! A private key in a file.

use std::fmt;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912;
use container::digest::Algorithm;
use der::Decode;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use rsa::RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::EncodePublicKey;
use rsa::pkcs8::{EncryptedPrivateKeyInfo, PrivateKeyInfo};

use super::{KeyError, PrivateKey};
use crate::algorithm::{KeyKind, padding};
use crate::pem;
use crate::secret::Passphrase;

/// Ed25519.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// RSASSA-PSS keys.
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");

/// A private key in memory. Each of the four types wipes itself when dropped.
pub struct FileKey(Kind);

enum Kind {
    Rsa(Box<RsaPrivateKey>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl FileKey {
    /// Reads a key in PEM or DER: PKCS #8, also encrypted; PKCS #1; SEC 1.
    pub fn read(bytes: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, KeyError> {
        if !pem::is_pem(bytes) {
            return Self::from_unlabelled(bytes, passphrase);
        }
        let blocks = pem::blocks(bytes);
        let block = blocks.iter().find(|block| block.label.ends_with("PRIVATE KEY"));
        let block = block.ok_or(KeyError::Format("there is no private key in the file"))?;
        if block.headers {
            return Err(KeyError::Format("the key is encrypted in OpenSSL's old way, must be PKCS #8"));
        }
        match block.label.as_str() {
            "PRIVATE KEY" => Self::from_pkcs8(&block.der),
            "ENCRYPTED PRIVATE KEY" => Self::from_encrypted(&block.der, passphrase),
            "RSA PRIVATE KEY" => Self::from_pkcs1(&block.der),
            "EC PRIVATE KEY" => Self::from_sec1(&block.der),
            _ => Err(KeyError::Format("the private key is neither PKCS #8 nor PKCS #1 nor SEC 1")),
        }
    }

    fn from_unlabelled(der: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, KeyError> {
        if PrivateKeyInfo::from_der(der).is_ok() {
            return Self::from_pkcs8(der);
        }
        if EncryptedPrivateKeyInfo::from_der(der).is_ok() {
            return Self::from_encrypted(der, passphrase);
        }
        Self::from_pkcs1(der).or_else(|error| match error {
            KeyError::Format(_) => Self::from_sec1(der).map_err(|_| error),
            other => Err(other),
        })
    }

    /// A PKCS #8 PrivateKeyInfo.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let damaged = |_| KeyError::Format("the private key is damaged");
        let info = PrivateKeyInfo::from_der(der).map_err(|_| KeyError::Format("the private key is not PKCS #8"))?;
        match info.algorithm.oid {
            rfc5912::RSA_ENCRYPTION => Self::from_pkcs1(info.private_key),
            rfc5912::ID_EC_PUBLIC_KEY => match info.algorithm.parameters_oid().ok() {
                Some(rfc5912::SECP_256_R_1) => {
                    p256::ecdsa::SigningKey::try_from(info).map(|key| Self(Kind::P256(key))).map_err(damaged)
                }
                Some(rfc5912::SECP_384_R_1) => {
                    p384::ecdsa::SigningKey::try_from(info).map(|key| Self(Kind::P384(key))).map_err(damaged)
                }
                Some(other) => Err(KeyError::Kind(format!("ECDSA over another curve ({})", curve(other)))),
                None => Err(KeyError::Kind("ECDSA over a curve without a name".to_owned())),
            },
            ED25519 => ed25519_dalek::SigningKey::try_from(info).map(|key| Self(Kind::Ed25519(key))).map_err(damaged),
            RSA_PSS => Err(KeyError::Kind("RSA for PSS only".to_owned())),
            other => Err(KeyError::Kind(format!("of the kind {other}"))),
        }
    }

    fn from_encrypted(der: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, KeyError> {
        let wrong = |_| KeyError::Format("the encrypted private key is damaged");
        let encrypted = EncryptedPrivateKeyInfo::from_der(der).map_err(wrong)?;
        let passphrase = passphrase.ok_or(KeyError::Locked)?;
        let unsupported =
            KeyError::Format("the key's encryption is not PBES2 with AES (openssl pkcs8 -topk8 -v2 aes-256-cbc)");
        if encrypted.encryption_algorithm.pbes2().is_none() {
            return Err(unsupported);
        }
        let opened = encrypted.decrypt(passphrase.expose()).map_err(|_| KeyError::Passphrase)?;
        Self::from_pkcs8(opened.as_bytes()).map_err(|error| match error {
            // A wrong password now and then leaves something that looks like padding.
            KeyError::Format(_) => KeyError::Passphrase,
            other => other,
        })
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        let key = RsaPrivateKey::from_pkcs1_der(der);
        let key = key.map_err(|_| KeyError::Format("the private key is neither PKCS #8 nor PKCS #1 nor SEC 1"))?;
        key.validate().map_err(|_| KeyError::Damaged)?;
        Ok(Self(Kind::Rsa(Box::new(key))))
    }

    fn from_sec1(der: &[u8]) -> Result<Self, KeyError> {
        let p256 = p256::SecretKey::from_sec1_der(der).map(|key| Self(Kind::P256(key.into())));
        let p384 = || p384::SecretKey::from_sec1_der(der).map(|key| Self(Kind::P384(key.into())));
        p256.or_else(|_| p384()).map_err(|_| KeyError::Format("the private key is not SEC 1 over P-256 or P-384"))
    }
}

fn curve(oid: ObjectIdentifier) -> String {
    match oid {
        rfc5912::SECP_521_R_1 => "P-521".to_owned(),
        other => other.to_string(),
    }
}

impl PrivateKey for FileKey {
    fn public_key(&self) -> Option<Vec<u8>> {
        let document = match &self.0 {
            Kind::Rsa(key) => key.to_public_key().to_public_key_der(),
            Kind::P256(key) => key.verifying_key().to_public_key_der(),
            Kind::P384(key) => key.verifying_key().to_public_key_der(),
            Kind::Ed25519(key) => key.verifying_key().to_public_key_der(),
        };
        document.ok().map(|document| document.as_bytes().to_vec())
    }

    fn sign_sha1(&self, digest: &[u8; 20]) -> Result<Option<Vec<u8>>, KeyError> {
        match &self.0 {
            Kind::Rsa(key) => key.sign(padding(Algorithm::Sha1), digest).map(Some).map_err(|_| KeyError::Damaged),
            _ => Ok(None),
        }
    }

    fn sign(&self, _: KeyKind, digest: &[u8; 32]) -> Result<Vec<u8>, KeyError> {
        match &self.0 {
            Kind::Rsa(key) => key.sign(padding(Algorithm::Sha256), digest).map_err(|_| KeyError::Damaged),
            Kind::Ed25519(key) => Ok(ed25519_dalek::Signer::sign(key, digest).to_bytes().to_vec()),
            // Both are deterministic (RFC 6979), as Ed25519 is: no randomness to go wrong, and the same file twice.
            Kind::P256(key) => {
                let signature: Result<p256::ecdsa::Signature, _> = key.sign_prehash(digest);
                signature.map(|signature| signature.to_der().as_bytes().to_vec()).map_err(|_| KeyError::Damaged)
            }
            Kind::P384(key) => {
                let signature: Result<p384::ecdsa::Signature, _> = key.sign_prehash(digest);
                signature.map(|signature| signature.to_der().as_bytes().to_vec()).map_err(|_| KeyError::Damaged)
            }
        }
    }
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("private key(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use rsa::pkcs8::EncodePrivateKey;

    use super::*;

    /// Any number below the curve's order is a key.
    fn pkcs8(byte: u8) -> Vec<u8> {
        let key = p256::SecretKey::from_slice(&[byte; 32]).unwrap();
        key.to_pkcs8_der().unwrap().as_bytes().to_vec()
    }

    #[test]
    fn a_key_signs_and_does_not_print() {
        let key = FileKey::read(&pkcs8(7), None).unwrap();
        let digest = [9; 32];
        let public = crate::algorithm::PublicKey::from_spki(&key.public_key().unwrap()).unwrap();
        let signature = key.sign(KeyKind::P256, &digest).unwrap();
        assert!(public.verifies(Algorithm::Sha256, &digest, &signature));
        assert!(!public.verifies(Algorithm::Sha256, &[8; 32], &signature));
        assert_eq!(format!("{key:?}"), "private key(not shown)");
    }

    #[test]
    fn damaged_keys_are_refused() {
        let good = pkcs8(7);
        for length in 0..good.len() {
            assert!(FileKey::read(&good[..length], None).is_err(), "{length}");
        }
        // zero is no key
        let mut zero = good.clone();
        let at = zero.windows(32).position(|window| window == [7; 32]).unwrap();
        zero[at..at + 32].fill(0);
        assert!(FileKey::read(&zero, None).is_err());
    }
}
