//! The digests that file formats name, behind one type, and fed from a file in pieces.

use std::fmt;
use std::ops::Deref;

use const_oid::ObjectIdentifier;
use sha1::Sha1;
use sha2::digest::{Digest as _, Update};
use sha2::{Sha256, Sha384, Sha512};

use crate::read_at::{self, ReadAt};
use crate::reader::{Error, Malformed, Problem};

/// Algorithms that old signatures name and that are not computed here: too weak to prove anything.
const NOT_COMPUTED: [(&str, &str); 3] =
    [("1.2.840.113549.2.2", "md2"), ("1.2.840.113549.2.4", "md4"), ("1.2.840.113549.2.5", "md5")];

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
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

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
    pub fn digest(self, bytes: &[u8]) -> Digest {
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

    /// Its object identifier (RFC 3370 §2.1, RFC 5754 §2).
    #[must_use]
    pub const fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::Sha1 => "1.3.14.3.2.26",
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
        })
    }

    /// The algorithm of an object identifier, or else the name of an algorithm that is not computed here.
    pub fn from_oid(oid: ObjectIdentifier) -> Result<Self, NotComputed> {
        Self::ALL.into_iter().find(|algorithm| algorithm.oid() == oid).ok_or_else(|| {
            let number = oid.to_string();
            let name = NOT_COMPUTED.iter().find(|(known, _)| *known == number).map(|(_, name)| (*name).to_owned());
            NotComputed(name.unwrap_or(number))
        })
    }

    /// How many bytes a digest has.
    #[must_use]
    pub const fn len_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
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

/// A digest algorithm that is not computed here: its name, `md5`, or its number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotComputed(pub String);

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    digits.extend(
        bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xF]).filter_map(|digit| char::from_digit(digit.into(), 16)),
    );
    digits
}

/// A digest and the algorithm that it was computed with. It derefs to its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
    /// SHA-384.
    Sha384([u8; 48]),
    /// SHA-512.
    Sha512([u8; 64]),
}

impl Digest {
    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha1(_) => Algorithm::Sha1,
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha384(_) => Algorithm::Sha384,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }
}

impl Deref for Digest {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
            Self::Sha384(bytes) => bytes,
            Self::Sha512(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm().name(), hex(self))
    }
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

impl Update for Hasher {
    fn update(&mut self, bytes: &[u8]) {
        Self::update(self, bytes);
    }
}

impl Hasher {
    /// Takes some bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(h) => Update::update(h, bytes),
            Self::Sha256(h) => Update::update(h, bytes),
            Self::Sha384(h) => Update::update(h, bytes),
            Self::Sha512(h) => Update::update(h, bytes),
        }
    }

    /// The digest.
    #[must_use]
    pub fn finish(self) -> Digest {
        match self {
            Self::Sha1(h) => Digest::Sha1(h.finalize().into()),
            Self::Sha256(h) => Digest::Sha256(h.finalize().into()),
            Self::Sha384(h) => Digest::Sha384(h.finalize().into()),
            Self::Sha512(h) => Digest::Sha512(h.finalize().into()),
        }
    }
}

/// Gives `hasher` the bytes of `file` from `start` to `end`, which are a `structure`, a piece at a time.
pub fn feed(
    hasher: &mut impl Update,
    file: &dyn ReadAt,
    structure: &'static str,
    start: u64,
    end: u64,
) -> Result<(), Error> {
    if start > end || end > file.len() {
        let (needed, found) = (end.saturating_sub(start), file.len().saturating_sub(start));
        return Err(Malformed { structure, offset: start, problem: Problem::Truncated { needed, found } }.into());
    }
    read_at::pieces(file, start..end, Error::io(structure), |piece| {
        hasher.update(piece);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_and_the_whole_give_one_digest() {
        let bytes: Vec<u8> = (0..read_at::PIECE_BYTES as u32 * 2 + 17).map(|i| i.to_le_bytes()[0]).collect();
        for algorithm in Algorithm::ALL {
            let mut hasher = algorithm.hasher();
            feed(&mut hasher, &bytes, "toy", 3, bytes.len() as u64).unwrap();
            let digest = hasher.finish();
            assert_eq!(digest, algorithm.digest(&bytes[3..]));
            assert_eq!((digest.algorithm(), digest.len()), (algorithm, algorithm.len_bytes()));
        }
    }

    #[test]
    fn known_answers() {
        assert_eq!(hex(&Algorithm::Sha1.digest(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert!(hex(&Algorithm::Sha384.digest(b"abc")).starts_with("cb00753f45a35e8b"));
    }

    #[test]
    fn an_algorithm_is_computed_or_named() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_oid(algorithm.oid()), Ok(algorithm));
        }
        let name = |oid| Algorithm::from_oid(ObjectIdentifier::new_unwrap(oid)).unwrap_err().to_string();
        assert_eq!((name("1.2.840.113549.2.5"), name("1.2.3")), ("md5".to_owned(), "1.2.3".to_owned()));
    }

    #[test]
    fn a_range_beyond_the_end_is_refused() {
        let e = feed(&mut Algorithm::Sha256.hasher(), &vec![0; 4], "toy", 2, 9).unwrap_err();
        assert_eq!(e.to_string(), "toy at 0x2: needs 7 bytes, found 2");
    }
}
