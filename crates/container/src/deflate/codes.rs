//! The codes of a stream that was made a moment ago, one after the other (RFC 1951 §3.2).

use std::io;

/// §3.2.7: the order in which the lengths of the code length code stand.
const ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// §3.2.5: literals and lengths, then distances.
const LITERALS: usize = 288;
const DISTANCES: usize = 32;
const END_OF_BLOCK: u16 = 256;
/// §3.2.5: the shortest length of each symbol from 257 on.
pub(super) const LENGTHS: [u16; 29] =
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
/// The longest code.
const LONGEST: usize = 15;

/// Bits from the least significant on, and the tables of the block.
pub(super) struct Walk<'s> {
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

/// How a block begins; for all but a stored one the walk stands before its first code then.
pub(super) enum Block {
    /// As many bytes as they are; the walk stands behind them.
    Stored(usize),
    Fixed,
    Dynamic,
}

/// One code, or two.
pub(super) enum Code {
    Literal,
    Copy { length: usize, distance: Distance },
    End,
}

/// How far a copy looks back: the symbol, and the value of its extra bits.
#[derive(Clone, Copy)]
pub(super) struct Distance {
    pub(super) symbol: u16,
    pub(super) extra: u64,
}

impl Distance {
    /// §3.2.5: two symbols for each number of extra bits, but for the first four.
    pub(super) const fn extra_bits(self) -> u32 {
        (self.symbol as u32).saturating_sub(2) / 2
    }
}

/// §3.2.5: four symbols for each number of extra bits, but for the first eight and the last one. `index` counts from symbol 257.
pub(super) const fn length_bits(index: usize) -> u32 {
    if index + 1 >= LENGTHS.len() { 0 } else { (index as u32).saturating_sub(4) / 4 }
}

impl<'s> Walk<'s> {
    pub(super) fn new(bytes: &'s [u8]) -> Self {
        Self { bytes, at: 0, hold: 0, count: 0, literals: Table::default(), distances: Table::default() }
    }

    /// In bits from the stream's start.
    pub(super) const fn position(&self) -> usize {
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

    /// Of what is in `hold`.
    fn held(&mut self, bits: u32) -> io::Result<u64> {
        let value = self.hold & ((1 << bits) - 1);
        self.skip(bits)?;
        Ok(value)
    }

    /// At most 16 bits.
    fn take(&mut self, bits: u32) -> io::Result<usize> {
        self.refill();
        Ok(self.held(bits)? as usize)
    }

    /// Whether it is the last block (§3.2.3), and its beginning.
    pub(super) fn block(&mut self) -> io::Result<(bool, Block)> {
        let is_last = self.take(1)? == 1;
        let block = match self.take(2)? {
            0 => Block::Stored(self.stored()?),
            1 => {
                self.fixed()?;
                Block::Fixed
            }
            2 => {
                self.dynamic()?;
                Block::Dynamic
            }
            _ => return Err(damaged()),
        };
        Ok((is_last, block))
    }

    /// §3.2.4.
    fn stored(&mut self) -> io::Result<usize> {
        self.skip(self.count % 8)?;
        let len = self.take(16)?;
        self.take(16)?;
        let next = self.position() / 8 + len;
        if next > self.bytes.len() {
            return Err(damaged());
        }
        (self.at, self.hold, self.count) = (next, 0, 0);
        Ok(len)
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
            let symbol = code.symbol(self.hold)?;
            self.skip(symbol.bits)?;
            let (value, times) = match symbol.value {
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

    /// The next code of the block.
    pub(super) fn code(&mut self) -> io::Result<Code> {
        // The longest: a length of 15 and 5 bits, a distance of 15 and 13.
        self.refill();
        let symbol = self.literals.symbol(self.hold)?;
        self.skip(symbol.bits)?;
        if symbol.value < END_OF_BLOCK {
            return Ok(Code::Literal);
        }
        if symbol.value == END_OF_BLOCK {
            return Ok(Code::End);
        }
        let index = usize::from(symbol.value - END_OF_BLOCK - 1);
        let shortest = *LENGTHS.get(index).ok_or_else(damaged)?;
        let length = usize::from(shortest) + self.held(length_bits(index))? as usize;
        let symbol = self.distances.symbol(self.hold)?;
        self.skip(symbol.bits)?;
        if symbol.value > 29 {
            return Err(damaged());
        }
        let mut distance = Distance { symbol: symbol.value, extra: 0 };
        distance.extra = self.held(distance.extra_bits())?;
        Ok(Code::Copy { length, distance })
    }

    /// The code that ends the block, as it stands in the stream, and its length in bits.
    pub(super) fn end_code(&self) -> io::Result<(u64, u32)> {
        let mut entries = self.literals.entries.iter().zip(0..);
        let (entry, bits) = entries.find(|(entry, _)| **entry >> 4 == END_OF_BLOCK).ok_or_else(damaged)?;
        Ok((bits, u32::from(entry & 15)))
    }
}

struct Symbol {
    value: u16,
    bits: u32,
}

impl Table {
    /// The symbol of the code that these bits begin with.
    fn symbol(&self, bits: u64) -> io::Result<Symbol> {
        match self.entries.get((bits & self.mask) as usize) {
            None | Some(0) => Err(damaged()),
            Some(entry) => Ok(Symbol { value: entry >> 4, bits: u32::from(entry & 15) }),
        }
    }

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
pub(super) fn damaged() -> io::Error {
    io::Error::other("the deflate stream does not read back")
}
