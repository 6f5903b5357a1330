//! Hashes of hardware are hashed again: by tenant, so that two tenants' devices cannot be told to be one, and with a key that is not in the
//! database, so that a stolen table cannot be searched.

use enrollment::{Part, PartHash};
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The keys of hashes. They do not print.
pub(super) struct Hashes {
    pepper: Zeroizing<[u8; 32]>,
    vendor: Option<Zeroizing<[u8; 32]>>,
}

impl Hashes {
    pub(super) fn new(pepper: Zeroizing<[u8; 32]>, vendor: Option<[u8; 32]>) -> Self {
        Self { pepper, vendor: vendor.map(Zeroizing::new) }
    }

    /// A device's hash as the ledger has it.
    pub(super) fn stored(&self, tenant: &str, part: Part) -> Part {
        Part {
            hash: hmac(&self.pepper, &[tenant.as_bytes(), b"\0", part.kind.name().as_bytes(), b"\0", &part.hash]),
            ..part
        }
    }

    /// The hash that a device makes of its serial number (docs/enrollment.md), as the ledger has it. None without the vendor's key.
    pub(super) fn serial(&self, tenant: &str, serial: &str) -> Option<PartHash> {
        let serial = serial.trim().to_lowercase();
        let hash = hmac(self.vendor.as_ref()?, &[b"hw1\0system_serial\0", serial.as_bytes()]);
        Some(self.stored(tenant, Part { kind: enrollment::Kind::SystemSerial, hash }).hash)
    }
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> PartHash {
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block(key).into());
    parts.iter().for_each(|part| mac.update(part));
    let whole: [u8; 32] = mac.finalize().into_bytes().into();
    let mut hash = [0; 16];
    hash.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    hash
}

/// A key as HMAC-SHA-256 takes it: filled up with zeros to the 64 bytes of a block (RFC 2104 §2).
pub(super) fn block(key: &[u8; 32]) -> [u8; 64] {
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    block
}
