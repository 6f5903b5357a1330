//! Serial numbers that are none.

use super::super::names;
use super::column::folded;

/// What firmware says where no serial number was set: a token for one of these is for thousands of devices.
const PLACEHOLDERS: [&str; 12] = [
    "0",
    "00000000",
    "123456789",
    "defaultstring",
    "invalid",
    "n/a",
    "na",
    "none",
    "notapplicable",
    "notspecified",
    "systemserialnumber",
    "tobefilledbyo.e.m.",
];

pub(super) fn problem(serial: &str) -> Option<String> {
    if serial.chars().any(char::is_control) {
        return Some("has a control character".to_owned());
    }
    if serial.chars().count() > 128 {
        return Some("has more than 128 characters".to_owned());
    }
    if PLACEHOLDERS.contains(&folded(serial).as_str()) {
        return Some("is what firmware says where none is set".to_owned());
    }
    names::formula(serial)
}
