//! Which parts a multipart upload has.
//!
//! S3 takes no part under 5 MiB but the last, none over 5 GiB, and at most 10,000 (Amazon S3 User Guide, "Multipart upload limits"). So new bytes in
//! front are sent with as much of the base behind them as they lack, and what follows is copied inside the store:
//!
//! ```text
//! msi   [keep 28.9 MB][put 24 KB]            copy 28.9 MB │ send 24 KB
//! pkg   [put 2 KB][keep 30.6 MB][put 2 KB]   send 5 MiB   │ copy 25.4 MB │ send 2 KB
//! ```

use std::fmt;
use std::io;
use std::ops::Range;

use zeroize::Zeroizing;

/// A piece of an installer, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// These bytes of the base.
    Keep(Range<u64>),
    /// New bytes.
    Put(&'a [u8]),
}

/// Reads a range of the base into a buffer of its length.
pub type ReadBase<'a> = dyn FnMut(Range<u64>, &mut [u8]) -> io::Result<()> + 'a;

/// A part of the upload.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// A range of the base, copied inside the store.
    Copy(Range<u64>),
    /// Bytes that are sent. They may hold a token, so they are wiped.
    Send(Zeroizing<Vec<u8>>),
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copy(range) => write!(f, "Copy({range:?})"),
            Self::Send(bytes) => write!(f, "Send({} bytes)", bytes.len()),
        }
    }
}

/// What a store takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The least bytes of a part that is not the last.
    pub(crate) least: u64,
    /// The most bytes that are copied at once.
    pub(crate) most: u64,
}

impl Limits {
    /// Those of S3. A copy may have 5 GiB, which takes minutes: smaller ones end in time.
    pub(crate) const OF_S3: Self = Self { least: 5 << 20, most: 1 << 30 };
}

/// Lays the parts out. `read` reads a range of the base that has to be sent.
pub(crate) fn lay_out<'a>(
    pieces: impl IntoIterator<Item = Piece<'a>>,
    limits: Limits,
    read: &mut ReadBase<'_>,
) -> io::Result<Vec<Part>> {
    let mut layout = Layout { parts: Vec::new(), pending: Zeroizing::new(Vec::new()), limits };
    for piece in pieces {
        match piece {
            Piece::Put(bytes) => layout.pending.extend_from_slice(bytes),
            Piece::Keep(range) => layout.keep(range, read)?,
        }
    }
    layout.send_pending();
    Ok(layout.parts)
}

struct Layout {
    parts: Vec<Part>,
    /// What has to be sent before anything else.
    pending: Zeroizing<Vec<u8>>,
    limits: Limits,
}

impl Layout {
    fn keep(&mut self, range: Range<u64>, read: &mut ReadBase<'_>) -> io::Result<()> {
        let len = range.end.saturating_sub(range.start);
        // What is waiting is filled up to a part.
        let lacks =
            if self.pending.is_empty() { 0 } else { self.limits.least.saturating_sub(self.pending.len() as u64) };
        let lacks = lacks.min(len);
        // Too little to be copied would be a part that is too small.
        let sent = if len - lacks < self.limits.least { len } else { lacks };
        if sent > 0 {
            let before = self.pending.len();
            let sent_bytes = usize::try_from(sent).map_err(io::Error::other)?;
            self.pending.resize(before + sent_bytes, 0);
            let place = self.pending.get_mut(before..).unwrap_or_default();
            read(range.start..range.start + sent, place)?;
        }
        if sent < len {
            self.send_pending();
            self.copy(range.start + sent..range.end);
        }
        Ok(())
    }

    /// Copies in pieces that are neither too large nor too small.
    fn copy(&mut self, range: Range<u64>) {
        let mut start = range.start;
        while range.end - start > self.limits.most.saturating_add(self.limits.least) {
            let end = start + self.limits.most;
            self.parts.push(Part::Copy(start..end));
            start = end;
        }
        self.parts.push(Part::Copy(start..range.end));
    }

    fn send_pending(&mut self) {
        if !self.pending.is_empty() {
            self.parts.push(Part::Send(std::mem::take(&mut self.pending)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: Limits = Limits { least: 5, most: 16 };

    fn base(len: u64) -> Vec<u8> {
        (0..len).map(|n| n as u8).collect()
    }

    fn parts(pieces: Vec<Piece<'_>>, limits: Limits, base: &[u8]) -> Vec<Part> {
        let mut read = |range: Range<u64>, buf: &mut [u8]| {
            buf.copy_from_slice(&base[range.start as usize..range.end as usize]);
            Ok(())
        };
        lay_out(pieces, limits, &mut read).unwrap()
    }

    fn send(bytes: &[u8]) -> Part {
        Part::Send(Zeroizing::new(bytes.to_vec()))
    }

    #[test]
    fn an_msi_is_one_copy_and_its_tail() {
        let base = base(100);
        let made = parts(vec![Piece::Keep(0..16), Piece::Put(b"tail")], SMALL, &base);
        assert_eq!(made, [Part::Copy(0..16), send(b"tail")]);
    }

    #[test]
    fn new_bytes_in_front_take_what_they_lack_of_the_base() {
        let base = base(100);
        let made = parts(vec![Piece::Put(b"ab"), Piece::Keep(10..25), Piece::Put(b"z")], SMALL, &base);
        assert_eq!(made, [send(&[b'a', b'b', 10, 11, 12]), Part::Copy(13..25), send(b"z")]);
        // What would be left is too small to be copied.
        let made = parts(vec![Piece::Put(b"ab"), Piece::Keep(10..17), Piece::Put(b"z")], SMALL, &base);
        assert_eq!(made, [send(&[b'a', b'b', 10, 11, 12, 13, 14, 15, 16, b'z'])]);
    }

    #[test]
    fn a_long_copy_is_several_and_the_last_is_not_too_small() {
        let base = base(100);
        let made = parts(vec![Piece::Keep(0..36)], SMALL, &base);
        assert_eq!(made, [Part::Copy(0..16), Part::Copy(16..36)]);
    }

    #[test]
    fn what_is_sent_does_not_print() {
        assert_eq!(format!("{:?}", send(b"hunter2")), "Send(7 bytes)");
    }

    fn pieces() -> impl Strategy<Value = Vec<(bool, u64, Vec<u8>)>> {
        prop::collection::vec((any::<bool>(), 0_u64..40, prop::collection::vec(any::<u8>(), 0..12)), 0..8)
    }

    proptest! {
        #[test]
        fn parts_are_the_installer_and_the_store_takes_them(given in pieces()) {
            let base = base(400);
            let (mut at, mut expected, mut list) = (0_u64, Vec::new(), Vec::new());
            for (is_kept, len, put) in &given {
                if *is_kept {
                    // A gap between ranges, as a splice has them.
                    list.push(Piece::Keep(at..at + len));
                    expected.extend_from_slice(&base[at as usize..(at + len) as usize]);
                    at += len + 3;
                } else {
                    list.push(Piece::Put(put));
                    expected.extend_from_slice(put);
                }
            }
            let made = parts(list, SMALL, &base);
            let mut found = Vec::new();
            for (number, part) in made.iter().enumerate() {
                let before = found.len();
                match part {
                    Part::Copy(range) => found.extend_from_slice(&base[range.start as usize..range.end as usize]),
                    Part::Send(bytes) => found.extend_from_slice(bytes),
                }
                let len = (found.len() - before) as u64;
                prop_assert!(len > 0);
                prop_assert!(len >= SMALL.least || number + 1 == made.len(), "part {number} of {made:?}");
                prop_assert!(!matches!(part, Part::Copy(_)) || len <= SMALL.most + SMALL.least);
            }
            prop_assert_eq!(found, expected);
        }
    }
}
