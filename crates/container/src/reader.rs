//! The one reader for untrusted input.
//!
//! A [`Reader`] owns a slice and consumes it: every read is checked, nothing is indexed, and
//! [`Reader::finish`] refuses what is left over. What goes wrong is a [`Malformed`]: the structure, where it
//! starts in the file, what was found and what was expected; never the bytes themselves.

use std::{fmt, io};

/// What can go wrong when bytes from outside are read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes were read and are wrong.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The bytes could not be read.
    #[error("{verb}: {source}")]
    Io {
        /// What was being done, e.g. `read the cabinet`.
        verb: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

impl Error {
    /// An I/O error with what was being done; an early end of file counts as truncation of `verb`'s object.
    pub fn io(verb: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { verb, source }
    }
}

/// One thing that is wrong with some bytes: `xar header at 0x0: size is 20, must be at least 28`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The structure's name in its specification, e.g. `xar header`.
    pub structure: &'static str,
    /// Where the structure (or the field, when that is known) starts, in bytes from the start of the file.
    pub offset: u64,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The structure goes on after the end of its container.
    Truncated {
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that there are.
        found: u64,
    },
    /// A number that the specification or a limit of ours does not allow.
    Value {
        /// The field's name.
        field: &'static str,
        /// The number found.
        found: u64,
        /// What it must be, as the end of `must be …`.
        expected: &'static str,
    },
    /// A value of another type than the one that must be there.
    Tag {
        /// The tag found.
        found: u8,
        /// The tag that it must have.
        expected: u8,
    },
    /// Two numbers, digests or names that must agree do not.
    Mismatch {
        /// What disagrees, e.g. `the checksum and the data`.
        what: &'static str,
    },
    /// Something that must be there is not.
    Missing {
        /// What is missing.
        what: &'static str,
    },
    /// A member or file of a container that must be there is not.
    NoMember {
        /// Its path.
        path: String,
    },
    /// Something is there twice, or two things claim the same bytes.
    Twice {
        /// What.
        what: &'static str,
    },
    /// A chain comes back to where it was.
    Cycle {
        /// Which chain.
        what: &'static str,
    },
    /// Bytes are left after the end.
    Trailing {
        /// How many.
        bytes: u64,
    },
    /// Text that cannot be what it must be.
    Text {
        /// What text, and what is wrong with it, as a clause: `the name is not UTF-8`.
        what: &'static str,
    },
    /// A decoder's refusal.
    Data {
        /// Which data, as a clause: `the deflate stream is damaged`.
        what: &'static str,
    },
}

impl std::error::Error for Malformed {}

impl Malformed {
    /// The offset of what has no place of its own: a structure that was put together from several, or one that is missing.
    pub const NOWHERE: u64 = u64::MAX;
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.offset == Self::NOWHERE {
            return write!(f, "{}: {}", self.structure, self.problem);
        }
        write!(f, "{} at {:#x}: {}", self.structure, self.offset, self.problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, found } => write!(f, "needs {needed} bytes, found {found}"),
            Self::Value { field, found, expected } => write!(f, "{field} is {found}, must be {expected}"),
            Self::Tag { found, expected } => write!(f, "the tag is {found:#04x}, must be {expected:#04x}"),
            Self::Mismatch { what } => write!(f, "{what} do not agree"),
            Self::Missing { what } => write!(f, "{what} is missing"),
            Self::NoMember { path } => write!(f, "the member {path:?} is missing"),
            Self::Twice { what } => write!(f, "{what} is there twice"),
            Self::Cycle { what } => write!(f, "{what} runs in a circle"),
            Self::Trailing { bytes } => write!(f, "{bytes} bytes are left over after the end"),
            Self::Text { what } | Self::Data { what } => f.write_str(what),
        }
    }
}

/// A consuming reader over bytes from outside.
///
/// It knows the name of the structure it is in and where in the file its slice started, so that each error can
/// say where.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    structure: &'static str,
    offset: u64,
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`, which start at `offset` in the file and are a `structure`.
    #[must_use]
    pub const fn new(structure: &'static str, offset: u64, bytes: &'a [u8]) -> Self {
        Self { rest: bytes, structure, offset }
    }

    /// The same bytes, seen as another structure from here on.
    #[must_use]
    pub(crate) const fn renamed(mut self, structure: &'static str) -> Self {
        self.structure = structure;
        self
    }

    /// Where the next byte lies in the file.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes are left.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// An error at the current place.
    #[must_use]
    pub const fn wrong(&self, problem: Problem) -> Malformed {
        Malformed { structure: self.structure, offset: self.offset, problem }
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let Some((head, rest)) = self.rest.split_at_checked(n) else {
            return Err(self.wrong(Problem::Truncated { needed: n as u64, found: self.rest.len() as u64 }));
        };
        self.rest = rest;
        self.offset += n as u64;
        Ok(head)
    }

    /// A reader over the next `n` bytes, under another name.
    pub fn sub(&mut self, structure: &'static str, n: usize) -> Result<Self, Malformed> {
        let offset = self.offset;
        Ok(Self::new(structure, offset, self.take(n)?))
    }

    /// Everything that is left.
    pub fn take_rest(&mut self) -> &'a [u8] {
        let rest = std::mem::take(&mut self.rest);
        self.offset += rest.len() as u64;
        rest
    }

    /// Skips `n` bytes.
    pub(crate) fn skip(&mut self, n: usize) -> Result<(), Malformed> {
        self.take(n).map(drop)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[b]| b)
    }

    /// A little-endian 16-bit number.
    pub fn u16_le(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    /// A little-endian 32-bit number.
    pub fn u32_le(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    /// A little-endian 64-bit number.
    pub(crate) fn u64_le(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// A big-endian 16-bit number.
    pub fn u16_be(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    /// A big-endian 32-bit number.
    pub fn u32_be(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// A big-endian 64-bit number.
    pub(crate) fn u64_be(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    /// Ends the reading; bytes that are left are an error.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.wrong(Problem::Trailing { bytes: self.rest.len() as u64 })) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_structure_place_and_need() {
        let mut r = Reader::new("xar header", 0x10, b"abc");
        r.skip(1).unwrap();
        let e = r.u32_le().unwrap_err();
        assert_eq!(e.to_string(), "xar header at 0x11: needs 4 bytes, found 2");
    }

    #[test]
    fn what_is_left_is_refused() {
        let mut r = Reader::new("toy", 0, &[1, 2, 3]);
        assert_eq!(r.u16_le().unwrap(), 0x0201);
        assert_eq!(r.finish().unwrap_err().to_string(), "toy at 0x2: 1 bytes are left over after the end");
    }
}
