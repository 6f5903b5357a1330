//! Takes the end off a finished deflate stream, so that another one can follow it in the same member.
//!
//! libdeflate writes whole streams: the last block has BFINAL, and the stream ends wherever its last code ends, in the middle of a byte.
//! Where that block starts and ends is found by going through the codes, as an inflater does, without making the bytes (RFC 1951 §3.2).
//! Then BFINAL is cleared, and an empty stored block behind the last code ends the stream at a byte, as a sync flush of zlib does.

use std::io;

use super::header::SYNC_END;

/// §3.2.7: the order in which the lengths of the code length code stand.
const ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// §3.2.5: literals and lengths, then distances.
const LITERALS: usize = 288;
const DISTANCES: usize = 32;
const END_OF_BLOCK: u16 = 256;
const LAST_LENGTH: u16 = 285;
/// The longest code.
const LONGEST: usize = 15;

/// Replaces the end of a finished stream by one at a byte boundary and without a last block.
pub(super) fn open_end(stream: &mut Vec<u8>) -> io::Result<()> {
    let Found { last_block, end } = Walk::new(stream).find_end()?;
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

/// Bits from the least significant on, and the tables of the block.
struct Walk<'s> {
    bytes: &'s [u8],
    /// The next byte that is not in `hold` yet.
    at: usize,
    hold: u64,
    count: u32,
    literals: Table,
    distances: Table,
}

/// A code by the next bits of the stream: the symbol times 16, and the length of its code; 0 where there is none.
#[derive(Default)]
struct Table {
    entries: Vec<u16>,
    mask: u64,
}

impl<'s> Walk<'s> {
    fn new(bytes: &'s [u8]) -> Self {
        Self { bytes, at: 0, hold: 0, count: 0, literals: Table::default(), distances: Table::default() }
    }

    fn find_end(mut self) -> io::Result<Found> {
        loop {
            let start = self.position();
            let is_last = self.take(1)? == 1;
            match self.take(2)? {
                0 => self.stored()?,
                1 => {
                    self.fixed()?;
                    self.codes()?;
                }
                2 => {
                    self.dynamic()?;
                    self.codes()?;
                }
                _ => return Err(damaged()),
            }
            if is_last {
                return Ok(Found { last_block: start, end: self.position() });
            }
        }
    }

    const fn position(&self) -> usize {
        self.at * 8 - self.count as usize
    }

    /// Takes in as many bytes as fit: at least 57 bits, unless the stream ends.
    fn refill(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if let Some(eight) = rest.first_chunk::<8>() {
            self.hold |= u64::from_le_bytes(*eight) << self.count;
            let taken = (63 - self.count) / 8;
            self.at += taken as usize;
            self.count += taken * 8;
            return;
        }
        for byte in rest {
            if self.count > 55 {
                return;
            }
            self.hold |= u64::from(*byte) << self.count;
            self.at += 1;
            self.count += 8;
        }
    }

    fn skip(&mut self, bits: u32) -> io::Result<()> {
        self.count = self.count.checked_sub(bits).ok_or_else(damaged)?;
        self.hold >>= bits;
        Ok(())
    }

    /// At most 16 bits.
    fn take(&mut self, bits: u32) -> io::Result<usize> {
        self.refill();
        let value = self.hold & ((1 << bits) - 1);
        self.skip(bits)?;
        Ok(value as usize)
    }

    /// §3.2.4.
    fn stored(&mut self) -> io::Result<()> {
        self.skip(self.count % 8)?;
        let len = self.take(16)?;
        self.take(16)?;
        let next = self.position() / 8 + len;
        if next > self.bytes.len() {
            return Err(damaged());
        }
        (self.at, self.hold, self.count) = (next, 0, 0);
        Ok(())
    }

    /// §3.2.6.
    fn fixed(&mut self) -> io::Result<()> {
        let lengths: Vec<u8> = (0..LITERALS)
            .map(|symbol| match symbol {
                144..256 => 9,
                256..280 => 7,
                _ => 8,
            })
            .collect();
        self.literals.fill(&lengths)?;
        self.distances.fill(&[5; DISTANCES])
    }

    /// §3.2.7.
    fn dynamic(&mut self) -> io::Result<()> {
        let (literals, distances, codes) = (self.take(5)? + 257, self.take(5)? + 1, self.take(4)? + 4);
        let mut lengths = [0; 19];
        for symbol in ORDER.iter().take(codes) {
            let length = self.take(3)?;
            if let Some(place) = lengths.get_mut(usize::from(*symbol)) {
                *place = length as u8;
            }
        }
        let mut code = Table::default();
        code.fill(&lengths)?;
        let mut lengths: Vec<u8> = Vec::with_capacity(literals + distances);
        while lengths.len() < literals + distances {
            self.refill();
            let (value, times) = match self.symbol(&code)? {
                16 => (*lengths.last().ok_or_else(damaged)?, 3 + self.take(2)?),
                17 => (0, 3 + self.take(3)?),
                18 => (0, 11 + self.take(7)?),
                length => (length as u8, 1),
            };
            lengths.extend(std::iter::repeat_n(value, times));
        }
        let (literals, distances) = lengths.split_at_checked(literals).ok_or_else(damaged)?;
        self.literals.fill(literals)?;
        self.distances.fill(distances)
    }

    /// The next code's symbol, of bits that are in `hold`.
    fn symbol(&mut self, table: &Table) -> io::Result<u16> {
        let entry = table.entries.get((self.hold & table.mask) as usize).copied().unwrap_or_default();
        if entry == 0 {
            return Err(damaged());
        }
        self.skip(u32::from(entry & 15))?;
        Ok(entry >> 4)
    }

    /// The codes of a block, to its end.
    fn codes(&mut self) -> io::Result<()> {
        let (literals, distances) = (std::mem::take(&mut self.literals), std::mem::take(&mut self.distances));
        loop {
            // The longest: a length of 15 and 5 bits, a distance of 15 and 13.
            self.refill();
            let symbol = self.symbol(&literals)?;
            if symbol < END_OF_BLOCK {
                continue;
            }
            if symbol == END_OF_BLOCK {
                break;
            }
            if symbol > LAST_LENGTH {
                return Err(damaged());
            }
            // Four symbols for each number of extra bits, but for the first eight and the last one.
            let extra = if symbol == LAST_LENGTH { 0 } else { u32::from(symbol - 257).saturating_sub(4) / 4 };
            self.skip(extra)?;
            let distance = u32::from(self.symbol(&distances)?);
            if distance > 29 {
                return Err(damaged());
            }
            self.skip(distance.saturating_sub(2) / 2)?;
        }
        (self.literals, self.distances) = (literals, distances);
        Ok(())
    }
}

impl Table {
    /// §3.2.2: the codes of symbols with these lengths.
    fn fill(&mut self, lengths: &[u8]) -> io::Result<()> {
        let longest = lengths.iter().copied().max().unwrap_or_default().into();
        if longest > LONGEST {
            return Err(damaged());
        }
        let size = 1_usize << longest;
        self.mask = size as u64 - 1;
        self.entries.clear();
        self.entries.resize(size, 0);
        let mut code = 0_usize;
        for length in 1..=longest {
            for (symbol, _) in lengths.iter().enumerate().filter(|(_, other)| usize::from(**other) == length) {
                // Codes stand with their most significant bit first, everything else with the least.
                let first = code.reverse_bits() >> (usize::BITS as usize - length);
                let entry = (symbol << 4 | length) as u16;
                for place in self.entries.iter_mut().skip(first).step_by(1 << length) {
                    *place = entry;
                }
                code += 1;
            }
            if code > 1 << length {
                return Err(damaged());
            }
            code <<= 1;
        }
        Ok(())
    }
}

/// It was made a moment ago, so this is a mistake of the program's.
fn damaged() -> io::Error {
    io::Error::other("the deflate stream does not read back")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn pieces() -> Vec<Vec<u8>> {
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
            for piece in pieces() {
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
