//! The digest by the drawing, step by step, and the ways to it against each other. The judges are in `tests/interop`.

use std::io::{Cursor, Write};

use sha2::{Digest, Sha256};

use super::*;
use crate::cfb::MSI_CLSID;
use crate::cfb::layout::{Stream, frame};
use crate::cfb::read::Compound;
use crate::digest::Algorithm;
use crate::msidb::name::{DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_EX};

fn utf16(name: &str) -> Vec<u16> {
    name.encode_utf16().collect()
}

#[test]
fn a_name_sorts_before_those_it_is_the_start_of() {
    let names = ["\u{3800}", "A", "AB", "ABC", "B", "\u{0141}"].map(utf16);
    // The low byte comes first: U+0141 is 41 01, behind A (41 00) and its like, before B (42 00).
    let mut sorted = names.to_vec();
    sorted.sort_by(|a, b| compare(a, b));
    assert_eq!(sorted, ["\u{3800}", "A", "AB", "ABC", "\u{0141}", "B"].map(utf16));
}

#[test]
fn a_flat_file_step_by_step() {
    let names = ["b", "a", "empty", DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_EX].map(utf16);
    let data: [&[u8]; 5] = [b"second", b"first", b"", b"signature", &[9; 32]];
    let streams: Vec<Stream<'_>> = names.iter().zip(data).map(|(name, data)| Stream { name, data }).collect();
    let frame = frame(MSI_CLSID, &[], &streams).unwrap();
    let file = [frame.header, frame.tail].concat();
    let compound = Compound::open(&file).unwrap();
    let msi = Msi::new(&compound).unwrap();
    let expected = Sha256::digest([&[9; 32], b"firstsecond".as_slice(), &MSI_CLSID].concat());
    assert_eq!(msi.digest(Algorithm::Sha256).unwrap()[..], expected[..]);
    assert_eq!(msi.signature().unwrap().unwrap(), b"signature");
    let rest = [0; 4 + 8 + 8];
    let prehash = Sha256::digest(
        [
            &MSI_CLSID,
            &[0; 4][..],
            b"a\0",
            &5_u32.to_le_bytes(),
            &rest,
            b"b\0",
            &6_u32.to_le_bytes(),
            &rest,
            b"e\0m\0p\0t\0y\0",
            &0_u32.to_le_bytes(),
            &rest,
        ]
        .concat(),
    );
    assert_eq!(msi.prehash(Algorithm::Sha256)[..], prehash[..]);
    let leaves: Vec<Leaf<'_>> =
        streams.iter().take(3).map(|stream| Leaf::plain(stream.name, stream.data.len() as u64)).collect();
    let mut hasher = Sha256::new();
    super::prehash(&mut hasher, MSI_CLSID, &leaves);
    assert_eq!(hasher.finalize(), prehash);
}

#[test]
fn storages_are_gone_into() {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    file.create_storage("/m").unwrap();
    let inner = format!("/m/{DIGITAL_SIGNATURE}");
    for (name, data) in [("/z", "z"), ("/a", "a"), ("/m/x", "x"), (inner.as_str(), "inner")] {
        file.create_stream(name).unwrap().write_all(data.as_bytes()).unwrap();
    }
    file.flush().unwrap();
    let bytes = file.into_inner().into_inner();
    let compound = Compound::open(&bytes).unwrap();
    let digest = Msi::new(&compound).unwrap().digest(Algorithm::Sha256).unwrap();
    // A signature's name means something in the root only.
    assert_eq!(digest[..], Sha256::digest([b"ainnerx".as_slice(), &[0; 16], b"z", &[0; 16]].concat())[..]);
}
