//! Splices against a naive rebuild: every way of reading one gives what copying bytes by hand gives.

use std::io::{Read, Seek, SeekFrom, Write};

use container::ReadAt;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

/// A base, and segments made from random cuts of it: `true` keeps the stretch, `false` replaces it.
fn base_and_segments() -> impl Strategy<Value = (Vec<u8>, Vec<Segment>)> {
    let cuts = prop::collection::vec((0_usize..200, any::<bool>(), prop::collection::vec(any::<u8>(), 0..9)), 0..12);
    (prop::collection::vec(any::<u8>(), 0..600), cuts).prop_map(|(base, cuts)| {
        let mut at = 0;
        let mut segments = Vec::new();
        for (step, keep, bytes) in cuts {
            let end = (at + step as u64).min(base.len() as u64);
            segments.push(if keep { Segment::Keep(at..end) } else { Segment::put(bytes) });
            at = end;
        }
        (base, segments)
    })
}

fn naive(base: &[u8], segments: &[Segment]) -> Vec<u8> {
    let mut out = Vec::new();
    for segment in segments {
        match segment {
            Segment::Keep(range) => out.extend_from_slice(&base[range.start as usize..range.end as usize]),
            Segment::Put(bytes) => out.extend_from_slice(bytes),
        }
    }
    out
}

proptest! {
    #[test]
    fn every_way_of_reading_equals_the_naive_rebuild((base, segments) in base_and_segments(), cut in any::<(u16, u16)>()) {
        let expected = naive(&base, &segments);
        let splice = Splice::new(base.len() as u64, segments).unwrap();
        prop_assert_eq!(splice.len(), expected.len() as u64);

        let mut written = Vec::new();
        splice.write_to(&base, &mut written).unwrap();
        prop_assert_eq!(&written, &expected);

        let mut read = Vec::new();
        splice.reader(&base).read_to_end(&mut read).unwrap();
        prop_assert_eq!(&read, &expected);
        prop_assert!(splice.sha256(&base).unwrap() == *Sha256::digest(&expected));

        let from = usize::from(cut.0) % (expected.len() + 1);
        let to = from + usize::from(cut.1) % (expected.len() - from + 1);
        let mut part = vec![0; to - from];
        splice.over(&base).read_at(from as u64, &mut part).unwrap();
        prop_assert_eq!(&part, &expected[from..to]);

        let pieces: Vec<u8> = splice.slice(from as u64..to as u64).flat_map(|piece| match piece {
            Piece::Keep(range) => base[range.start as usize..range.end as usize].to_vec(),
            Piece::Put(bytes) => bytes.to_vec(),
        }).collect();
        prop_assert_eq!(&pieces, &expected[from..to]);
    }

    #[test]
    fn segments_are_merged_and_never_empty((base, segments) in base_and_segments()) {
        let splice = Splice::new(base.len() as u64, segments).unwrap();
        prop_assert!(splice.segments().iter().all(|segment| !segment.is_empty()));
        for pair in splice.segments().windows(2) {
            match pair {
                [Segment::Put(_), Segment::Put(_)] => prop_assert!(false, "two patches side by side"),
                [Segment::Keep(a), Segment::Keep(b)] => prop_assert!(a.end < b.start),
                _ => {}
            }
        }
    }
}

/// Ranges that moved and ranges that did not, before and after each other.
#[test]
fn a_file_is_written_like_a_stream() {
    let base: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    let put = |len| Segment::put(vec![0xEE; len]);
    for segments in [
        vec![Segment::put(b"head"), Segment::Keep(10..299_000), Segment::put(b"tail"), Segment::Keep(299_500..300_000)],
        vec![put(10), Segment::Keep(10..299_000), put(500), Segment::Keep(299_500..300_000)],
        vec![put(3), Segment::Keep(0..5000), put(7), Segment::Keep(5010..6000), Segment::Keep(9000..9001), put(2)],
        vec![Segment::Keep(0..4096), put(4096), Segment::Keep(8192..16_384), put(1), Segment::Keep(16_385..16_390)],
        vec![put(4095), Segment::Keep(4095..8193), put(1), Segment::Keep(20_000..20_001)],
        vec![put(5000), Segment::Keep(5000 + 4096..100_000)],
        vec![Segment::Keep(0..300_000)],
    ] {
        let splice = Splice::new(base.len() as u64, segments.clone()).unwrap();
        let mut base_file = tempfile::tempfile().unwrap();
        base_file.write_all(&base).unwrap();
        let mut out = tempfile::tempfile().unwrap();
        splice.write_to_file(&base_file, &mut out).unwrap();
        let mut written = Vec::new();
        out.seek(SeekFrom::Start(0)).unwrap();
        out.read_to_end(&mut written).unwrap();
        assert!(written == naive(&base, &segments), "{segments:?}");
    }
}

#[test]
fn what_is_not_a_splice_is_refused() {
    let out_of_range = Splice::new(10, [Segment::Keep(5..11)]).unwrap_err();
    assert_eq!(out_of_range.to_string(), "splice keeps 5..11 of a base of 10 bytes");
    let backwards = Splice::new(10, [Segment::Keep(5..6), Segment::Keep(2..3)]).unwrap_err();
    assert_eq!(backwards.to_string(), "splice keeps 2..3 after it kept up to 6");
}

#[test]
fn a_base_that_became_shorter_is_an_error_not_zeros() {
    let splice = Splice::new(10, [Segment::put(b"x"), Segment::Keep(2..10)]).unwrap();
    assert!(splice.write_to(b"012345".as_slice(), &mut Vec::new()).is_err());
}

#[test]
fn patches_do_not_print() {
    let splice = Splice::new(4, [Segment::put(b"secret"), Segment::Keep(0..4)]).unwrap();
    assert!(!format!("{splice:?}").contains("115"), "the bytes of a patch are shown");
}

#[test]
fn a_piece_does_not_print_its_bytes() {
    let splice = Splice::new(4, [Segment::Keep(0..4), Segment::put(*b"token")]).unwrap();
    let printed = format!("{:?}", splice.slice(0..9).collect::<Vec<_>>());
    assert_eq!(printed, "[Keep(0..4), Put(5 bytes)]");
    assert!(!printed.contains(&format!("{:?}", b"token")));
}
