//! What the writers of all agents share.

/// The processor of a tiny agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cpu {
    X64,
    Arm64,
}

/// Numbers and padding for the writers.
pub trait Push {
    fn u16(&mut self, n: u16) -> &mut Self;
    fn u32(&mut self, n: u32) -> &mut Self;
    fn u64(&mut self, n: u64) -> &mut Self;
    fn u32_be(&mut self, n: u32) -> &mut Self;
    fn u64_be(&mut self, n: u64) -> &mut Self;
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self;
    /// Zeros up to a length that is a multiple of `alignment`.
    fn align(&mut self, alignment: usize) -> &mut Self;
    /// Zeros up to a length.
    fn fill_to(&mut self, len: usize) -> &mut Self;
}

impl Push for Vec<u8> {
    fn u16(&mut self, n: u16) -> &mut Self {
        self.bytes(&n.to_le_bytes())
    }
    fn u32(&mut self, n: u32) -> &mut Self {
        self.bytes(&n.to_le_bytes())
    }
    fn u64(&mut self, n: u64) -> &mut Self {
        self.bytes(&n.to_le_bytes())
    }
    fn u32_be(&mut self, n: u32) -> &mut Self {
        self.bytes(&n.to_be_bytes())
    }
    fn u64_be(&mut self, n: u64) -> &mut Self {
        self.bytes(&n.to_be_bytes())
    }
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.extend_from_slice(bytes);
        self
    }
    fn align(&mut self, alignment: usize) -> &mut Self {
        self.fill_to(self.len().next_multiple_of(alignment))
    }
    fn fill_to(&mut self, len: usize) -> &mut Self {
        assert!(self.len() <= len, "{} bytes are more than {len}", self.len());
        self.resize(len, 0);
        self
    }
}

/// Writes a number over the bytes at `at`.
pub fn put_u32(bytes: &mut [u8], at: usize, n: u32) {
    bytes[at..at + 4].copy_from_slice(&n.to_le_bytes());
}
