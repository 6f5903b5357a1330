//! Values that makers leave in place of a real one. They are equal on thousands of devices.

/// Words, in lower case and without spaces, dots, dashes and underscores.
const WORDS: [&str; 22] = [
    "tobefilledbyoem",
    "defaultstring",
    "none",
    "na",
    "n/a",
    "null",
    "notspecified",
    "notapplicable",
    "notavailable",
    "notpresent",
    "unknown",
    "invalid",
    "oem",
    "empty",
    "systemserialnumber",
    "baseboardserialnumber",
    "chassisserialnumber",
    "serialnumber",
    "standard",
    "notsettable",
    "assetserial",
    "xxxxxxx",
];

/// UUIDs that boards of several makers have, as text in the order in which their bytes are written.
const UUIDS: [[u8; 16]; 5] = [
    [3, 0, 2, 0, 4, 0, 5, 0, 0, 6, 0, 7, 0, 8, 0, 9],
    [0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0, 9],
    [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [0x10, 0, 0, 0, 0, 0, 0x80, 0, 0, 0x40, 0, 0, 0, 0, 0, 0],
];
/// One of them in the byte order of SMBIOS 2.6.
const UUID_SWAPPED: [u8; 16] = [0, 0, 0, 0x10, 0, 0, 0, 0x80, 0, 0x40, 0, 0, 0, 0, 0, 0];

/// A serial number that says nothing: too short, one letter over and over, counting, or a known word.
pub(crate) fn is_placeholder(value: &str) -> bool {
    let plain: String =
        value.to_lowercase().chars().filter(|letter| !letter.is_whitespace() && !".-_".contains(*letter)).collect();
    if plain.chars().count() < 4 || WORDS.contains(&plain.as_str()) {
        return true;
    }
    let first = plain.chars().next();
    let repeats = plain.chars().all(|letter| Some(letter) == first);
    let counts = "01234567890123456789".contains(&plain) || "98765432109876543210".contains(&plain);
    repeats || counts
}

/// A UUID that says nothing: one byte over and over, or a known one. `raw` is as it lies in the table.
pub(crate) fn is_placeholder_uuid(raw: &[u8; 16]) -> bool {
    let [first, ..] = raw;
    raw.iter().all(|byte| byte == first) || UUIDS.contains(raw) || *raw == UUID_SWAPPED || template_mac(raw).is_some()
}

/// Boards whose UUID is the template `03xx02xx-04xx-05xx-xx06-xx0700080009` carry a network address between the template's bytes, in either
/// byte order. Such a UUID is not one.
pub(crate) fn template_mac(raw: &[u8; 16]) -> Option<[u8; 6]> {
    match *raw {
        [3, a, 2, b, 4, c, 5, d, e, 6, f, 7, 0, 8, 0, 9] | [b, 2, a, 3, c, 4, d, 5, e, 6, f, 7, 0, 8, 0, 9] => {
            Some([a, b, c, d, e, f])
        }
        _ => None,
    }
}

/// A network address that says nothing: zeros, ones, a group's.
pub(crate) fn is_placeholder_mac(mac: &[u8; 6]) -> bool {
    let [first, ..] = mac;
    mac.iter().all(|byte| byte == first) || first & 1 == 1
}

/// A network address that software made up.
pub(crate) fn is_local_mac(mac: &[u8; 6]) -> bool {
    let [first, ..] = mac;
    first & 2 == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_known_in_every_spelling() {
        let values = [
            "",
            "  ",
            "abc",
            "0000000000",
            "FFFFFFFF",
            "123456789",
            "0123456789",
            "To be filled by O.E.M.",
            "Default string",
            "System Serial Number",
            "NOT SPECIFIED",
            "None",
            "N/A",
            "Not Applicable",
            "........",
            "987654321",
        ];
        for value in values {
            assert!(is_placeholder(value), "{value:?}");
        }
        for value in ["5CG1234XYZ", "PF2ABCDE", "C02XK0AAJGH5", "1234567890A"] {
            assert!(!is_placeholder(value), "{value:?}");
        }
    }

    #[test]
    fn board_uuids_that_are_shared_are_known() {
        assert!(is_placeholder_uuid(&[0; 16]) && is_placeholder_uuid(&[0xff; 16]) && is_placeholder_uuid(&[0xfe; 16]));
        assert!(UUIDS.iter().all(is_placeholder_uuid));
        let template = [3, 0xaa, 2, 0xbb, 4, 0xcc, 5, 0xdd, 0xee, 6, 0xff, 7, 0, 8, 0, 9];
        assert!(is_placeholder_uuid(&template));
        assert_eq!(template_mac(&template), Some([0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]));
        assert!(!is_placeholder_uuid(&[
            0x4c, 0x4c, 0x45, 0x44, 0, 0x31, 0x32, 0x10, 0x80, 0x34, 0xb4, 0xc0, 0x4f, 0x56, 0x37, 0x33
        ]));
    }
}
