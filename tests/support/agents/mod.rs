//! Tiny agents, made in memory without any tool: programs of a few hundred bytes that are signed as the real ones are.
//!
//! | file | makes |
//! |---|---|
//! | `elf` | a static program that waits for signals, for x86-64 and arm64; one with needed libraries |
//! | `pe` | a console program that ends at once, with a version resource and an Authenticode signature |
//! | `macho` | thin and universal programs with a code signature, and an `.app` folder around one |
//! | `cms` | the certificate of a throwaway key, and CMS signatures by it |
//! | `der` | just enough DER to write those |
//!
//! They are written here from the specifications, and share no code with the readers that they are for. Everything is
//! deterministic: the key is fixed, ECDSA is RFC 6979's, there is no clock.
#![allow(dead_code, reason = "not every test needs every agent")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, unreachable_pub, reason = "tests")]

pub mod cms;
pub mod der;
pub mod elf;
pub mod macho;
pub mod pe;

/// The processor of a tiny agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cpu {
    X64,
    Arm64,
}

/// A Linux agent. The x64 one really runs: it waits, and ends on SIGTERM.
pub fn linux(cpu: Cpu) -> Vec<u8> {
    elf::waiting(cpu)
}

/// A Windows agent of version 1.2.3.4, US English, signed by [`cms::NAME`].
pub fn windows(cpu: Cpu) -> Vec<u8> {
    pe::signed(cpu)
}

/// A macOS agent for some processors (universal if more than one), signed by [`cms::NAME`].
pub fn macos(cpus: &[Cpu]) -> Vec<u8> {
    macho::program(cpus, &macho::Signing::identity())
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
