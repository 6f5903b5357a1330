use std::io::{Read, Write};

use super::*;

fn sample() -> Vec<u8> {
    let mut w = Writer::new(Vec::new(), 1_600_000_000);
    w.entry(&Header { name: ".", mode: DIRECTORY | 0o755, links: 4, size: 0 }).unwrap();
    w.entry(&Header { name: "./bin", mode: DIRECTORY | 0o755, links: 3, size: 0 }).unwrap();
    w.entry(&Header { name: "./bin/agent é", mode: REGULAR | 0o755, links: 1, size: 5 }).unwrap();
    w.write_all(b"hello").unwrap();
    w.entry(&Header { name: "./link", mode: SYMLINK | 0o755, links: 1, size: 9 }).unwrap();
    w.write_all(b"bin/agent").unwrap();
    w.finish().unwrap()
}

fn all(bytes: &[u8]) -> Result<Vec<Entry>, crate::Error> {
    let mut r = Reader::new(bytes);
    let mut out = Vec::new();
    while let Some(entry) = r.next_entry()? {
        out.push(entry);
    }
    Ok(out)
}

#[test]
fn what_is_written_is_read() {
    let bytes = sample();
    assert_eq!(bytes.len() % 512, 0);
    let mut r = Reader::new(bytes.as_slice());
    let root = r.next_entry().unwrap().unwrap();
    assert_eq!((root.path.as_str(), root.links, root.is_directory()), (".", 4, true));
    r.next_entry().unwrap().unwrap();
    let file = r.next_entry().unwrap().unwrap();
    assert_eq!((file.path.as_str(), file.mode, file.mtime), ("bin/agent é", 0o100_755, 1_600_000_000));
    let mut text = String::new();
    r.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    assert_eq!(&bytes[file.offset as usize..][..5], b"hello");
    let link = r.next_entry().unwrap().unwrap();
    assert!(link.is_symlink());
    assert_eq!(r.data(100).unwrap(), b"bin/agent");
    assert!(r.next_entry().unwrap().is_none());
    assert!(r.next_entry().unwrap().is_none());
}

#[test]
fn the_writer_holds_its_caller_to_the_size() {
    let mut w = Writer::new(Vec::new(), 0);
    w.entry(&Header { name: "./a", mode: REGULAR, links: 1, size: 2 }).unwrap();
    assert!(w.write_all(b"abc").is_err());
    assert!(w.entry(&Header { name: "./b", mode: REGULAR, links: 1, size: 0 }).is_err());
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    for name in ["/etc/passwd", "../x", "./a/../../x", "./a//b", "./a/", "./", "a/./b", ""] {
        let mut w = Writer::new(Vec::new(), 0);
        w.entry(&Header { name, mode: REGULAR, links: 1, size: 0 }).unwrap();
        assert!(all(&w.finish().unwrap()).is_err(), "{name}");
    }
}

#[test]
fn a_name_twice_is_refused() {
    let mut w = Writer::new(Vec::new(), 0);
    for name in ["./a", "a"] {
        w.entry(&Header { name, mode: REGULAR, links: 1, size: 0 }).unwrap();
    }
    let e = all(&w.finish().unwrap()).unwrap_err();
    assert_eq!(e.to_string(), "cpio entry at 0x50: a name is there twice");
}

#[test]
fn nothing_lies_below_a_link() {
    for names in [["./a", "./a/b"], ["./a/b", "./a"]] {
        let mut w = Writer::new(Vec::new(), 0);
        for name in names {
            let mode = if name == "./a" { SYMLINK } else { REGULAR };
            w.entry(&Header { name, mode, links: 1, size: 1 }).unwrap();
            w.write_all(b"/").unwrap();
        }
        assert!(all(&w.finish().unwrap()).unwrap_err().to_string().contains("no folder"));
    }
}

#[test]
fn nothing_hides_behind_the_trailer() {
    let mut bytes = sample();
    bytes.push(1);
    assert!(all(&bytes).unwrap_err().to_string().contains("left over"));
}

#[test]
fn every_cut_is_an_error() {
    let bytes = sample();
    let end = bytes.iter().rposition(|b| *b == b'!').unwrap() + 2;
    for len in 0..end {
        assert!(all(&bytes[..len]).is_err(), "{len}");
    }
    assert_eq!(all(&bytes[..end]).unwrap().len(), 4);
}

#[test]
fn every_flipped_bit_is_an_error_or_other_entries() {
    let bytes = sample();
    for at in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[at / 8] ^= 1 << (at % 8);
        let _ = all(&bad);
    }
}

/// GNU cpio and bsdtar read the same names; where neither is installed the test says so.
#[test]
fn other_programs_agree() {
    let folder = std::env::temp_dir().join(format!("stampwright-cpio-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("a.cpio");
    std::fs::write(&file, sample()).unwrap();
    let listed = std::process::Command::new("bsdtar").arg("-tf").arg(&file).env("LC_ALL", "C.UTF-8").output();
    match listed {
        Ok(out) => assert_eq!(String::from_utf8(out.stdout).unwrap(), ".\n./bin\n./bin/agent é\n./link\n"),
        Err(_) => eprintln!("missing judge: bsdtar"),
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
