//! Compound files made here, of both versions, and everything cut off.
#![allow(clippy::arithmetic_side_effects, reason = "tests")]

use super::*;

const NAME: &str = "\u{5}DigitalSignature";

/// A file with one stream of this content at the root: sector 0 the sector table, 1 the directory, then mini table, mini stream or content.
fn file(version: u16, content: &[u8]) -> Vec<u8> {
    let sector = if version == 3 { 512 } else { 4096 };
    let is_mini = content.len() < 4096;
    let data_sectors = content.len().div_ceil(sector);
    let mut header = vec![0; sector];
    header[..8].copy_from_slice(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]);
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0x1A, &version.to_le_bytes());
    put(0x1E, &(if version == 3 { 9_u16 } else { 12 }).to_le_bytes());
    put(0x20, &6_u16.to_le_bytes());
    put(0x2C, &1_u32.to_le_bytes());
    put(0x30, &1_u32.to_le_bytes());
    put(0x38, &4096_u32.to_le_bytes());
    put(0x3C, &(if is_mini { 2_u32 } else { 0xFFFF_FFFE }).to_le_bytes());
    put(0x44, &0xFFFF_FFFE_u32.to_le_bytes());
    put(0x4C, &0_u32.to_le_bytes());
    let chain = |first: u32, count: usize| {
        (0..count as u32).map(move |n| if n + 1 == count as u32 { 0xFFFF_FFFE } else { first + n + 1 })
    };
    let mut table = vec![0xFFFF_FFFD_u32, 0xFFFF_FFFE];
    if is_mini {
        table.push(0xFFFF_FFFE);
    }
    let start = table.len() as u32;
    table.extend(chain(start, data_sectors));
    let words = |mut words: Vec<u32>| {
        words.resize(sector / 4, 0xFFFF_FFFF);
        words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>()
    };
    let entry = |name: &str, kind: u8, child: u32, start: u32, size: usize| {
        let mut entry = vec![0; 128];
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        entry[..name.len()].copy_from_slice(&name);
        entry[0x40..0x42].copy_from_slice(&(name.len() as u16 + 2).to_le_bytes());
        entry[0x42] = kind;
        entry[0x44..0x4C].fill(0xFF);
        entry[0x4C..0x50].copy_from_slice(&child.to_le_bytes());
        entry[0x74..0x78].copy_from_slice(&start.to_le_bytes());
        entry[0x78..0x7C].copy_from_slice(&(size as u32).to_le_bytes());
        entry
    };
    let (root_start, root_size, own_start) =
        if is_mini { (start, content.len().div_ceil(64) * 64, 0) } else { (0xFFFF_FFFE, 0, start) };
    let mut folder = entry("Root Entry", 5, 1, root_start, root_size);
    folder.extend(entry(NAME, 2, 0xFFFF_FFFF, own_start, content.len()));
    folder.resize(sector, 0);
    let mut out = [header, words(table), folder].concat();
    if is_mini {
        out.extend(words(chain(0, content.len().div_ceil(64)).collect()));
    }
    out.extend(content);
    out.resize(out.len().next_multiple_of(sector), 0);
    out
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 7 + n / 251) as u8).collect()
}

#[test]
fn streams_of_every_length_are_found() {
    for version in [3, 4] {
        for len in [1, 63, 64, 65, 4095, 4096, 4097, 8192, 20_000] {
            let file = file(version, &content(len));
            assert_eq!(stream(&mut file.as_slice(), NAME).unwrap(), content(len), "version {version}, {len} bytes");
        }
        let file = file(version, &content(100));
        assert_eq!(stream(&mut file.as_slice(), "\u{5}Other"), Err(Refusal::NoSignature));
    }
}

#[test]
fn every_truncation_ends_in_an_answer() {
    for len in [100, 5000] {
        let whole = file(3, &content(len));
        for cut in (0..whole.len()).step_by(13) {
            let found = stream(&mut &whole[..cut], NAME);
            assert!(found.as_deref().map_or(true, |found| found == content(len)), "{cut}");
        }
    }
}

#[test]
fn circles_end() {
    // The directory's tree leads back to its top.
    let mut bad = file(3, &content(100));
    let folder = 512 * 2;
    bad[folder + 128..folder + 130].copy_from_slice(b"\x06\0");
    bad[folder + 128 + 0x44..folder + 128 + 0x48].copy_from_slice(&1_u32.to_le_bytes());
    assert!(stream(&mut bad.as_slice(), NAME).is_err());
    // A chain that leads back to its start is read no further than the stream is long.
    let mut bad = file(3, &content(5000));
    bad[512 + 8..512 + 12].copy_from_slice(&2_u32.to_le_bytes());
    assert_eq!(stream(&mut bad.as_slice(), NAME).unwrap().len(), 5000);
    let mut long = file(4, &content(5000));
    long[4096 * 2 + 128 + 0x7C] = 1;
    assert_eq!(stream(&mut long.as_slice(), NAME), Err(Refusal::Wrong("the signature is longer than any")));
}

#[test]
fn every_changed_byte_of_the_tables_ends_in_an_answer() {
    let whole = file(3, &content(200));
    for at in 0..whole.len() {
        for value in [0, 1, 0x7F, 0xFF] {
            let mut changed = whole.clone();
            changed[at] = value;
            let _ = stream(&mut changed.as_slice(), NAME);
        }
    }
}

/// Counts what is read.
struct Counting<'a>(&'a [u8], u32);

impl Source for Counting<'_> {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> bool {
        self.1 += 1;
        self.0.read_at(offset, buffer)
    }
}

/// Walks that lie within walks multiply: a directory whose chain is long, in a sector table that the header does not name but a list
/// that leads back to itself, and a tree of names that leads from one end of the directory to the other.
#[test]
fn all_walks_together_have_an_end() {
    let mut bad = file(3, &content(5000));
    // The directory's chain goes round in a circle of one sector, so every number of an entry exists.
    bad[512 + 4..512 + 8].copy_from_slice(&1_u32.to_le_bytes());
    // The name is larger than every other, and both ways lead to an entry that is far away.
    let own = 512 * 2 + 128;
    bad[own..own + 2].copy_from_slice(b"\x06\0");
    for at in [0x44, 0x48] {
        bad[own + at..own + at + 4].copy_from_slice(&(MOST_ENTRIES - 3).to_le_bytes());
    }
    let mut counting = Counting(&bad, 0);
    let begin = std::time::Instant::now();
    assert_eq!(stream(&mut counting, NAME), Err(Refusal::Wrong("the package's sectors do not hold together")));
    assert!(counting.1 <= MOST_READS + 1, "{} reads", counting.1);
    assert!(counting.1 > MOST_READS / 2, "{} reads: this is not the worst that there is", counting.1);
    assert!(begin.elapsed().as_millis() < 1000);

    // A sector table of so many sectors that looking one up walks the list for ever.
    let mut bad = file(3, &content(5000));
    bad[0x2C..0x30].copy_from_slice(&u32::MAX.to_le_bytes());
    bad[0x44..0x48].copy_from_slice(&0_u32.to_le_bytes());
    bad[512 + 508..512 + 512].copy_from_slice(&0_u32.to_le_bytes());
    bad[512 + 4..512 + 8].copy_from_slice(&0xFFFF_0000_u32.to_le_bytes());
    bad[512 * 2 + 128 + 0x44..512 * 2 + 128 + 0x4C].fill(0x10);
    let mut counting = Counting(&bad, 0);
    let _ = stream(&mut counting, NAME);
    assert!(counting.1 <= MOST_READS + 1, "{} reads", counting.1);
}
