//! What a key says of itself and of its subkeys, each checked with its signature.

use container::digest::Algorithm;

use super::key::{Certified, Key};
use super::signature::Signature;

/// Types of signatures (RFC 4880 §5.2.1).
const CERTIFICATIONS: std::ops::RangeInclusive<u8> = 0x10..=0x13;
const SUBKEY_BINDING: u8 = 0x18;
const PRIMARY_KEY_BINDING: u8 = 0x19;
const DIRECT_KEY: u8 = 0x1f;
const KEY_REVOCATION: u8 = 0x20;
const SUBKEY_REVOCATION: u8 = 0x28;
/// A key flag: may sign (§5.2.3.21).
const SIGNS: u8 = 0x02;

impl Key {
    /// Takes over what a primary key says of itself, about a user ID or directly.
    pub(super) fn certify(&mut self, signature: &Signature, user: Option<&[u8]>) {
        let right_kind = match user {
            Some(_) => CERTIFICATIONS.contains(&signature.kind),
            None => matches!(signature.kind, DIRECT_KEY | KEY_REVOCATION),
        };
        let own = self.hashed();
        let mut parts = vec![own.as_slice()];
        let prefix;
        if let Some(user) = user {
            prefix = [&[0xb4], &u32::try_from(user.len()).unwrap_or(u32::MAX).to_be_bytes()[..]].concat();
            parts.extend([prefix.as_slice(), user]);
        }
        if !right_kind || !self.has_signed(signature, &parts) {
            return;
        }
        if signature.kind == KEY_REVOCATION {
            self.certified.revoked = true;
        } else {
            // A primary key without flags may do everything.
            self.certified.take(signature, signature.facts.key_flags.is_none_or(|flags| flags & SIGNS != 0));
        }
    }

    /// Takes over what the primary key says of this subkey. One that signs must have agreed (§11.1, type 0x19 inside).
    pub(super) fn bind(&mut self, primary: &Self, signature: &Signature) {
        let (of_primary, own) = (primary.hashed(), self.hashed());
        let parts = [of_primary.as_slice(), own.as_slice()];
        if !matches!(signature.kind, SUBKEY_BINDING | SUBKEY_REVOCATION) || !primary.has_signed(signature, &parts) {
            return;
        }
        if signature.kind == SUBKEY_REVOCATION {
            self.certified.revoked = true;
            return;
        }
        let agreed = || {
            let inside = signature.embedded().filter(|inside| inside.kind == PRIMARY_KEY_BINDING);
            inside.is_some_and(|inside| self.has_signed(&inside, &parts))
        };
        let may_sign = signature.facts.key_flags.is_some_and(|flags| flags & SIGNS != 0) && agreed();
        self.certified.take(signature, may_sign);
    }

    /// Whether this key made a signature over these parts. SHA-1 is good enough for what a key says of itself: the block is in
    /// the hands of who trusts it.
    fn has_signed(&self, signature: &Signature, parts: &[&[u8]]) -> bool {
        let Some(algorithm) = signature.digest else { return false };
        self.verifies(signature, algorithm, parts)
    }

    /// Whether a signature verifies with this key, whatever it is about.
    pub(super) fn verifies(&self, signature: &Signature, algorithm: Algorithm, parts: &[&[u8]]) -> bool {
        let mut hasher = algorithm.hasher();
        for part in parts {
            hasher.update(part);
        }
        let digest = signature.finish(hasher);
        digest.starts_with(&signature.left) && self.material.verifies(algorithm, &digest, &signature.numbers)
    }

    /// The key as it is hashed for a signature about it (§5.2.4).
    fn hashed(&self) -> Vec<u8> {
        // `Key::of` has seen that it fits.
        let len = u16::try_from(self.body.len()).unwrap_or(u16::MAX);
        [&[0x99], &len.to_be_bytes()[..], &self.body].concat()
    }
}

impl Certified {
    /// The newest statement counts.
    fn take(&mut self, signature: &Signature, may_sign: bool) {
        if self.at <= signature.facts.created {
            self.at = signature.facts.created;
            self.may_sign = may_sign;
            self.expires_after = signature.facts.key_expires_after.filter(|after| *after > 0);
        }
    }
}
