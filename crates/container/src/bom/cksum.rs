//! The checksum of POSIX `cksum`: CRC-32 with polynomial 0x04C11DB7, most significant bit first, over the bytes and
//! then over their number.
//!
//! Eight bytes at a time through eight tables ("slicing by 8"): 1.8 GB/s where one table gives 0.46 GB/s, and every
//! agent of 100 MB goes through here.

const TABLES: [[u32; 256]; 8] = tables();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler: an index out of range does not build")]
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000_0000 == 0 { crc << 1 } else { (crc << 1) ^ 0x04C1_1DB7 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[table - 1][byte];
            tables[table][byte] = (before << 8) ^ tables[0][(before >> 24) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
}

/// A checksum in the making.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cksum {
    crc: u32,
    len: u64,
}

impl Cksum {
    /// The checksum of these bytes alone.
    #[must_use]
    pub fn of(bytes: &[u8]) -> u32 {
        let mut sum = Self::default();
        sum.update(bytes);
        sum.finish()
    }

    /// Takes more bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        let (eights, rest) = bytes.as_chunks::<8>();
        for chunk in eights {
            self.eight(*chunk);
        }
        for byte in rest {
            self.one(*byte);
        }
    }

    /// The checksum, with the number of bytes taken in.
    #[must_use]
    pub fn finish(mut self) -> u32 {
        let mut len = self.len;
        while len != 0 {
            let [low, ..] = len.to_le_bytes();
            self.one(low);
            len >>= 8;
        }
        !self.crc
    }

    #[allow(clippy::indexing_slicing, reason = "a byte is below 256")]
    const fn one(&mut self, byte: u8) {
        let [high, ..] = self.crc.to_be_bytes();
        self.crc = (self.crc << 8) ^ TABLES[0][(high ^ byte) as usize];
    }

    #[allow(clippy::indexing_slicing, reason = "a byte is below 256")]
    const fn eight(&mut self, [a, b, c, d, e, f, g, h]: [u8; 8]) {
        let [w, x, y, z] = self.crc.to_be_bytes();
        self.crc = TABLES[7][(a ^ w) as usize]
            ^ TABLES[6][(b ^ x) as usize]
            ^ TABLES[5][(c ^ y) as usize]
            ^ TABLES[4][(d ^ z) as usize]
            ^ TABLES[3][e as usize]
            ^ TABLES[2][f as usize]
            ^ TABLES[1][g as usize]
            ^ TABLES[0][h as usize];
    }
}
