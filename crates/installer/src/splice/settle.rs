//! What of a splice's patches the base has already.
//!
//! A format writes whole structures anew, and most of their bytes are those of the base: an MSI's header changes only when its FAT grows by a
//! sector. What a patch shares with the base where the kept ranges leave off is kept instead, so that a plan is small, a kept prefix is long, and
//! a digest can go on from a state that is kept with the base.

use std::io;

use container::ReadAt;

use super::segments::{Segment, Splice};

/// A kept range of fewer bytes would be longer to describe than to repeat.
const MIN_KEEP_BYTES: usize = 64;
/// How many bytes are compared at once.
const BLOCK_BYTES: usize = 64;
/// How much of the base is compared at a time.
const PIECE_BYTES: usize = 16 << 10;

impl Splice {
    /// The same result with every patch cut down to what the base does not have: bytes at its start that follow the range kept before it, and
    /// bytes at its end that come before the range kept after it. Reads no more of the base than the patches are long.
    ///
    /// # Errors
    /// `base` cannot be read.
    pub(crate) fn settle(self, base: &(impl ReadAt + ?Sized)) -> io::Result<Self> {
        let mut settled = Vec::with_capacity(self.segments.len() + 2);
        let (base_len, mut kept_to) = (self.base_len, 0);
        let mut segments = self.segments.into_iter().peekable();
        while let Some(segment) = segments.next() {
            let mut patch = match segment {
                Segment::Keep(range) => {
                    kept_to = range.end;
                    settled.push(Segment::Keep(range));
                    continue;
                }
                Segment::Put(patch) => patch,
            };
            let gap_end = match segments.peek() {
                Some(Segment::Keep(next)) => next.start,
                _ => base_len,
            };
            let (head, tail) = shared(base, kept_to, gap_end, &patch)?;
            let end = patch.len() - tail;
            patch.truncate(end);
            patch.cut_front(head);
            settled.push(Segment::Keep(kept_to..kept_to + head as u64));
            settled.push(Segment::Put(patch));
            settled.push(Segment::Keep(gap_end - tail as u64..gap_end));
        }
        // What was kept stays in order: heads and tails lie in the gaps between the ranges.
        Self::new(base_len, settled).map_err(io::Error::other)
    }
}

/// How many bytes a patch shares with the start and with the end of the base's bytes from `start` to `end`.
fn shared(base: &(impl ReadAt + ?Sized), start: u64, end: u64, patch: &[u8]) -> io::Result<(usize, usize)> {
    let gap = usize::try_from(end - start).unwrap_or(usize::MAX);
    let room = patch.len().min(gap);
    let mut buffer = [0; PIECE_BYTES];
    let mut head = 0;
    while head < room {
        let (piece, rest) = pieces(&mut buffer, room - head);
        base.read_at(start + head as u64, piece)?;
        let same = common_prefix(patch.get(head..).unwrap_or_default(), piece);
        head += same;
        if same < piece.len() || rest == 0 {
            break;
        }
    }
    let head = if head < MIN_KEEP_BYTES && head < patch.len() { 0 } else { head };
    let (room, mut tail) = (room - head, 0);
    while tail < room {
        let (piece, rest) = pieces(&mut buffer, room - tail);
        base.read_at(end - (tail + piece.len()) as u64, piece)?;
        let same = common_suffix(patch.get(..patch.len() - tail).unwrap_or_default(), piece);
        tail += same;
        if same < piece.len() || rest == 0 {
            break;
        }
    }
    Ok((head, if tail < MIN_KEEP_BYTES { 0 } else { tail }))
}

/// How many bytes are the same at the start of both; compared in blocks first, because most are.
fn common_prefix(ours: &[u8], theirs: &[u8]) -> usize {
    let blocks = ours.chunks_exact(BLOCK_BYTES).zip(theirs.chunks_exact(BLOCK_BYTES));
    let same = BLOCK_BYTES * blocks.take_while(|(ours, theirs)| ours == theirs).count();
    let (ours, theirs) = (ours.iter().skip(same), theirs.iter().skip(same));
    same + ours.zip(theirs).take_while(|(ours, theirs)| ours == theirs).count()
}

/// How many bytes are the same at the end of both.
fn common_suffix(ours: &[u8], theirs: &[u8]) -> usize {
    let blocks = ours.rchunks_exact(BLOCK_BYTES).zip(theirs.rchunks_exact(BLOCK_BYTES));
    let same = BLOCK_BYTES * blocks.take_while(|(ours, theirs)| ours == theirs).count();
    let (ours, theirs) = (ours.iter().rev().skip(same), theirs.iter().rev().skip(same));
    same + ours.zip(theirs).take_while(|(ours, theirs)| ours == theirs).count()
}

/// The front of the buffer for the next comparison, and how many bytes are left after it.
fn pieces(buffer: &mut [u8], wanted: usize) -> (&mut [u8], usize) {
    let n = wanted.min(buffer.len());
    (buffer.split_at_mut(n).0, wanted - n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Vec<u8> {
        (0..100_000_u32).flat_map(|n| n.to_le_bytes()).collect()
    }

    fn result(splice: &Splice, base: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        splice.write_to(base, &mut out).unwrap();
        out
    }

    #[test]
    fn what_the_base_has_is_kept() {
        let base = base();
        let len = base.len() as u64;
        let mut head = base[..4096].to_vec();
        for changed in [None, Some(0), Some(63), Some(64), Some(2000), Some(4031), Some(4032), Some(4095)] {
            head.copy_from_slice(&base[..4096]);
            if let Some(at) = changed {
                head[at] ^= 0xFF;
            }
            let tail = [&base[base.len() - 50_000..], b"longer"].concat();
            let segments = [Segment::put(head.clone()), Segment::Keep(4096..len - 50_000), Segment::put(tail)];
            let splice = Splice::new(len, segments).unwrap();
            let settled = splice.clone().settle(&base).unwrap();
            assert!(result(&settled, &base) == result(&splice, &base), "{changed:?}");
            let most = 6 + changed.map_or(0, |_| 1 + 2 * MIN_KEEP_BYTES as u64);
            assert!(settled.put_bytes() <= most, "{changed:?}: {settled:?}");
        }
    }

    #[test]
    fn a_patch_of_another_length_keeps_both_ends() {
        let base = base();
        let len = base.len() as u64;
        for patch in
            [[&base[100..1000], b"new", &base[1000..2000]].concat(), [&base[100..1000], &base[1100..2000]].concat()]
        {
            let segments = [Segment::Keep(0..100), Segment::put(patch), Segment::Keep(2000..len)];
            let splice = Splice::new(len, segments).unwrap();
            let settled = splice.clone().settle(&base).unwrap();
            assert!(result(&settled, &base) == result(&splice, &base));
            assert!(settled.put_bytes() <= 3, "{settled:?}");
        }
        // A patch longer than what it replaces does not keep the same bytes twice.
        let segments =
            [Segment::Keep(0..100), Segment::put([&base[100..200], &base[100..200]].concat()), Segment::Keep(200..len)];
        let splice = Splice::new(len, segments).unwrap();
        assert!(result(&splice.clone().settle(&base).unwrap(), &base) == result(&splice, &base));
    }
}
