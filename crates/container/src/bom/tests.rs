use super::*;

fn entry(path: &str, kind: Kind) -> Entry {
    let permissions = if kind == Kind::Directory { 0o755 } else { 0o644 };
    Entry { path: path.to_owned(), kind, permissions, uid: 0, gid: 80, mtime: 1_600_000_000 }
}

fn file(path: &str, content: &[u8]) -> Entry {
    entry(path, Kind::File { size: content.len() as u64, cksum: Cksum::of(content) })
}

/// A root, `folders` folders and `files` files in each.
fn sample(folders: usize, files: usize) -> Vec<Entry> {
    let mut out = vec![entry(".", Kind::Directory), entry("link é", Kind::Link { target: "f0/a 0".to_owned() })];
    for folder in 0..folders {
        out.push(entry(&format!("f{folder}"), Kind::Directory));
        out.extend((0..files).map(|n| file(&format!("f{folder}/a {n}"), format!("{folder} {n}").as_bytes())));
    }
    out
}

fn type_bits(kind: &Kind) -> u16 {
    match kind {
        Kind::Directory => 0o040_000,
        Kind::File { .. } | Kind::Named => 0o100_000,
        Kind::Link { .. } => 0o120_000,
    }
}

#[test]
fn the_checksum_is_that_of_cksum() {
    // from the examples of POSIX and from coreutils' cksum
    assert_eq!(Cksum::of(b""), 4_294_967_295);
    assert_eq!(Cksum::of(b"123456789"), 930_766_865);
    let long: Vec<u8> = (0..100_003_u32).map(|n| (n * 7 % 251) as u8).collect();
    let mut parts = Cksum::default();
    for part in long.chunks(13) {
        parts.update(part);
    }
    assert_eq!(parts.finish(), Cksum::of(&long));
    let folder = std::env::temp_dir().join(format!("stampwright-cksum-{}", std::process::id()));
    std::fs::write(&folder, &long).unwrap();
    let out = std::process::Command::new("cksum").arg(&folder).output().unwrap();
    std::fs::remove_file(&folder).unwrap();
    assert!(String::from_utf8(out.stdout).unwrap().starts_with(&format!("{} 100003 ", Cksum::of(&long))));
}

#[test]
fn what_is_written_is_read() {
    for (folders, files) in [(0, 0), (1, 1), (3, 5), (2, 253), (2, 254), (3, 700)] {
        let entries = sample(folders, files);
        let bom = read(&write(&entries).unwrap()).unwrap();
        assert_eq!(bom.paths.len(), entries.len());
        for path in &bom.paths {
            let entry = entries.iter().find(|e| e.path == path.path).unwrap();
            assert_eq!(
                (&path.kind, path.mode, path.gid),
                (&entry.kind, type_bits(&entry.kind) | entry.permissions, 80)
            );
        }
    }
}

/// The independent reader of Apple's format agrees on every field that it knows.
#[test]
fn apple_bom_agrees() {
    for (folders, files) in [(1, 1), (3, 5), (3, 700)] {
        let entries = sample(folders, files);
        let bytes = write(&entries).unwrap();
        let parsed = apple_bom::ParsedBom::parse(&bytes).unwrap();
        let paths = parsed.paths().unwrap();
        assert_eq!(paths.len(), entries.len());
        for path in paths {
            let plain = path.path().strip_prefix("./").unwrap_or(path.path());
            let entry = entries.iter().find(|e| e.path == plain).unwrap();
            assert_eq!(path.file_mode(), type_bits(&entry.kind) | entry.permissions, "{plain}");
            assert_eq!((path.user_id(), path.group_id()), (0, 80));
            assert_eq!(path.modified_time().timestamp(), 1_600_000_000);
            match &entry.kind {
                Kind::File { size, cksum } => {
                    assert_eq!((path.size() as u64, path.crc32()), (*size, Some(*cksum)));
                }
                Kind::Link { target } => assert_eq!(path.link_name(), Some(target.as_str())),
                Kind::Directory | Kind::Named => assert_eq!(path.size(), 0),
            }
        }
        assert_eq!(parsed.bom_info().unwrap().number_of_paths as usize, entries.len() + 1);
        assert!(parsed.hl_index().unwrap().is_empty() && parsed.size64().unwrap().is_empty());
        assert!(parsed.vindex().unwrap().is_empty());
    }
}

#[test]
fn the_writer_refuses_what_it_cannot_say() {
    let root = || entry(".", Kind::Directory);
    let refused = [
        vec![file("a", b"")],
        vec![root(), file("a", b""), file("a", b"")],
        vec![root(), file("no/a", b"")],
        vec![root(), entry("big", Kind::File { size: 1 << 32, cksum: 0 })],
    ];
    for entries in refused {
        assert!(write(&entries).is_err(), "{entries:?}");
    }
}

#[test]
fn every_cut_is_an_error_and_no_flipped_byte_a_panic() {
    let bytes = write(&sample(2, 3)).unwrap();
    for len in 0..bytes.len() - 20 {
        assert!(read(&bytes[..len]).is_err(), "{len}");
    }
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 0x41;
        let _ = read(&bad);
    }
}

#[test]
fn names_out_of_order_are_refused() {
    let entries = sample(1, 2);
    let mut bytes = write(&entries).unwrap();
    let at = bytes.windows(4).rposition(|w| w == b"a 0\0").unwrap();
    bytes[at..at + 4].copy_from_slice(b"a 9\0");
    assert!(read(&bytes).unwrap_err().to_string().contains("do not ascend"));
}

/// What `pkgbuild` writes: many null blocks, and a list of the room between the others.
#[test]
fn lists_with_free_and_null_blocks_are_read() {
    let entries = sample(2, 3);
    let written = write(&entries).unwrap();
    let number = |at: usize| u32::from_be_bytes(written[at..at + 4].try_into().unwrap());
    let index_at = number(16) as usize;
    let blocks = number(index_at);
    let mut apples = written[..index_at].to_vec();
    apples.extend((blocks + 100).to_be_bytes());
    apples.extend(&written[index_at + 4..index_at + 4 + 8 * blocks as usize]);
    apples.extend([0; 800]); // null blocks
    apples.extend(2_u32.to_be_bytes());
    for (at, len) in [(512_u32, 3_u32), (600, 12)] {
        apples.extend([at.to_be_bytes(), len.to_be_bytes()].concat());
    }
    apples.extend([0; 16]);
    let index_bytes = (apples.len() - index_at) as u32;
    apples[20..24].copy_from_slice(&index_bytes.to_be_bytes());
    assert_eq!(read(&apples).unwrap(), read(&written).unwrap());
    // embala's null block has an address; and a count must be that of the index.
    let mut embalas = apples.clone();
    embalas[index_at + 4..index_at + 8].copy_from_slice(&512_u32.to_be_bytes());
    assert!(read(&embalas).is_ok());
    embalas[12..16].copy_from_slice(&(number(12) + 2).to_be_bytes());
    assert!(read(&embalas).is_err());
    let free = apples.len() - 16 - 4;
    apples[free] = 0xff; // a free block that is not in the file
    assert!(read(&apples).unwrap_err().to_string().starts_with("bom free block at "));
}

/// Kinds of record that only Apple's tools write: a program with its slices, a companion and a root of which only the name is said.
#[test]
fn records_of_programs_companions_and_bare_roots_are_read() {
    let entries = [entry(".", Kind::Directory), file("._a", b""), file("b", b"program")];
    let written = write(&entries).unwrap();
    let number = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let index_at = number(&written, 16) as usize;
    // the records are blocks 11, 14 and 17
    let place = |block: usize| (index_at + 4 + 8 * block, number(&written, index_at + 4 + 8 * block) as usize);
    let mut apples = written.clone();
    let (root, companion, program) = (place(11), place(14), place(17));
    let mut moved = Vec::new();
    let mut record = written[root.1..root.1 + 31].to_vec();
    record[2..4].copy_from_slice(&1_u16.to_be_bytes());
    record[4..22].fill(0); // no mode, owner, time and size
    moved.push((root.0, record));
    let mut record = written[companion.1..companion.1 + 35].to_vec();
    record[2..4].copy_from_slice(&1_u16.to_be_bytes());
    record.drain(23..27); // no checksum
    moved.push((companion.0, record));
    let mut record = written[program.1..program.1 + 35].to_vec();
    record[2..4].copy_from_slice(&0x200f_u16.to_be_bytes());
    let slices = [&[1][..], &2_u32.to_be_bytes(), &[7; 32]].concat();
    record.splice(27..27, slices);
    moved.push((program.0, record));
    for (index, record) in moved {
        // the header, the variables and the first block leave no room: they go to the end of the file
        let at = apples.len() as u32;
        apples[index..index + 4].copy_from_slice(&at.to_be_bytes());
        apples[index + 4..index + 8].copy_from_slice(&(record.len() as u32).to_be_bytes());
        apples.extend(record);
    }
    let paths = read(&apples).unwrap().paths;
    assert_eq!((paths[0].path.as_str(), &paths[0].kind, paths[0].mode), (".", &Kind::Named, 0));
    assert_eq!((paths[1].path.as_str(), &paths[1].kind), ("._a", &Kind::Named));
    assert_eq!(paths[2].kind, Kind::File { size: 7, cksum: Cksum::of(b"program") });
    assert!(write(&[entry(".", Kind::Directory), entry("a", Kind::Named)]).is_err());
}
