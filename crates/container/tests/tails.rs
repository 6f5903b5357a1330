//! Laws of the compressed streams whose last block can be replaced, for each codec, and their judges.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::{self, Cursor, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use container::{Error, ReadAt, gzip, xz, zst};
use proptest::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Codec {
    Gzip,
    Xz,
    Zst,
}

const CODECS: [Codec; 3] = [Codec::Gzip, Codec::Xz, Codec::Zst];

impl Codec {
    fn stream(self, prefix: &[u8], tail: &[u8]) -> Vec<u8> {
        match self {
            Self::Gzip => {
                let mut w = gzip::TailWriter::new(Cursor::new(Vec::new()), 6).unwrap();
                w.write_all(prefix).unwrap();
                w.finish_with_tail(tail).unwrap().into_inner()
            }
            Self::Xz => {
                let mut w = xz::Writer::new(Vec::new(), xz::Code::X86).unwrap();
                w.write_all(prefix).unwrap();
                w.finish_with_tail(tail).unwrap()
            }
            Self::Zst => {
                let mut w = zst::Writer::new(Vec::new(), 3).unwrap();
                w.write_all(prefix).unwrap();
                w.finish_with_tail(tail).unwrap()
            }
        }
    }

    fn decode(self, stream: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        match self {
            Self::Gzip => gzip::decode(stream).read_to_end(&mut out)?,
            Self::Xz => xz::decode(stream).read_to_end(&mut out)?,
            Self::Zst => zst::decode(stream)?.read_to_end(&mut out)?,
        };
        Ok(out)
    }

    /// The tail that is there, and the stream with another one.
    fn replace(self, file: &[u8], start: u64, len: u64, tail: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let (found, (keep, put)) = match self {
            Self::Gzip => {
                let t = gzip::Tail::open(file, start, len)?;
                (t.bytes().to_vec(), t.replace(tail).unwrap())
            }
            Self::Xz => {
                let t = xz::Tail::open(file, start, len)?;
                (t.bytes().to_vec(), t.replace(tail).unwrap())
            }
            Self::Zst => {
                let t = zst::Tail::open(file, start, len)?;
                (t.bytes().to_vec(), t.replace(tail).unwrap())
            }
        };
        assert!(keep <= len);
        let start = usize::try_from(start).unwrap();
        let mut out = file[start..start + usize::try_from(keep).unwrap()].to_vec();
        out.extend(put);
        Ok((found, out))
    }

    const fn judge(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zst => "zstd",
        }
    }
}

/// Bytes that compress about as well as a program.
fn program(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let word = (state >> 33).to_le_bytes();
        if state >> 62 == 0 && out.len() > 64 {
            let from = (state >> 20) as usize % (out.len() - 32);
            out.extend_from_within(from..from + 32);
        } else {
            out.extend(&word[..4]);
            out.extend(b"\xe8\x10\x00\x00");
        }
    }
    out.truncate(len);
    out
}

fn cases() -> Vec<(Vec<u8>, Vec<u8>)> {
    let chunk = gzip::CHUNK_BYTES;
    let prefixes = [0, 1, 511, 512, chunk - 1, chunk, chunk + 1, 3 * chunk + 17];
    let tails = [0, 1, 1024, 8191, 65535];
    let pair = |(n, prefix): (usize, usize)| (program(prefix, n as u64), program(tails[n % tails.len()], 99));
    prefixes.into_iter().enumerate().map(pair).collect()
}

#[test]
fn a_replaced_tail_gives_the_stream_that_would_have_been_written() {
    for codec in CODECS {
        for (prefix, tail) in cases() {
            let old = codec.stream(&prefix, &tail);
            let whole: Vec<u8> = [&prefix[..], &tail[..]].concat();
            assert_eq!(codec.decode(&old).unwrap(), whole, "{codec:?}");
            let mut file = b"something before".to_vec();
            file.extend(&old);
            file.extend(b"something after");
            for new in [&b""[..], b"x", &program(4096, 5), &program(65535, 6)] {
                let (found, stamped) = codec.replace(&file, 16, old.len() as u64, new).unwrap();
                assert_eq!(found, tail, "{codec:?}");
                assert_eq!(stamped, codec.stream(&prefix, new), "{codec:?}");
                let (found, again) = codec.replace(&stamped, 0, stamped.len() as u64, &tail).unwrap();
                assert_eq!(found, new);
                assert_eq!(again, old, "{codec:?}");
            }
        }
    }
}

/// Tails of whole blocks of 512 bytes, as archives have them, are found without the walk, and are the same.
#[test]
fn a_zstd_tail_is_found_from_the_end() {
    for blocks in [0, 2, 4, 11, 127] {
        let mut tail = program(512 * blocks, 4);
        tail.iter_mut().for_each(|byte| *byte |= 2);
        let stream = Codec::Zst.stream(&program(300_000, 1), &tail);
        let file = [b"before", &stream[..], b"after"].concat();
        let quick = zst::Tail::open_from_end(&file, 6, stream.len() as u64, 512).unwrap();
        let walked = zst::Tail::open(&file, 6, stream.len() as u64).unwrap();
        assert_eq!(quick.bytes(), tail);
        assert_eq!(quick.replace(b"x").unwrap(), walked.replace(b"x").unwrap());
        for len in 0..stream.len().min(700) {
            let _ = zst::Tail::open_from_end(&stream[..len], 0, len as u64, 512);
        }
    }
    // Two places that could be it: the walk decides.
    let inner = [&(1024u32 << 3 | 1).to_le_bytes()[..3], &[0; 1024]].concat();
    let tail = [&vec![0; 2048 - inner.len()], &inner[..]].concat();
    let stream = Codec::Zst.stream(b"prefix", &tail);
    let found = zst::Tail::open_from_end(&stream, 0, stream.len() as u64, 512).unwrap();
    assert_eq!(found.bytes(), tail);
}

#[test]
fn the_number_of_threads_does_not_show() {
    let data = program(5 * gzip::CHUNK_BYTES + 3, 1);
    // More than one block, of something that is quick to encode.
    let long: Vec<u8> = data[..4099].iter().copied().cycle().take(xz::BLOCK_BYTES + 4321).collect();
    let gzip_with = |threads| {
        let mut w = gzip::Writer::with_threads(Vec::new(), 6, threads).unwrap();
        w.write_all(&data).unwrap();
        w.finish().unwrap()
    };
    assert_eq!(gzip_with(1), gzip_with(7));
    let xz_with = |threads| {
        let mut w = xz::Writer::with_threads(Vec::new(), xz::Code::X86, threads).unwrap();
        w.write_all(&long).unwrap();
        w.finish_with_tail(b"tail").unwrap()
    };
    let both = xz_with(2);
    assert_eq!(xz_with(1), both);
    assert_eq!(Codec::Xz.decode(&both).unwrap().len(), long.len() + 4);
    let zst_with = |threads, piece| {
        let mut w = zst::Writer::with_threads(Vec::new(), 3, threads).unwrap();
        long.chunks(piece).for_each(|piece| w.write_all(piece).unwrap());
        w.finish_with_tail(b"tail").unwrap()
    };
    assert_eq!(zst_with(1, 1 << 20), zst_with(4, 54_321));
}

#[test]
fn the_plain_gzip_form_has_no_extra_field() {
    let data = program(gzip::CHUNK_BYTES + 9, 3);
    let mut w = gzip::Writer::new(Vec::new(), 9).unwrap();
    w.write_all(&data).unwrap();
    let stream = w.finish().unwrap();
    assert_eq!(stream[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3]);
    assert_eq!(Codec::Gzip.decode(&stream).unwrap(), data);
    judged(Codec::Gzip, &stream, &data);
    let error = gzip::Tail::open(&stream, 0, stream.len() as u64).unwrap_err().to_string();
    assert_eq!(error, "gzip header at 0x3: the index of the tail, an extra field `Sw`, is missing");
    let empty = gzip::Writer::new(Vec::new(), 6).unwrap().finish().unwrap();
    judged(Codec::Gzip, &empty, b"");
}

/// The codec's own program decodes the stream to `expected`.
fn judged(codec: Codec, stream: &[u8], expected: &[u8]) {
    let judge = Command::new(codec.judge()).arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut judge = match judge {
        Ok(judge) => judge,
        Err(e) => {
            let required = std::env::vars_os()
                .any(|(k, v)| (k == "CI" && v == "true") || (k == "STAMPWRIGHT_JUDGES" && v == "required"));
            assert!(!required, "the judge {} is missing: {e}", codec.judge());
            eprintln!("not judged: {} is missing", codec.judge());
            return;
        }
    };
    let mut stdin = judge.stdin.take().unwrap();
    let stream = stream.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&stream));
    let out = judge.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    assert!(out.status.success(), "{codec:?}");
    assert!(out.stdout == expected, "{codec:?}: the judge decodes something else");
}

#[test]
fn the_codecs_own_programs_decode_a_replaced_tail() {
    for codec in CODECS {
        for (prefix, tail) in cases() {
            let old = codec.stream(&prefix, &tail);
            let (_, new) = codec.replace(&old, 0, old.len() as u64, b"another tail").unwrap();
            judged(codec, &new, &[&prefix[..], b"another tail"].concat());
        }
    }
}

#[test]
fn what_dpkg_would_silently_drop_is_refused() {
    for codec in CODECS {
        let one = codec.stream(b"first", b"tail");
        let two = [&one[..], &one[..]].concat();
        let error = codec.decode(&two).unwrap_err().to_string();
        assert!(error.contains("dpkg would silently ignore"), "{codec:?}: {error}");
        assert!(codec.replace(&two, 0, two.len() as u64, b"").is_err(), "{codec:?}");
        let padded = [&one[..], &[0; 4]].concat();
        assert!(codec.decode(&padded).is_err(), "{codec:?}");
        assert!(codec.replace(&padded, 0, padded.len() as u64, b"").is_err(), "{codec:?}");
    }
}

#[test]
fn every_truncation_is_refused() {
    for codec in CODECS {
        let stream = codec.stream(&program(700, 1), b"a tail");
        for len in 0..stream.len() {
            assert!(codec.decode(&stream[..len]).is_err(), "{codec:?}, {len} bytes decoded");
            assert!(codec.replace(&stream[..len], 0, len as u64, b"").is_err(), "{codec:?}, {len} bytes opened");
        }
    }
}

/// Every bit of a small stream is flipped: an error, or (where a codec has no checksum, and in header bits without a
/// meaning) other bytes; never a panic, never slow.
#[test]
fn every_flipped_bit_is_an_error_or_harmless() {
    let start = Instant::now();
    for codec in CODECS {
        let prefix = program(700, 1);
        let stream = codec.stream(&prefix, b"a tail");
        let whole = [&prefix[..], b"a tail"].concat();
        for bit in 0..stream.len() * 8 {
            let mut bad = stream.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            if let Ok(decoded) = codec.decode(&bad) {
                assert!(codec == Codec::Zst || decoded == whole, "{codec:?}, bit {bit}");
            }
            if let Ok((tail, _)) = codec.replace(&bad, 0, bad.len() as u64, b"") {
                assert!(codec == Codec::Zst || tail == b"a tail", "{codec:?}, bit {bit}");
            }
        }
    }
    assert!(start.elapsed() < Duration::from_secs(30));
}

/// A length that lies costs no memory and no time.
#[test]
fn lying_lengths_are_refused_at_once() {
    struct Endless;
    impl ReadAt for Endless {
        fn len(&self) -> u64 {
            1 << 40
        }
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
            buf.fill(0);
            // A zstd frame of empty raw blocks without end.
            let header = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x58];
            for (at, byte) in buf.iter_mut().enumerate() {
                let offset = usize::try_from(offset).unwrap();
                *byte = header.get(offset + at).copied().unwrap_or(0);
            }
            Ok(())
        }
    }
    let start = Instant::now();
    let error = zst::Tail::open(&Endless, 0, 1 << 40).unwrap_err().to_string();
    assert!(error.contains("number of blocks is 131073, must be 131072 at most"), "{error}");
    assert!(xz::Tail::open(&Endless, 0, 1 << 40).is_err());
    assert!(gzip::Tail::open(&Endless, 0, 1 << 40).is_err());
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_tail_too_long_for_one_block_is_refused() {
    let long = vec![0; 65536];
    assert!(gzip::TailWriter::new(Cursor::new(Vec::new()), 6).unwrap().finish_with_tail(&long).is_err());
    assert!(xz::Writer::new(Vec::new(), xz::Code::Other).unwrap().finish_with_tail(&long).is_err());
    assert!(zst::Writer::new(Vec::new(), 3).unwrap().finish_with_tail(&long).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_prefix_and_any_tail(
        prefix in proptest::collection::vec(0u8..4, 0..3000),
        old in proptest::collection::vec(any::<u8>(), 0..600),
        new in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        for codec in CODECS {
            let base = codec.stream(&prefix, &old);
            let (found, stamped) = codec.replace(&base, 0, base.len() as u64, &new).unwrap();
            prop_assert_eq!(&found, &old);
            prop_assert_eq!(codec.decode(&stamped).unwrap(), [&prefix[..], &new[..]].concat());
        }
    }

    #[test]
    fn damage_never_panics(
        seed in any::<u64>(),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
    ) {
        for codec in CODECS {
            let mut stream = codec.stream(&program(3000, seed), b"tail");
            for (at, byte) in &damage {
                let at = at.index(stream.len());
                stream[at] = *byte;
            }
            let _ = codec.decode(&stream);
            let _ = codec.replace(&stream, 0, stream.len() as u64, b"other");
        }
    }
}

/// What comes before the tail can be written out first, which changes no byte: so a digest can be taken between the two. And
/// a tail whose place is known is found there, and nowhere else.
#[test]
fn a_tail_is_found_at_a_place_that_was_noted() {
    for prefix in [program(0, 1), program(300_000, 2)] {
        let (tail, new) = (program(124, 3), program(300, 4));
        let mut w = gzip::PrefixWriter::new(Vec::new(), 6).unwrap();
        w.write_all(&prefix).unwrap();
        let before = w.settle().unwrap().len() as u64;
        let (stream, noted) = w.finish_with_tail(&tail).unwrap();
        assert_eq!((noted.tail_offset, noted.len), (before, prefix.len() as u64));
        assert_eq!(Codec::Gzip.decode(&stream).unwrap(), [&prefix[..], &tail[..]].concat());
        let found = gzip::Tail::at(&stream, 0, stream.len() as u64, noted).unwrap();
        assert_eq!(found.bytes(), tail);
        let (keep, put) = found.replace(&new).unwrap();
        let stamped = [&stream[..keep as usize], &put[..]].concat();
        judged(Codec::Gzip, &stamped, &[&prefix[..], &new[..]].concat());
        for wrong in [0, before - 1, before + 1, u64::MAX] {
            let elsewhere = gzip::Prefix { tail_offset: wrong, ..noted };
            assert!(gzip::Tail::at(&stream, 0, stream.len() as u64, elsewhere).is_err(), "{wrong}");
        }
        let other = gzip::Prefix { crc: !noted.crc, ..noted };
        assert!(gzip::Tail::at(&stream, 0, stream.len() as u64, other).is_err());

        let mut w = zst::Writer::new(Vec::new(), 3).unwrap();
        w.write_all(&prefix).unwrap();
        let before = w.settle().unwrap().len() as u64;
        let stream = w.finish_with_tail(&tail).unwrap();
        assert_eq!(stream, Codec::Zst.stream(&prefix, &tail));
        let found = zst::Tail::at(&stream, 0, stream.len() as u64, before).unwrap();
        assert_eq!((found.bytes(), found.replace(&new).unwrap().0), (&tail[..], before));
        for wrong in [0, 5, before - 1, before + 1, u64::MAX] {
            assert!(zst::Tail::at(&stream, 0, stream.len() as u64, wrong).is_err(), "{wrong}");
        }

        let mut w = xz::Writer::new(Vec::new(), xz::Code::X86).unwrap();
        w.write_all(&prefix).unwrap();
        let before = w.settle().unwrap().len() as u64;
        let stream = w.finish_with_tail(&tail).unwrap();
        assert_eq!(stream, Codec::Xz.stream(&prefix, &tail));
        let found = xz::Tail::open(&stream, 0, stream.len() as u64).unwrap();
        assert_eq!(found.replace(&new).unwrap().0, before);
    }
}
