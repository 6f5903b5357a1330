use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::MSI_CLSID;
use super::check::Defect;
use super::layout::{Bulk, Refusal, Stream, bulk_fat, frame};
use super::read::Compound;
use super::write::Writer;
use crate::read_at::ReadAt;

type Named = (String, Vec<u8>);

/// A file of `bulk` streams at the front and `streams` in the tail.
fn build(bulk: &[Named], streams: &[Named]) -> Vec<u8> {
    let mut writer = Writer::new(Cursor::new(Vec::new()), MSI_CLSID).unwrap();
    for (name, data) in bulk {
        let name: Vec<u16> = name.encode_utf16().collect();
        writer.bulk(&name, |out| out.write_all(data)).unwrap();
    }
    let names: Vec<Vec<u16>> = streams.iter().map(|(name, _)| name.encode_utf16().collect()).collect();
    let streams: Vec<_> = names.iter().zip(streams).map(|(name, (_, data))| Stream { name, data }).collect();
    let (out, len) = writer.finish(&streams).unwrap();
    assert_eq!(out.position(), len);
    out.into_inner()
}

fn pattern(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251 + seed * 7) as u8).collect()
}

/// Our reader and the `cfb` crate in strict mode both see exactly `all`.
fn agree(file: &[u8], all: &[Named]) {
    let ours = Compound::open(file).unwrap();
    assert_eq!(ours.check().unwrap(), []);
    assert_eq!((ours.clsid(), ours.version(), ours.entries().len()), (MSI_CLSID, 4, all.len()));
    let mut theirs = cfb::CompoundFile::open_strict(Cursor::new(file)).unwrap();
    assert_eq!(theirs.walk().count(), all.len() + 1);
    assert_eq!(theirs.root_entry().clsid().to_bytes_le(), MSI_CLSID);
    for (name, data) in all {
        let units: Vec<u16> = name.encode_utf16().collect();
        let entry = ours.find(&units).unwrap_or_else(|| panic!("{name} is not found"));
        assert_eq!(&ours.read(entry, 1 << 30).unwrap(), data);
        let mut out = Vec::new();
        theirs.open_stream(format!("/{name}")).unwrap().read_to_end(&mut out).unwrap();
        assert_eq!(&out, data);
    }
}

const EDGES: [usize; 14] = [0, 1, 63, 64, 65, 127, 128, 511, 512, 4095, 4096, 4097, 8192, 12_289];

#[test]
fn every_edge_size_alone_and_together() {
    for size in EDGES {
        let one = [("a".to_owned(), pattern(size, size))];
        agree(&build(&[], &one), &one);
        agree(&build(&one, &[]), &one);
    }
    let all: Vec<Named> =
        EDGES.iter().enumerate().map(|(i, size)| (format!("stream {i}"), pattern(i, *size))).collect();
    agree(&build(&[], &all), &all);
    agree(&build(&all[10..], &all[..10]), &all);
}

#[test]
fn the_number_of_bulk_sectors_around_a_fat_sector() {
    for sectors in [1015, 1022, 1023, 1024, 1025, 2047, 2048] {
        let all = [("cab".to_owned(), pattern(1, sectors * 4096 - 5)), ("x".to_owned(), pattern(2, 100))];
        agree(&build(&all[..1], &all[1..]), &all);
    }
}

#[test]
fn an_empty_file_and_many_streams() {
    agree(&build(&[], &[]), &[]);
    for count in [1, 2, 3, 6, 7, 8, 31, 32, 100] {
        let all: Vec<Named> = (0..count).map(|i| (format!("s{:0w$}", i, w = 1 + i % 20), pattern(i, i))).collect();
        agree(&build(&[], &all), &all);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_streams_come_back(
        names in proptest::collection::btree_set("[a-z0-9_\\x05\u{3800}-\u{3820}]{1,31}", 0..24),
        sizes in proptest::collection::vec(prop_oneof![
            0..200_usize, 4000..4200_usize, 0..40_000_usize, proptest::sample::select(EDGES.to_vec()),
        ], 24),
        front in 0..4_usize,
    ) {
        let all: Vec<Named> = names.into_iter().zip(&sizes).enumerate()
            .map(|(i, (name, size))| (name, pattern(i, *size))).collect();
        let front = front.min(all.len());
        agree(&build(&all[..front], &all[front..]), &all);
    }

    /// What a stamp relies on: other small streams touch nothing between the header and the tail.
    #[test]
    fn the_bulk_and_its_fat_do_not_depend_on_the_rest(
        sectors in 1000..2100_usize, small in 0..9000_usize, other in 0..9000_usize,
    ) {
        let bulk = [("cab".to_owned(), pattern(3, sectors * 4096))];
        let [one, two] = [small, other].map(|size| [("x".to_owned(), pattern(4, size))]);
        let (one, two) = (build(&bulk, &one), build(&bulk, &two));
        let shape = [Bulk { name: vec![99, 97, 98], len_bytes: (sectors * 4096) as u64 }];
        let start = usize::try_from(frame(MSI_CLSID, &shape, &[]).unwrap().tail_start).unwrap();
        prop_assert_eq!(&one[4096..start], &two[4096..start]);
    }
}

#[test]
fn a_bulk_writer_can_go_back() {
    for size in [100_usize, 5000] {
        let mut writer = Writer::new(Cursor::new(Vec::new()), MSI_CLSID).unwrap();
        writer
            .bulk(&[99], |out| {
                out.write_all(&vec![7; size])?;
                out.seek(SeekFrom::Start(10))?;
                out.write_all(b"patched")?;
                assert!(out.seek(SeekFrom::End(1)).is_err());
                out.seek(SeekFrom::End(0))?;
                out.write_all(b"end")
            })
            .unwrap();
        let (file, _) = writer.finish(&[]).unwrap();
        let mut wanted = vec![7; size];
        wanted[10..17].copy_from_slice(b"patched");
        wanted.extend(b"end");
        agree(file.get_ref(), &[("c".to_owned(), wanted)]);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |bulk: &[Bulk], names: &[&[u16]]| {
        let streams: Vec<_> = names.iter().map(|name| Stream { name, data: b"x" }).collect();
        frame(MSI_CLSID, bulk, &streams).unwrap_err()
    };
    let bulk = |len_bytes| [Bulk { name: vec![1], len_bytes }];
    assert!(matches!(refused(&bulk(0x7FFF_0000), &[]), Refusal::TooLarge { .. }));
    assert!(matches!(refused(&bulk(u64::MAX), &[]), Refusal::TooLarge { .. }));
    assert_eq!(refused(&bulk(4095), &[]), Refusal::TooShort { bytes: 4095 });
    assert_eq!(refused(&[], &[&[97], &[65]]), Refusal::Twice);
    assert_eq!(refused(&[], &[&[]]), Refusal::Name { units: 0 });
    assert_eq!(refused(&[], &[&[97; 32]]), Refusal::Name { units: 32 });
    assert_eq!(refused(&[], &[&[0x2F]]), Refusal::Name { units: 1 });
}

/// A file whose middle is zeros that are not stored; it counts how much of it is read.
struct Sparse {
    header: Vec<u8>,
    middle: u64,
    fat: Vec<u8>,
    tail: Vec<u8>,
    reads: AtomicU64,
}

impl Sparse {
    fn new(cabinet: u64, streams: &[Stream<'_>]) -> Self {
        let bulk = [Bulk { name: vec![99], len_bytes: cabinet }];
        let frame = frame(MSI_CLSID, &bulk, streams).unwrap();
        let (middle, fat) = (cabinet.next_multiple_of(4096), bulk_fat(&bulk).unwrap().flatten().collect::<Vec<u8>>());
        assert_eq!(4096 + middle + fat.len() as u64, frame.tail_start);
        Self { header: frame.header, middle, fat, tail: frame.tail, reads: AtomicU64::new(0) }
    }
}

impl ReadAt for Sparse {
    fn len(&self) -> u64 {
        4096 + self.middle + (self.fat.len() + self.tail.len()) as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        for (at, byte) in (offset..).zip(buf) {
            let part = [(0, &self.header), (4096 + self.middle, &self.fat)]
                .into_iter()
                .chain([(4096 + self.middle + self.fat.len() as u64, &self.tail)]);
            *byte = part
                .filter_map(|(start, part)| part.get(usize::try_from(at.checked_sub(start)?).ok()?))
                .next()
                .copied()
                .unwrap_or(0);
        }
        Ok(())
    }
}

#[test]
fn a_cabinet_that_needs_a_difat() {
    // 109 FAT sectors of 1024 entries describe 446 MB.
    for cabinet in [446_000_000, 109 * 1024 * 4096, 720 << 20, 0x7FD0_0000] {
        let streams = [Stream { name: &[120], data: b"small" }, Stream { name: &[121], data: &[1; 5000] }];
        let file = Sparse::new(cabinet, &streams);
        assert!(file.header.len() + file.tail.len() < 64 << 10);
        let open = Compound::open(&file).unwrap();
        let small = open.find(&[120]).unwrap();
        assert_eq!(open.read(small, 100).unwrap(), b"small");
        assert_eq!(open.read(open.find(&[121]).unwrap(), 5000).unwrap(), [1; 5000]);
        assert!(file.reads.load(Ordering::Relaxed) < 16, "{:?} reads", file.reads);
        let cab = open.extents(open.find(&[99]).unwrap()).unwrap();
        assert_eq!((cab.runs().len(), cab.len()), (1, cabinet));
        assert_eq!(open.check().unwrap(), []);
    }
}

#[test]
fn a_large_file_is_read_by_the_cfb_crate() {
    let file = Sparse::new(480_000_000, &[Stream { name: &[120], data: b"small" }]);
    let mut theirs = cfb::CompoundFile::open_strict(crate::read_at::Cursor::new(&file)).unwrap();
    let mut out = String::new();
    theirs.open_stream("/x").unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(out, "small");
    assert_eq!(theirs.open_stream("/c").unwrap().len(), 480_000_000);
}

fn sample() -> Vec<u8> {
    let sizes = [9000, 100, 5000, 64, 0];
    let all: Vec<Named> = sizes.iter().enumerate().map(|(i, size)| (format!("s{i}"), pattern(i, *size))).collect();
    build(&all[..1], &all[1..])
}

/// Everything a hostile file can be asked.
fn exercise(file: &[u8]) {
    let Ok(open) = Compound::open(file) else { return };
    for entry in open.entries() {
        let _ = open.find(&entry.name);
        let _ = open.read(entry, 1 << 20);
    }
    let _ = open.check();
}

#[test]
fn hostile_bytes_neither_panic_nor_hang() {
    let good = sample();
    for len in (0..good.len()).step_by(61) {
        exercise(&good[..len]);
    }
    // The header and the tail, byte by byte; the bulk is not structure.
    let structure = (0..600).chain(12 << 10..good.len()).step_by(3);
    for at in structure {
        for value in [0, 0xFF, good[at] ^ 1, good[at].wrapping_add(1), 0x80] {
            let mut bad = good.clone();
            bad[at] = value;
            exercise(&bad);
        }
    }
}

#[test]
fn the_libraries_own_files_are_read() {
    for version in [cfb::Version::V3, cfb::Version::V4] {
        let mut file = cfb::CompoundFile::create_with_version(version, Cursor::new(Vec::new())).unwrap();
        file.create_storage("/sub").unwrap();
        for (i, size) in EDGES.iter().chain(&[300_000]).enumerate() {
            file.create_stream(format!("/s{i}")).unwrap().write_all(&pattern(i, *size)).unwrap();
            file.create_stream(format!("/sub/t{i}")).unwrap().write_all(&pattern(i, *size)).unwrap();
        }
        file.flush().unwrap();
        let bytes = file.into_inner().into_inner();
        let open = Compound::open(&bytes).unwrap();
        assert_eq!(open.entries().len(), 2 * (EDGES.len() + 1) + 1);
        for entry in open.entries().iter().filter(|entry| entry.name != [115, 117, 98]) {
            let name = String::from_utf16(&entry.name).unwrap();
            let i: usize = name[1..].parse().unwrap();
            assert_eq!(entry.parent != 0, name.starts_with('t'));
            assert_eq!(open.read(entry, 1 << 20).unwrap(), pattern(i, entry.size as usize));
            assert_eq!(entry.size as usize, *EDGES.get(i).unwrap_or(&300_000));
        }
    }
}

#[test]
fn what_is_not_compact_is_reported() {
    let good = sample();
    let defects = |bad: &[u8]| Compound::open(bad).unwrap().check().unwrap();
    let mut longer = good.clone();
    longer.extend([0; 4096]);
    assert_eq!(defects(&longer), [Defect::Trailing { bytes: 4096 }]);
    assert_eq!(defects(&good[..good.len() - 1000]), [Defect::CutShort { bytes: 1000 }]);

    let mut count = good.clone();
    count[0x28] = 9;
    assert_eq!(defects(&count), [Defect::DirectorySectors { found: 9, expected: 1 }]);

    // The FAT is sector 3, after three sectors of bulk.
    let fat = 4 * 4096;
    let mut orphan = longer.clone();
    orphan[fat + 4 * (good.len() / 4096 - 1)..][..4].copy_from_slice(&[0xFE, 0xFF, 0xFF, 0xFF]);
    assert_eq!(defects(&orphan), [Defect::Orphan { sectors: 1 }]);
    let mut free = longer.clone();
    free.extend([0; 4096]);
    free[fat + 4 * (good.len() / 4096)..][..4].copy_from_slice(&[0xFE, 0xFF, 0xFF, 0xFF]);
    assert_eq!(defects(&free), [Defect::Free { sectors: 1 }, Defect::Orphan { sectors: 1 }]);

    let mut unmarked = good.clone();
    unmarked[fat + 12..][..4].copy_from_slice(&[0xFE, 0xFF, 0xFF, 0xFF]);
    assert_eq!(defects(&unmarked), [Defect::Unmarked { sectors: 1 }]);

    // The root entry is the first of the directory, which follows the FAT.
    let root = fat + 4096;
    let mut mini = good.clone();
    let mut sized = |bytes: [u8; 2]| {
        mini[root + 0x78..][..2].copy_from_slice(&bytes);
        defects(&mini)
    };
    assert_eq!(sized([0, 1]), [Defect::MiniFree { sectors: 1 }]);
    assert_eq!(sized([128, 0]), [Defect::MiniStreamSize { found: 128, expected: 192 }]);
    assert_eq!(sized([193, 0]), [Defect::MiniStreamSize { found: 193, expected: 256 }]);

    // The mini FAT follows the directory; three of its entries are in use.
    let mut orphan = good;
    orphan[root + 4096 + 12..][..4].copy_from_slice(&[0xFE, 0xFF, 0xFF, 0xFF]);
    assert_eq!(defects(&orphan), [Defect::MiniOrphan { sectors: 1 }]);
    assert!(Defect::MiniOrphan { sectors: 1 }.is_slack() && !Defect::Free { sectors: 1 }.is_slack());
}

#[test]
fn circles_are_refused() {
    let good = sample();
    let fat = 4 * 4096;
    // The directory's sector names itself.
    let mut bad = good.clone();
    bad[fat + 16..][..4].copy_from_slice(&[4, 0, 0, 0]);
    let error = Compound::open(&bad).unwrap_err().to_string();
    assert_eq!(error, "directory at 0x5000: its chain is too long or runs in a circle");
    // An entry is its own left neighbour.
    let mut bad = good;
    let entry = fat + 4096 + 128;
    bad[entry + 0x44..][..4].copy_from_slice(&[1, 0, 0, 0]);
    let error = Compound::open(&bad).unwrap_err().to_string();
    assert_eq!(error, "directory entry at 0x80: the directory's tree runs in a circle");
}
