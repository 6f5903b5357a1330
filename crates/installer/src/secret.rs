//! Bytes that may hold a secret.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// Bytes that are wiped when they are dropped, spare capacity included, and that do not print.
///
/// `zeroize::Zeroizing` wipes a vector byte by byte, which costs a stamp more than everything else that it does with its patches. This fills
/// the memory at once, and tells the compiler by the same crate's barrier that the zeros are looked at.
///
/// A vector that grows leaves what it held in the memory that it gave back: make room for everything first.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes bytes.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// No bytes, with room for so many.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.0.resize(self.0.capacity(), 0);
        self.0.fill(0);
        zeroize::optimization_barrier(self.0.as_slice());
    }
}

impl Deref for SecretBytes {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for SecretBytes {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_bytes_do_not_print() {
        let mut secret = SecretBytes::with_capacity(64);
        secret.extend_from_slice(b"t1.tenant.0123456789abcdef");
        assert_eq!(format!("{secret:?}"), "SecretBytes(26 bytes)");
        assert!(secret.clone() == secret);
    }
}
