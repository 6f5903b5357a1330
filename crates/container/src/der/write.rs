//! One value, written. The reader shares nothing with it.

/// A value's bytes: tag, length in its shortest form, and the parts of its content.
#[must_use]
pub fn encode(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| <[u8]>::len(part)).sum();
    let mut out = vec![tag];
    match u8::try_from(len) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = len.to_be_bytes();
            let significant = bytes.iter().skip_while(|byte| **byte == 0);
            // A length has at most eight bytes.
            out.push(0x80 | u8::try_from(significant.clone().count()).unwrap_or(8));
            out.extend(significant);
        }
    }
    for part in parts {
        out.extend(*part);
    }
    out
}
