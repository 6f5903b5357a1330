//! Messages with slots, right and wrong, made here.
#![allow(clippy::arithmetic_side_effects, reason = "tests")]

use super::*;

const TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.eyJ0ZW5hbnQiOiJhY21lIn0.c2lnbmF0dXJl-_";

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let mut out = vec![tag];
    match len {
        0..=0x7F => out.push(len as u8),
        0x80..=0xFF => out.extend([0x81, len as u8]),
        0x100..=0xFFFF => out.extend([0x82, (len >> 8) as u8, len as u8]),
        _ => out.extend([0x83, (len >> 16) as u8, (len >> 8) as u8, len as u8]),
    }
    out.extend(content);
    out
}

fn slot_of(token: &[u8]) -> Vec<u8> {
    let mut slot = MAGIC.to_vec();
    slot.push(VERSION);
    slot.extend((token.len() as u16).to_be_bytes());
    slot.extend(token);
    slot.resize(16 + 1 + 2 + TOKEN_MAX_BYTES, 0);
    slot
}

/// A certificate with these extensions.
fn certificate(extensions: &[(&[u8], &[u8])]) -> Vec<u8> {
    let list: Vec<u8> =
        extensions.iter().flat_map(|(id, value)| tlv(SEQUENCE, &[tlv(OID, id), tlv(OCTETS, value)].concat())).collect();
    let mut body = vec![tlv(context(0), &tlv(INTEGER, &[2])), tlv(INTEGER, &[1])];
    body.extend((0..5).map(|_| tlv(SEQUENCE, &[])));
    body.push(tlv(context(3), &tlv(SEQUENCE, &list)));
    tlv(SEQUENCE, &[tlv(SEQUENCE, &body.concat()), tlv(SEQUENCE, &[]), tlv(0x03, &[0, 0])].concat())
}

fn message(certificates: &[Vec<u8>]) -> Vec<u8> {
    let data =
        [tlv(INTEGER, &[1]), tlv(SET, &[]), tlv(SEQUENCE, &[]), tlv(context(0), &certificates.concat()), tlv(SET, &[])];
    tlv(SEQUENCE, &[tlv(OID, SIGNED_DATA), tlv(context(0), &tlv(SEQUENCE, &data.concat()))].concat())
}

const OTHER: &[u8] = &[0x55, 0x1D, 0x0F];

fn ours(content: &[u8]) -> Vec<u8> {
    certificate(&[(OTHER, &[1]), (SLOT, content)])
}

fn vendor() -> Vec<u8> {
    certificate(&[(OTHER, &[3])])
}

fn reads(certificates: &[Vec<u8>]) -> Result<String, Refusal> {
    token(&message(certificates)).map(str::to_owned)
}

#[test]
fn tokens_of_every_length_come_out() {
    let longest = format!("{}.b.c", "a".repeat(TOKEN_MAX_BYTES - 4));
    for token in ["a.b.c", TOKEN, &longest] {
        assert_eq!(reads(&[vendor(), vendor(), ours(&slot_of(token.as_bytes()))]).as_deref(), Ok(token));
    }
    let mut padded = message(&[vendor(), ours(&slot_of(TOKEN.as_bytes()))]);
    padded.extend([0; 7]);
    assert_eq!(token(&padded), Ok(TOKEN));
}

#[test]
fn what_is_not_there_is_told_apart() {
    assert_eq!(reads(&[vendor()]), Err(Refusal::NoSlot));
    assert_eq!(reads(&[]), Err(Refusal::NoSlot));
    assert_eq!(reads(&[ours(&slot_of(b""))]), Err(Refusal::Empty));
    assert!(matches!(token(b""), Err(Refusal::Wrong(_))));
}

#[test]
fn a_slot_in_another_place_or_twice_is_refused() {
    let good = ours(&slot_of(TOKEN.as_bytes()));
    assert!(matches!(reads(&[good.clone(), vendor()]), Err(Refusal::Wrong("the slot is not in the last certificate"))));
    assert!(matches!(reads(&[good.clone(), good]), Err(Refusal::Wrong("there are two slots"))));
    let slot = slot_of(TOKEN.as_bytes());
    let twice = certificate(&[(SLOT, &slot), (SLOT, &slot)]);
    assert!(matches!(reads(&[twice]), Err(Refusal::Wrong(_))));
    // The right content under another name is nobody's business.
    assert_eq!(reads(&[certificate(&[(OTHER, &slot)])]), Err(Refusal::NoSlot));
}

#[test]
fn nothing_but_a_token_is_taken() {
    for wrong in [
        &b"https://evil.example/"[..],
        b"a.b",
        b"a.b.c.d",
        b"a..c",
        b"a.b.c\n",
        b"a.b.c=",
        b"a.b.[INSTALLDIR]",
        b"a.b.\xFF",
        b"opaque",
    ] {
        assert_eq!(reads(&[ours(&slot_of(wrong))]), Err(Refusal::Wrong("what is in the slot is not a signed token")));
    }
    let changed = |at: usize, value: u8| {
        let mut slot = slot_of(TOKEN.as_bytes());
        slot[at] = value;
        reads(&[ours(&slot)])
    };
    for (at, value) in [(0, b'X'), (16, 0), (16, 2), (17, 0x10), (17, 0xFF), (18, 1), (4000, 1), (4114, 1)] {
        assert!(matches!(changed(at, value), Err(Refusal::Wrong(_))), "{at}");
    }
    let slot = slot_of(TOKEN.as_bytes());
    assert!(reads(&[ours(&slot[..4114])]).is_err());
    assert!(reads(&[ours(&[&slot[..], &[0]].concat())]).is_err());
    for len in 0..24 {
        assert!(reads(&[ours(&slot[..len])]).is_err());
    }
}

#[test]
fn every_truncation_and_every_flipped_bit_ends_in_an_answer() {
    let whole = message(&[vendor(), ours(&slot_of(TOKEN.as_bytes()))]);
    for len in 0..whole.len() {
        assert!(token(&whole[..len]).is_err(), "{len}");
    }
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut changed = whole.clone();
            changed[at] ^= 1 << bit;
            // A change in what nobody looks at, or in the token itself, may go unseen here; no other token comes of it.
            if let Ok(found) = token(&changed) {
                assert!(found == TOKEN || found.len() == TOKEN.len());
            }
        }
    }
}

#[test]
fn only_the_shortest_definite_lengths_are_der() {
    for wrong in [
        &[SEQUENCE, 0x80, 0, 0][..],
        &[SEQUENCE, 0x81, 0x05, 0, 0, 0, 0, 0],
        &[SEQUENCE, 0x82, 0x00, 0x80],
        &[SEQUENCE, 0x85, 0, 0, 0, 0, 1, 0],
        &[SEQUENCE, 0x84, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0x3F, 0x81, 0x00, 0x00],
        &[SEQUENCE],
        &[],
    ] {
        assert_eq!(Reader::new(wrong).any(), None, "{wrong:?}");
    }
}
