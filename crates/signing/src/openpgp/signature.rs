//! A signature, read (RFC 4880 §5.2.3).

use container::digest::{Algorithm, Hasher, hex};
use container::reader::{Malformed, Problem, Reader};

use super::material::{Material, Numbers};
use super::packet::{Packet, packets, subpacket};
use crate::algorithm::PublicKey;

/// A packet that is a signature.
pub(super) const TAG: u8 = 2;

/// A signature of version 4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub(super) kind: u8,
    /// `None`: MD5, or another that is not known.
    pub(super) digest: Option<Algorithm>,
    /// From the version to the end of the hashed subpackets.
    hashed: Vec<u8>,
    pub(super) left: [u8; 2],
    pub(super) numbers: Numbers,
    pub(super) facts: Facts,
}

/// What the subpackets say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// In seconds since 1970.
    pub(super) created: Option<u64>,
    /// In seconds after `created`.
    pub(super) expires_after: Option<u32>,
    /// In seconds after the key's creation.
    pub(super) key_expires_after: Option<u32>,
    pub(super) key_flags: Option<u8>,
    /// The issuer's key ID, from wherever it stands; it only helps to find the key.
    pub(super) issuer: Option<[u8; 8]>,
    /// The issuer's fingerprint.
    pub(super) issuer_fingerprint: Option<[u8; 20]>,
    /// A signature inside, of a subkey about its primary key.
    pub(super) embedded: Option<Vec<u8>>,
}

impl Signature {
    /// Reads a signature packet, armored or not, with nothing after it.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let bytes = super::armor::open(bytes)?;
        match packets(&bytes)?.as_slice() {
            [packet] if packet.tag == TAG => Self::from_packet(packet),
            _ => {
                let problem = Problem::Missing { what: "one signature packet and nothing else" };
                Err(Malformed { structure: "openpgp signature", offset: Malformed::NOWHERE, problem })
            }
        }
    }

    /// The version of a signature, whether it is read here or not.
    #[must_use]
    pub fn version(packet: &[u8]) -> Option<u8> {
        match packets(packet).ok()?.as_slice() {
            [packet] if packet.tag == TAG => packet.body.first().copied(),
            _ => None,
        }
    }

    pub(super) fn from_packet(packet: &Packet<'_>) -> Result<Self, Malformed> {
        Self::body(packet.reader("openpgp signature"), packet.body)
    }

    fn body(mut reader: Reader<'_>, body: &[u8]) -> Result<Self, Malformed> {
        let at = reader.clone();
        let version = reader.u8()?;
        if version != 4 {
            return Err(at.wrong(Problem::Value { field: "version", found: version.into(), expected: "4" }));
        }
        let [kind, key_algorithm, digest] = reader.array()?;
        let mut facts = Facts::default();
        let len = reader.u16_be()?.into();
        let mut subpackets = reader.sub("openpgp subpacket", len)?;
        while !subpackets.is_empty() {
            facts.hashed(subpacket(&mut subpackets)?)?;
        }
        let hashed = body.get(..6 + len).unwrap_or_default().to_vec();
        let len = reader.u16_be()?.into();
        let mut subpackets = reader.sub("openpgp subpacket", len)?;
        while !subpackets.is_empty() {
            facts.unhashed(subpacket(&mut subpackets)?)?;
        }
        let left = reader.array()?;
        let numbers = Numbers::read(key_algorithm, &mut reader)?;
        reader.finish()?;
        Ok(Self { kind, digest: algorithm(digest), hashed, left, numbers, facts })
    }

    /// A signature inside a subpacket: a packet's body.
    pub(super) fn embedded(&self) -> Option<Self> {
        let body = self.facts.embedded.as_deref()?;
        Self::body(Reader::new("openpgp signature", 0, body), body).ok()
    }

    /// Ends a digest of what is signed.
    pub(super) fn finish(&self, mut hasher: Hasher) -> Vec<u8> {
        hasher.update(&self.hashed);
        hasher.update(&[4, 0xff]);
        hasher.update(&u32::try_from(self.hashed.len()).unwrap_or(u32::MAX).to_be_bytes());
        hasher.finish().to_vec()
    }

    /// When it says that it was made, in seconds since 1970.
    #[must_use]
    pub(crate) const fn created(&self) -> Option<u64> {
        self.facts.created
    }

    /// Whether the key of a certificate made it, over `document`, whichever key it says that made it.
    #[must_use]
    pub(crate) fn is_by(&self, key: &PublicKey, document: &[u8]) -> bool {
        let Some(algorithm) = self.digest.filter(|digest| *digest != Algorithm::Sha1) else { return false };
        let mut hasher = algorithm.hasher();
        hasher.update(document);
        let digest = self.finish(hasher);
        self.kind == 0
            && digest.starts_with(&self.left)
            && Material::Other(key.clone()).verifies(algorithm, &digest, &self.numbers)
    }

    /// Which key it says that made it: its fingerprint, or else its key ID, in hexadecimal digits.
    #[must_use]
    pub fn issuer(&self) -> Option<String> {
        let fingerprint = self.facts.issuer_fingerprint.map(|bytes| hex(&bytes));
        fingerprint.or_else(|| self.facts.issuer.map(|bytes| hex(&bytes)))
    }

    /// Its digest's name.
    #[must_use]
    pub(crate) fn digest_name(&self) -> Option<&'static str> {
        self.digest.map(Algorithm::name)
    }
}

impl Facts {
    /// What is signed with the document.
    fn hashed(&mut self, mut reader: Reader<'_>) -> Result<(), Malformed> {
        let at = reader.clone();
        let kind = reader.u8()?;
        match kind & 0x7f {
            2 => self.created = Some(reader.u32_be()?.into()),
            3 => self.expires_after = Some(reader.u32_be()?),
            9 => self.key_expires_after = Some(reader.u32_be()?),
            27 => self.key_flags = Some(reader.u8()?),
            16 => self.issuer = Some(reader.array()?),
            33 => self.fingerprint(reader)?,
            32 => self.embedded = Some(reader.take_rest().to_vec()),
            // Preferences, features, notations, policies and the like change nothing about whether it is good; a critical one that
            // is not known does.
            4 | 5 | 7 | 11 | 12 | 20..=26 | 28 | 29 | 30 | 31 | 34 | 35 | 37 => {}
            _ if kind & 0x80 == 0 => {}
            _ => return Err(at.wrong(Problem::Data { what: "a critical subpacket is not known" })),
        }
        Ok(())
    }

    /// What anybody could have added.
    fn unhashed(&mut self, mut reader: Reader<'_>) -> Result<(), Malformed> {
        match reader.u8()? & 0x7f {
            16 if self.issuer.is_none() => self.issuer = Some(reader.array()?),
            33 if self.issuer_fingerprint.is_none() => self.fingerprint(reader)?,
            // It is signed itself.
            32 if self.embedded.is_none() => self.embedded = Some(reader.take_rest().to_vec()),
            _ => {}
        }
        Ok(())
    }

    fn fingerprint(&mut self, mut reader: Reader<'_>) -> Result<(), Malformed> {
        if reader.u8()? == 4 {
            self.issuer_fingerprint = Some(reader.array()?);
        }
        Ok(())
    }
}

/// §9.4.
const fn algorithm(number: u8) -> Option<Algorithm> {
    match number {
        2 => Some(Algorithm::Sha1),
        8 => Some(Algorithm::Sha256),
        9 => Some(Algorithm::Sha384),
        10 => Some(Algorithm::Sha512),
        _ => None,
    }
}
