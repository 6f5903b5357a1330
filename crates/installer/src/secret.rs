//! Bytes that may hold a secret.

use std::fmt;
use std::io::{self, Write};
use std::ops::{Deref, DerefMut};

/// Bytes that are wiped when they are dropped, spare capacity included, and that do not print. When they grow beyond their room, they move, and
/// what they leave is wiped.
///
/// `zeroize::Zeroizing` wipes a vector byte by byte, which costs a stamp more than everything else that it does with its patches. This fills
/// the memory at once, and tells the compiler by the same crate's barrier that the zeros are looked at.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes bytes. What they grew through before is not known here.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// No bytes, with room for so many.
    #[must_use]
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Adds bytes at the end.
    pub(crate) fn extend_from_slice(&mut self, bytes: &[u8]) {
        let len = self.0.len() + bytes.len();
        if len > self.0.capacity() {
            let mut moved = Self::with_capacity(len.max(2 * self.0.capacity()));
            moved.0.extend_from_slice(&self.0);
            *self = moved;
        }
        self.0.extend_from_slice(bytes);
    }

    /// Keeps the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// Takes away the first `len` bytes, or all.
    pub(crate) fn cut_front(&mut self, len: usize) {
        self.0.drain(..len.min(self.0.len()));
    }

    fn wipe(&mut self) {
        self.0.resize(self.0.capacity(), 0);
        self.0.fill(0);
        zeroize::optimization_barrier(self.0.as_slice());
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl Deref for SecretBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for SecretBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Write for SecretBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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

    #[test]
    fn all_the_room_is_wiped() {
        let mut secret = SecretBytes::with_capacity(64);
        secret.extend_from_slice(&[7; 60]);
        secret.cut_front(3);
        secret.truncate(2);
        secret.wipe();
        assert!(secret.len() == secret.0.capacity() && secret.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn what_grows_keeps_its_bytes() {
        let mut secret = SecretBytes::default();
        (0..100_u8).for_each(|byte| secret.extend_from_slice(&[byte; 3]));
        assert_eq!(*secret, *(0..100_u8).flat_map(|byte| [byte; 3]).collect::<Vec<u8>>());
    }
}
