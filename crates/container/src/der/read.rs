//! Values and lists of values, read with every length checked (X.690 §8.1, §10.1).

use std::borrow::Cow;

use const_oid::ObjectIdentifier;

use super::tag::{OBJECT_IDENTIFIER, OCTET_STRING, OCTET_STRING_IN_PIECES};
use crate::reader::{Malformed, Problem};

/// Values of indefinite length may not lie deeper in each other; `codesign` goes to 5.
const MAX_DEPTH: usize = 16;
/// A list may not have more values; certificate lists of real messages have up to 20.
const MAX_VALUES: usize = 1024;
/// Lengths have at most four bytes: 4 GiB.
const MAX_LENGTH_BYTES: usize = 4;
const INDEFINITE: u8 = 0x80;
const CONSTRUCTED: u8 = 0x20;
/// The mark at the end of a value of indefinite length (X.690 §8.1.5).
const END_OF_CONTENTS: [u8; 2] = [0, 0];

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// The distinguished encoding rules: one way to write each value.
    Der,
    /// The basic encoding rules: indefinite and long-winded lengths, strings in pieces.
    Ber,
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    /// Its tag.
    pub tag: u8,
    /// Where its tag is, from the start of the message.
    pub start: usize,
    /// Where its content starts, from the start of the message.
    pub inside: usize,
    /// Its content, without the mark at the end that an indefinite length has.
    pub content: &'a [u8],
    /// Tag, length, content and, after an indefinite length, the mark at the end.
    pub whole: &'a [u8],
    encoding: Encoding,
}

impl<'a> Value<'a> {
    /// Where the value ends, from the start of the message.
    #[must_use]
    pub const fn end(&self) -> usize {
        self.start + self.whole.len()
    }

    /// Whether its length is in its header, as DER asks for.
    #[cfg(test)]
    pub(crate) const fn is_definite(&self) -> bool {
        self.inside + self.content.len() == self.end()
    }

    /// The values in it, read in the way that it was read.
    #[must_use]
    pub const fn values(&self) -> Values<'a> {
        Values { rest: self.content, at: self.inside, encoding: self.encoding }
    }

    /// The values in it, which must be DER.
    #[must_use]
    pub(crate) const fn der_values(&self) -> Values<'a> {
        Values { rest: self.content, at: self.inside, encoding: Encoding::Der }
    }

    /// The one value in it, which must have this tag.
    pub fn only(&self, tag: u8, what: &'static str) -> Result<Self, Malformed> {
        let mut values = self.values();
        let value = values.expect(tag, what)?;
        values.finish(what)?;
        Ok(value)
    }

    /// Its content as an object identifier.
    pub fn oid(&self, what: &'static str) -> Result<ObjectIdentifier, Malformed> {
        if self.tag != OBJECT_IDENTIFIER {
            return Err(self.wrong(what, Problem::Tag { found: self.tag, expected: OBJECT_IDENTIFIER }));
        }
        let problem = Problem::Data { what: "it is not an object identifier that is known here" };
        ObjectIdentifier::from_bytes(self.content).map_err(|_| self.wrong(what, problem))
    }

    /// Whether it is this object identifier. Unlike [`Value::oid`] it also takes values that are none, or too long.
    #[must_use]
    pub fn is_oid(&self, oid: ObjectIdentifier) -> bool {
        self.tag == OBJECT_IDENTIFIER && self.content == oid.as_bytes()
    }

    /// Its content as octets, put together where BER has them in pieces.
    pub fn octets(&self, what: &'static str) -> Result<Cow<'a, [u8]>, Malformed> {
        match self.tag {
            OCTET_STRING => Ok(Cow::Borrowed(self.content)),
            OCTET_STRING_IN_PIECES if self.encoding == Encoding::Ber => {
                let mut pieces = self.values();
                let mut octets = Vec::new();
                while !pieces.is_empty() {
                    // X.690 §8.7.3.2 lets a piece be in pieces again; encoders do not do that.
                    octets.extend_from_slice(pieces.expect(OCTET_STRING, what)?.content);
                }
                Ok(Cow::Owned(octets))
            }
            found => Err(self.wrong(what, Problem::Tag { found, expected: OCTET_STRING })),
        }
    }

    /// An error about this value, which is a `what`.
    #[must_use]
    pub const fn wrong(&self, what: &'static str, problem: Problem) -> Malformed {
        Malformed { structure: what, offset: self.start as u64, problem }
    }
}

/// Values one after the other.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    rest: &'a [u8],
    at: usize,
    encoding: Encoding,
}

impl<'a> Values<'a> {
    /// The values that a message consists of.
    #[must_use]
    pub const fn new(encoding: Encoding, message: &'a [u8]) -> Self {
        Self { rest: message, at: 0, encoding }
    }

    /// The values of a message in DER.
    #[must_use]
    pub const fn der(message: &'a [u8]) -> Self {
        Self::new(Encoding::Der, message)
    }

    /// What has not been read.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    #[must_use]
    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next value, if there is one.
    #[must_use]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next value, of any tag.
    pub fn take(&mut self, what: &'static str) -> Result<Value<'a>, Malformed> {
        let header = header(self.rest, self.encoding).map_err(|problem| self.wrong(what, problem))?;
        let truncated = |needed: usize| {
            let (needed, found) = (needed as u64, self.rest.len() as u64);
            self.wrong(what, Problem::Truncated { needed, found })
        };
        let after = self.rest.get(header.len..).ok_or_else(|| truncated(header.len))?;
        let (content_len, total) = match header.content_len {
            Some(len) => (len, header.len.saturating_add(len)),
            None => {
                let len = indefinite_len(after).map_err(|problem| self.wrong(what, problem))?;
                (len, header.len + len + END_OF_CONTENTS.len())
            }
        };
        let content = after.get(..content_len).ok_or_else(|| truncated(total))?;
        let (whole, rest) = self.rest.split_at_checked(total).ok_or_else(|| truncated(total))?;
        let (start, inside) = (self.at, self.at + header.len);
        (self.rest, self.at) = (rest, self.at + total);
        Ok(Value { tag: header.tag, start, inside, content, whole, encoding: self.encoding })
    }

    /// The next value, which must have this tag.
    pub fn expect(&mut self, tag: u8, what: &'static str) -> Result<Value<'a>, Malformed> {
        match self.peek() {
            Some(found) if found != tag => Err(self.wrong(what, Problem::Tag { found, expected: tag })),
            _ => self.take(what),
        }
    }

    /// The next value, if it has this tag.
    pub fn optional(&mut self, tag: u8, what: &'static str) -> Result<Option<Value<'a>>, Malformed> {
        if self.peek() == Some(tag) { self.take(what).map(Some) } else { Ok(None) }
    }

    /// All values that are left, at most 1024.
    pub fn all(mut self, what: &'static str) -> Result<Vec<Value<'a>>, Malformed> {
        let mut values = Vec::new();
        while !self.is_empty() {
            if values.len() == MAX_VALUES {
                return Err(self.wrong(what, Problem::Data { what: "there are more than 1024 of them" }));
            }
            values.push(self.take(what)?);
        }
        Ok(values)
    }

    /// Ends the reading; bytes that are left are an error.
    pub const fn finish(&self, what: &'static str) -> Result<(), Malformed> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(self.wrong(what, Problem::Trailing { bytes: left as u64 })),
        }
    }

    /// An error about what comes next, which is a `what`.
    #[must_use]
    pub(crate) const fn wrong(&self, what: &'static str, problem: Problem) -> Malformed {
        Malformed { structure: what, offset: self.at as u64, problem }
    }
}

/// Tag and length of a value.
struct Header {
    tag: u8,
    /// How many bytes tag and length have.
    len: usize,
    /// How many bytes the content has. `None`: its end is marked.
    content_len: Option<usize>,
}

fn header(bytes: &[u8], encoding: Encoding) -> Result<Header, Problem> {
    let truncated = |needed: usize| Problem::Truncated { needed: needed as u64, found: bytes.len() as u64 };
    let &[tag, first, ref after @ ..] = bytes else { return Err(truncated(2)) };
    if tag & 0x1F == 0x1F {
        return Err(Problem::Data { what: "the tag has more than one byte" });
    }
    if first < INDEFINITE {
        return Ok(Header { tag, len: 2, content_len: Some(first.into()) });
    }
    let is_ber = encoding == Encoding::Ber;
    let count = usize::from(first & 0x7F);
    if count == 0 {
        return match (is_ber, tag & CONSTRUCTED) {
            (false, _) => Err(Problem::Data { what: "the length is indefinite (BER), must be definite (DER)" }),
            (true, 0) => {
                Err(Problem::Data { what: "the length is indefinite, and the value does not consist of values" })
            }
            (true, _) => Ok(Header { tag, len: 2, content_len: None }),
        };
    }
    if count > MAX_LENGTH_BYTES {
        return Err(Problem::Data { what: "the length has more than 4 bytes" });
    }
    let digits = after.get(..count).ok_or_else(|| truncated(2 + count))?;
    let len = digits.iter().fold(0_u64, |len, &byte| len << 8 | u64::from(byte));
    if !is_ber && (digits.first() == Some(&0) || len < 0x80) {
        return Err(Problem::Data { what: "the length is not in its shortest form (BER), must be (DER)" });
    }
    // Where it does not fit, it is longer than the bytes are.
    Ok(Header { tag, len: 2 + count, content_len: Some(usize::try_from(len).unwrap_or(usize::MAX)) })
}

/// How many bytes lie before the mark at the end of a value of indefinite length, whose content starts with these bytes. One pass, whatever lies in it.
fn indefinite_len(bytes: &[u8]) -> Result<usize, Problem> {
    let mut at = 0_usize;
    let mut open = 1_usize;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.starts_with(&END_OF_CONTENTS) {
            open -= 1;
            if open == 0 {
                return Ok(at);
            }
            at += END_OF_CONTENTS.len();
            continue;
        }
        if rest.is_empty() {
            return Err(Problem::Missing { what: "the mark at the end of an indefinite length" });
        }
        let header = header(rest, Encoding::Ber)?;
        let len = match header.content_len {
            Some(len) => header.len.saturating_add(len),
            None if open == MAX_DEPTH => {
                return Err(Problem::Data { what: "values of indefinite length lie more than 16 deep in each other" });
            }
            None => {
                open += 1;
                header.len
            }
        };
        if len > rest.len() {
            return Err(Problem::Truncated { needed: len as u64, found: rest.len() as u64 });
        }
        at += len;
    }
}
