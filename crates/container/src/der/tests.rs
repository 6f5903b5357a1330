//! Every form of a length, by its bytes.

use super::*;
use crate::reader::{Malformed, Problem};

/// Reads one value and everything in it, and wants nothing behind it.
fn read(encoding: Encoding, bytes: &[u8]) -> Result<Value<'_>, Malformed> {
    let mut values = Values::new(encoding, bytes);
    let value = values.take("toy")?;
    values.finish("toy")?;
    Ok(value)
}

fn says(encoding: Encoding, bytes: &[u8]) -> String {
    read(encoding, bytes).unwrap_err().to_string()
}

#[test]
fn each_wrong_value_is_named_with_its_place() {
    for encoding in [Encoding::Der, Encoding::Ber] {
        assert_eq!(says(encoding, &[]), "toy at 0x0: needs 2 bytes, found 0");
        assert_eq!(says(encoding, &[0x30]), "toy at 0x0: needs 2 bytes, found 1");
        assert_eq!(says(encoding, &[0x30, 0x82, 1]), "toy at 0x0: needs 4 bytes, found 3");
        assert_eq!(says(encoding, &[0x04, 5, 1, 2]), "toy at 0x0: needs 7 bytes, found 4");
        assert_eq!(says(encoding, &[0x1F, 0x81, 0]), "toy at 0x0: the tag has more than one byte");
        assert_eq!(says(encoding, &[0x04, 0, 9]), "toy at 0x2: 1 bytes are left over after the end");
        assert_eq!(says(encoding, &[0x04, 0x85, 1, 0, 0, 0, 0]), "toy at 0x0: the length has more than 4 bytes");
        assert_eq!(
            says(encoding, &[0x04, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]),
            "toy at 0x0: needs 4294967301 bytes, found 6"
        );
    }
    let mut values = Values::der(&[0x30, 4, 0x02, 1, 5, 0x05]);
    let mut inner = values.expect(SEQUENCE, "toy").unwrap().values();
    inner.take("number").unwrap();
    assert_eq!(inner.clone().take("rest").unwrap_err().to_string(), "rest at 0x5: needs 2 bytes, found 1");
    assert_eq!(inner.expect(SET, "rest").unwrap_err().problem, Problem::Tag { found: 5, expected: 0x31 });
}

#[test]
fn der_is_strict_and_ber_is_not() {
    let indefinite = [0x30, 0x80, 0x02, 0x01, 0x05, 0xA0, 0x80, 0x04, 0x02, 0, 0, 0, 0, 0, 0];
    assert!(says(Encoding::Der, &indefinite).contains("indefinite (BER)"));
    let value = read(Encoding::Ber, &indefinite).unwrap();
    assert!(!value.is_definite());
    assert_eq!((value.whole, value.content), (&indefinite[..], &indefinite[2..13]));
    let inner = value.values().all("parts").unwrap();
    assert_eq!((inner.len(), inner[0].content, inner[1].start, inner[1].end()), (2, &[5][..], 5, 13));
    assert_eq!(inner[1].only(OCTET_STRING, "octets").unwrap().octets("octets").unwrap()[..], [0, 0]);
    assert!(value.der_values().all("parts").is_err(), "a part that must be DER is refused where it is BER");

    assert!(says(Encoding::Der, &[0x04, 0x81, 1, 7]).contains("shortest form"));
    assert!(says(Encoding::Der, &[0x04, 0x82, 0, 0x80]).contains("shortest form"));
    assert_eq!(read(Encoding::Ber, &[0x04, 0x82, 0, 1, 7]).unwrap().content, [7]);
    assert!(says(Encoding::Ber, &[0x04, 0x80, 0, 0]).contains("does not consist of values"));
}

#[test]
fn octets_in_pieces_are_put_together() {
    let pieces = [0x24, 0x80, 0x04, 2, 1, 2, 0x04, 0, 0x04, 1, 3, 0, 0];
    assert_eq!(read(Encoding::Ber, &pieces).unwrap().octets("toy").unwrap()[..], [1, 2, 3]);
    let definite = [0x24, 5, 0x04, 3, 9, 8, 7];
    assert_eq!(read(Encoding::Ber, &definite).unwrap().octets("toy").unwrap()[..], [9, 8, 7]);
    assert!(read(Encoding::Der, &definite).unwrap().octets("toy").is_err());
    let other = read(Encoding::Ber, &[0x24, 3, 0x02, 1, 9]).unwrap();
    assert_eq!(other.octets("toy").unwrap_err().to_string(), "toy at 0x2: the tag is 0x02, must be 0x04");
}

#[test]
fn work_and_memory_are_bounded() {
    let deep = [0x30, 0x80].repeat(1 << 16);
    assert!(says(Encoding::Ber, &deep).contains("16 deep"));
    assert!(says(Encoding::Ber, &[0x30, 0x80]).contains("the mark at the end of an indefinite length is missing"));
    assert!(says(Encoding::Ber, &[0x30, 0x80, 0x04, 9, 0, 0]).contains("needs 11 bytes, found 4"));
    let many = [0x05, 0].repeat(1025);
    assert!(Values::der(&many).all("toy").unwrap_err().to_string().contains("more than 1024"));
}

#[test]
fn what_is_written_is_read() {
    for len in [0, 1, 127, 128, 255, 256, 70_000] {
        let bytes = encode(OCTET_STRING, &[&vec![7; len]]);
        assert_eq!(read(Encoding::Der, &bytes).unwrap().content.len(), len);
    }
    assert_eq!(encode(SET, &[&[1, 2], &[3]]), [0x31, 3, 1, 2, 3]);
}
