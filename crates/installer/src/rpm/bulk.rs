//! What a base's header says of the bulk of its payload, so that a stamp need not look at it.
//!
//! ```text
//! tag 0x53545741 "STWA", text    stampwright 1 tail=… decoded=… sha256=… crc32=…
//! ```
//!
//! `tail`: how many bytes of the payload are kept, and so where its replaceable tail starts. `decoded`: how many they decode
//! to. `sha256`: the state of the payload's digest after the last whole block of them ([`container::midstate`]). `crc32`: of
//! what they decode to, for gzip's trailer; zero in the others. All of one length, so that the header's length is known
//! before the payload is written.
//!
//! rpm passes tags that it does not know. A state that is wrong makes a payload's digest that every rpm refuses, and
//! `verify` compares it with the payload.

use container::midstate::Midstate;
use container::{Malformed, Problem};

/// The tag: outside of what rpm gives out.
pub(super) const TAG: u32 = 0x5354_5741;
const START: &str = "stampwright 1 tail=";

/// What is kept of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bulk {
    /// Its length in the file, from the payload's start.
    pub(super) len: u64,
    /// What it decodes to.
    pub(super) decoded: u64,
    /// The digest's state after its whole blocks.
    pub(super) midstate: Midstate,
    /// The CRC32 of what it decodes to; 0 where the codec needs none.
    pub(super) crc: u32,
}

impl Bulk {
    /// The tag's text.
    pub(super) fn to_text(self) -> String {
        let words = container::digest::hex(&self.midstate.words());
        format!("{START}{:016x} decoded={:016x} sha256={words} crc32={:08x}", self.len, self.decoded, self.crc)
    }

    /// Reads the tag's text; `at` is where the header lies.
    pub(super) fn parse(text: &str, at: u64) -> Result<Self, Malformed> {
        let problem = Problem::Text { what: "the tag of a base does not say what it must" };
        Self::read(text).ok_or(Malformed { structure: "rpm header", offset: at, problem })
    }

    fn read(text: &str) -> Option<Self> {
        let (len, rest) = text.strip_prefix(START)?.split_once(" decoded=")?;
        let (decoded, rest) = rest.split_once(" sha256=")?;
        let (words, crc) = rest.split_once(" crc32=")?;
        let number = |digits: &str, width| -> Option<u64> {
            let plain = digits.len() == width && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
        };
        let mut state = [0; 32];
        let mut rest = words;
        for byte in &mut state {
            let (digits, after) = rest.split_at_checked(2)?;
            *byte = u8::try_from(number(digits, 2)?).ok()?;
            rest = after;
        }
        let len = number(len, 16)?;
        let midstate = Midstate::new(state, len - len % container::midstate::BLOCK_BYTES as u64)?;
        let crc = u32::try_from(number(crc, 8)?).ok()?;
        rest.is_empty().then_some(Self { len, decoded: number(decoded, 16)?, midstate, crc })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_reads_as_it_was_written() {
        let bulk = Bulk { len: 1000, decoded: 5000, midstate: Midstate::new([7; 32], 960).unwrap(), crc: 9 };
        let text = bulk.to_text();
        assert_eq!(Bulk::parse(&text, 0).unwrap(), bulk);
        assert_eq!(text.len(), 19 + 16 + 9 + 16 + 8 + 64 + 7 + 8);
        for (from, to) in [("07", "0G"), ("07", "+7"), ("1 tail", "2 tail"), ("crc32=0", "crc32="), ("tail=0", "tail=")]
        {
            assert!(Bulk::parse(&text.replacen(from, to, 1), 0).is_err(), "{to}");
        }
        assert!(Bulk::parse(&format!("{text}0"), 0).is_err() && Bulk::parse("", 0).is_err());
    }
}
