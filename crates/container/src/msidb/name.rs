//! Stream names: two characters in one UTF-16 unit.
//!
//! A compound file's name has at most 31 units, a table's up to 62 characters; so pairs of characters from the
//! alphabet `0-9A-Za-z._` are packed, low six bits first.

/// What a table's stream name starts with.
pub(crate) const TABLE_MARKER: char = '\u{4840}';

/// The summary information's stream; its name is not packed.
pub const SUMMARY_INFORMATION: &str = "\u{5}SummaryInformation";
/// The Authenticode signature's stream.
pub const DIGITAL_SIGNATURE: &str = "\u{5}DigitalSignature";
/// The stream with the digest over names, sizes and times that signtool adds.
pub const DIGITAL_SIGNATURE_EX: &str = "\u{5}MsiDigitalSignatureEx";

const ALPHABET: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";
const PAIRS: u32 = 0x3800;
const SINGLES: u32 = 0x4800;

/// The stream name of a table.
#[must_use]
pub fn table_stream_name(table: &str) -> String {
    std::iter::once(TABLE_MARKER).chain(pack(table)).collect()
}

/// The stream name of data that is not a table.
#[must_use]
pub fn data_stream_name(name: &str) -> String {
    pack(name).collect()
}

/// What a stream name stands for, and whether that is a table.
#[must_use]
pub fn decode(stream: &str) -> (String, bool) {
    let (packed, is_table) = match stream.strip_prefix(TABLE_MARKER) {
        Some(rest) => (rest, true),
        None => (stream, false),
    };
    let mut out = String::with_capacity(packed.len());
    for c in packed.chars() {
        match u32::from(c) {
            unit @ PAIRS..SINGLES => {
                out.push(letter(unit - PAIRS));
                out.push(letter((unit - PAIRS) >> 6));
            }
            unit @ SINGLES..0x4840 => out.push(letter(unit - SINGLES)),
            _ => out.push(c),
        }
    }
    (out, is_table)
}

fn pack(name: &str) -> impl Iterator<Item = char> {
    let mut rest = name.chars().peekable();
    std::iter::from_fn(move || {
        let c = rest.next()?;
        let Some(low) = value(c) else { return Some(c) };
        let unit = match rest.peek().copied().and_then(value) {
            Some(high) => {
                rest.next();
                PAIRS + (high << 6) + low
            }
            None => SINGLES + low,
        };
        char::from_u32(unit)
    })
}

fn letter(bits: u32) -> char {
    ALPHABET.get((bits & 0x3f) as usize).map_or('?', |b| char::from(*b))
}

fn value(c: char) -> Option<u32> {
    let at = ALPHABET.iter().position(|b| char::from(*b) == c)?;
    u32::try_from(at).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_seen_in_windows_files() {
        assert_eq!(table_stream_name("_Columns"), "\u{4840}\u{3b3f}\u{43f2}\u{4438}\u{45b1}");
        assert_eq!(table_stream_name("_Tables"), "\u{4840}\u{3f7f}\u{4164}\u{422f}\u{4836}");
        assert_eq!(data_stream_name("App.exe"), "\u{44ca}\u{47b3}\u{46e8}\u{4828}");
        assert_eq!(decode(SUMMARY_INFORMATION), (SUMMARY_INFORMATION.to_owned(), false));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_name_comes_back(name in "[0-9A-Za-z._ $é]{0,40}", is_table: bool) {
            let stream = if is_table { table_stream_name(&name) } else { data_stream_name(&name) };
            prop_assert_eq!(decode(&stream), (name, is_table));
        }
    }
}
