//! Cuts a finished deflate stream into streams of their own, each of so many bytes, whose window starts with the bytes before it.
//!
//! ```text
//! stream   ┤ header, codes … ┼ … codes, end ├ header, codes …          libdeflate's blocks: up to 300 KB of input
//! pieces   ┤ header, codes … end ┤ header, … codes, end ┼ header, …    each a stream; a block that goes on has its header again
//! ```
//!
//! Codes and headers are copied as they are, bit by bit. A copy that goes beyond the end of a piece becomes two, each in a block of fixed
//! codes (RFC 1951 §3.2.6) of its own: the block's codes need not have these lengths.

use std::io;
use std::ops::Range;

use super::codes::{Block, Code, Distance, LENGTHS, Walk, damaged, length_bits};

/// The shortest copy.
const SHORTEST: usize = 3;

/// Gives each piece, deflated and raw, to `take`; `raw` is what `stream` inflates to.
pub(crate) fn cut(stream: &[u8], raw: &[u8], piece_bytes: usize, take: &mut dyn FnMut(&[u8], &[u8])) -> io::Result<()> {
    let end = raw.len().min(piece_bytes);
    let mut cutter =
        Cutter { stream, raw, piece_bytes, piece: 0..end, raw_at: 0, out: Bits::default(), last_block: 0, take };
    let mut walk = Walk::new(stream);
    loop {
        let start = walk.position() + 3;
        let (is_last, block) = walk.block()?;
        match block {
            Block::Stored(len) => cutter.stored(len)?,
            Block::Fixed => cutter.codes(&mut walk, 1, start)?,
            Block::Dynamic => cutter.codes(&mut walk, 2, start)?,
        }
        if is_last {
            break;
        }
    }
    if cutter.raw_at == raw.len() { Ok(()) } else { Err(damaged()) }
}

struct Cutter<'a> {
    stream: &'a [u8],
    raw: &'a [u8],
    piece_bytes: usize,
    /// Where the piece that is being made lies in `raw`.
    piece: Range<usize>,
    /// How much of `raw` has been gone through.
    raw_at: usize,
    /// The piece so far, without the bit that its last block has.
    out: Bits,
    /// Where that bit will be.
    last_block: usize,
    take: &'a mut dyn FnMut(&[u8], &[u8]),
}

impl Cutter<'_> {
    /// A block of codes; its header starts at a bit of the stream and ends where the walk is.
    fn codes(&mut self, walk: &mut Walk<'_>, kind: u64, header: usize) -> io::Result<()> {
        let header = header..walk.position();
        let end_code = walk.end_code()?;
        // Where the codes begin that are not copied yet; none: the block is not in this piece.
        let mut from = None;
        loop {
            let at = walk.position();
            let (len, copied) = match walk.code()? {
                Code::Literal => (1, None),
                Code::Copy { length, distance } => (length, Some(distance)),
                Code::End => {
                    self.close(from.take(), at, end_code);
                    return Ok(());
                }
            };
            let next = self.raw_at + len;
            if next > self.piece.end {
                self.close(from.take(), at, end_code);
                self.split(next, copied.ok_or_else(damaged)?)?;
                continue;
            }
            let start = *from.get_or_insert_with(|| {
                self.begin(kind);
                self.out.copy(self.stream, header.clone());
                at
            });
            if next == self.piece.end {
                self.close(Some(start), walk.position(), end_code);
                from = None;
            }
            self.advance(len)?;
        }
    }

    /// Begins a block of a type (§3.2.3).
    fn begin(&mut self, kind: u64) {
        self.last_block = self.out.position();
        self.out.put(kind << 1, 3);
    }

    /// Copies the codes of a block that is in this piece, and ends it.
    fn close(&mut self, from: Option<usize>, to: usize, (code, bits): (u64, u32)) {
        if let Some(from) = from {
            self.out.copy(self.stream, from..to);
            self.out.put(code, bits);
        }
    }

    /// A copy that goes beyond the piece, to `next`: a part for each piece that it is in.
    fn split(&mut self, next: usize, distance: Distance) -> io::Result<()> {
        while self.raw_at < next {
            let len = next.min(self.piece.end) - self.raw_at;
            let raw = self.raw.get(self.raw_at..self.raw_at + len).filter(|raw| !raw.is_empty()).ok_or_else(damaged)?;
            self.begin(1);
            if len < SHORTEST {
                raw.iter().for_each(|byte| self.out.fixed(u64::from(*byte)));
            } else {
                self.out.fixed_copy(len, distance)?;
            }
            self.out.put(0, 7);
            self.advance(len)?;
        }
        Ok(())
    }

    /// A stored block: one for each piece that it is in.
    fn stored(&mut self, len: usize) -> io::Result<()> {
        let mut left = len;
        while left > 0 {
            let len = left.min(self.piece.end - self.raw_at);
            let raw = self.raw.get(self.raw_at..self.raw_at + len).filter(|raw| !raw.is_empty()).ok_or_else(damaged)?;
            self.begin(0);
            self.out.stored(raw)?;
            self.advance(len)?;
            left -= len;
        }
        Ok(())
    }

    /// Goes on in `raw`; at the piece's end, gives it away.
    fn advance(&mut self, len: usize) -> io::Result<()> {
        self.raw_at += len;
        if self.raw_at < self.piece.end {
            return Ok(());
        }
        let raw = self.raw.get(self.piece.clone()).ok_or_else(damaged)?;
        let mut deflated = std::mem::take(&mut self.out).finish();
        *deflated.get_mut(self.last_block / 8).ok_or_else(damaged)? |= 1 << (self.last_block % 8);
        (self.take)(&deflated, raw);
        self.piece = self.raw_at..self.raw.len().min(self.raw_at + self.piece_bytes);
        Ok(())
    }
}

/// What is written, bits from the least significant on.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// Fewer than 32 between two calls.
    hold: u64,
    count: u32,
}

impl Bits {
    const fn position(&self) -> usize {
        self.bytes.len() * 8 + self.count as usize
    }

    /// At most 32 bits; there are no others in `value`.
    fn put(&mut self, value: u64, bits: u32) {
        self.hold |= value << self.count;
        self.count += bits;
        if self.count >= 32 {
            self.bytes.extend((self.hold as u32).to_le_bytes());
            self.hold >>= 32;
            self.count -= 32;
        }
    }

    /// A code: its most significant bit comes first.
    fn code(&mut self, code: u64, bits: u32) {
        self.put(code.reverse_bits() >> (u64::BITS - bits), bits);
    }

    /// Copies bits of another stream.
    fn copy(&mut self, from: &[u8], bits: Range<usize>) {
        let mut at = bits.start;
        while at < bits.end {
            let len = (bits.end - at).min(32) as u32;
            let rest = from.get(at / 8..).unwrap_or_default();
            let word = match rest.first_chunk::<8>() {
                Some(eight) => u64::from_le_bytes(*eight),
                None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
            };
            self.put((word >> (at % 8)) & ((1 << len) - 1), len);
            at += len as usize;
        }
    }

    /// §3.2.6: a literal or length by its fixed code.
    fn fixed(&mut self, symbol: u64) {
        match symbol {
            0..144 => self.code(0x30 + symbol, 8),
            144..256 => self.code(0x190 + symbol - 144, 9),
            256..280 => self.code(symbol - 256, 7),
            _ => self.code(0xC0 + symbol - 280, 8),
        }
    }

    fn fixed_copy(&mut self, len: usize, distance: Distance) -> io::Result<()> {
        let index = LENGTHS.partition_point(|shortest| usize::from(*shortest) <= len).saturating_sub(1);
        let shortest = *LENGTHS.get(index).ok_or_else(damaged)?;
        self.fixed(257 + index as u64);
        self.put((len - usize::from(shortest)) as u64, length_bits(index));
        self.code(distance.symbol.into(), 5);
        self.put(distance.extra, distance.extra_bits());
        Ok(())
    }

    /// §3.2.4, behind the block's type.
    fn stored(&mut self, raw: &[u8]) -> io::Result<()> {
        let len = u16::try_from(raw.len()).map_err(|_| damaged())?;
        *self = Self { bytes: std::mem::take(self).finish(), ..Self::default() };
        self.bytes.extend(len.to_le_bytes());
        self.bytes.extend((!len).to_le_bytes());
        self.bytes.extend(raw);
        Ok(())
    }

    /// Padded to a byte.
    fn finish(mut self) -> Vec<u8> {
        let bytes = self.count.div_ceil(8) as usize;
        self.bytes.extend(self.hold.to_le_bytes().into_iter().take(bytes));
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Decompress, FlushDecompress, Status};

    use super::*;
    use crate::deflate::join::tests::samples;

    const PIECE: usize = 32 << 10;

    /// Inflates a stream of its own behind a window.
    fn inflate(window: &[u8], deflated: &[u8], len: usize) -> Vec<u8> {
        let mut inflater = Decompress::new(false);
        if let Ok(window_len) = u16::try_from(window.len()) {
            let stored = [&[0][..], &window_len.to_le_bytes(), &(!window_len).to_le_bytes(), window].concat();
            let mut out = Vec::with_capacity(window.len() + 1);
            inflater.decompress_vec(&stored, &mut out, FlushDecompress::Sync).unwrap();
            assert_eq!(out, window);
        }
        let before = inflater.total_in();
        let mut out = Vec::with_capacity(len + 1);
        let status = inflater.decompress_vec(deflated, &mut out, FlushDecompress::Finish).unwrap();
        assert_eq!((status, inflater.total_in() - before), (Status::StreamEnd, deflated.len() as u64));
        out
    }

    fn check(stream: &[u8], raw: &[u8], piece_bytes: usize) {
        let (mut at, mut lens) = (0, Vec::new());
        cut(stream, raw, piece_bytes, &mut |deflated, piece| {
            let window = &raw[at - at.min(PIECE)..at];
            assert!(inflate(window, deflated, piece.len()) == piece, "{at}");
            assert_eq!(&raw[at..at + piece.len()], piece);
            at += piece.len();
            lens.push(piece.len());
        })
        .unwrap();
        assert_eq!(at, raw.len());
        assert!(lens.iter().rev().skip(1).all(|len| *len == piece_bytes), "{lens:?}");
    }

    #[test]
    fn each_piece_inflates_behind_the_one_before() {
        for level in [0, 1, 6, 9, 12] {
            let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(level).unwrap());
            for raw in samples() {
                let mut stream = vec![0; compressor.deflate_compress_bound(raw.len())];
                let len = compressor.deflate_compress(&raw, &mut stream).unwrap();
                check(&stream[..len], &raw, PIECE);
            }
            // Copies that go beyond more than one piece.
            let raw = [&b"abcd".repeat(300)[..], &[7; 900], &[0xEE; 2], b"abcdabcd"].concat();
            let mut stream = vec![0; compressor.deflate_compress_bound(raw.len())];
            let len = compressor.deflate_compress(&raw, &mut stream).unwrap();
            for piece_bytes in [1, 2, 3, 7, 100, 259, 1000] {
                check(&stream[..len], &raw, piece_bytes);
            }
        }
    }

    #[test]
    fn nothing_is_no_piece() {
        cut(&[3, 0], &[], PIECE, &mut |_, _| panic!("a piece")).unwrap();
    }

    #[test]
    fn another_stream_than_the_bytes_is_refused() {
        let raw = samples().remove(1);
        for other in [&[][..], &[3, 0], &[7], &[5, 0, 0, 0, 0, 0]] {
            assert!(cut(other, &raw, PIECE, &mut |_, _| {}).is_err(), "{other:?}");
        }
    }
}
