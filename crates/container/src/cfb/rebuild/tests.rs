//! Rebuilt files before our own strict check, the `cfb` crate's strict mode, and a fresh layout of the same streams.

use std::io::{Cursor, Read, Write};

use super::*;
use crate::cfb::MSI_CLSID;
use crate::cfb::layout::{Bulk, Stream, bulk_fat, frame};
use crate::msidb::name::{DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_EX};

fn utf16(name: &str) -> Vec<u16> {
    name.encode_utf16().collect()
}

fn pattern(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 255 + seed * 7) as u8).collect()
}

/// What the `cfb` crate writes: streams of every size, storages in storages, class ids, state bits and times.
fn theirs(version: cfb::Version, bulk: usize) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create_with_version(version, Cursor::new(Vec::new())).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    file.create_storage("/sub").unwrap();
    file.create_storage("/sub/deep").unwrap();
    file.create_storage("/empty").unwrap();
    file.set_storage_clsid("/sub", "000c1084-0000-0000-c000-000000000046".parse().unwrap()).unwrap();
    file.set_state_bits("/sub", 0xDEAD).unwrap();
    file.set_created_time("/sub", time).unwrap();
    file.set_modified_time("/sub/deep", time).unwrap();
    for (i, size) in [0, 1, 64, 4095, 4096, 4097, 70_000, bulk].into_iter().enumerate() {
        for folder in ["", "/sub", "/sub/deep"] {
            let size = if folder.is_empty() { size } else { size.min(9000) };
            file.create_stream(format!("{folder}/s{i}")).unwrap().write_all(&pattern(i, size)).unwrap();
        }
    }
    file.set_state_bits("/s3", 7).unwrap();
    file.remove_stream("/s5").unwrap(); // leaves free sectors inside
    file.flush().unwrap();
    file.into_inner().into_inner()
}

fn rebuilt(file: &[u8], edits: &[Edit<'_>]) -> (Vec<u8>, Rebuilt) {
    let mut out = Vec::new();
    let done = rebuild(&Compound::open(file).unwrap(), edits, &mut out).unwrap();
    assert_eq!(done.file_len, out.len() as u64);
    assert_eq!(Compound::open(&out).unwrap().check().unwrap(), []);
    (out, done)
}

/// Path, class, state, times and content of everything, by the `cfb` crate's strict mode.
fn listing(file: &[u8]) -> Vec<String> {
    let mut open = cfb::CompoundFile::open_strict(Cursor::new(file)).unwrap();
    let entries: Vec<_> = open.walk().collect();
    let mut list: Vec<String> = Vec::new();
    for entry in entries {
        let mut content = Vec::new();
        if entry.is_stream() {
            open.open_stream(entry.path()).unwrap().read_to_end(&mut content).unwrap();
        }
        let digest = crate::digest::Algorithm::Sha256.digest(&content);
        let (created, modified) = (entry.created(), entry.modified());
        let (path, clsid, state) = (entry.path().display(), entry.clsid(), entry.state_bits());
        list.push(format!("{path} {clsid} {state} {created:?} {modified:?} {} {digest:02x?}", content.len()));
    }
    list.sort();
    list
}

#[test]
fn everything_but_the_edits_stays() {
    let signature = utf16(DIGITAL_SIGNATURE);
    // 12 MB of version 3 need more than 109 FAT sectors.
    for (version, bulk) in [(cfb::Version::V3, 100_000), (cfb::Version::V3, 12 << 20), (cfb::Version::V4, 12 << 20)] {
        let source = theirs(version, bulk);
        let before = listing(&source);
        for len in [0, 100, 4095, 4096, 4097, 8192, 30_000] {
            let data = pattern(3, len);
            let edits = [Edit::Put { name: &signature, data: &data }, Edit::Drop { name: &utf16("nothing") }];
            let (out, done) = rebuilt(&source, &edits);
            let after = listing(&out);
            let (new, kept): (Vec<_>, Vec<_>) = after.iter().partition(|line| line.contains("DigitalSignature"));
            assert_eq!(kept, before.iter().collect::<Vec<_>>());
            assert_eq!(new.len(), 1);
            let place = done.last.unwrap() as usize;
            if len >= 4096 {
                assert!(out[place..place + len] == data, "the signature does not end the file");
                assert!(out.len() - place - len < 4096);
            }
            // Once more with the same edits gives the same bytes.
            assert!(rebuilt(&out, &edits).0 == out);
            let (back, _) = rebuilt(&out, &[Edit::Drop { name: &signature }]);
            assert_eq!(listing(&back), before);
        }
    }
}

/// embala gives the root a creation time.
#[test]
fn the_root_has_no_creation_time() {
    let mut source = theirs(cfb::Version::V3, 100);
    let sector = u32::from_le_bytes(source[0x30..0x34].try_into().unwrap()) as usize;
    let created = 512 + 512 * sector + 100..512 + 512 * sector + 108;
    source[created].fill(7);
    assert_ne!(Compound::open(&source).unwrap().root().unwrap().created, 0);
    let (out, _) = rebuilt(&source, &[]);
    assert_eq!(Compound::open(&out).unwrap().root().unwrap().created, 0);
}

#[test]
fn a_file_of_our_layout_stays_one() {
    for len in [4096, 5000, 4096 * 1024 + 1] {
        let cabinet = pattern(9, len);
        let bulk = [Bulk { name: utf16("00.cab"), len_bytes: len as u64 }];
        let (a, b, c) = (pattern(1, 100), pattern(2, 9000), pattern(3, 5000));
        let (ds, ex) = (pattern(4, 6000), pattern(5, 32));
        let names = ["a", "bb", "\u{5}Summary", DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_EX].map(utf16);
        let all: Vec<Stream<'_>> =
            names.iter().zip([&a, &b, &c, &ds, &ex]).map(|(name, data)| Stream { name, data }).collect();
        let write = |streams: &[Stream<'_>]| {
            let frame = frame(MSI_CLSID, &bulk, streams).unwrap();
            let mut file = frame.header.clone();
            file.extend(&cabinet);
            file.resize(file.len().next_multiple_of(4096), 0);
            file.extend(bulk_fat(&bulk).unwrap().flatten());
            file.extend(&frame.tail);
            file
        };
        let edits = [Edit::Put { name: &names[3], data: &ds }, Edit::Put { name: &names[4], data: &ex }];
        assert!(rebuilt(&write(&all[..3]), &edits).0 == write(&all), "another layout");
    }
}

#[test]
fn what_is_damaged_is_not_copied() {
    let source = theirs(cfb::Version::V4, 100_000);
    let open = Compound::open(&source).unwrap();
    let entry = open.entries().iter().find(|entry| entry.name == utf16("s6")).unwrap();
    let other = open.entries().iter().find(|entry| entry.name == utf16("s7")).unwrap();
    let place = source.windows(16).position(|w| w.starts_with(b"s\x006\0\0\0")).unwrap();
    let mut shared = source.clone();
    shared[place + 0x74..][..4].copy_from_slice(&other.start.to_le_bytes());
    let mut short = source.clone();
    short[place + 0x78..][..4].copy_from_slice(&(entry.size as u32 + 9000).to_le_bytes());
    for bad in [shared, short] {
        let error = rebuild(&Compound::open(&bad).unwrap(), &[], &mut Vec::new()).unwrap_err();
        assert!(matches!(error, RebuildError::Damaged(Defect::Chain { .. } | Defect::Shared { .. })), "{error}");
    }
}
