//! Takes the end off a finished deflate stream, so that another one can follow it in the same member.
//!
//! libdeflate writes whole streams: the last block has BFINAL, and the stream ends wherever its last code ends, in the middle of a byte.
//! Where that block starts and ends is found by going through the codes, as an inflater does, without making the bytes (RFC 1951 §3.2).
//! Then BFINAL is cleared, and an empty stored block behind the last code ends the stream at a byte, as a sync flush of zlib does.

use std::io;

use super::codes::{Block, Code, Walk, damaged};

/// What a sync flush ends with: an empty stored block's LEN and NLEN.
const SYNC_END: [u8; 4] = [0, 0, 0xff, 0xff];

/// Replaces the end of a finished stream by one at a byte boundary and without a last block.
pub(crate) fn open_end(stream: &mut Vec<u8>) -> io::Result<()> {
    let Found { last_block, end } = find_end(stream)?;
    let byte = stream.get_mut(last_block / 8).ok_or_else(damaged)?;
    *byte &= !(1 << (last_block % 8));
    stream.truncate(end.div_ceil(8));
    let used = end % 8;
    if let (Some(byte), 1..) = (stream.last_mut(), used) {
        *byte &= (1 << used) - 1;
    }
    // BFINAL 0 and BTYPE 00 are three zero bits, then comes padding to the next byte.
    if used == 0 || used > 5 {
        stream.push(0);
    }
    stream.extend(SYNC_END);
    Ok(())
}

/// In bits from the stream's start.
struct Found {
    /// Where the last block's BFINAL is.
    last_block: usize,
    /// Where the last block ends.
    end: usize,
}

fn find_end(stream: &[u8]) -> io::Result<Found> {
    let mut walk = Walk::new(stream);
    loop {
        let last_block = walk.position();
        let (is_last, block) = walk.block()?;
        if !matches!(block, Block::Stored(_)) {
            while !matches!(walk.code()?, Code::End) {}
        }
        if is_last {
            return Ok(Found { last_block, end: walk.position() });
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Read;

    use super::*;

    pub(in crate::deflate) fn samples() -> Vec<Vec<u8>> {
        let mut state = 0x9E37_79B9_u32;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        };
        let noise: Vec<u8> = (0..200_000).map(|_| random() as u8).collect();
        let words: Vec<u8> = (0..60_000).flat_map(|_| format!("{} ", random() % 700).into_bytes()).collect();
        let mixed = [&noise[..70_000], &words[..90_000], &[0; 100_000], &noise[70_000..72_000]].concat();
        vec![vec![b'x'], b"abc".to_vec(), vec![7; 300_000], noise, words, mixed]
    }

    #[test]
    fn streams_that_were_joined_are_one() {
        for level in 1..=12 {
            let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(level).unwrap());
            let (mut joined, mut expected) = (Vec::new(), Vec::new());
            for piece in samples() {
                let mut stream = vec![0; compressor.deflate_compress_bound(piece.len())];
                let len = compressor.deflate_compress(&piece, &mut stream).unwrap();
                stream.truncate(len);
                open_end(&mut stream).unwrap();
                assert!(stream.ends_with(&SYNC_END));
                joined.extend(stream);
                expected.extend(piece);
            }
            joined.extend([3, 0]);
            let mut inflated = Vec::new();
            flate2::read::DeflateDecoder::new(joined.as_slice()).read_to_end(&mut inflated).unwrap();
            assert!(inflated == expected, "{level}");
        }
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        for stream in [&[][..], &[7], &[1, 5, 0, 0xfa, 0xff, 1], &[4, 0xff, 0xff, 0xff], &[5, 0, 0, 0, 0, 0]] {
            assert!(open_end(&mut stream.to_vec()).is_err(), "{stream:?}");
        }
    }
}
