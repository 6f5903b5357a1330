//! What CMS messages and requests are made of, written in DER. Reading is `container`'s.

use const_oid::ObjectIdentifier;
use container::der::{INTEGER, NULL, OBJECT_IDENTIFIER, SEQUENCE, SET, encode};

/// One value, written.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    encode(tag, &[content])
}

/// A constructed value of other values, written.
pub(crate) fn nest(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    encode(tag, parts)
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

    #[test]
    fn numbers_and_sets_are_written_as_der_wants_them() {
        assert_eq!(small(200), [2, 2, 0, 200]);
        assert_eq!(set_content(vec![vec![3], vec![1, 9], vec![1]]), [1, 1, 9, 3]);
    }
}
