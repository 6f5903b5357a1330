//! One segment: records one after the other, each of which says by itself where it begins and whether it is whole.
//!
//! ```text
//!   magic "SWQ1"   length of the body   CRC-32   epoch   sequence   time   body
//!   4              4                    4        8       8          8      at most 256 KiB      (integers little-endian)
//! ```
//!
//! The checksum covers the segment's number and everything behind itself, the length included. So a record that lies in the body of another
//! one, or comes from another segment, is none. A bad record is skipped up to the next good one: a flipped byte costs one record, not the rest.

use crc::{CRC_32_ISO_HDLC, Crc, Table};

/// The checksum: zlib's, by a table of 1 KiB.
static CRC_32: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);
/// Where a record begins.
const MAGIC: [u8; 4] = *b"SWQ1";
/// What stands before the body.
pub(super) const HEADER_BYTES: usize = 36;
/// The most bytes of a record's body.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// A record as it lies in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which opening of the queue has written it; a repaired tail is never mistaken for what came after it.
    pub epoch: u64,
    /// Its number within the epoch.
    pub seq: u64,
    /// Seconds since 1970 by the device's clock.
    pub time: u64,
    /// What it says.
    pub body: Vec<u8>,
}

/// Appends a record to `out`.
pub(super) fn write(out: &mut Vec<u8>, segment: u64, record: &Record) {
    let length = u32::try_from(record.body.len()).unwrap_or(u32::MAX).to_le_bytes();
    let numbers = [record.epoch, record.seq, record.time].map(u64::to_le_bytes);
    let crc = checksum(segment, &[&length, numbers.as_flattened(), &record.body]);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&length);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(numbers.as_flattened());
    out.extend_from_slice(&record.body);
}

fn checksum(segment: u64, parts: &[&[u8]]) -> u32 {
    let mut digest = CRC_32.digest();
    digest.update(&segment.to_le_bytes());
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize()
}

/// The good records of a segment's bytes, each with the offset behind it, from `from` on.
pub(super) struct Records<'a> {
    segment: u64,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(segment: u64, bytes: &'a [u8], from: u64) -> Self {
        Self { segment, bytes, at: usize::try_from(from).unwrap_or(usize::MAX) }
    }

    fn record(&self, at: usize) -> Option<(Record, usize)> {
        let rest = self.bytes.get(at..)?;
        let (header, rest) = rest.split_at_checked(HEADER_BYTES)?;
        let (magic, header) = header.split_at_checked(4)?;
        let (length, header) = header.split_first_chunk::<4>()?;
        let (crc, numbers) = header.split_first_chunk::<4>()?;
        let body_bytes = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        if magic != MAGIC || body_bytes > MAX_BODY_BYTES {
            return None;
        }
        let body = rest.get(..body_bytes)?;
        if checksum(self.segment, &[length, numbers, body]) != u32::from_le_bytes(*crc) {
            return None;
        }
        let (numbers, _) = numbers.as_chunks::<8>();
        let [epoch, seq, time] = numbers else { return None };
        let [epoch, seq, time] = [epoch, seq, time].map(|number| u64::from_le_bytes(*number));
        let end = at.checked_add(HEADER_BYTES)?.checked_add(body_bytes)?;
        Some((Record { epoch, seq, time, body: body.to_vec() }, end))
    }
}

impl Iterator for Records<'_> {
    type Item = (Record, u64);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((record, end)) = self.record(self.at) {
                self.at = end;
                return Some((record, u64::try_from(end).ok()?));
            }
            // The next place that looks like a beginning.
            let from = self.at.checked_add(1)?;
            let rest = self.bytes.get(from..)?;
            let ahead = rest.windows(MAGIC.len()).position(|window| window == MAGIC)?;
            self.at = from.checked_add(ahead)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(seq: u64, body: &[u8]) -> Record {
        Record { epoch: 7, seq, time: 1_000 + seq, body: body.to_vec() }
    }

    fn segment(bodies: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (seq, body) in (0..).zip(bodies) {
            write(&mut bytes, 3, &record(seq, body));
        }
        bytes
    }

    fn numbers(bytes: &[u8]) -> Vec<u64> {
        Records::new(3, bytes, 0).map(|(record, _)| record.seq).collect()
    }

    #[test]
    fn a_record_in_a_record_is_none() {
        let mut inner = Vec::new();
        write(&mut inner, 2, &record(99, b"of another segment"));
        let mut bytes = segment(&[inner, b"next".to_vec()]);
        bytes[8] ^= 1;
        assert_eq!(numbers(&bytes), [1]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn a_flipped_byte_costs_one_record(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..20), at: usize, flip in 1..=255_u8,
        ) {
            let mut bytes = segment(&bodies);
            let at = at % bytes.len();
            bytes[at] ^= flip;
            let found = numbers(&bytes);
            prop_assert!(found.len() + 1 >= bodies.len(), "{found:?} of {}", bodies.len());
            prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
        }

        #[test]
        fn a_prefix_costs_its_last_record(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..10), cut: usize,
        ) {
            let bytes = segment(&bodies);
            let cut = cut % (bytes.len() + 1);
            let mut whole = 0;
            let mut end = 0;
            for body in &bodies {
                end += HEADER_BYTES + body.len();
                whole += u64::from(end <= cut);
            }
            prop_assert_eq!(numbers(&bytes[..cut]), (0..whole).collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(Records::new(1, &bytes, 0).count() == 0);
        }
    }
}
