//! A SHA-256 that goes on where another one stopped.
//!
//! An rpm's header has the digest of its payload. A stamp changes the payload's last bytes only: with the state of the
//! digest after everything that is kept, the new one costs no more than the new bytes. A base has this state written in
//! its header, so it is in a form of the specification's own (FIPS 180-4 §6.2: the hash values H0 to H7, big-endian)
//! and not in a library's.
//!
//! `sha2` 0.10, which the rest of the tree uses, shows its block function behind a feature only; 0.11 shows it, and is
//! here already, for `lzma-rust2`.

use sha2_block::block_api::compress256;

/// SHA-256's block.
pub const BLOCK_BYTES: usize = 64;
/// H0 to H7 at the start (FIPS 180-4 §5.3.3).
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The state of a SHA-256 between two blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Midstate {
    words: [u32; 8],
    /// How many bytes went in: whole blocks.
    len: u64,
}

impl Midstate {
    /// From the words as they were written and the number of bytes that went in. `None`: it is no number of whole blocks.
    #[must_use]
    pub fn new(words: [u8; 32], len: u64) -> Option<Self> {
        let mut state = [0; 8];
        for (word, bytes) in state.iter_mut().zip(words.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        len.is_multiple_of(BLOCK_BYTES as u64).then_some(Self { words: state, len })
    }

    /// The words, big-endian, one after the other.
    #[must_use]
    pub fn words(&self) -> [u8; 32] {
        let mut out = [0; 32];
        for (bytes, word) in out.as_chunks_mut::<4>().0.iter_mut().zip(self.words) {
            *bytes = word.to_be_bytes();
        }
        out
    }

    /// How many bytes went in.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing went in.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// A SHA-256 in the making.
#[derive(Debug, Clone)]
pub struct Sha256 {
    state: Midstate,
    /// What does not fill a block yet.
    pending: Vec<u8>,
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::resume(Midstate { words: START, len: 0 })
    }
}

impl Sha256 {
    /// Goes on from a state.
    #[must_use]
    pub fn resume(state: Midstate) -> Self {
        Self { state, pending: Vec::with_capacity(BLOCK_BYTES) }
    }

    /// Takes some bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        if !self.pending.is_empty() {
            let (head, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.pending.len()));
            self.pending.extend_from_slice(head);
            bytes = rest;
            if self.pending.len() < BLOCK_BYTES {
                return;
            }
            let pending = std::mem::take(&mut self.pending);
            self.blocks(pending.as_chunks().0);
        }
        let (blocks, rest) = bytes.as_chunks();
        self.blocks(blocks);
        self.pending.extend_from_slice(rest);
    }

    fn blocks(&mut self, blocks: &[[u8; BLOCK_BYTES]]) {
        compress256(&mut self.state.words, blocks);
        self.state.len += (blocks.len() * BLOCK_BYTES) as u64;
    }

    /// The state after the last whole block. The bytes behind it, fewer than [`BLOCK_BYTES`], are not in it.
    #[must_use]
    pub const fn midstate(&self) -> Midstate {
        self.state
    }

    /// How many bytes went in.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.state.len + self.pending.len() as u64
    }

    /// Whether nothing went in.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The digest (FIPS 180-4 §5.1.1: a bit, zeros, and the length in bits).
    #[must_use]
    pub fn finish(mut self) -> [u8; 32] {
        let bits = self.len().wrapping_mul(8);
        let mut end = vec![0x80];
        let over = (self.pending.len() + 1 + 8) % BLOCK_BYTES;
        end.resize(1 + (BLOCK_BYTES - over) % BLOCK_BYTES, 0);
        end.extend(bits.to_be_bytes());
        self.update(&end);
        self.state.words()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Algorithm, hex};

    fn sample(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 7 % 251) as u8).collect()
    }

    #[test]
    fn every_length_and_every_cut_gives_the_digest_of_the_library() {
        for len in (0..200).chain([4096, 100_003]) {
            let bytes = sample(len);
            let expected = Algorithm::Sha256.digest(&bytes);
            for cut in [0, 1, 55, 63, 64, 65, 128, 130, len / 2, len] {
                let (head, tail) = bytes.split_at(cut.min(len));
                let mut first = Sha256::default();
                first.update(head);
                let state = first.midstate();
                let mut second = Sha256::resume(Midstate::new(state.words(), state.len()).unwrap());
                second.update(&head[state.len() as usize..]);
                second.update(tail);
                assert_eq!(second.finish()[..], expected[..], "{len} {cut}");
            }
        }
    }

    /// The state is written into packages: it must be the specification's, whatever the library does.
    #[test]
    fn the_state_is_the_specifications() {
        let start = Sha256::default().midstate();
        assert_eq!(hex(&start.words()), "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19");
        // FIPS 180-4's example of one block: "abc", padded. Its state after the block is the digest.
        let mut block = [0; 64];
        block[..4].copy_from_slice(b"abc\x80");
        block[63] = 24;
        let mut digest = Sha256::default();
        digest.update(&block);
        assert_eq!(hex(&digest.midstate().words()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(Midstate::new([0; 32], 63), None);
    }
}
