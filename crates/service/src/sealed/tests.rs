//! A sealed secret opens with its own key, for its own row, and not otherwise.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;
use tempfile::TempDir;

use super::{Purpose, SealedError, SealingKeys};
use crate::ledger::SealedBytes;

fn entropy(bytes: &mut [u8]) -> stampwright::Result<()> {
    getrandom::fill(bytes).map_err(stampwright::Error::machine)
}

fn keys(lines: &[char]) -> SealingKeys {
    let lines: Vec<String> = lines.iter().map(|letter| letter.to_string().repeat(42) + "A").collect();
    SealingKeys::parse(&lines.join("\n")).unwrap()
}

#[test]
fn a_secret_opens_for_its_own_row_alone() {
    let keys = keys(&['a']);
    let sealed = keys.seal(Purpose::Token("t1"), b"secret", &entropy).unwrap();
    assert_eq!(**keys.open(Purpose::Token("t1"), &sealed).unwrap(), *b"secret");
    for other in [Purpose::Token("t2"), Purpose::Link("t1"), Purpose::Answer("t1", "")] {
        assert_eq!(keys.open(other, &sealed).unwrap_err(), SealedError::Changed);
    }
    assert!(!sealed.0.windows(6).any(|window| window == b"secret"));
    assert_eq!(format!("{sealed:?}"), format!("sealed({} bytes)", 1 + 4 + 24 + 6 + 16));
    let again = keys.seal(Purpose::Token("t1"), b"secret", &entropy).unwrap();
    assert_ne!(sealed, again, "each has a nonce of its own");
}

#[test]
fn keys_are_rotated_by_a_new_first_line() {
    let sealed = keys(&['a']).seal(Purpose::Link("l"), b"old", &entropy).unwrap();
    let rotated = keys(&['b', 'a']);
    assert_eq!(**rotated.open(Purpose::Link("l"), &sealed).unwrap(), *b"old");
    let new = rotated.seal(Purpose::Link("l"), b"new", &entropy).unwrap();
    assert_eq!(keys(&['a']).open(Purpose::Link("l"), &new).unwrap_err(), SealedError::OtherKey);
    assert_eq!(**keys(&['b']).open(Purpose::Link("l"), &new).unwrap(), *b"new");
}

#[test]
fn the_file_is_made_once_and_must_be_its_owners() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sealing.key");
    let first = SealingKeys::of_file(&path, &entropy).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let sealed = first.seal(Purpose::Token("t"), b"x", &entropy).unwrap();
    assert!(SealingKeys::of_file(&path, &entropy).unwrap().open(Purpose::Token("t"), &sealed).is_ok());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = SealingKeys::of_file(&path, &entropy).unwrap_err();
    assert!(error.to_string().ends_with("the mode is 644, expected 600: others can read the sealing keys"), "{error}");
}

#[test]
fn what_is_no_key_is_named_by_its_line() {
    let wrong = |text: &str| SealingKeys::parse(text).unwrap_err().to_string();
    assert_eq!(wrong(""), "sealing keys: there are 0, expected 1 to 16");
    let good = "a".repeat(42) + "A";
    assert_eq!(wrong(&format!("{good}\nhunter2")), "sealing keys: line 2 is not 32 bytes in base64url");
    assert_eq!(wrong(&[good.as_str(); 17].join("\n")), "sealing keys: there are 17, expected 1 to 16");
    assert_eq!(format!("{:?}", keys(&['a', 'b'])), "2 sealing keys (not shown)");
}

proptest! {
    #[test]
    fn no_bytes_open_that_were_not_sealed(at in 0_usize..60, bit in 0_u8..8, cut in 0_usize..60) {
        let keys = keys(&['a']);
        let good = keys.seal(Purpose::Token("t"), b"a secret of 15.", &entropy).unwrap();
        let mut changed = good.0.clone();
        changed[at] ^= 1 << bit;
        prop_assert!(keys.open(Purpose::Token("t"), &SealedBytes(changed)).is_err());
        prop_assert!(keys.open(Purpose::Token("t"), &SealedBytes(good.0[..cut].to_vec())).is_err());
    }
}
