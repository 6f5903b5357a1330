//! A key together with its certificates: who signs.

use container::digest::Algorithm;
use ed25519_dalek::pkcs8::DecodePublicKey as _;
use sha2::{Digest, Sha256};

use crate::algorithm::KeyKind;
use crate::certificate::{ANY_USAGE, APPLE_INSTALLER, APPLE_SHOP_INSTALLER, CODE_SIGNING, Certificate};
use crate::key::{KeyError, PrivateKey};

/// What is going to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A Windows Installer package.
    Authenticode,
    /// A macOS product archive.
    Package,
    /// An RPM package.
    OpenPgp,
}

/// Who signs.
#[derive(Debug)]
pub struct Identity {
    key: Box<dyn PrivateKey>,
    kind: KeyKind,
    leaf: Certificate,
    /// The leaf first.
    certificates: Vec<Certificate>,
}

/// Why a key and its certificates cannot sign.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no certificate.
    #[error("there is no certificate for the key")]
    NoCertificate,
    /// No certificate has the key.
    #[error("the private key does not belong to the certificate {subject:?}")]
    Mismatch {
        /// The first certificate's subject.
        subject: String,
    },
    /// The certificate's key cannot be signed with.
    #[error(
        "the certificate {subject:?} has {found}, must have RSA of 2048 to 4096 bits, or ECDSA over P-256 or P-384"
    )]
    Kind {
        /// Its subject.
        subject: String,
        /// Its kind of key.
        found: String,
    },
    /// The format wants another kind of key.
    #[error("the certificate {subject:?} has an {found} key, and a pkg is signed with RSA")]
    PackageKind {
        /// Its subject.
        subject: String,
        /// Its kind of key.
        found: KeyKind,
    },
    /// The moment is outside its validity.
    #[error("the certificate {subject:?} {problem}")]
    Validity {
        /// Its subject.
        subject: String,
        /// What is wrong, as the rest of the sentence.
        problem: String,
    },
    /// The certificate is for something else.
    #[error("the certificate {subject:?} is not for {purpose} (its extended key usage is {found})")]
    Usage {
        /// Its subject.
        subject: String,
        /// What it must be for.
        purpose: &'static str,
        /// What it is for.
        found: String,
    },
    /// The key must not sign at all.
    #[error("the certificate {subject:?} is not for signing: its key usage has no digitalSignature")]
    KeyUsage {
        /// Its subject.
        subject: String,
    },
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Identity {
    /// Puts a key and its certificates together. The leaf is the certificate of the key, where the key can say so, else the
    /// first; the others follow in the order of who issued whom, and the rest after them.
    pub fn new(key: Box<dyn PrivateKey>, certificates: Vec<Certificate>) -> Result<Self, IdentityError> {
        let first = certificates.first().ok_or(IdentityError::NoCertificate)?;
        let public = key.public_key();
        if public.as_ref().is_some_and(|spki| ed25519_dalek::VerifyingKey::from_public_key_der(spki).is_ok()) {
            return Err(KeyError::Kind("Ed25519".to_owned()).into());
        }
        let leaf = match public {
            None => 0,
            Some(spki) => certificates
                .iter()
                .position(|certificate| same_key(certificate, &spki))
                .ok_or_else(|| IdentityError::Mismatch { subject: first.subject() })?,
        };
        let certificates = ordered(certificates, leaf);
        let leaf = certificates.first().ok_or(IdentityError::NoCertificate)?.clone();
        let kind = match leaf.public_key().map(|key| key.kind()) {
            Some(kind @ (KeyKind::Rsa { bits: 2048..=4096 } | KeyKind::P256 | KeyKind::P384)) => kind,
            Some(other) => return Err(IdentityError::Kind { subject: leaf.subject(), found: format!("{other} bits") }),
            None => {
                return Err(IdentityError::Kind { subject: leaf.subject(), found: "another kind of key".to_owned() });
            }
        };
        Ok(Self { key, kind, leaf, certificates })
    }

    /// Checks that it may sign this at that moment (seconds since 1970).
    pub fn check(&self, purpose: Purpose, now: u64) -> Result<(), IdentityError> {
        let subject = || self.leaf.subject();
        if let Some(problem) = self.leaf.invalid_at(now) {
            return Err(IdentityError::Validity { subject: subject(), problem });
        }
        if !self.leaf.may_sign() {
            return Err(IdentityError::KeyUsage { subject: subject() });
        }
        if purpose == Purpose::Package && !matches!(self.kind, KeyKind::Rsa { .. }) {
            return Err(IdentityError::PackageKind { subject: subject(), found: self.kind });
        }
        let (name, accepted): (_, &[_]) = match purpose {
            // OpenPGP knows no certificates: rpm looks at the key alone.
            Purpose::OpenPgp => return Ok(()),
            Purpose::Authenticode => ("code signing", &[CODE_SIGNING, ANY_USAGE]),
            Purpose::Package => ("installer packages", &[APPLE_INSTALLER, APPLE_SHOP_INSTALLER, ANY_USAGE]),
        };
        match self.leaf.extended_usages() {
            Some(usages) if !usages.iter().any(|usage| accepted.contains(usage)) => {
                let found = usages.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                Err(IdentityError::Usage { subject: subject(), purpose: name, found })
            }
            _ => Ok(()),
        }
    }

    /// The certificates, leaf first.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// What kind of key it is.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    pub(crate) fn key(&self) -> &dyn PrivateKey {
        &*self.key
    }

    pub(crate) const fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// Signs a SHA-1 digest with RSA where the key does that, else the SHA-256 of its bytes.
    pub(crate) fn sign_checksum(&self, checksum: &[u8; 20]) -> Result<Vec<u8>, IdentityError> {
        let public = self.leaf.public_key();
        match (self.key.sign_sha1(checksum)?, public) {
            (Some(answer), Some(public)) if public.verifies(Algorithm::Sha1, checksum, &answer) => Ok(answer),
            _ => self.sign(checksum),
        }
    }

    /// Signs the SHA-256 of some bytes, and checks the answer with the leaf's public key.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, IdentityError> {
        let mismatch = || IdentityError::Mismatch { subject: self.leaf.subject() };
        let digest: [u8; 32] = Sha256::digest(message).into();
        let answer = self.key.sign(self.kind, &digest)?;
        let public = self.leaf.public_key().ok_or_else(mismatch)?;
        for signature in [self.kind.to_der(&answer), answer] {
            if public.verifies(Algorithm::Sha256, &digest, &signature) {
                return Ok(signature);
            }
        }
        Err(mismatch())
    }
}

/// Whether a certificate has this public key. The same key can be written in two ways (RSA with and without NULL).
fn same_key(certificate: &Certificate, spki: &[u8]) -> bool {
    if certificate.spki() == spki {
        return true;
    }
    let (a, b) = (certificate.public_key(), crate::algorithm::PublicKey::from_spki(spki));
    a.is_some() && a == b
}

/// The leaf, who issued it, who issued that, then whatever is left; each once.
fn ordered(mut certificates: Vec<Certificate>, leaf: usize) -> Vec<Certificate> {
    let mut chain = vec![certificates.remove(leaf)];
    while let Some(last) = chain.last() {
        let Some(next) = certificates.iter().position(|candidate| candidate.issued(last)) else { break };
        chain.push(certificates.remove(next));
    }
    chain.extend(certificates);
    let mut seen = Vec::new();
    chain.retain(|certificate| {
        let fresh = !seen.contains(&certificate.fingerprint());
        seen.push(certificate.fingerprint());
        fresh
    });
    chain
}
