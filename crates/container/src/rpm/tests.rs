use std::io::Write;

use super::*;
use crate::cpio::{DIRECTORY, REGULAR, SPECIAL, SYMLINK, newc};
use crate::digest::{Algorithm, hex};
use crate::gzip;
use crate::reader::{Error, Problem};

/// A file of the toy package: as the header lists it and as the archive has it.
#[derive(Clone)]
struct Toy {
    path: &'static str,
    mode: u32,
    content: Vec<u8>,
    /// What the header says, where it is not the truth.
    lies: Lies,
}

#[derive(Clone, Default)]
struct Lies {
    digest: Option<Vec<u8>>,
    size: Option<u32>,
    mode: Option<u32>,
    target: Option<&'static str>,
    ghost: bool,
    not_listed: bool,
    not_archived: bool,
}

fn toy(path: &'static str, mode: u32, content: &[u8]) -> Toy {
    Toy { path, mode, content: content.to_vec(), lies: Lies::default() }
}

fn toys() -> Vec<Toy> {
    vec![
        toy("usr/libexec/x", DIRECTORY | 0o755, b""),
        toy("usr/libexec/x/agent", REGULAR | 0o755, b"elf"),
        toy("usr/libexec/x/link", SYMLINK | 0o777, b"agent"),
        toy("usr/lib/x/token", REGULAR | 0o600, b"secret"),
    ]
}

fn archive(toys: &[Toy]) -> Vec<u8> {
    let mut out = Vec::new();
    for (inode, toy) in (1..).zip(toys.iter().filter(|toy| !toy.lies.not_archived)) {
        let size = toy.content.len() as u32;
        let header = newc::Header { path: toy.path, inode, mode: toy.mode, links: 1, mtime: 7, size };
        newc::header(&mut out, &header).unwrap();
        out.extend_from_slice(&toy.content);
        out.extend_from_slice(newc::padding(out.len() as u64));
    }
    out.extend(newc::trailer());
    out
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut out = gzip::Writer::new(Vec::new(), 6).unwrap();
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn header(toys: &[Toy], payload: &[u8]) -> Writer {
    let mut header = header_without_compressor(toys, payload);
    header.put(tag::PAYLOADCOMPRESSOR, Value::text("gzip")).put(tag::PAYLOADDIGESTALGO, Value::number(8));
    header
}

fn header_without_compressor(toys: &[Toy], payload: &[u8]) -> Writer {
    let listed: Vec<&Toy> = toys.iter().filter(|toy| !toy.lies.not_listed).collect();
    let digest = |toy: &&Toy| match &toy.lies.digest {
        Some(other) => hex(&Algorithm::Sha256.digest(other)),
        None if toy.mode & REGULAR == REGULAR && toy.mode & SYMLINK != SYMLINK => {
            hex(&Algorithm::Sha256.digest(&toy.content))
        }
        None => String::new(),
    };
    let texts = |text: &dyn Fn(&&Toy) -> String| Value::Texts(listed.iter().map(text).collect());
    let numbers = |number: &dyn Fn(&&Toy) -> u32| Value::U32(listed.iter().map(number).collect());
    let target = |toy: &&Toy| match toy.lies.target {
        Some(target) => target.to_owned(),
        None if toy.mode & SYMLINK == SYMLINK => String::from_utf8(toy.content.clone()).unwrap(),
        None => String::new(),
    };
    let mut header = Writer::header();
    header
        .put(tag::HEADERI18NTABLE, Value::Texts(vec!["C".into()]))
        .put(tag::NAME, Value::text("x"))
        .put(tag::SUMMARY, Value::Translated("Toy".into()))
        .put(tag::BASENAMES, texts(&|toy| toy.path.rsplit_once('/').unwrap().1.to_owned()))
        .put(tag::DIRNAMES, texts(&|toy| format!("/{}/", toy.path.rsplit_once('/').unwrap().0)))
        .put(tag::DIRINDEXES, Value::U32((0..listed.len() as u32).collect()))
        .put(tag::FILEMODES, Value::U16(listed.iter().map(|toy| toy.lies.mode.unwrap_or(toy.mode) as u16).collect()))
        .put(tag::FILESIZES, numbers(&|toy| toy.lies.size.unwrap_or(toy.content.len() as u32)))
        .put(tag::FILEDIGESTS, texts(&digest))
        .put(tag::FILEDIGESTALGO, Value::number(8))
        .put(tag::FILEUSERNAME, texts(&|_| "root".into()))
        .put(tag::FILEGROUPNAME, texts(&|_| "root".into()))
        .put(tag::FILELINKTOS, texts(&target))
        .put(tag::FILEFLAGS, numbers(&|toy| if toy.lies.ghost { GHOST } else { 0 }))
        .put(tag::FILEVERIFYFLAGS, numbers(&|_| u32::MAX))
        .put(tag::FILEMTIMES, numbers(&|_| 7))
        .put(tag::PAYLOADDIGEST, Value::Texts(vec![hex(&Algorithm::Sha256.digest(payload))]));
    header
}

fn package_of(header: &Writer, payload: &[u8]) -> Vec<u8> {
    let header = header.finish().unwrap();
    let mut signature = Writer::signature();
    signature.put(tag::signature::SHA256, Value::text(hex(&Algorithm::Sha256.digest(&header))));
    let mut out = lead(LeadKind::Binary, "x-1-1").to_vec();
    out.extend(signature.finish().unwrap());
    out.extend(header);
    out.extend_from_slice(payload);
    out
}

fn package(toys: &[Toy]) -> Vec<u8> {
    let payload = gzipped(&archive(toys));
    package_of(&header(toys, &payload), &payload)
}

/// As rpm 6 writes it: each entry is the number of a listed file.
fn stripped(toys: &[Toy], numbers: &[(u32, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, content) in numbers {
        out.extend(format!("07070X{number:08x}\0\0").into_bytes());
        out.extend_from_slice(content);
        out.extend_from_slice(newc::padding(out.len() as u64));
    }
    out.extend(newc::trailer());
    let mut header = header_without_compressor(toys, &out);
    header.put(tag::FILEDEVICES, Value::U32(vec![1; toys.len()]));
    // The last two are names of one file.
    let inodes = (0..toys.len() as u32).map(|at| at.min(toys.len() as u32 - 2)).collect();
    header.put(tag::FILEINODES, Value::U32(inodes));
    package_of(&header, &out)
}

#[test]
fn packages_of_version_6_have_numbers_for_entries_and_need_no_compression() {
    let mut toys = toys();
    toys.push(toy("usr/lib/x/tokens", REGULAR | 0o600, b"secret"));
    toys.insert(3, toy("usr/lib/x/pipe", SPECIAL[2] | 0o600, b""));
    let good: [(u32, &[u8]); 6] = [(0, b""), (1, b"elf"), (2, b"agent"), (3, b""), (4, b""), (5, b"secret")];
    let found = walked(&stripped(&toys, &good)).unwrap();
    assert_eq!(found.len(), toys.len());
    for (path, content) in found {
        let toy = toys.iter().find(|toy| toy.path == path).unwrap();
        assert!(content == toy.content || toy.mode & SYMLINK == SYMLINK, "{path}");
    }
    let refused = |numbers: &[(u32, &[u8])], expected: &str| {
        let said = refusal(&stripped(&toys, numbers));
        assert!(said.contains(expected), "{said}");
    };
    refused(&[(0, b""), (9, b"")], "number is 9");
    refused(&good[..5], "missing");
    refused(&[(0, b""), (1, b"elf"), (1, b"elf")], "twice");
    refused(&[(1, b"ELF"), (0, b"")], "do not agree");
}

fn walked(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let package = Package::open(&bytes)?;
    let mut found = Vec::new();
    package.walk::<Error>(&mut |file, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(Error::io("read"))?;
        found.push((file.path.clone(), bytes));
        Ok(())
    })?;
    Ok(found)
}

fn refusal(bytes: &[u8]) -> String {
    walked(bytes).unwrap_err().to_string()
}

#[test]
fn what_is_written_is_read() {
    let bytes = package(&toys());
    let package = Package::open(&bytes).unwrap();
    assert_eq!(package.lead, Lead { is_source: false, name: "x-1-1".into() });
    assert_eq!(package.header.text(tag::NAME).unwrap().unwrap(), "x");
    assert_eq!(package.header.text(tag::SUMMARY).unwrap().unwrap(), "Toy");
    assert_eq!(package.header.number(tag::FILEDIGESTALGO).unwrap(), Some(8));
    assert!(package.header.is_sorted());
    let expected = package.signature.text(tag::signature::SHA256).unwrap().unwrap();
    assert_eq!(package.header.digest(Algorithm::Sha256), expected);
    let files = package.header.files().unwrap();
    assert_eq!((files[1].path.as_str(), files[1].mode, files[1].size), ("usr/libexec/x/agent", 0o100_755, 3));
    let found = walked(&bytes).unwrap();
    let found: Vec<_> = found.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    let agent = ("usr/libexec/x/agent", b"elf".as_slice());
    assert_eq!(found[1], agent);
    assert_eq!(found[2], ("usr/libexec/x/link", b"".as_slice()));
    assert_eq!(found[3], ("usr/lib/x/token", b"secret".as_slice()));
}

#[test]
fn every_type_of_value_reads_as_it_was_written() {
    let mut writer = Writer::header();
    writer.put(5000, Value::U16(vec![1, 2])).put(5001, Value::U64(vec![1 << 40])).put(5002, Value::Bytes(vec![0, 9]));
    writer.put(5003, Value::Texts(vec![String::new(), "é".into()]));
    let bytes = package_of(&writer, b"");
    let header = Package::open(&bytes).unwrap().header;
    assert_eq!(header.numbers(5000).unwrap().unwrap(), [1, 2]);
    assert_eq!(header.number(5001).unwrap(), Some(1 << 40));
    assert_eq!(header.binary(5002).unwrap().unwrap(), [0, 9]);
    assert_eq!(header.texts(5003).unwrap().unwrap(), ["", "é"]);
    assert_eq!(header.number(5999).unwrap(), None);
    assert!(header.number(5000).is_err() && header.number(5003).is_err());
    assert!(header.text(5000).is_err() && header.texts(5000).is_err() && header.binary(5000).is_err());
}

#[test]
fn what_rpm_would_not_take_is_not_written() {
    for (tag, value) in [
        (63, Value::number(1)),
        (1000, Value::text("a\0b")),
        (1000, Value::Texts(vec!["a\0".into()])),
        (1000, Value::U32(Vec::new())),
    ] {
        assert!(Writer::header().put(tag, value).finish().is_err());
    }
}

#[test]
fn every_cut_is_an_error() {
    let bytes = package(&toys());
    for len in 0..bytes.len() {
        assert!(walked(&bytes[..len]).is_err(), "{len}");
    }
}

/// Nothing covers the lead and the signature header; in everything else a flipped bit is noticed.
#[test]
fn every_flipped_bit_of_the_header_and_the_payload_is_noticed() {
    let bytes = package(&toys());
    let (header_at, digest) = {
        let package = Package::open(&bytes).unwrap();
        (package.header.offset() as usize, package.header.digest(Algorithm::Sha256))
    };
    for at in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[at / 8] ^= 1 << (at % 8);
        let result = walked(&bad);
        let noticed = match Package::open(&bad) {
            Ok(package) => result.is_err() || package.header.digest(Algorithm::Sha256) != digest,
            Err(_) => true,
        };
        assert!(noticed || at / 8 < header_at, "byte {:#x}", at / 8);
    }
}

/// What `rpm -K` takes for good and no rpm can install, or unpacks differently from other readers.
#[test]
fn payloads_that_do_not_fit_the_header_are_refused() {
    let with = |at: usize, lies: Lies| {
        let mut toys = toys();
        toys[at].lies = lies;
        refusal(&package(&toys))
    };
    let base = Lies::default();
    assert!(with(3, Lies { not_archived: true, ..base.clone() }).contains("a file that the header lists is missing"));
    assert!(with(3, Lies { not_listed: true, ..base.clone() }).contains("the header does not list"));
    assert!(with(1, Lies { digest: Some(b"x".to_vec()), ..base.clone() }).contains("its digest in the header"));
    assert!(with(1, Lies { size: Some(4), ..base.clone() }).contains("type or size"));
    assert!(with(1, Lies { mode: Some(DIRECTORY | 0o755), ..base.clone() }).contains("type or size"));
    assert!(with(2, Lies { target: Some("other"), ..base.clone() }).contains("target of a link"));
    // A ghost that comes in the archive all the same, and one that does not.
    assert!(with(3, Lies { ghost: true, ..base.clone() }).contains("the header does not list"));
    let mut toys = toys();
    toys[3].lies = Lies { ghost: true, not_archived: true, ..base };
    assert_eq!(walked(&package(&toys)).unwrap().len(), 3);
}

#[test]
fn archives_that_readers_disagree_on_are_refused() {
    let toys = toys();
    let whole = archive(&toys);
    let refused = |payload: Vec<u8>| refusal(&package_of(&header(&toys, &payload), &payload));
    let no_trailer = &whole[..whole.len() - newc::trailer().len()];
    assert!(refused(gzipped(no_trailer)).contains("ends in the middle"));
    assert!(refused(gzipped(&[&whole, b"x".as_slice()].concat())).contains("left over"));
    // Two gzip members: rpm goes on after the first, the crate `rpm` does not.
    let (first, second) = whole.split_at(300);
    assert!(refused([gzipped(first), gzipped(second)].concat()).contains("damaged"));
    let good = gzipped(&whole);
    assert!(refused([good.as_slice(), b"x"].concat()).contains("damaged"));
    for at in [good.len() - 1, good.len() - 5] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(refused(bad).contains("damaged"), "{at}");
    }
    assert!(refused(good[..good.len() - 8].to_vec()).contains("damaged"));
    // zeros after the trailer are padding, as GNU cpio writes it
    let padded = gzipped(&[whole.as_slice(), &[0; 100]].concat());
    assert_eq!(walked(&package_of(&header(&toys, &padded), &padded)).unwrap().len(), 4);
}

#[test]
fn the_payloads_digest_is_compared() {
    let toys = toys();
    let payload = gzipped(&archive(&toys));
    let mut wrong = header(&toys, &payload);
    wrong.put(tag::PAYLOADDIGEST, Value::Texts(vec![hex(&[7; 32])]));
    assert!(refusal(&package_of(&wrong, &payload)).contains("PAYLOADDIGEST do not agree"));
    let mut other = header(&toys, &payload);
    other.put(tag::PAYLOADDIGESTALGO, Value::number(10));
    assert!(refusal(&package_of(&other, &payload)).contains("PAYLOADDIGEST do not agree"));
}

#[test]
fn compressions_that_are_not_read_are_named() {
    let toys = toys();
    let payload = gzipped(&archive(&toys));
    let mut other = header(&toys, &payload);
    other.put(tag::PAYLOADCOMPRESSOR, Value::text("bzip2"));
    assert!(refusal(&package_of(&other, &payload)).contains("compressed in another way"));
}

/// Several names of one file: the bytes come with the last.
#[test]
fn hard_links_are_each_a_file() {
    let mut toys = vec![toy("a/one", REGULAR | 0o644, b"same"), toy("a/two", REGULAR | 0o644, b"same")];
    let mut archive = Vec::new();
    for (path, size) in [("a/one", 0), ("a/two", 4)] {
        newc::header(&mut archive, &newc::Header { path, inode: 5, mode: REGULAR | 0o644, links: 2, mtime: 7, size })
            .unwrap();
        archive.extend_from_slice(&b"same"[..size as usize]);
    }
    archive.extend(newc::trailer());
    let payload = gzipped(&archive);
    let found = walked(&package_of(&header(&toys, &payload), &payload)).unwrap();
    assert_eq!(found, [("a/one".to_owned(), b"same".to_vec()), ("a/two".to_owned(), b"same".to_vec())]);
    toys[0].lies.digest = Some(b"other".to_vec());
    assert!(refusal(&package_of(&header(&toys, &payload), &payload)).contains("digest"));
}

/// One field of a header set to a wrong value, by its place in the file.
fn with_field(bytes: &[u8], at: usize, value: u32) -> String {
    let mut bad = bytes.to_vec();
    bad[at..at + 4].copy_from_slice(&value.to_be_bytes());
    Package::open(&bad).unwrap_err().to_string()
}

#[test]
fn headers_that_lie_are_refused() {
    let bytes = package(&toys());
    let at = Package::open(&bytes).unwrap().header.offset() as usize;
    let index = at + 16;
    assert!(with_field(&bytes, at, 0).contains("magic"));
    assert!(with_field(&bytes, at + 8, 0).contains("nindex is 0"));
    assert!(with_field(&bytes, at + 8, u32::MAX).contains("nindex"));
    assert!(with_field(&bytes, at + 8, 0xffff).contains("needs"));
    assert!(with_field(&bytes, at + 12, u32::MAX).contains("hsize"));
    assert!(with_field(&bytes, at + 12, 8).contains("region"));
    // the region: its tag, type, offset and count
    for field in 0..4 {
        assert!(with_field(&bytes, index + 4 * field, 99).contains("region"), "{field}");
    }
    // the entry after it
    let entry = index + 16;
    assert!(with_field(&bytes, entry, 62).contains("tag is 62"));
    assert!(with_field(&bytes, entry, tag::NAME).contains("a tag is there twice"));
    assert!(with_field(&bytes, entry + 4, 0).contains("type is 0"));
    assert!(with_field(&bytes, entry + 4, 10).contains("type is 10"));
    assert!(with_field(&bytes, entry + 8, u32::MAX).contains("offset"));
    assert!(with_field(&bytes, entry + 12, 0).contains("count is 0"));
    assert!(with_field(&bytes, entry + 12, u32::MAX).contains("go on after the end"));
    // a text that goes over into the next, and numbers that are not aligned
    assert!(with_field(&bytes, entry + 12, 2).contains("offset"));
    let numbers = (1..).map(|n| index + 16 * n).find(|at| bytes[at + 7] == 4).unwrap();
    let offset = u32::from_be_bytes(bytes[numbers + 8..numbers + 12].try_into().unwrap());
    assert!(with_field(&bytes, numbers + 8, offset + 1).contains("multiple"));
    // the lead and the padding
    assert!(with_field(&bytes, 4, 0x0500_0000).contains("major is 5"));
    assert!(with_field(&bytes, 78, 0x0001_0001).contains("signature type is 1"));
}

/// Bytes between two values belong to no tag, and rpm does not look at them.
#[test]
fn what_lies_between_values_is_seen() {
    let mut writer = Writer::header();
    writer.put(5000, Value::text("a")).put(5001, Value::number(1));
    let good = package_of(&writer, b"");
    let header = Package::open(&good).unwrap().header;
    assert!(header.is_padded_with_zeros());
    let mut bad = good.clone();
    // Two bytes of text, two of padding, then the number.
    let at = header.offset() as usize + 16 + 3 * 16 + 3;
    assert_eq!(bad[at..at + 5], [0, 0, 0, 0, 1]);
    bad[at] = 7;
    assert!(!Package::open(&bad).unwrap().header.is_padded_with_zeros());
}

#[test]
fn paths_that_leave_the_file_system_are_refused() {
    for (folder, name) in [("/a/../", "b"), ("/a", "b"), ("//", "b"), ("/", ""), ("/a/", "../b"), ("/a/", ".")] {
        let toys = vec![toy("a/b", REGULAR | 0o644, b"x")];
        let payload = gzipped(&archive(&toys));
        let mut header = header(&toys, &payload);
        header.put(tag::DIRNAMES, Value::Texts(vec![folder.into()]));
        header.put(tag::BASENAMES, Value::Texts(vec![name.into()]));
        assert!(refusal(&package_of(&header, &payload)).contains("a path is not one"), "{folder}{name}");
    }
    let toys = vec![toy("a/b", REGULAR | 0o644, b"x"), toy("a/b", REGULAR | 0o644, b"x")];
    assert!(refusal(&package(&toys)).contains("twice"));
}

#[test]
fn rows_of_other_lengths_are_refused() {
    let toys = toys();
    let payload = gzipped(&archive(&toys));
    for tag in [tag::FILEMODES, tag::FILESIZES, tag::FILEFLAGS, tag::FILEVERIFYFLAGS, tag::FILEMTIMES, tag::DIRINDEXES]
    {
        let mut header = header(&toys, &payload);
        header.put(tag, Value::number(1));
        assert!(refusal(&package_of(&header, &payload)).contains("another length"), "{tag}");
    }
    for tag in [tag::FILEDIGESTS, tag::FILEUSERNAME, tag::FILEGROUPNAME, tag::FILELINKTOS] {
        let mut header = header(&toys, &payload);
        header.put(tag, Value::Texts(vec!["x".into()]));
        assert!(refusal(&package_of(&header, &payload)).contains("another length"), "{tag}");
    }
    let mut header = header(&toys, &payload);
    header.put(tag::DIRINDEXES, Value::U32(vec![0, 1, 2, 9]));
    assert!(refusal(&package_of(&header, &payload)).contains("a path is not one"));
}

#[test]
fn tags_have_their_names() {
    assert_eq!(tag::name(5092), Some("PAYLOADDIGEST"));
    assert_eq!(tag::signature::name(268), Some("RSA"));
    assert_eq!(tag::name(1), None);
    let problem = Problem::Missing { what: "NAME" };
    let bytes = package(&toys());
    assert_eq!(Package::open(&bytes).unwrap().header.missing("NAME").problem, problem);
}
