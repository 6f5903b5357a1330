//! Indefinite lengths made definite.
//!
//! `codesign` writes its CMS in BER: the outer values have the length byte 0x80 and end with two zero bytes (X.690
//! §8.1.3.6), while everything that is hashed or signed inside, certificates and attributes, is DER. The `cms` crate
//! reads DER only. So the outer values are written again with definite lengths, and the inner ones kept byte for byte.

/// Deeper values than these are nobody's signature.
const DEPTH_MAX: usize = 16;
const INDEFINITE: u8 = 0x80;
const CONSTRUCTED: u8 = 0x20;

/// The one BER value that is all of `bytes`, in definite lengths. `None`: it is not one BER value.
#[must_use]
pub fn definite(bytes: &[u8]) -> Option<Vec<u8>> {
    let (value, rest) = first_definite(bytes)?;
    rest.is_empty().then_some(value)
}

/// The first BER value in `bytes`, in definite lengths, and what follows it.
#[must_use]
pub fn first_definite(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    value(bytes, DEPTH_MAX)
}

/// The first value in `bytes`, and what follows it.
fn value(bytes: &[u8], depth: usize) -> Option<(Vec<u8>, &[u8])> {
    let (&tag, after_tag) = bytes.split_first()?;
    let (&first, mut rest) = after_tag.split_first()?;
    if tag & 0x1f == 0x1f {
        return None; // a tag of more than one byte; CMS has none
    }
    if first != INDEFINITE {
        let (header, length) = definite_length(after_tag)?;
        let (whole, rest) = bytes.split_at_checked(length.checked_add(1 + header)?)?;
        return Some((whole.to_vec(), rest));
    }
    if tag & CONSTRUCTED == 0 {
        return None;
    }
    let depth = depth.checked_sub(1)?;
    let mut content = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(&[0, 0]) {
            let mut out = vec![tag];
            push_length(&mut out, content.len());
            out.append(&mut content);
            return Some((out, after));
        }
        let (inner, after) = value(rest, depth)?;
        content.extend_from_slice(&inner);
        rest = after;
    }
}

/// How many bytes a definite length takes, and the length.
fn definite_length(bytes: &[u8]) -> Option<(usize, usize)> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((1, first.into()));
    }
    let count = usize::from(first & 0x7f);
    if !(1..=4).contains(&count) {
        return None;
    }
    let length = rest.get(..count)?.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
    Some((1 + count, length))
}

/// Writes a length in its shortest form, as DER wants it.
fn push_length(out: &mut Vec<u8>, length: usize) {
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        out.push(short);
        return;
    }
    let bytes = length.to_be_bytes();
    let significant: Vec<u8> = bytes.iter().copied().skip_while(|&byte| byte == 0).collect();
    out.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
    out.extend_from_slice(&significant);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outer_lengths_become_definite_and_inner_values_stay() {
        let ber = [0x30, 0x80, 0x02, 0x01, 0x05, 0xa0, 0x80, 0x04, 0x02, 0, 0, 0, 0, 0, 0];
        assert_eq!(definite(&ber).unwrap(), [0x30, 0x09, 0x02, 0x01, 0x05, 0xa0, 0x04, 0x04, 0x02, 0, 0]);
        let der = [0x30, 0x03, 0x02, 0x01, 0x05];
        assert_eq!(definite(&der).unwrap(), der);
    }

    #[test]
    fn a_long_value_gets_a_long_length() {
        let mut ber = vec![0x30, 0x80, 0x04, 0x82, 0x01, 0x00];
        ber.extend([7; 256]);
        ber.extend([0, 0]);
        let der = definite(&ber).unwrap();
        assert_eq!((&der[..8], der.len()), (&[0x30, 0x82, 0x01, 0x04, 0x04, 0x82, 0x01, 0x00][..], 264));
    }

    #[test]
    fn what_is_not_one_value_is_refused() {
        for bad in [&[0x30][..], &[0x30, 0x80], &[0x04, 0x80, 0, 0], &[0x30, 0x00, 0x00], &[0x1f, 0x81, 0x00], &[]] {
            assert_eq!(definite(bad), None, "{bad:x?}");
        }
        assert_eq!(definite(&[0x30, 0x80].repeat(1000)), None);
    }
}
