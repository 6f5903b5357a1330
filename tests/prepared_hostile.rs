//! What may not have a slot, and slots that are none: a clear refusal each, and never a guess.

use std::io::Cursor;
use std::time::{Duration, Instant};

use container::authenticode::slot;
use container::cfb::read::Compound;
use container::cfb::rebuild::{Edit, rebuild};
use container::msidb::name::{DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_EX};
use installer::format::Format;
use installer::prepare::PrepareRecord;
use installer::signature::Existing;
use installer::slot::SlotState;
use installer::{Kind, Report, formats};

use crate::prepared::{Signed, issuer, prepare, put_by_hand, signed, stamp};
use crate::support::agents::cms;
use crate::support::agents::der::{indefinite, oid, sequence, tlv};
use crate::support::once::Once;
use crate::support::pkcs7::{self, Parts};
use crate::support::product;

fn utf16(name: &str) -> Vec<u16> {
    name.encode_utf16().collect()
}

/// A signed base of which nothing can be seen of issuer keys.
fn base(kind: Kind) -> &'static Signed {
    signed().iter().find(|signed| signed.kind == kind && !signed.seen).unwrap()
}

fn msi() -> &'static dyn Format {
    formats::by_kind(Kind::Msi).unwrap()
}

/// The signature's stream of a package.
fn signature(file: &Vec<u8>) -> Vec<u8> {
    let open = Compound::open(file).unwrap();
    open.read(open.find(&utf16(DIGITAL_SIGNATURE)).unwrap(), 1 << 20).unwrap()
}

/// The package with another signature's stream.
fn with(file: &Vec<u8>, stream: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let name = utf16(DIGITAL_SIGNATURE);
    rebuild(&Compound::open(file).unwrap(), &[Edit::Put { name: &name, data: stream }], &mut out).unwrap();
    out
}

/// Why a file gets no slot. It takes less than a second to find out.
fn refusal(format: &dyn Format, file: &Vec<u8>) -> String {
    let start = Instant::now();
    let error = prepare(format, file, Some(&issuer().jwks())).map(|_| ()).unwrap_err().to_string();
    assert!(start.elapsed() < Duration::from_secs(1), "{error}: took {:?}", start.elapsed());
    error
}

/// A message put together again.
fn message(parts: &Parts) -> Vec<u8> {
    let certificates: Vec<&[u8]> = parts.certificates.iter().map(Vec::as_slice).collect();
    let certificates = tlv(0xA0, &certificates);
    let data = sequence(&[&[2, 1, 1], &parts.algorithms, &parts.content, &certificates, &parts.signers]);
    sequence(&[&oid("1.2.840.113549.1.7.2"), &tlv(0xA0, &[&data])])
}

#[test]
fn signatures_that_are_not_der_to_the_last_byte_get_no_slot() {
    let file = &base(Kind::Msi).bytes;
    let good = signature(file);
    assert_eq!(message(&pkcs7::parts(&good)), good);
    for len in (0..good.len()).step_by(7).chain([good.len() - 1]) {
        refusal(msi(), &with(file, &good[..len]));
    }
    let behind = |bytes: &[u8]| refusal(msi(), &with(file, &[good.as_slice(), bytes].concat()));
    assert!(behind(&[1]).contains("left over"));
    assert!(behind(&[0; 8]).contains("left over"));
    assert!(prepare(msi(), &with(file, &[good.as_slice(), &[0; 7]].concat()), Some(&issuer().jwks())).is_ok());

    let parts = pkcs7::parts(&good);
    let inside = &good[4..];
    let outer = indefinite(0x30, &[inside]);
    assert!(refusal(msi(), &with(file, &outer)).contains("indefinite"), "outer");
    let certificates = indefinite(0xA0, &[&parts.certificates.concat()]);
    let data = sequence(&[&[2, 1, 1], &parts.algorithms, &parts.content, &certificates, &parts.signers]);
    let inner = sequence(&[&oid("1.2.840.113549.1.7.2"), &tlv(0xA0, &[&data])]);
    assert!(refusal(msi(), &with(file, &inner)).contains("indefinite"), "inner");
    let long = [&[0x30, 0x84, 0, 0], &good[2..]].concat();
    assert!(refusal(msi(), &with(file, &long)).contains("shortest"));
}

#[test]
fn every_flipped_bit_of_a_signature_is_survived() {
    let file = &base(Kind::Msi).bytes;
    let (prepared, _) = base(Kind::Msi).prepare();
    for stream in [signature(file), signature(&prepared)] {
        for at in (0..stream.len()).filter(|at| *at < 300 || at % 13 == 0) {
            for bit in [0x80, 0x01] {
                let mut bad = stream.clone();
                bad[at] ^= bit;
                let _ = slot::find(&bad);
                let _ = slot::insert(&bad);
                let _ = container::authenticode::named_algorithms(&bad);
            }
        }
    }
}

#[test]
fn sealed_signatures_and_second_slots_are_refused() {
    let unsigned = product::bases().iter().find(|base| base.format.kind() == Kind::Msi).unwrap();
    for arc in [2, 3, 4] {
        let attribute = cms::attribute(&format!("1.3.6.1.4.1.311.2.4.{arc}"), &[5, 0]);
        let mut signer = pkcs7::Signer::new(10);
        signer.further.push(attribute);
        let mut out = Cursor::new(Vec::new());
        msi().sign(&unsigned.bytes, &signer, Existing::Refuse, &mut out).unwrap();
        assert!(refusal(msi(), &out.into_inner()).contains("sealed"), "{arc}");
    }
    // In what is not signed as well.
    let file = &base(Kind::Msi).bytes;
    let (prepared, _) = base(Kind::Msi).prepare();
    let mut parts = pkcs7::parts(&signature(&prepared));
    let spare = parts.certificates.last().unwrap().clone();
    parts.certificates.push(spare.clone());
    let twice = with(file, &message(&parts));
    assert!(msi().slot(&twice).unwrap_err().to_string().contains("a slot is there twice"));
    refusal(msi(), &twice);
    parts.certificates = vec![spare.clone(), parts.certificates[0].clone()];
    let first = with(file, &message(&parts));
    assert!(msi().slot(&first).unwrap_err().to_string().contains("not in the last certificate"));
    let Parts { algorithms, content, signers, .. } = pkcs7::parts(&signature(file));
    let data = sequence(&[&[2, 1, 1], &algorithms, &content, &signers]);
    let none = sequence(&[&oid("1.2.840.113549.1.7.2"), &tlv(0xA0, &[&data])]);
    assert!(refusal(msi(), &with(file, &none)).contains("certificates is missing"));
}

#[test]
fn a_signature_over_something_else_gets_no_slot() {
    let file = &base(Kind::Msi).bytes;
    let open = Compound::open(file).unwrap();
    let mut out = Vec::new();
    let ex = utf16(DIGITAL_SIGNATURE_EX);
    rebuild(&open, &[Edit::Drop { name: &ex }], &mut out).unwrap();
    assert!(refusal(msi(), &out).contains("no MsiDigitalSignatureEx"));
    let mut out = Vec::new();
    rebuild(&open, &[Edit::Put { name: &utf16("more"), data: b"more" }], &mut out).unwrap();
    assert!(refusal(msi(), &out).contains("MsiDigitalSignatureEx is not the digest"));
    // One bit of the cabinet.
    let mut bad = file.clone();
    bad[5000] ^= 1;
    assert!(refusal(msi(), &bad).contains("its digest is not that of this package"));
}

#[test]
fn a_compound_file_that_lies_gets_no_slot() {
    let file = &base(Kind::Msi).bytes;
    let entry = |name: &str| {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        file.windows(name.len()).rposition(|window| window == name).unwrap()
    };
    let ds = entry(DIGITAL_SIGNATURE);
    // The signature in the cabinet's sectors, with a length that gives it sectors; and in a circle.
    let mut shared = file.clone();
    shared[ds + 0x74..ds + 0x78].copy_from_slice(&0_u32.to_le_bytes());
    shared[ds + 0x78..ds + 0x7C].copy_from_slice(&8192_u32.to_le_bytes());
    refusal(msi(), &shared);
    let fat = u32::from_le_bytes(file[0x4C..0x50].try_into().unwrap()) as usize;
    let mut circle = file.clone();
    let second = (fat + 1) * 4096 + 4;
    circle[second..second + 4].copy_from_slice(&0_u32.to_le_bytes());
    refusal(msi(), &circle);
    for at in (0..512).step_by(3) {
        let mut bad = file.clone();
        bad[at] ^= 0xFF;
        let _ = prepare(msi(), &bad, Some(&issuer().jwks()));
    }
}

#[test]
fn every_length_around_a_sector_is_right() {
    let unsigned = product::bases().iter().find(|base| base.format.kind() == Kind::Msi).unwrap();
    let sign_with = |padding: usize, filler: u8| {
        let mut signer = pkcs7::Signer::new(padding);
        signer.further.push(cms::attribute("1.2.3.4.6", &[4, 1, filler]));
        let mut out = Cursor::new(Vec::new());
        msi().sign(&unsigned.bytes, &signer, Existing::Refuse, &mut out).unwrap();
        out.into_inner()
    };
    // An ECDSA signature has 70 to 72 bytes: another filler gives another one, until it has as many as the first had.
    let overhead = signature(&sign_with(2000, 0)).len() - 2000;
    let sign = |padding: usize| {
        let mut tries = (0..=255).map(|filler| sign_with(padding, filler));
        tries.find(|signed| signature(signed).len() == padding + overhead).unwrap()
    };
    let slot_bytes = signature(&base(Kind::Msi).prepare().0).len() - signature(&base(Kind::Msi).bytes).len();
    let len = |padding: usize| signature(&sign(padding)).len();
    let first = len(2000);
    let mut lengths = Vec::new();
    // The stream before is around 4096 bytes; the stream with the slot fills sectors exactly, and one byte less and more.
    for (wanted, added) in [(4096, 0), (8192, slot_bytes), (12_288, slot_bytes), (8192 + 512, slot_bytes)] {
        for around in -4_i32..=4 {
            let padding = (2000 + wanted - first - added) as i32 + around;
            let signed = sign(padding as usize);
            let (prepared, record) = prepare(msi(), &signed, Some(&issuer().jwks())).unwrap();
            assert_eq!(Compound::open(&prepared).unwrap().check().unwrap(), []);
            lengths.push(signature(if added == 0 { &signed } else { &prepared }).len());
            let token = issuer().token("acme", padding as usize % 900);
            let stamped = stamp(&prepared, &record, &token).unwrap();
            assert_eq!(msi().token(&stamped).unwrap(), Some(token));
        }
    }
    for wanted in [4095, 4096, 4097, 8192, 8704, 12_287, 12_288, 12_289] {
        assert!(lengths.contains(&wanted), "{wanted} is not among {lengths:?}");
    }
}

fn record(kind: u16, length: u32) -> Vec<u8> {
    [b"t8lr\x01\0".as_slice(), &kind.to_le_bytes(), &length.to_le_bytes(), &[0; 4]].concat()
}

#[test]
fn what_follows_a_flat_package_is_one_trailer_or_nothing() {
    let Signed { bytes, .. } = base(Kind::Pkg);
    let pkg = formats::by_kind(Kind::Pkg).unwrap();
    let (end, ticket) = (record(1, 0), [b"ticket".to_vec(), record(2, 6)].concat());
    let good = [end.clone(), ticket.clone()].concat();
    let and = |trailer: &[u8]| [bytes.as_slice(), trailer].concat();
    for fine in [good.clone(), end.clone(), [end.clone(), b"abc".to_vec(), record(9, 3), ticket.clone()].concat()] {
        let (prepared, _) = prepare(pkg, &and(&fine), Some(&issuer().jwks())).unwrap();
        assert!(prepared.ends_with(&fine));
    }
    for bad in [
        b"garbage".to_vec(),
        vec![0; 16],
        ticket.clone(),
        [b"gap".to_vec(), good.clone()].concat(),
        [good.clone(), b"garbage".to_vec()].concat(),
        good[..good.len() - 1].to_vec(),
        [end.clone(), record(2, 60)].concat(),
        [end.clone(), record(2, u32::MAX)].concat(),
        [record(1, 6), ticket.clone()].concat(),
        [record(0, 0), ticket].concat(),
        record(9, 0).repeat(100),
    ] {
        refusal(pkg, &and(&bad));
    }
}

/// The findings of severity error.
fn errors(format: &dyn Format, file: &Vec<u8>) -> usize {
    let mut report = Report::new();
    match format.verify(file, &mut report) {
        Ok(()) => report.count(installer::Severity::Error),
        Err(_) => 1,
    }
}

#[test]
fn a_slot_that_is_not_right_is_damaged_and_not_read() {
    for kind in [Kind::Msi, Kind::Pkg] {
        let base = base(kind);
        let (prepared, record) = base.prepare();
        let at = record.slot.offset as usize;
        let token = issuer().token("acme", 0);
        let good = stamp(&prepared, &record, &token).unwrap();
        let (length, end) = (token.len(), at + record.slot.length as usize);
        let text = if kind == Kind::Msi { at + 19 } else { at + 36 };
        assert!(good[text..].starts_with(token.expose().as_bytes()));
        let change = |place: usize, byte: u8| {
            let mut bad = good.clone();
            bad[place] = byte;
            bad
        };
        let mut wrong = vec![
            change(text + length - 1, b' '),
            change(text + length, b'x'),
            change(end - 2, b'x'),
            change(text, b'"'),
            change(text, 0),
            change(text, 0xC3),
        ];
        wrong.extend(match kind {
            Kind::Msi => vec![change(at + 16, 2), change(at + 17, 0x10), change(at + 17, 0xFF), change(at + 18, 1)],
            _ => vec![
                change(at + 20, b'9'),
                change(at + 23, b'x'),
                change(at + 30, good[at + 30] ^ 1),
                change(end - 1, b' '),
            ],
        });
        for (n, bad) in wrong.iter().enumerate() {
            let found = base.format().slot(bad).unwrap().unwrap();
            assert!(matches!(found.state, SlotState::Damaged(_)), "{kind:?} {n}");
            assert!(base.format().token(bad).is_err() && errors(base.format(), bad) > 0);
            // It can be filled again, on purpose.
            assert!(stamp(bad, &record, &token).unwrap() == good);
        }
        let mut swapped = good.clone();
        put_by_hand(kind, &mut swapped[at..], "x");
        // Somebody else's shorter token over a longer one leaves the rest of that one behind.
        let found = base.format().slot(&swapped).unwrap().unwrap();
        assert_eq!(matches!(found.state, SlotState::Damaged(_)), kind == Kind::Msi);
    }
}

#[test]
fn untrusted_prepare_records() {
    let (_, record) = base(Kind::Msi).prepare();
    let good = serde_json::to_string(&record).unwrap();
    assert_eq!(PrepareRecord::parse(good.as_bytes()).unwrap(), record);
    for (from, to) in [
        ("\"version\":1", "\"version\":2"),
        ("\"version\":1", "\"more\":1,\"version\":1"),
        ("\"sha256\":\"", "\"sha256\":\"0"),
        ("\"size\":", "\"size\":1,\"was\":"),
        ("\"length\":", "\"length\":1844674407370955161"),
        ("\"offset\":", "\"offset\":-"),
        ("\"kty\":\"EC\"", "\"kty\":\"oct\""),
        ("\"asserted\"", "\"guessed\""),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert!(PrepareRecord::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    for len in 0..good.len() {
        assert!(PrepareRecord::parse(&good.as_bytes()[..len]).is_err());
    }
    assert!(PrepareRecord::parse(&vec![b' '; PrepareRecord::MAX_BYTES + 1]).is_err());
}
