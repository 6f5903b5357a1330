use std::io::{Cursor, Read, Write};
use std::num::NonZeroUsize;

use proptest::prelude::*;

use super::DosTime;
use super::read::Cabinet;
use super::write::{Compression, File, Folder, WriteError, write};
use crate::reader::Error;

type Named = (String, Vec<u8>);

const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

fn folder(compression: Compression, files: &[Named]) -> Folder {
    let files = files.iter().map(|(name, data)| File {
        name: name.clone(),
        size_bytes: data.len() as u64,
        modified: DosTime::from_unix(1_700_000_000),
        attributes: 0x20,
    });
    Folder { compression, files: files.collect() }
}

fn build(folders: &[(Compression, Vec<Named>)], threads: NonZeroUsize) -> Vec<u8> {
    let all: Vec<Named> = folders.iter().flat_map(|(_, files)| files.clone()).collect();
    let shape: Vec<Folder> = folders.iter().map(|(compression, files)| folder(*compression, files)).collect();
    let mut out = Cursor::new(Vec::new());
    let len = write(&mut out, &shape, threads, &mut |name| {
        let (_, data) = all.iter().find(|(have, _)| have == name).unwrap();
        Ok(Box::new(Cursor::new(data.clone())))
    })
    .unwrap();
    assert_eq!(len, out.position());
    out.into_inner()
}

/// Half text, half noise.
fn pattern(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    (0..len)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if i / 5000 % 2 == 0 { b"abcdefgh"[(state >> 30) as usize] } else { (state >> 24) as u8 }
        })
        .collect()
}

fn contents(cabinet: &[u8]) -> Result<Vec<Named>, Error> {
    let mut out = Vec::new();
    Cabinet::open(cabinet)?.each(|file, content| {
        let mut data = Vec::new();
        content.read_to_end(&mut data).map_err(Error::io("read"))?;
        out.push((file.name.clone(), data));
        Ok::<(), Error>(())
    })?;
    Ok(out)
}

/// Our reader and the `cab` crate both see exactly `all`.
fn agree(cabinet: &[u8], all: &[Named]) {
    let mut ours = contents(cabinet).unwrap();
    let mut wanted = all.to_vec();
    ours.sort();
    wanted.sort();
    assert!(ours == wanted, "our reader disagrees");
    let mut theirs = cab::Cabinet::new(Cursor::new(cabinet)).unwrap();
    for (name, data) in all {
        let mut out = Vec::new();
        theirs.read_file(name).unwrap().read_to_end(&mut out).unwrap();
        assert!(&out == data, "the cab crate disagrees on {name}");
    }
}

const EDGES: [usize; 9] = [0, 1, 32_767, 32_768, 32_769, 65_536, 524_288, 524_289, 1_200_000];

#[test]
fn every_edge_size_alone_and_together() {
    for compression in [Compression::None, Compression::Mszip { level: 1 }, Compression::Mszip { level: 6 }] {
        let all: Vec<Named> = EDGES.iter().zip(0..).map(|(size, i)| (format!("file{i}"), pattern(i, *size))).collect();
        for one in &all {
            agree(&build(&[(compression, vec![one.clone()])], THREE), std::slice::from_ref(one));
        }
        agree(&build(&[(compression, all.clone())], THREE), &all);
        agree(&build(&[(Compression::None, all[..4].to_vec()), (compression, all[4..].to_vec())], THREE), &all);
    }
    agree(&build(&[], THREE), &[]);
}

#[test]
fn the_number_of_threads_does_not_show() {
    let files = vec![("a".to_owned(), pattern(1, 3_000_000)), ("b".to_owned(), vec![0; 2_000_000])];
    let one = build(&[(Compression::Mszip { level: 6 }, files.clone())], NonZeroUsize::MIN);
    let many = build(&[(Compression::Mszip { level: 6 }, files)], NonZeroUsize::new(7).unwrap());
    assert!(one == many);
    assert!(one.len() < 2_600_000, "{} bytes", one.len());
}

#[test]
fn what_the_library_writes_is_read() {
    let files = [("a", pattern(1, 100_000)), ("b", pattern(2, 0)), ("c", pattern(3, 70_000))];
    let mut builder = cab::CabinetBuilder::new();
    for compression in [cab::CompressionType::MsZip, cab::CompressionType::None] {
        let folder = builder.add_folder(compression);
        for (name, _) in &files {
            folder.add_file(format!("{name}{compression:?}"));
        }
    }
    let mut writer = builder.build(Cursor::new(Vec::new())).unwrap();
    let mut wanted = Vec::new();
    while let Some(mut file) = writer.next_file().unwrap() {
        let (_, data) = files.iter().find(|(name, _)| file.file_name().starts_with(name)).unwrap();
        file.write_all(data).unwrap();
        wanted.push((file.file_name().to_owned(), data.clone()));
    }
    let bytes = writer.finish().unwrap().into_inner();
    assert!(contents(&bytes).unwrap() == wanted);
}

#[test]
fn dates_are_those_of_the_calendar() {
    let at = |secs| {
        let DosTime { date, time } = DosTime::from_unix(secs);
        ((date >> 9) + 1980, date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, (time & 31) * 2)
    };
    assert_eq!(at(0), (1980, 1, 1, 0, 0, 0));
    assert_eq!(at(951_782_399), (2000, 2, 28, 23, 59, 58));
    assert_eq!(at(951_868_799), (2000, 2, 29, 23, 59, 58));
    assert_eq!(at(1_700_000_000), (2023, 11, 14, 22, 13, 20));
    assert_eq!(at(u64::MAX), (2107, 12, 31, 23, 59, 58));
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |name: &str, size_bytes, content: usize| {
        let file = File { name: name.to_owned(), size_bytes, modified: DosTime::default(), attributes: 0 };
        let folder = Folder { compression: Compression::None, files: vec![file] };
        let mut out = Cursor::new(Vec::new());
        write(&mut out, &[folder], THREE, &mut |_| Ok(Box::new(Cursor::new(vec![0; content])))).unwrap_err()
    };
    assert!(matches!(refused("", 0, 0), WriteError::Name { .. }));
    assert!(matches!(refused("a\0b", 0, 0), WriteError::Name { .. }));
    assert!(matches!(refused("a", 0x8000_0000, 0), WriteError::TooLarge { bytes: 0x8000_0000 }));
    for content in [0, 9, 11, 100_000] {
        assert!(matches!(refused("a", 10, content), WriteError::Changed { announced: 10, .. }));
    }
}

#[test]
fn damage_is_noticed() {
    let all = [("a".to_owned(), pattern(1, 100_000)), ("b".to_owned(), pattern(2, 50_000))];
    for compression in [Compression::None, Compression::Mszip { level: 6 }] {
        let good = build(&[(compression, all.to_vec())], THREE);
        let data = good.len() - 40_000;
        let mut bad = good.clone();
        bad[data] ^= 1;
        let error = contents(&bad).unwrap_err().to_string();
        assert!(
            error.starts_with("CFDATA at ") && error.ends_with("the checksum and the data do not agree"),
            "{error}"
        );
        for cut in [1, 100, 40_000, good.len() - 36] {
            let mut short = good[..good.len() - cut].to_vec();
            assert!(contents(&short).is_err());
            let len = short.len() as u32;
            short[8..12].copy_from_slice(&len.to_le_bytes());
            assert!(contents(&short).is_err());
        }
    }
}

#[test]
fn hostile_heads_neither_panic_nor_hang() {
    let all = [("a".to_owned(), pattern(1, 40_000)), ("b".to_owned(), pattern(2, 500))];
    let good =
        build(&[(Compression::Mszip { level: 6 }, all[..1].to_vec()), (Compression::None, all[1..].to_vec())], THREE);
    for at in 0..120 {
        for value in [0, 1, 0x7F, 0x80, 0xFF, good[at].wrapping_add(1)] {
            let mut bad = good.clone();
            bad[at] = value;
            let _ = contents(&bad);
        }
    }
}

/// 37,702 bytes in two blocks, packed with LZX (window of 16 bits, calls translated) by the encoder `lzxc` 0.2; 7-Zip takes them out.
const LZX: &[u8] = include_bytes!("../../../../fuzz/seeds/lzx.cab");

#[test]
fn lzx_is_read() {
    let mut text = Vec::new();
    for i in 0..1800_u32 {
        text.extend(format!("line {} of an agent\r\n", i * i % 97).bytes());
        if i % 50 == 0 {
            text.push(0xE8);
            text.extend((i * 3).to_le_bytes());
        }
    }
    assert!(contents(LZX).unwrap() == [("agent.txt".to_owned(), text)]);
    for at in 0..LZX.len() {
        for bit in [1, 0x80] {
            let mut bad = LZX.to_vec();
            bad[at] ^= bit;
            let _ = contents(&bad);
        }
    }
}

/// As many folders as a cabinet can name, and a file without a byte in each.
#[test]
fn many_folders_are_read_in_no_time() {
    const FOLDERS: u16 = 65_532;
    for method in [[1, 0], [3, 21]] {
        let files_start = 36 + 8 * u32::from(FOLDERS);
        let data_start = files_start + 18 * u32::from(FOLDERS);
        let mut cabinet = b"MSCF\0\0\0\0".to_vec();
        for word in [data_start, 0, files_start, 0] {
            cabinet.extend(word.to_le_bytes());
        }
        cabinet.extend([3, 1]);
        for word in [FOLDERS, FOLDERS, 0, 0, 0] {
            cabinet.extend(word.to_le_bytes());
        }
        for _ in 0..FOLDERS {
            cabinet.extend(data_start.to_le_bytes());
            cabinet.extend([0, 0]);
            cabinet.extend(method);
        }
        for folder in 0..FOLDERS {
            cabinet.extend([0; 8]);
            cabinet.extend(folder.to_le_bytes());
            cabinet.extend([0, 0, 0, 0, 0x20, 0, b'a', 0]);
        }
        let started = std::time::Instant::now();
        assert_eq!(contents(&cabinet).unwrap().len(), FOLDERS.into());
        let took = started.elapsed();
        assert!(took < std::time::Duration::from_secs(1), "{method:?}: {took:?}");
    }
}

#[test]
fn what_follows_a_cabinet_is_left_alone() {
    let all = [("a".to_owned(), pattern(1, 100))];
    let mut longer = build(&[(Compression::None, all.to_vec())], THREE);
    longer.extend([7; 5]);
    assert!(contents(&longer).unwrap() == all);
}

#[test]
fn a_part_of_a_set_is_listed() {
    let all = [("a".to_owned(), pattern(1, 100)), ("b".to_owned(), pattern(2, 50))];
    let alone = build(&[(Compression::None, all.to_vec())], THREE);
    assert_eq!(Cabinet::open(alone.as_slice()).unwrap().unopened(), None);
    // A next cabinet, its name and disk; both move what follows by twelve bytes. The second file goes on there.
    let mut part = alone.clone();
    part.splice(36..36, *b"next.cab\0d2\0");
    part[30] = 2;
    for at in [8, 16, 48] {
        part[at] += 12;
    }
    let second = 48 + 8 + 16 + 2 + 8;
    part[second..second + 2].copy_from_slice(&[0xFE, 0xFF]);
    let cabinet = Cabinet::open(part.as_slice()).unwrap();
    assert_eq!(cabinet.files().iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(cabinet.unopened(), Some("a file of it continues in another cabinet"));
    let mut quantum = alone;
    quantum[42..44].copy_from_slice(&[0x72, 0x0F]);
    let cabinet = Cabinet::open(quantum.as_slice()).unwrap();
    assert_eq!((cabinet.files().len(), cabinet.unopened()), (2, Some("it is packed with Quantum")));
    assert!(contents(&quantum).unwrap_err().to_string().ends_with("is packed with Quantum, which is not read"));
}

/// What gcab 1.5 makes of one empty file: a folder of one block that is not there. osslsigncode's own test package has such a cabinet.
#[test]
fn an_empty_file_needs_no_block() {
    let mut cabinet = b"MSCF\0\0\0\0\x3C\0\0\0\0\0\0\0\x2C\0\0\0\0\0\0\0\x03\x01\x01\0\x01\0\0\0\0\0\0\0".to_vec();
    cabinet.extend(b"\x3E\0\0\0\x01\0\x01\0");
    cabinet.extend(b"\0\0\0\0\0\0\0\0\0\0\x44\x54\x90\x73\x20\0a\0");
    let len = cabinet.len() as u8;
    (cabinet[8], cabinet[36]) = (len, len);
    assert_eq!(contents(&cabinet).unwrap(), [("a".to_owned(), Vec::new())]);
    // A file that has bytes needs its block.
    cabinet[44] = 1;
    assert!(contents(&cabinet).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Hostile blocks: whatever they say, an answer comes. Kinds of blocks are as likely as they can be: three bits decide.
    #[test]
    fn no_lzx_panics(kind in 1..=3_u8, data in proptest::collection::vec(any::<u8>(), 0..400), window in 15..=21_u16) {
        let mut block = vec![0, kind << 4];
        block.extend(data);
        let mut bad = LZX[..0x46].to_vec();
        bad[42..44].copy_from_slice(&(3 | window << 8).to_le_bytes());
        for raw in [32_768_u16, 4934] {
            bad.extend([0; 4]);
            bad.extend((block.len() as u16).to_le_bytes());
            bad.extend(raw.to_le_bytes());
            bad.extend(&block);
        }
        let len = bad.len() as u32;
        bad[8..12].copy_from_slice(&len.to_le_bytes());
        let _ = contents(&bad);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_files_come_back(
        sizes in proptest::collection::vec(0..150_000_usize, 0..6), second in 0..6_usize, level in 0..10_u32,
    ) {
        let all: Vec<Named> = sizes.iter().zip(0..).map(|(size, i)| (format!("f{i}"), pattern(i, *size))).collect();
        let compression = if level == 0 { Compression::None } else { Compression::Mszip { level } };
        let (one, two) = all.split_at(second.min(all.len()));
        agree(&build(&[(compression, one.to_vec()), (compression, two.to_vec())], THREE), &all);
    }
}
