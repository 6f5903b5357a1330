use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::msidb::Codepage;

fn sample() -> BTreeMap<u32, Value> {
    let text = |s: &str| Value::Text(s.to_owned());
    BTreeMap::from([
        (pid::TITLE, text("Installation Database")),
        (pid::SUBJECT, text("Agent für Büros – €")),
        (pid::TEMPLATE, text("x64;1033")),
        (pid::REVISION, text("{0B5C1E7A-0000-4000-8000-0123456789AB}")),
        (pid::CREATED, Value::Time(filetime(0))),
        (pid::PAGE_COUNT, Value::Long(500)),
        (pid::WORD_COUNT, Value::Long(2)),
    ])
}

#[test]
fn what_is_written_is_read() {
    let bytes = write(Codepage::WINDOWS_1252, &sample()).unwrap();
    let s = Summary::read(&bytes).unwrap();
    assert_eq!(s.codepage(), Codepage::WINDOWS_1252);
    assert_eq!(s.text(pid::SUBJECT), Some("Agent für Büros – €"));
    assert_eq!(s.int(pid::PAGE_COUNT), Some(500));
    assert_eq!(s.text(pid::LAST_SAVED_BY), None);
    assert_eq!(&bytes[s.place(pid::REVISION).unwrap()], b"{0B5C1E7A-0000-4000-8000-0123456789AB}");
    assert_eq!(&bytes[s.place(pid::WORD_COUNT).unwrap()], 2_u32.to_le_bytes());
}

#[test]
fn other_codepages_are_written_and_read() {
    for (number, name) in [(1250, "Příliš"), (1251, "Агент"), (932, "エージェント")] {
        let codepage = Codepage::from_number(number).unwrap();
        let bytes = write(codepage, &BTreeMap::from([(pid::SUBJECT, Value::Text(name.to_owned()))])).unwrap();
        let s = Summary::read(&bytes).unwrap();
        assert_eq!((s.codepage(), s.text(pid::SUBJECT)), (codepage, Some(name)));
    }
}

#[test]
fn text_outside_the_codepage_is_refused() {
    let mut values = sample();
    values.insert(pid::AUTHOR, Value::Text("日本".to_owned()));
    let e = write(Codepage::WINDOWS_1252, &values).unwrap_err();
    assert_eq!(e.to_string(), "summary property 4: '日' (U+65E5) does not exist in codepage 1252");
}

#[test]
fn lies_are_refused() {
    let good = write(Codepage::WINDOWS_1252, &sample()).unwrap();
    for cut in 0..good.len() {
        assert!(Summary::read(&good[..cut]).is_err(), "{cut} bytes");
    }
    let mut long = good.clone();
    long[52..56].copy_from_slice(&u32::MAX.to_le_bytes());
    let said = Summary::read(&long).unwrap_err().to_string();
    assert_eq!(said, "summary information at 0x38: properties is 4294967295, must be 64 at most");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn no_damage_panics(at in 0_usize..400, value: u8) {
        let mut bytes = write(Codepage::WINDOWS_1252, &sample()).unwrap();
        if let Some(b) = bytes.get_mut(at) {
            *b = value;
        }
        let _ = Summary::read(&bytes);
    }
}
