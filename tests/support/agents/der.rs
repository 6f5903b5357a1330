//! Just enough DER to write certificates and signatures (X.690).

pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;
pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTET_STRING: u8 = 0x04;
pub const UTF8_STRING: u8 = 0x0c;
pub const UTC_TIME: u8 = 0x17;
/// `[0]`, constructed: explicit, or an implicit SET or SEQUENCE.
pub const CONTEXT_0: u8 = 0xa0;

/// A value with this tag and the parts as its content.
pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        n @ 0..0x80 => out.push(n as u8),
        n @ 0x80..0x100 => out.extend([0x81, n as u8]),
        n => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend(content);
    out
}

pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, parts)
}

/// A SET OF: its values are sorted by their bytes (X.690 §11.6).
pub fn set_of(tag: u8, mut values: Vec<Vec<u8>>) -> Vec<u8> {
    values.sort();
    tlv(tag, &values.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// An object identifier, `1.2.840.10045.2.1`.
pub fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u32> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut content = vec![(arcs[0] * 40 + arcs[1]) as u8];
    for &arc in &arcs[2..] {
        let groups: Vec<u8> = (0..5).rev().map(|n| (arc >> (7 * n) & 0x7f) as u8).skip_while(|&g| g == 0).collect();
        match groups.split_last() {
            Some((last, first)) => {
                content.extend(first.iter().map(|group| group | 0x80));
                content.push(*last);
            }
            None => content.push(0),
        }
    }
    tlv(0x06, &[&content])
}

/// A constructed value with an indefinite length, as `codesign` writes its outer ones (X.690 §8.1.3.6).
pub fn indefinite(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[tag, 0x80], parts.concat().as_slice(), &[0, 0]].concat()
}
