//! The hardware fingerprint: a list of hashed parts. It suggests which device this may be; it proves nothing.
//!
//! `h = HMAC-SHA-256(vendor's key, "hw1" ‖ 0 ‖ kind ‖ 0 ‖ normalised bytes)`, its first 16 bytes in hex. The vendor's key is in every agent,
//! so it hides nothing from somebody who has one; it keeps the hashes of two vendors apart. What keeps a stolen table from being
//! searched is the server's own key, with which it hashes these hashes again.

use ring::digest::{SHA256, digest};
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::hardware::placeholder::{is_placeholder, is_placeholder_mac, is_placeholder_uuid, template_mac};
use crate::hardware::{self, Hardware};
use crate::sorted::insert_by;
use crate::token::hex;

/// Kinds of parts that tell devices apart; the others only describe.
const IDENTITY: [&str; 4] = ["board_serial", "mac", "system_serial", "system_uuid"];

/// A part of the hardware.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// Which part: `system_uuid`, `board_serial`, `system_serial`, `mac`, `cpu`, `os_instance`.
    pub kind: String,
    /// Its hash, 32 hex digits.
    pub h: String,
}

/// A part that was left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dropped {
    /// Which part.
    pub kind: String,
    /// Why: `missing`, `placeholder`.
    pub why: String,
}

/// `hardware_fingerprint` on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The form's version.
    pub v: u8,
    /// A hash over the sorted identity parts, for display and exact look-up; empty without any.
    pub id: String,
    /// What kind of machine it is.
    pub class: Class,
    /// The parts, sorted.
    pub parts: Vec<Part>,
    /// What was left out.
    pub dropped: Vec<Dropped>,
}

/// Reads this machine's hardware and makes its fingerprint.
pub(crate) fn of_this_machine(vendor_key: &[u8; 32]) -> Fingerprint {
    fingerprint(&hardware::read(), vendor_key)
}

/// Makes a fingerprint. The same hardware gives the same bytes.
pub(crate) fn fingerprint(hardware: &Hardware, vendor_key: &[u8; 32]) -> Fingerprint {
    let key = hmac::Key::new(hmac::HMAC_SHA256, vendor_key);
    let (mut parts, mut dropped) = (Vec::new(), Vec::new());
    let mut add = |kind: &str, bytes: Option<&[u8]>, says_nothing: bool| {
        let why = match bytes {
            None => "missing",
            Some(_) if says_nothing => "placeholder",
            Some(bytes) => {
                let part = Part { kind: kind.to_owned(), h: hash(&key, kind, bytes) };
                return insert_by(&mut parts, part, Ord::cmp);
            }
        };
        insert_by(&mut dropped, Dropped { kind: kind.to_owned(), why: why.to_owned() }, Ord::cmp);
    };
    let uuid = hardware.system_uuid;
    add("system_uuid", uuid.as_ref().map(|raw| &raw[..]), uuid.is_some_and(|raw| is_placeholder_uuid(&raw)));
    for (kind, serial) in [("board_serial", &hardware.board_serial), ("system_serial", &hardware.system_serial)] {
        let normal = serial.as_ref().map(|serial| serial.trim().to_lowercase());
        add(kind, normal.as_ref().map(String::as_bytes), normal.as_ref().is_some_and(|serial| is_placeholder(serial)));
    }
    let macs = hardware.macs.iter().copied().chain(uuid.and_then(|raw| template_mac(&raw)));
    let mut known: Vec<[u8; 6]> = Vec::new();
    for mac in macs {
        if !known.contains(&mac) {
            add("mac", Some(&mac), is_placeholder_mac(&mac));
            known.push(mac);
        }
    }
    for (kind, text) in [("cpu", &hardware.cpu), ("os_instance", &hardware.os_instance)] {
        let normal = text.as_ref().map(|text| text.trim().to_lowercase());
        add(kind, normal.as_ref().map(String::as_bytes), normal.as_ref().is_some_and(String::is_empty));
    }
    Fingerprint { v: 1, id: id(&parts), class: hardware.class, parts, dropped }
}

fn hash(key: &hmac::Key, kind: &str, bytes: &[u8]) -> String {
    let message = [b"hw1\0", kind.as_bytes(), b"\0", bytes].concat();
    hex(hmac::sign(key, &message).as_ref().get(..16).unwrap_or_default())
}

fn id(parts: &[Part]) -> String {
    let identity: Vec<String> = parts
        .iter()
        .filter(|part| IDENTITY.contains(&part.kind.as_str()))
        .map(|part| format!("{}={}\n", part.kind, part.h))
        .collect();
    match identity.is_empty() {
        true => String::new(),
        false => hex(digest(&SHA256, identity.concat().as_bytes()).as_ref().get(..16).unwrap_or_default()),
    }
}

impl Fingerprint {
    /// Is a state that was made on `made_on` on other hardware now? Only if every kind that both have differs, and there is one: a
    /// changed card or board is no copy.
    pub(crate) fn is_other_machine(&self, made_on: &[Part]) -> bool {
        let mut compared = 0_usize;
        for kind in IDENTITY {
            let of = |parts: &[Part]| -> Vec<String> {
                parts.iter().filter(|part| part.kind == kind).map(|part| part.h.clone()).collect()
            };
            let (now, then) = (of(&self.parts), of(made_on));
            if now.is_empty() || then.is_empty() {
                continue;
            }
            if now.iter().any(|hash| then.contains(hash)) {
                return false;
            }
            // Addresses alone never trigger anything: a new network card is no new device.
            compared += usize::from(kind != "mac");
        }
        compared > 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: [u8; 32] = [9; 32];

    fn laptop() -> Hardware {
        Hardware {
            system_uuid: Some([0x4c, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
            board_serial: Some("/5CG1/CN1/".into()),
            system_serial: Some(" 5CG1234XYZ ".into()),
            macs: vec![[0x54, 0, 0, 0, 0, 2], [0x54, 0, 0, 0, 0, 1]],
            cpu: Some("model 1".into()),
            os_instance: Some("machine".into()),
            class: Class::Physical,
        }
    }

    fn kinds(fingerprint: &Fingerprint) -> Vec<&str> {
        fingerprint.parts.iter().map(|part| part.kind.as_str()).collect()
    }

    #[test]
    fn it_is_deterministic_and_says_no_raw_value() {
        let one = fingerprint(&laptop(), &KEY);
        let mut other = laptop();
        other.macs.reverse();
        other.system_serial = Some("5cg1234xyz".into());
        assert_eq!(one, fingerprint(&other, &KEY));
        assert_ne!(one.id, fingerprint(&laptop(), &[8; 32]).id);
        let text = serde_json::to_string(&one).unwrap().to_lowercase();
        assert!(!text.contains("5cg1") && !text.contains("machine") && !text.contains("54000000"));
    }

    /// HMAC-SHA-256 of `hw1\0system_serial\0pf2abcde` with 32 bytes 9, by Python's hmac.
    #[test]
    fn a_hash_is_what_another_implementation_makes() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &KEY);
        assert_eq!(hash(&key, "system_serial", b"pf2abcde"), PYTHON);
    }
    const PYTHON: &str = "d8409a81237d97f561f2ca9bc1cfb3bb";

    #[test]
    fn placeholders_and_empty_machines_make_no_part() {
        let board = Hardware {
            system_uuid: Some([3, 0, 2, 0, 4, 0, 5, 0, 0, 6, 0, 7, 0, 8, 0, 9]),
            board_serial: Some("Default string".into()),
            system_serial: Some("To be filled by O.E.M.".into()),
            macs: vec![[0; 6], [0xff; 6]],
            ..Hardware::default()
        };
        let made = fingerprint(&board, &KEY);
        assert_eq!((kinds(&made), made.id.as_str()), (vec![], ""));
        assert!(made.dropped.iter().any(|dropped| dropped.why == "placeholder"));
        assert!(fingerprint(&Hardware::default(), &KEY).parts.is_empty());
    }

    #[test]
    fn a_templates_address_counts_as_an_address() {
        let template = [3, 0x54, 2, 0xbb, 4, 0xcc, 5, 0xdd, 0xee, 6, 0xff, 7, 0, 8, 0, 9];
        let made = fingerprint(&Hardware { system_uuid: Some(template), ..Hardware::default() }, &KEY);
        assert_eq!(kinds(&made), ["mac"]);
    }

    #[test]
    fn only_other_hardware_is_another_machine() {
        let here = fingerprint(&laptop(), &KEY);
        assert!(!here.is_other_machine(&here.parts));
        assert!(!here.is_other_machine(&[]));
        let new_card = Hardware { macs: vec![[0x54, 9, 9, 9, 9, 9]], ..laptop() };
        assert!(!fingerprint(&new_card, &KEY).is_other_machine(&here.parts));
        let new_board = Hardware {
            board_serial: Some("other".into()),
            system_uuid: Some([7, 1, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8]),
            ..laptop()
        };
        assert!(!fingerprint(&new_board, &KEY).is_other_machine(&here.parts));
        let other = Hardware { system_serial: Some("PF2ABCDE".into()), macs: vec![], ..new_board };
        assert!(fingerprint(&other, &KEY).is_other_machine(&here.parts));
    }

    proptest! {
        #[test]
        fn any_hardware_makes_a_fingerprint(uuid: [u8; 16], serial in ".{0,40}", macs in proptest::collection::vec(any::<[u8; 6]>(), 0..9)) {
            let hardware = Hardware { system_uuid: Some(uuid), system_serial: Some(serial.clone()), macs, ..Hardware::default() };
            let made = fingerprint(&hardware, &KEY);
            prop_assert_eq!(&made, &fingerprint(&hardware, &KEY));
            let has_serial = made.parts.iter().any(|part| part.kind == "system_serial");
            prop_assert_eq!(has_serial, !is_placeholder(&serial.trim().to_lowercase()));
        }
    }
}
