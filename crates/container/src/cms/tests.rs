//! Messages as real signers write them, put together by the writer of one value.

use const_oid::ObjectIdentifier;

use super::*;
use crate::der::{
    BIT_STRING, CONTEXT_0, CONTEXT_1, CONTEXT_3, Encoding, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET,
    encode,
};

const NUMBER: &[u8] = &[INTEGER, 1, 1];

fn oid(oid: ObjectIdentifier) -> Vec<u8> {
    encode(OBJECT_IDENTIFIER, &[oid.as_bytes()])
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    encode(SEQUENCE, parts)
}

/// A constructed value with an indefinite length.
fn indefinite(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[tag, 0x80], parts.concat().as_slice(), &[0, 0]].concat()
}

fn name(text: &str) -> Vec<u8> {
    let part = sequence(&[&oid(COMMON_NAME), &encode(0x0C, &[text.as_bytes()])]);
    sequence(&[&encode(SET, &[&part])])
}

/// As much of a certificate as is read here, with a subject key identifier.
fn certificate(subject: &str, serial: u8, key: &[u8]) -> Vec<u8> {
    let identifier = encode(OCTET_STRING, &[&encode(OCTET_STRING, &[key])]);
    let extension = sequence(&[&oid(ObjectIdentifier::new_unwrap("2.5.29.14")), &identifier]);
    let tbs = sequence(&[
        &[INTEGER, 1, serial],
        &sequence(&[]),
        &name("Issuer"),
        &sequence(&[]),
        &name(subject),
        &sequence(&[]),
        &encode(CONTEXT_3, &[&sequence(&[&extension])]),
    ]);
    sequence(&[&tbs, &sequence(&[&oid(DATA)]), &encode(BIT_STRING, &[&[0, 0xAB]])])
}

fn signer(sid: &[u8], signed: &[u8]) -> Vec<u8> {
    let algorithm = sequence(&[&oid(DATA), &[5, 0]]);
    let attributes = encode(CONTEXT_0, &[signed]);
    sequence(&[NUMBER, sid, &algorithm, &attributes, &algorithm, &encode(OCTET_STRING, &[&[1, 2, 3]])])
}

fn by_serial(serial: u8) -> Vec<u8> {
    sequence(&[&name("Issuer"), &[INTEGER, 1, serial]])
}

fn message(certificates: &[&[u8]], signers: &[&[u8]], write: fn(u8, &[&[u8]]) -> Vec<u8>) -> Vec<u8> {
    let content = write(SEQUENCE, &[&oid(DATA)]);
    let data = write(
        SEQUENCE,
        &[
            NUMBER,
            &encode(SET, &[]),
            &content,
            &write(CONTEXT_0, certificates),
            &encode(CONTEXT_1, &[]),
            &write(SET, signers),
        ],
    );
    write(SEQUENCE, &[&oid(SIGNED_DATA), &write(CONTEXT_0, &[&data])])
}

fn attribute(kind: ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    sequence(&[&oid(kind), &encode(SET, &[value])])
}

#[test]
fn certificates_are_a_bag() {
    let (ours, other) = (certificate("Signer", 7, b"k"), certificate("Other", 9, b"o"));
    // Twice, and in both orders: one of them is not sorted.
    for certificates in [[&ours[..], &ours, &other], [&other[..], &ours, &ours]] {
        for write in [encode, indefinite] {
            let bytes = message(&certificates, &[&signer(&by_serial(7), &attribute(CONTENT_TYPE, &oid(DATA)))], write);
            let read = SignedData::read(Encoding::Ber, &bytes).unwrap();
            assert_eq!((read.certificates.len(), read.signers.len(), read.trailing.len()), (3, 1, 0));
            let found = read.certificate_of(&read.signers[0]).unwrap();
            assert_eq!((found.whole, found.signature), (&ours[..], &[0xAB][..]));
            assert_eq!(name_part(found.subject, COMMON_NAME).as_deref(), Some("Signer"));
            assert_eq!(name_part(found.subject, ORGANISATION), None);
            let strict = SignedData::read(Encoding::Der, &bytes);
            assert_eq!(strict.is_ok(), bytes[1] != 0x80);
        }
    }
}

#[test]
fn a_signer_is_found_by_its_key_as_well() {
    let (ours, other) = (certificate("Signer", 7, b"k"), certificate("Other", 9, b"o"));
    let sid = encode(0x80, &[b"o"]);
    let bytes = message(&[&ours, &other], &[&signer(&sid, &[])], encode);
    let read = SignedData::read(Encoding::Der, &bytes).unwrap();
    assert_eq!(read.certificate_of(&read.signers[0]).unwrap().whole, other);
    let unsigned = message(&[&ours], &[&signer(&sid, &[])], encode);
    let read = SignedData::read(Encoding::Der, &unsigned).unwrap();
    assert!(read.certificate_of(&read.signers[0]).is_none());
}

#[test]
fn what_follows_is_told_and_zeros_are_not() {
    let mut bytes = message(&[], &[], indefinite);
    let len = bytes.len();
    bytes.extend([0; 5]);
    let read = SignedData::read(Encoding::Ber, &bytes).unwrap();
    assert_eq!((read.content_info.end(), read.trailing.len(), read.left_over()), (len, 5, 0));
    bytes.extend(b"settings");
    assert_eq!(SignedData::read(Encoding::Ber, &bytes).unwrap().left_over(), 13);
}

#[test]
fn attributes_are_signed_as_a_set_and_must_be_der() {
    let kind = attribute(CONTENT_TYPE, &oid(DATA));
    let bytes = message(&[], &[&signer(&by_serial(1), &kind)], indefinite);
    let read = SignedData::read(Encoding::Ber, &bytes).unwrap();
    let attributes = read.signers[0].signed_attributes().unwrap();
    assert!(attributes.only(CONTENT_TYPE).unwrap().is_oid(DATA) && attributes.has(CONTENT_TYPE));
    assert!(attributes.only(MESSAGE_DIGEST).is_none() && !attributes.has(MESSAGE_DIGEST));
    assert_eq!(read.signers[0].signed_bytes().unwrap(), encode(SET, &[&kind]));
    let twice = message(&[], &[&signer(&by_serial(1), &[kind.clone(), kind.clone()].concat())], encode);
    let read = SignedData::read(Encoding::Der, &twice).unwrap();
    assert!(read.signers[0].signed_attributes().unwrap().only(CONTENT_TYPE).is_none());

    let ber = indefinite(SEQUENCE, &[&oid(CONTENT_TYPE), &encode(SET, &[&oid(DATA)])]);
    let bytes = message(&[], &[&signer(&by_serial(1), &ber)], encode);
    let read = SignedData::read(Encoding::Ber, &bytes).unwrap();
    assert!(read.signers[0].signed_attributes().unwrap_err().to_string().contains("signedAttrs"));
}

#[test]
fn what_is_no_signed_message_is_named_with_its_place() {
    let says = |bytes: &[u8]| SignedData::read(Encoding::Ber, bytes).unwrap_err().to_string();
    assert_eq!(says(&[4, 1, 9]), "ContentInfo at 0x0: the tag is 0x04, must be 0x30");
    let data = sequence(&[&oid(DATA), &encode(CONTEXT_0, &[])]);
    assert_eq!(says(&data), "contentType at 0x2: it is not signedData");
    let whole = message(&[], &[], encode);
    assert!(says(&whole[..whole.len() - 1]).starts_with("ContentInfo at 0x0: needs "));
    let mut longer = whole.clone();
    longer.splice(1..2, [whole[1] + 2]);
    longer.extend([5, 0]);
    assert!(says(&longer).ends_with("2 bytes are left over after the end"));
}
