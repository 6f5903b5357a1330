//! A public key, read (RFC 4880 §5.5.2).

use container::digest::{Algorithm, hex};
use container::reader::{Malformed, Problem, Reader};

use super::material::Material;
use super::packet::Packet;

/// A public key: a primary one, or a subkey that its primary key has bound to itself.
#[derive(Debug, Clone)]
pub struct Key {
    pub(super) body: Vec<u8>,
    pub(super) material: Material,
    pub(super) created: u64,
    pub(super) fingerprint: [u8; 20],
    pub(super) user_id: String,
    /// What the newest valid signature of the primary key says of it.
    pub(super) certified: Certified,
}

/// What is certified of a key.
#[derive(Debug, Clone, Default)]
pub(super) struct Certified {
    /// When the newest statement was made.
    pub(super) at: Option<u64>,
    pub(super) may_sign: bool,
    pub(super) expires_after: Option<u32>,
    pub(super) revoked: bool,
}

impl Key {
    /// Reads a key's packet.
    pub(super) fn from_packet(packet: &Packet<'_>) -> Result<Self, Malformed> {
        let mut reader: Reader<'_> = packet.reader("openpgp public key");
        let at = reader.clone();
        let version = reader.u8()?;
        if version != 4 {
            return Err(at.wrong(Problem::Value { field: "version", found: version.into(), expected: "4" }));
        }
        let created = reader.u32_be()?.into();
        let algorithm = reader.u8()?;
        let material = Material::read(algorithm, &mut reader)?;
        reader.finish()?;
        let len = u16::try_from(packet.body.len());
        let len = len.map_err(|_| at.wrong(Problem::Data { what: "the key is longer than 65535 bytes" }))?;
        let digest = Algorithm::Sha1.digest(&[&[0x99], &len.to_be_bytes()[..], packet.body].concat());
        let fingerprint = digest[..].try_into().map_err(|_| at.wrong(Problem::Missing { what: "the fingerprint" }))?;
        let (body, user_id) = (packet.body.to_vec(), String::new());
        Ok(Self { body, material, created, fingerprint, user_id, certified: Certified::default() })
    }

    /// Its fingerprint, in hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex(&self.fingerprint)
    }

    /// Whose it says that it is.
    #[cfg(test)]
    pub(crate) fn user_id(&self) -> &str {
        &self.user_id
    }

    /// When it was created, in seconds since 1970.
    #[must_use]
    pub(crate) const fn created(&self) -> u64 {
        self.created
    }

    /// Whether it may sign documents, by what its primary key says.
    #[must_use]
    pub const fn may_sign(&self) -> bool {
        self.certified.may_sign && !self.certified.revoked
    }

    /// When it expires, in seconds since 1970.
    #[must_use]
    pub fn expires(&self) -> Option<u64> {
        self.certified.expires_after.map(|after| self.created + u64::from(after))
    }

    /// As a SubjectPublicKeyInfo; `None`: of a kind that signs nothing here.
    #[must_use]
    pub(crate) fn spki(&self) -> Option<Vec<u8>> {
        self.material.spki()
    }

    pub(super) fn key_id(&self) -> &[u8] {
        self.fingerprint.split_at(12).1
    }
}
