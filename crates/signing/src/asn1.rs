//! DER, value by value, with the bytes kept.
//!
//! `der` decodes into types and can write them again; a verifier needs the bytes as they stand, because those were
//! hashed, and it needs to say what is wrong and where. X.690 §10: lengths are definite and as short as can be; CMS
//! has no tag of more than one byte.

use const_oid::ObjectIdentifier;

/// INTEGER.
pub(crate) const INTEGER: u8 = 0x02;
/// BIT STRING.
pub(crate) const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// NULL.
pub(crate) const NULL: u8 = 0x05;
/// OBJECT IDENTIFIER.
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
/// UTCTime.
pub(crate) const UTC_TIME: u8 = 0x17;
/// GeneralizedTime.
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
/// SEQUENCE.
pub(crate) const SEQUENCE: u8 = 0x30;
/// SET.
pub(crate) const SET: u8 = 0x31;
/// `[0]`, primitive.
pub(crate) const CONTEXT_0_PRIMITIVE: u8 = 0x80;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;
/// `[1]`, constructed.
pub(crate) const CONTEXT_1: u8 = 0xa1;

/// Bytes that are not the DER that they must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at {at:#x}: {problem}")]
pub struct Asn1Error {
    /// The field's name in its specification.
    pub what: &'static str,
    /// Where in the message.
    pub at: usize,
    /// What is wrong.
    pub problem: Asn1Problem,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Asn1Problem {
    /// It goes on after the end of what holds it.
    #[error("truncated: needs {needed} bytes, found {found}")]
    Truncated {
        /// Bytes that it needs.
        needed: usize,
        /// Bytes that there are.
        found: usize,
    },
    /// BER: its end is marked, its length is not given.
    #[error("the length is indefinite (BER), must be definite (DER)")]
    Indefinite,
    /// BER: its length could be written shorter.
    #[error("the length is not written in its shortest form (BER), must be (DER)")]
    NotShortest,
    /// A tag of several bytes, which CMS does not have.
    #[error("the tag has several bytes")]
    LongTag,
    /// It is another type.
    #[error("the tag is {found:#04x}, must be {expected:#04x}")]
    Tag {
        /// The tag found.
        found: u8,
        /// The tag that it must have.
        expected: u8,
    },
    /// Bytes are left after its end.
    #[error("{0} bytes are left over after the end")]
    Trailing(usize),
    /// Its content is not what it must be.
    #[error("{0}")]
    Content(&'static str),
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
    at: usize,
}

impl<'a> Value<'a> {
    /// The values inside.
    pub(crate) fn inner(&self) -> Der<'a> {
        Der { rest: self.content, at: self.at + (self.whole.len() - self.content.len()) }
    }

    /// An error about this value.
    pub(crate) fn wrong(&self, what: &'static str, problem: &'static str) -> Asn1Error {
        Asn1Error { what, at: self.at, problem: Asn1Problem::Content(problem) }
    }

    /// Its content as an object identifier.
    pub(crate) fn oid(&self, what: &'static str) -> Result<ObjectIdentifier, Asn1Error> {
        if self.tag != OBJECT_IDENTIFIER {
            let problem = Asn1Problem::Tag { found: self.tag, expected: OBJECT_IDENTIFIER };
            return Err(Asn1Error { what, at: self.at, problem });
        }
        ObjectIdentifier::from_bytes(self.content).map_err(|_| self.wrong(what, "it is no object identifier"))
    }
}

/// Consumes values one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Der<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Der<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, at: 0 }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What has not been read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next value, of any type.
    pub(crate) fn next(&mut self, what: &'static str) -> Result<Value<'a>, Asn1Error> {
        let fail = |problem| Asn1Error { what, at: self.at, problem };
        let truncated = |needed| fail(Asn1Problem::Truncated { needed, found: self.rest.len() });
        let &[tag, first, ..] = self.rest else { return Err(truncated(2)) };
        if tag & 0x1f == 0x1f {
            return Err(fail(Asn1Problem::LongTag));
        }
        let (header, length) = match first {
            0..0x80 => (2, usize::from(first)),
            0x80 => return Err(fail(Asn1Problem::Indefinite)),
            _ => {
                let count = usize::from(first & 0x7f);
                let bytes = self.rest.get(2..2 + count).ok_or_else(|| truncated(2 + count))?;
                if count > 4 {
                    return Err(fail(Asn1Problem::Content("the length has more than 4 bytes")));
                }
                let length = bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
                if length < 0x80 || bytes.first() == Some(&0) {
                    return Err(fail(Asn1Problem::NotShortest));
                }
                (2 + count, length)
            }
        };
        let total = header + length;
        let (whole, rest) = self.rest.split_at_checked(total).ok_or_else(|| truncated(total))?;
        let content = whole.get(header..).unwrap_or_default();
        let value = Value { tag, content, whole, at: self.at };
        (self.rest, self.at) = (rest, self.at + total);
        Ok(value)
    }

    /// The next value, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8, what: &'static str) -> Result<Value<'a>, Asn1Error> {
        let value = self.next(what)?;
        if value.tag == tag {
            return Ok(value);
        }
        Err(Asn1Error { what, at: value.at, problem: Asn1Problem::Tag { found: value.tag, expected: tag } })
    }

    /// The next value, if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8, what: &'static str) -> Result<Option<Value<'a>>, Asn1Error> {
        match self.rest.first() {
            Some(&next) if next == tag => self.next(what).map(Some),
            _ => Ok(None),
        }
    }

    /// All values that are left.
    pub(crate) fn all(mut self, what: &'static str) -> Result<Vec<Value<'a>>, Asn1Error> {
        let mut values = Vec::new();
        while !self.is_empty() {
            values.push(self.next(what)?);
        }
        Ok(values)
    }

    /// Ends the reading; bytes that are left are an error.
    pub(crate) const fn finish(self, what: &'static str) -> Result<(), Asn1Error> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(Asn1Error { what, at: self.at, problem: Asn1Problem::Trailing(left) }),
        }
    }
}

/// One value, written.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short @ 0..0x80) => out.push(short),
        _ => {
            let bytes = content.len().to_be_bytes();
            let significant =
                bytes.iter().position(|&byte| byte != 0).map_or(&[][..], |at| bytes.get(at..).unwrap_or(&[]));
            out.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
            out.extend_from_slice(significant);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A constructed value of other values, written.
pub(crate) fn nest(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    tlv(tag, &parts.concat())
}

/// A SEQUENCE, written.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    nest(SEQUENCE, parts)
}

/// The content of a SET OF, written: in ascending order (X.690 §11.6).
pub(crate) fn set_content(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    parts.concat()
}

/// An OBJECT IDENTIFIER, written.
pub(crate) fn oid(oid: ObjectIdentifier) -> Vec<u8> {
    tlv(OBJECT_IDENTIFIER, oid.as_bytes())
}

/// A small INTEGER, written.
pub(crate) fn small(value: u8) -> Vec<u8> {
    // A first bit of 1 would be a sign.
    if value < 0x80 { vec![INTEGER, 1, value] } else { vec![INTEGER, 2, 0, value] }
}

/// An AlgorithmIdentifier, written. RSA's and most digests' have NULL for parameters, ECDSA's have none.
pub(crate) fn algorithm(identifier: ObjectIdentifier, null: bool) -> Vec<u8> {
    sequence(&[&oid(identifier), if null { &[NULL, 0] } else { &[] }])
}

/// An Attribute of one value, written (RFC 5652 §5.3).
pub(crate) fn attribute(kind: ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    sequence(&[&oid(kind), &tlv(SET, value)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(bytes: &[u8]) -> Asn1Problem {
        let mut der = Der::new(bytes);
        match der.next("toy") {
            Ok(_) => der.finish("toy").unwrap_err().problem,
            Err(error) => error.problem,
        }
    }

    #[test]
    fn each_wrong_value_is_named() {
        assert_eq!(problem(&[0x30]), Asn1Problem::Truncated { needed: 2, found: 1 });
        assert_eq!(problem(&[0x30, 0x82, 1]), Asn1Problem::Truncated { needed: 4, found: 3 });
        assert_eq!(problem(&[0x04, 5, 1, 2]), Asn1Problem::Truncated { needed: 7, found: 4 });
        assert_eq!(problem(&[0x30, 0x80, 0, 0]), Asn1Problem::Indefinite);
        assert_eq!(problem(&[0x04, 0x81, 1, 7]), Asn1Problem::NotShortest);
        assert_eq!(problem(&[0x1f, 0x81, 0]), Asn1Problem::LongTag);
        assert_eq!(problem(&[0x04, 0, 9]), Asn1Problem::Trailing(1));
        assert!(matches!(problem(&[0x04, 0x85, 1, 0, 0, 0, 0]), Asn1Problem::Content(_)));
    }

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let bytes = tlv(OCTET_STRING, &vec![7; length]);
            let mut der = Der::new(&bytes);
            assert_eq!(der.expect(OCTET_STRING, "toy").unwrap().content.len(), length);
            der.finish("toy").unwrap();
        }
        assert_eq!(small(200), [2, 2, 0, 200]);
        assert_eq!(set_content(vec![vec![3], vec![1, 9], vec![1]]), [1, 1, 9, 3]);
    }
}
