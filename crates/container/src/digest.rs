//! The digests that file formats name, behind one type, and fed from a file in pieces.

use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha256, Sha384, Sha512};

use crate::at::{self, ReadAt};
use crate::bytes::{Error, Malformed, Problem};

/// A digest algorithm that a signature may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-1, 20 bytes: still inside old signatures, never made here.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-384, 48 bytes.
    Sha384,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Algorithm {
    /// A hasher at its start.
    #[must_use]
    pub fn hasher(self) -> Hasher {
        match self {
            Self::Sha1 => Hasher::Sha1(Sha1::new()),
            Self::Sha256 => Hasher::Sha256(Sha256::new()),
            Self::Sha384 => Hasher::Sha384(Sha384::new()),
            Self::Sha512 => Hasher::Sha512(Sha512::new()),
        }
    }

    /// The digest of some bytes.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish()
    }

    /// The name as people write it, `sha256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

/// The bytes of a digest in hexadecimal digits, of either case. `None`: they are not as many digits, or something else.
#[must_use]
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let mut out = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let [high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(out)
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A digest in the making.
#[derive(Debug, Clone)]
pub enum Hasher {
    /// SHA-1.
    Sha1(Sha1),
    /// SHA-256.
    Sha256(Sha256),
    /// SHA-384.
    Sha384(Sha384),
    /// SHA-512.
    Sha512(Sha512),
}

impl Hasher {
    /// Takes some bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(h) => h.update(bytes),
            Self::Sha256(h) => h.update(bytes),
            Self::Sha384(h) => h.update(bytes),
            Self::Sha512(h) => h.update(bytes),
        }
    }

    /// Takes the bytes of `file` from `start` to `end`, which are a `structure`, a piece at a time.
    pub fn feed(&mut self, file: &dyn ReadAt, structure: &'static str, start: u64, end: u64) -> Result<(), Error> {
        pieces(file, structure, start, end, |piece| self.update(piece))
    }

    /// The digest.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(h) => h.finalize().to_vec(),
            Self::Sha256(h) => h.finalize().to_vec(),
            Self::Sha384(h) => h.finalize().to_vec(),
            Self::Sha512(h) => h.finalize().to_vec(),
        }
    }
}

/// Gives the bytes of `file` from `start` to `end`, which are a `structure`, to `take`, a piece at a time.
fn pieces(
    file: &dyn ReadAt,
    structure: &'static str,
    start: u64,
    end: u64,
    mut take: impl FnMut(&[u8]),
) -> Result<(), Error> {
    if start > end || end > file.len() {
        let (needed, found) = (end.saturating_sub(start), file.len().saturating_sub(start));
        return Err(Malformed { structure, offset: start, problem: Problem::Truncated { needed, found } }.into());
    }
    at::pieces(file, start..end, Error::io(structure), |piece| {
        take(piece);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_and_the_whole_give_one_digest() {
        let bytes: Vec<u8> = (0..at::PIECE_BYTES as u32 * 2 + 17).map(|i| i.to_le_bytes()[0]).collect();
        for algorithm in [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512] {
            let mut hasher = algorithm.hasher();
            hasher.feed(&bytes, "toy", 3, bytes.len() as u64).unwrap();
            assert_eq!(hasher.finish(), algorithm.digest(&bytes[3..]));
        }
    }

    #[test]
    fn known_answers() {
        assert_eq!(hex(&Algorithm::Sha1.digest(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert!(hex(&Algorithm::Sha384.digest(b"abc")).starts_with("cb00753f45a35e8b"));
    }

    #[test]
    fn a_range_beyond_the_end_is_refused() {
        let e = Algorithm::Sha256.hasher().feed(&vec![0; 4], "toy", 2, 9).unwrap_err();
        assert_eq!(e.to_string(), "toy at 0x2: needs 7 bytes, found 2");
    }
}
