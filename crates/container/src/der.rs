//! DER, as far as a signed message has to be walked through: tags of one byte, definite lengths in their shortest form.
//!
//! The `der` crate decodes whole types, and writes them anew; here it matters *where* a value lies, so that one can be added and all
//! other bytes stay as they are. BER (indefinite or long-winded lengths) is refused.

use crate::bytes::{Malformed, Problem};

/// SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// SET.
pub const SET: u8 = 0x31;
/// OBJECT IDENTIFIER.
pub const OID: u8 = 0x06;
/// OCTET STRING.
pub const OCTETS: u8 = 0x04;
/// The constructed context-specific tag of number 0.
pub const CONTEXT: u8 = 0xA0;

/// One value.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    /// Its tag.
    pub tag: u8,
    /// Where its tag is, from the start of the message.
    pub start: usize,
    /// Where its content starts, from the start of the message.
    pub inside: usize,
    /// Its content.
    pub content: &'a [u8],
    structure: &'static str,
}

impl<'a> Value<'a> {
    /// Where the value ends, from the start of the message.
    #[must_use]
    pub const fn end(&self) -> usize {
        self.inside + self.content.len()
    }

    /// The values in it.
    #[must_use]
    pub const fn values(&self) -> Values<'a> {
        Values { rest: self.content, at: self.inside, structure: self.structure }
    }
}

/// Values one after the other.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    rest: &'a [u8],
    at: usize,
    structure: &'static str,
}

impl<'a> Values<'a> {
    /// The values of a message, which is a `structure`.
    #[must_use]
    pub const fn new(structure: &'static str, message: &'a [u8]) -> Self {
        Self { rest: message, at: 0, structure }
    }

    /// What has not been read.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The tag of the next value, if there is one.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next value, if there is one.
    pub fn next_value(&mut self) -> Result<Option<Value<'a>>, Malformed> {
        if self.rest.is_empty() { Ok(None) } else { self.take().map(Some) }
    }

    /// The next value, which must have this tag.
    pub fn expect(&mut self, tag: u8, what: &'static str) -> Result<Value<'a>, Malformed> {
        if self.peek() != Some(tag) {
            return Err(self.wrong(Problem::Missing { what }));
        }
        self.take()
    }

    fn take(&mut self) -> Result<Value<'a>, Malformed> {
        let short = || self.wrong(Problem::Truncated { needed: 2, found: self.rest.len() as u64 });
        let (&tag, after) = self.rest.split_first().ok_or_else(short)?;
        let (&first, mut after) = after.split_first().ok_or_else(short)?;
        if tag & 0x1F == 0x1F {
            return Err(self.wrong(Problem::Data { what: "a tag has more than one byte" }));
        }
        let mut len = usize::from(first);
        if first >= 0x80 {
            let count = usize::from(first & 0x7F);
            if count == 0 {
                return Err(self.wrong(Problem::Data { what: "a length is indefinite: this is BER, must be DER" }));
            }
            let (bytes, rest) = after.split_at_checked(count).ok_or_else(short)?;
            len = bytes
                .iter()
                .try_fold(0_usize, |len, byte| len.checked_mul(256)?.checked_add((*byte).into()))
                .ok_or_else(short)?;
            if bytes.first() == Some(&0) || len < 0x80 {
                return Err(self
                    .wrong(Problem::Data { what: "a length is not in its shortest form: this is BER, must be DER" }));
            }
            after = rest;
        }
        let inside = self.at + self.rest.len() - after.len();
        let found = after.len() as u64;
        let (content, rest) =
            after.split_at_checked(len).ok_or_else(|| self.wrong(Problem::Truncated { needed: len as u64, found }))?;
        let value = Value { tag, start: self.at, inside, content, structure: self.structure };
        self.at = value.end();
        self.rest = rest;
        Ok(value)
    }

    /// An error about what comes next.
    #[must_use]
    pub const fn wrong(&self, problem: Problem) -> Malformed {
        Malformed { structure: self.structure, offset: self.at as u64, problem }
    }
}

/// A value's bytes: tag, length and the parts of its content.
#[must_use]
pub fn encode(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| <[u8]>::len(part)).sum();
    let mut out = vec![tag];
    match u8::try_from(len) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = len.to_be_bytes();
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            let significant = bytes.get(zeros..).unwrap_or_default();
            out.push(0x80 | u8::try_from(<[u8]>::len(significant)).unwrap_or(8));
            out.extend(significant);
        }
    }
    for part in parts {
        out.extend(*part);
    }
    out
}
