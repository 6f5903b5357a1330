//! Hashes of hardware are hashed again: by tenant, so that two tenants' devices cannot be told to be one; by product, so that two products
//! of one vendor on a device do not look like two devices that share their hardware; and with a key that is not in the database, so that a
//! stolen table cannot be searched.

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
    pub(super) fn stored(&self, tenant: &str, product: &str, part: Part) -> Part {
        let scope = [tenant.as_bytes(), b"\0", product.as_bytes(), b"\0", part.kind.name().as_bytes(), b"\0"];
        Part { hash: hmac(&self.pepper, &[&scope.concat(), &part.hash]), ..part }
    }

    /// A device's hash of its serial number as the tenant's list has it, whatever the product.
    pub(super) fn listed(&self, tenant: &str, hash: &PartHash) -> PartHash {
        hmac(&self.pepper, &[b"list\0", tenant.as_bytes(), b"\0", hash])
    }

    /// The hash that a device makes of its serial number (docs/enrollment.md). None without the vendor's key.
    pub(super) fn serial(&self, serial: &str) -> Option<PartHash> {
        let serial = serial.trim().to_lowercase();
        Some(hmac(self.vendor.as_ref()?, &[b"hw1\0system_serial\0", serial.as_bytes()]))
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
