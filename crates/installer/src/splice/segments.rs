//! The splice itself: what is kept, what is new, and where each segment ends.

use std::fmt;
use std::ops::Range;

use crate::secret::SecretBytes;

/// One step of a splice.
#[derive(Clone, PartialEq, Eq)]
pub enum Segment {
    /// These bytes of the base.
    Keep(Range<u64>),
    /// These new bytes. They may hold a token, so they are wiped when dropped and do not print.
    Put(SecretBytes),
}

impl Segment {
    /// New bytes.
    #[must_use]
    pub fn put(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Put(SecretBytes::new(bytes.into()))
    }

    /// How many bytes of the result it makes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Keep(range) => range.end.saturating_sub(range.start),
            Self::Put(bytes) => bytes.len() as u64,
        }
    }

    /// Whether it makes none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep(range) => write!(f, "Keep({range:?})"),
            Self::Put(bytes) => write!(f, "Put({} bytes)", bytes.len()),
        }
    }
}

/// Why segments are not a splice of a base. Only a format with a mistake in it can cause one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpliceError {
    /// A kept range ends before it starts or after the base ends.
    #[error("splice keeps {range:?} of a base of {base_len} bytes")]
    OutOfRange {
        /// The range.
        range: Range<u64>,
        /// The base's length in bytes.
        base_len: u64,
    },
    /// A kept range starts before the one before it ended.
    #[error("splice keeps {range:?} after it kept up to {kept_to}")]
    NotAscending {
        /// The range.
        range: Range<u64>,
        /// Where the kept range before it ended.
        kept_to: u64,
    },
}

/// An installer as a base and a few patches; see the [module](super).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    pub(super) base_len: u64,
    pub(super) segments: Vec<Segment>,
    /// Where each segment ends in the result, so that a place in the result finds its segment by bisection.
    pub(super) ends: Vec<u64>,
}

impl Splice {
    /// Makes a splice of a base of `base_len` bytes, checking and merging its segments.
    pub fn new(base_len: u64, segments: impl IntoIterator<Item = Segment>) -> Result<Self, SpliceError> {
        let mut merged: Vec<Segment> = Vec::new();
        let mut kept_to = 0;
        for segment in segments {
            if let Segment::Keep(range) = &segment {
                if range.start > range.end || range.end > base_len {
                    return Err(SpliceError::OutOfRange { range: range.clone(), base_len });
                }
                if range.start == range.end {
                    continue;
                }
                if range.start < kept_to {
                    return Err(SpliceError::NotAscending { range: range.clone(), kept_to });
                }
                kept_to = range.end;
            }
            if segment.is_empty() {
                continue;
            }
            match (merged.last_mut(), segment) {
                (Some(Segment::Keep(last)), Segment::Keep(next)) if last.end == next.start => last.end = next.end,
                (Some(Segment::Put(last)), Segment::Put(next)) => last.extend_from_slice(&next),
                (_, segment) => merged.push(segment),
            }
        }
        let ends = merged
            .iter()
            .scan(0, |end, segment| {
                *end += segment.len();
                Some(*end)
            })
            .collect();
        Ok(Self { base_len, segments: merged, ends })
    }

    /// The splice that changes nothing.
    #[cfg(test)]
    pub(crate) fn unchanged(base_len: u64) -> Self {
        let (segments, ends) =
            if base_len == 0 { (Vec::new(), Vec::new()) } else { (vec![Segment::Keep(0..base_len)], vec![base_len]) };
        Self { base_len, segments, ends }
    }

    /// The length of the base that it belongs to, in bytes.
    #[must_use]
    pub const fn base_len(&self) -> u64 {
        self.base_len
    }

    /// The length of the result in bytes, known before anything is written.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Whether the result has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// How many bytes of the result are new: the cost of the stamp.
    #[must_use]
    pub fn put_bytes(&self) -> u64 {
        self.segments.iter().filter(|segment| matches!(segment, Segment::Put(_))).map(Segment::len).sum()
    }

    /// The segments, in order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }
}
