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
        Kind::File { .. } => 0o100_000,
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
                Kind::Directory => assert_eq!(path.size(), 0),
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
