//! The SHA-256 of stamps of one base, without hashing what all of them keep at the front.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use container::ReadAt;
use container::read_at::Cursor;
use sha2::{Digest, Sha256};

use super::segments::{Segment, Splice};

/// A state is kept this far before the end of a kept prefix: where the first change is differs from token to token by some kilobytes.
const MARGIN_BYTES: u64 = 8 << 10;
/// How many states are kept, 112 bytes each.
const MAX_STATES: usize = 16;
/// How much is hashed at a time.
const PIECE_BYTES: usize = 256 << 10;

/// States of the digest of a base's first bytes, kept with the open base.
#[derive(Debug, Default)]
pub struct PrefixDigests(Mutex<BTreeMap<u64, Sha256>>);

impl PrefixDigests {
    /// The SHA-256 of a splice's result. The first one reads all that is kept; those after it begin where they begin to differ.
    ///
    /// # Errors
    /// `base`, which must be the splice's, cannot be read.
    pub fn sha256(&self, splice: &Splice, base: &(impl ReadAt + ?Sized)) -> io::Result<[u8; 32]> {
        let kept = match splice.segments().first() {
            Some(Segment::Keep(range)) if range.start == 0 => range.end,
            _ => 0,
        };
        let (mut at, mut digest) = self.before(kept);
        let wanted = kept.saturating_sub(MARGIN_BYTES);
        if at < wanted {
            feed(&mut digest, &mut Cursor::new(base), at, wanted)?;
            self.keep(wanted, &digest);
            at = wanted;
        }
        feed(&mut digest, &mut splice.reader(base), at, splice.len())?;
        Ok(digest.finalize().into())
    }

    /// The last state that is not behind `limit`.
    fn before(&self, limit: u64) -> (u64, Sha256) {
        let states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = states.range(..=limit).next_back().map(|(at, digest)| (*at, digest.clone()));
        last.unwrap_or_else(|| (0, Sha256::new()))
    }

    fn keep(&self, at: u64, digest: &Sha256) {
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if states.len() >= MAX_STATES {
            states.pop_last();
        }
        states.insert(at, digest.clone());
    }
}

fn feed(digest: &mut Sha256, from: &mut (impl io::Read + io::Seek), start: u64, end: u64) -> io::Result<()> {
    from.seek(io::SeekFrom::Start(start))?;
    let mut buffer = vec![0; PIECE_BYTES.min(usize::try_from(end - start).unwrap_or(PIECE_BYTES))];
    let mut left = end - start;
    while left > 0 {
        let n = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let Some(piece) = buffer.get_mut(..n) else { break };
        from.read_exact(piece)?;
        digest.update(piece);
        left -= n as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_state_changes_no_digest() {
        let base: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
        let len = base.len() as u64;
        let digests = PrefixDigests::default();
        for cut in [150_000, 149_000, 151_000, 20_000, 190_000, 8191, 8192, 8193, 1, 0] {
            let splice =
                Splice::new(len, [Segment::Keep(0..cut), Segment::put(vec![7; 500]), Segment::Keep(len - 9..len)]);
            let splice = splice.unwrap();
            assert_eq!(digests.sha256(&splice, &base).unwrap(), splice.sha256(&base).unwrap(), "{cut}");
        }
        assert_eq!(digests.sha256(&Splice::unchanged(len), &base).unwrap(), <[u8; 32]>::from(Sha256::digest(&base)));
    }
}
