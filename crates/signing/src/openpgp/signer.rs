//! Who signs: a private key, wherever it is, as an OpenPGP key.

use container::digest::{Algorithm, hex};
use ed25519_dalek::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;

use super::keyring::Keyring;
use super::write::{PUBLIC_KEY, SIGNATURE, USER_ID, armor, length16, number, packet, subpacket};
use crate::algorithm::{KeyKind, PublicKey};
use crate::certificate::Certificate;
use crate::identity::Identity;
use crate::key::{KeyError, PrivateKey};
use crate::time::date;

/// RSA, encrypt or sign (RFC 4880 §9.1).
const RSA: u8 = 1;
/// EdDSA as it was before RFC 9580 named it "EdDSALegacy": what rpm 4.16 knows.
const EDDSA: u8 = 22;
/// A name and an address are shorter.
const MAX_USER_ID_BYTES: usize = 1024;
/// SHA-256 (§9.4).
const SHA_256: u8 = 8;
/// Ed25519 as an algorithm-22 key names it, with its length (draft-koch-eddsa-for-openpgp, 1.3.6.1.4.1.11591.15.1).
const ED25519_CURVE: [u8; 10] = [9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1];
/// A signature of a binary document (§5.2.1).
const BINARY: u8 = 0x00;
/// A positive certification: a key about its user ID.
const CERTIFICATION: u8 = 0x13;
/// Key flags: may certify, may sign (§5.2.3.21).
const CERTIFY_AND_SIGN: u8 = 0x03;

/// Why a key cannot sign an rpm, or did not.
#[derive(Debug, thiserror::Error)]
pub enum OpenPgpError {
    /// Its kind.
    #[error("the key is {found}, must be RSA of 2048 to 4096 bits, or Ed25519")]
    Kind {
        /// What it is.
        found: String,
    },
    /// ECDSA.
    #[error("the key is {0}, which rpm before 4.20 can neither import nor verify with: must be RSA or Ed25519")]
    Ecdsa(KeyKind),
    /// The private key is another one's.
    #[error("the private key does not belong to the {0}")]
    Mismatch(&'static str),
    /// The key block has no key for it.
    #[error("the OpenPGP public key block has no key that may sign")]
    NoSigningKey,
    /// A moment that four bytes cannot have.
    #[error("the {what} is {}, must be from 1970 to 2106", date(*.found))]
    Time {
        /// Which moment.
        what: &'static str,
        /// The moment.
        found: u64,
    },
    /// The signature would be older than its key.
    #[error("the signature's time is {}, before the key's own ({}): rpm 4.20 and newer refuse that", date(*.time), date(*.created))]
    BeforeKey {
        /// The signature's.
        time: u64,
        /// The key's.
        created: u64,
    },
    /// The name and address in the key block.
    #[error("the user ID must have 1 to 1024 bytes and no control characters")]
    UserId,
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl OpenPgpError {
    /// Whether a card or a command has failed, so that the same call may succeed later.
    #[must_use]
    pub const fn is_machine(&self) -> bool {
        matches!(self, Self::Key(error) if error.is_machine())
    }

    /// The next step, when there is one.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Key(error) => error.hint(),
            Self::Ecdsa(_) | Self::Kind { .. } => {
                Some("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 makes a key")
            }
            _ => None,
        }
    }
}

/// The public half.
#[derive(Debug, Clone)]
enum Public {
    Rsa(rsa::RsaPublicKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

/// Who signs.
#[derive(Debug)]
pub struct Signer<'k> {
    key: Box<dyn PrivateKey + 'k>,
    public: Public,
    created: u64,
    /// The public key packet's body.
    body: Vec<u8>,
    fingerprint: [u8; 20],
}

impl<'k> Signer<'k> {
    /// A private key with its public half (a SubjectPublicKeyInfo), as an OpenPGP key that was created at that moment.
    pub fn new(key: Box<dyn PrivateKey + 'k>, spki: &[u8], created: u64) -> Result<Self, OpenPgpError> {
        let public = Public::from_spki(spki)?;
        if let Some(own) = key.public_key() {
            let own = Public::from_spki(&own)?;
            if own.body_end() != public.body_end() {
                return Err(OpenPgpError::Mismatch("public key"));
            }
        }
        let created32 = moment("key's creation time", created)?;
        let mut body = vec![4];
        body.extend(created32);
        body.extend(public.body_end());
        let fingerprint = fingerprint(&body)?;
        Ok(Self { key, public, created, body, fingerprint })
    }

    /// A private key of a certificate: created when the certificate's validity starts, so that its fingerprint is always the same.
    pub fn from_certificate(key: Box<dyn PrivateKey + 'k>, certificate: &Certificate) -> Result<Self, OpenPgpError> {
        let mismatch = |error| match error {
            OpenPgpError::Mismatch(_) => OpenPgpError::Mismatch("certificate"),
            other => other,
        };
        Self::new(key, certificate.spki(), certificate.not_before()).map_err(mismatch)
    }

    /// The key of who signs other installers with a certificate, as an OpenPGP key.
    pub fn from_identity(identity: &'k Identity) -> Result<Self, OpenPgpError> {
        Self::from_certificate(Box::new(identity.key()), identity.leaf())
    }

    /// A private key of an OpenPGP key that was published already: the one in the block that fits it, or, where the key cannot say
    /// what its public half is, the first that may sign.
    pub fn from_keyring(key: Box<dyn PrivateKey + 'k>, keyring: &Keyring) -> Result<Self, OpenPgpError> {
        let mut signing = keyring.keys().iter().filter(|key| key.may_sign()).peekable();
        if signing.peek().is_none() {
            return Err(OpenPgpError::NoSigningKey);
        }
        let own = key.public_key();
        let fits = |spki: &Vec<u8>| own.as_ref().is_none_or(|own| same(own, spki));
        let found = signing.find_map(|key| key.spki().filter(fits).map(|spki| (spki, key.created())));
        let (spki, created) = found.ok_or(OpenPgpError::Mismatch("OpenPGP public key block"))?;
        Self::new(key, &spki, created)
    }

    /// Whether it is RSA: rpm keeps its signatures under another tag than all others.
    #[must_use]
    pub const fn is_rsa(&self) -> bool {
        matches!(self.public, Public::Rsa(_))
    }

    /// The key's fingerprint, in hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex(&self.fingerprint)
    }

    /// When the key was created, in seconds since 1970.
    #[must_use]
    pub const fn created(&self) -> u64 {
        self.created
    }

    /// Signs a document at a moment (seconds since 1970): a signature packet.
    pub fn sign(&self, document: &[u8], time: u64) -> Result<Vec<u8>, OpenPgpError> {
        self.signature(BINARY, &[document], time, &[])
    }

    /// The public key block for `rpm --import`, in ASCII armor. Always the same for one user ID.
    pub fn public_key(&self, user_id: &str) -> Result<String, OpenPgpError> {
        if !(1..=MAX_USER_ID_BYTES).contains(&user_id.len()) || user_id.chars().any(char::is_control) {
            return Err(OpenPgpError::UserId);
        }
        let mut user_prefix = vec![0xb4];
        user_prefix.extend(u32::try_from(user_id.len()).unwrap_or(u32::MAX).to_be_bytes());
        let hashed = [&key_prefix(&self.body), &self.body[..], &user_prefix, user_id.as_bytes()];
        let flags = subpacket(27, &[CERTIFY_AND_SIGN]);
        let mut block = packet(PUBLIC_KEY, &self.body);
        block.extend(packet(USER_ID, user_id.as_bytes()));
        block.extend(self.signature(CERTIFICATION, &hashed, self.created, &flags)?);
        Ok(armor(&block))
    }

    fn signature(&self, kind: u8, document: &[&[u8]], time: u64, further: &[u8]) -> Result<Vec<u8>, OpenPgpError> {
        let time32 = moment("signature's time", time)?;
        if time < self.created {
            return Err(OpenPgpError::BeforeKey { time, created: self.created });
        }
        let issuer = [&[4], &self.fingerprint[..]].concat();
        let subpackets = [subpacket(2, &time32), further.to_vec(), subpacket(33, &issuer)].concat();
        let mut body = vec![4, kind, self.public.algorithm(), SHA_256];
        body.extend(length16(subpackets.len()));
        body.extend(subpackets);
        let mut hasher = Algorithm::Sha256.hasher();
        for part in document {
            hasher.update(part);
        }
        hasher.update(&body);
        hasher.update(&[4, 0xff]);
        hasher.update(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
        let digest: [u8; 32] = hasher.finish()[..].try_into().map_err(|_| KeyError::Damaged)?;
        let (_, key_id) = self.fingerprint.split_at(12);
        let unhashed = subpacket(16, key_id);
        body.extend(length16(unhashed.len()));
        body.extend(unhashed);
        let (left, _) = digest.split_at(2);
        body.extend(left);
        body.extend(self.raw(&digest)?);
        Ok(packet(SIGNATURE, &body))
    }

    /// What the key answers, checked, as numbers.
    fn raw(&self, digest: &[u8; 32]) -> Result<Vec<u8>, OpenPgpError> {
        let answer = self.key.sign(self.public.kind(), digest)?;
        let mismatch = || OpenPgpError::Mismatch("public key: its answer does not verify");
        match &self.public {
            Public::Rsa(key) => {
                let public = PublicKey::Rsa(key.clone());
                let verifies = public.verifies(Algorithm::Sha256, digest, &answer);
                if verifies { Ok(number(&answer)) } else { Err(mismatch()) }
            }
            Public::Ed25519(key) => {
                let signature = ed25519_dalek::Signature::from_slice(&answer).map_err(|_| mismatch())?;
                key.verify_strict(digest, &signature).map_err(|_| mismatch())?;
                Ok([number(signature.r_bytes()), number(signature.s_bytes())].concat())
            }
        }
    }
}

impl Public {
    fn from_spki(der: &[u8]) -> Result<Self, OpenPgpError> {
        if let Ok(key) = ed25519_dalek::VerifyingKey::from_public_key_der(der) {
            return Ok(Self::Ed25519(key));
        }
        match PublicKey::from_spki(der) {
            Some(PublicKey::Rsa(key)) if (2048..=4096).contains(&key.n().bits()) => Ok(Self::Rsa(key)),
            Some(PublicKey::Rsa(key)) => Err(OpenPgpError::Kind { found: format!("RSA of {} bits", key.n().bits()) }),
            Some(other) => Err(OpenPgpError::Ecdsa(other.kind())),
            None => Err(OpenPgpError::Kind { found: "of another kind".to_owned() }),
        }
    }

    const fn algorithm(&self) -> u8 {
        match self {
            Self::Rsa(_) => RSA,
            Self::Ed25519(_) => EDDSA,
        }
    }

    fn kind(&self) -> KeyKind {
        match self {
            Self::Rsa(key) => KeyKind::Rsa { bits: key.n().bits() },
            Self::Ed25519(_) => KeyKind::Ed25519,
        }
    }

    /// A public key packet's body from the algorithm on (RFC 4880 §5.5.2).
    fn body_end(&self) -> Vec<u8> {
        let mut out = vec![self.algorithm()];
        match self {
            Self::Rsa(key) => {
                out.extend(number(&key.n().to_bytes_be()));
                out.extend(number(&key.e().to_bytes_be()));
            }
            Self::Ed25519(key) => {
                out.extend(ED25519_CURVE);
                // 0x40: the point as Ed25519 itself writes it.
                out.extend(number(&[&[0x40], &key.to_bytes()[..]].concat()));
            }
        }
        out
    }
}

/// Whether two SubjectPublicKeyInfo are of one key, however they are written.
fn same(a: &[u8], b: &[u8]) -> bool {
    match (Public::from_spki(a), Public::from_spki(b)) {
        (Ok(a), Ok(b)) => a.body_end() == b.body_end(),
        _ => false,
    }
}

/// What is hashed before a key packet's body (§5.2.4).
fn key_prefix(body: &[u8]) -> Vec<u8> {
    [&[0x99], &length16(body.len())[..]].concat()
}

/// §12.2.
fn fingerprint(body: &[u8]) -> Result<[u8; 20], OpenPgpError> {
    let digest = Algorithm::Sha1.digest(&[&key_prefix(body), body].concat());
    digest[..].try_into().map_err(|_| KeyError::Damaged.into())
}

fn moment(what: &'static str, found: u64) -> Result<[u8; 4], OpenPgpError> {
    u32::try_from(found).map(u32::to_be_bytes).map_err(|_| OpenPgpError::Time { what, found })
}
