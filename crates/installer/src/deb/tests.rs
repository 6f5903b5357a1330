//! What the formats' laws do not say: what is refused, and how fast.

use std::io::{Cursor, Read, Write};
use std::time::{Duration, Instant};

use super::names::FORMAT_VERSION;
use super::*;
use crate::epoch::Epoch;
use crate::format::{Extracted, Sink, StampError};
use crate::once::{self, Once};
use crate::product::Platform;
use crate::report::Severity;
use crate::splice::Segment;
use crate::{AcceptedToken, Report, Token};

const MANIFEST: &str = r#"
[product]
name = "Probe"
file-stem = "Probe"
version = "1.4.2"
publisher = "Example"
summary = "tells which token it was left"
license = "MIT"
maintainer = "Example <packages@example.com>"
[service]
[[agent]]
platform = "linux"
arch = "x64"
path = "agent"
[[file]]
platform = "linux"
source = "agent"
destination = "/DESTINATION"
[linux]
compression = "COMPRESSION"
"#;

fn build(compression: &str, destination: &str) -> Result<Vec<u8>, BuildError> {
    build_of(MANIFEST, compression, destination)
}

fn build_of(manifest: &str, compression: &str, destination: &str) -> Result<Vec<u8>, BuildError> {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = vec![0; 3000];
    agent[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
    std::fs::write(folder.path().join("agent"), agent).unwrap();
    std::fs::write(folder.path().join("issuer.jwks.json"), crate::claims::SAMPLE_KEYS).unwrap();
    let text = manifest.replace("COMPRESSION", compression).replace("DESTINATION", destination);
    let product = Product::load(&folder.path().join("stampwright.toml"), &text).unwrap();
    let agent = product.agents_for(Platform::Linux).next().unwrap();
    let payload = Deb.payload(&product, agent)?;
    let mut out = Cursor::new(Vec::new());
    let job = Job { product: &product, agent, payload: &payload, epoch: Epoch::DEFAULT, progress: &() };
    Deb.build(&job, &mut out)?;
    Ok(out.into_inner())
}

fn stamped(base: &[u8], token: &str) -> Vec<u8> {
    let base = once::open(base).unwrap();
    let mut out = Vec::new();
    once::stamp(&base, &Token::parse(token.as_bytes()).unwrap()).unwrap().write_to(*base.bytes(), &mut out).unwrap();
    out
}

fn findings(file: &[u8]) -> Vec<&'static str> {
    let mut report = Report::new();
    Deb.verify(&file, &mut report).unwrap();
    let errors = report.findings().iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| finding.id).collect()
}

struct Nothing;
impl Sink for Nothing {
    fn entry(&mut self, _: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        let _ = std::io::copy(content, &mut std::io::sink());
        Ok(())
    }
}

/// Every way to read a file; gives whether all of them failed.
fn read_every_way(file: &[u8]) -> bool {
    let file = &file;
    let readers = [
        Deb.open(file).is_err(),
        Deb.token(file).is_err(),
        Deb.inspect(file).is_err(),
        Deb.extract(file, &mut Nothing).is_err(),
        Deb.verify(file, &mut Report::new()).is_err(),
    ];
    readers.iter().all(|failed| *failed)
}

/// A control archive and payload that say nothing of a token.
#[test]
fn a_package_without_a_place_for_a_token_is_a_plain_package() {
    let services = [("[token]\nslot = false\n[service]", true), ("[token]\nslot = false", false)];
    for (instead, has_service) in services {
        let manifest = MANIFEST.replace("[service]", instead).replace("[linux]", "[linux]\ncommand = \"probe-it\"");
        let file = build_of(&manifest, "gzip", "opt/x").unwrap();
        assert_eq!((findings(&file), Deb.token(&file).unwrap()), (Vec::new(), None));
        let (mut text, mut scripts) = (String::new(), Vec::new());
        let package = read::Package::open(&file).unwrap();
        package
            .walk_control(&mut |entry, content| {
                text.push_str(&String::from_utf8_lossy(content));
                scripts.push(entry.path.clone());
                Ok(())
            })
            .unwrap();
        let mut links = Vec::new();
        package
            .walk_data(&mut |entry, content| {
                content.read_to_string(&mut text).ok();
                links.extend(
                    matches!(&entry.kind, read::TarEntryKind::Link(target) if target == "../lib/probe/probe")
                        .then(|| entry.path.clone()),
                );
                Ok(())
            })
            .unwrap();
        assert!(!text.contains("enrollment") && !text.contains("Replaces") && !text.contains("X-Product"), "{text}");
        assert_eq!(links, ["usr/bin/probe-it"]);
        assert_eq!(scripts.contains(&"postinst".to_owned()), has_service, "{scripts:?}");
        let refused = Deb.stamper(&file).map(drop).unwrap_err();
        assert!(matches!(refused, StampError::NotOurs(_)), "{refused}");
    }
}

#[test]
fn issuer_keys_are_installed_beside_the_agent() {
    let manifest = MANIFEST.replace("[service]", "[token]\nissuer-keys = \"issuer.jwks.json\"\n[service]");
    for compression in ["xz", "gzip", "zstd"] {
        let base = build_of(&manifest, compression, "opt/x").unwrap();
        let token = AcceptedToken::unchecked(&Token::parse(b"token-0123456789").unwrap());
        let mut stamped = Vec::new();
        Deb.stamper(&base).unwrap().stamp(&token).unwrap().write_to(base.as_slice(), &mut stamped).unwrap();
        assert_eq!(findings(&base), [""; 0]);
        assert_eq!(findings(&stamped), ["token-untrusted"]);
        for file in [&base, &stamped] {
            let keys: serde_json::Value = serde_json::from_slice(&Deb.issuer_keys(file).unwrap().unwrap()).unwrap();
            assert_eq!(keys, serde_json::from_str::<serde_json::Value>(crate::claims::SAMPLE_KEYS).unwrap());
            assert_eq!(Deb.inspect(file).unwrap().details["X-Product-Name"], "Probe");
        }
    }
    assert_eq!(Deb.issuer_keys(&build("gzip", "opt/x").unwrap()).unwrap(), None);
}

#[test]
fn damage_is_an_error_and_quick() {
    for compression in ["xz", "gzip", "zstd"] {
        let good = stamped(&build(compression, "etc/probe/a.conf").unwrap(), "secret-of-a-tenant");
        for len in (0..good.len()).step_by(61) {
            let start = Instant::now();
            assert!(read_every_way(&good[..len]), "{compression}: {len} bytes are read");
            assert!(start.elapsed() < Duration::from_secs(1));
        }
        for at in (0..good.len()).step_by(17) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            let start = Instant::now();
            read_every_way(&bad);
            bad[at..].fill(0);
            read_every_way(&bad);
            assert!(start.elapsed() < Duration::from_secs(1));
        }
    }
}

#[test]
fn places_of_the_token_are_not_to_be_had() {
    for path in ["etc/probe/enrollment-token", "usr/lib/probe/enrollment-token", "var/lib/probe/enrollment-state"] {
        let error = build("xz", path).unwrap_err().to_string();
        assert!(error.contains("is where the enrollment token and its state live"), "{error}");
    }
}

#[test]
fn another_layout_is_no_base_of_ours() {
    let base = build("gzip", "etc/probe/a.conf").unwrap();
    // The control file is stored, so it can be edited where it lies; its checksum then gives it away.
    let mark = b"stampwright.1~base";
    let at = base.windows(mark.len()).position(|window| window == mark).unwrap();
    let mut other = base.clone();
    other[at + 12] = b'2';
    assert!(Deb.stamper(&other).is_err());
    let error = Deb.stamper(&b"!<arch>\ndebian-binary   ".to_vec()).err().unwrap().to_string();
    assert!(error.starts_with("ar member header at 0x8: needs 60 bytes"), "{error}");
}

#[test]
fn a_stamp_is_three_kept_ranges() {
    for compression in ["xz", "gzip", "zstd"] {
        let base = build(compression, "etc/probe/a.conf").unwrap();
        let base = once::open(base.as_slice()).unwrap();
        let splice = once::stamp(&base, &Token::parse(&[b'a'; 4096]).unwrap()).unwrap();
        assert!(splice.put_bytes() < 8 << 10, "{compression}: {}", splice.put_bytes());
        let kept = splice.segments().iter().filter(|segment| matches!(segment, Segment::Keep(_))).count();
        assert!((2..=3).contains(&kept), "{compression}: {:?}", splice.segments());
    }
}

/// A package that dpkg-deb, or anybody else, could have made, with the given entries after those of the base.
fn foreign(entries: &[(&str, tar::Kind<'_>, u32, &[u8])]) -> Vec<u8> {
    let base = build("gzip", "etc/probe/a.conf").unwrap();
    let package = read::Package::open(&base).unwrap();
    let mut archive = Vec::new();
    let window =
        container::read_at::Window::new("data", &base, package.data.member.offset, package.data.member.len).unwrap();
    container::gzip::decode(container::read_at::Cursor::new(window)).read_to_end(&mut archive).unwrap();
    archive.truncate(archive.len() - tar::END.len());
    for (path, kind, mode, content) in entries {
        tar::header(&mut archive, path, *kind, *mode, 0).unwrap();
        archive.extend(*content);
        archive.extend(tar::padding(content.len()));
    }
    let mut ar = container::ar::Writer::new(Cursor::new(Vec::new()), 0).unwrap();
    ar.member("debian-binary", |out| out.write_all(FORMAT_VERSION)).unwrap();
    let control = &package.control.member;
    let control = &base[control.offset as usize..(control.offset + control.len) as usize];
    ar.member("control.tar.gz", |out| out.write_all(control)).unwrap();
    ar.member("data.tar.gz", |out| {
        let mut data = container::gzip::TailWriter::new(out, 6)?;
        data.write_all(&archive)?;
        data.finish_with_tail(&tar::END).map(drop)
    })
    .unwrap();
    ar.finish().unwrap().into_inner()
}

#[test]
fn verify_says_what_is_wrong() {
    assert!(findings(&foreign(&[])).is_empty(), "{:?}", findings(&foreign(&[])));
    let file = |len: usize| tar::Kind::File(len as u64);
    for (entry, expected) in [
        (("usr/lib/probe/extra", file(1), 0o755, &b"x"[..]), &["deb-md5sums"][..]),
        (("usr/lib/probe/setuid", file(1), 0o4755, b"x"), &["deb-mode", "deb-md5sums"]),
        (("usr/lib/probe/open", tar::Kind::Folder, 0o777, b""), &["deb-mode"]),
        (("nowhere/at/all", tar::Kind::Folder, 0o755, b""), &["deb-parent"]),
        (("etc/other", file(1), 0o644, b"x"), &["deb-md5sums", "deb-conffile"]),
        (("usr/lib/probe", tar::Kind::Folder, 0o755, b""), &["deb-twice"]),
        (("usr/lib/probe/enrollment-token", file(6), 0o644, b"secret"), &["deb-token-mode", "deb-token-place"]),
    ] {
        assert_eq!(findings(&foreign(&[entry])), expected, "{}", entry.0);
    }
}

#[test]
fn paths_that_leave_the_archive_are_refused() {
    for path in ["../out", "usr/../../out", "/etc/passwd"] {
        let bad = foreign(&[(path, tar::Kind::File(0), 0o644, b"")]);
        let error = Deb.extract(&bad, &mut Nothing).unwrap_err().to_string();
        assert!(error.ends_with("a path leads out of the archive"), "{path}: {error}");
    }
}

#[test]
fn long_paths_survive() {
    let name = format!("usr/lib/probe/{}/{}", "d".repeat(60), "n".repeat(60));
    let base = build("xz", &name).unwrap();
    assert!(findings(&base).is_empty(), "{:?}", findings(&base));
    let stamp = stamped(&base, "secret");
    assert_eq!(Deb.token(&stamp).unwrap().unwrap().expose(), "secret");
}

/// A package of another tool, its two archives under these names, packed by this.
fn other(control: &str, data: &str, pack: &dyn Fn(&[u8]) -> Vec<u8>, names: [&str; 2]) -> Vec<u8> {
    let mut archive = Vec::new();
    let conffiles = "\nremove-on-upgrade /etc/other/old.conf\n";
    let config = "#!/usr/bin/perl\n";
    for (path, mode, content) in
        [("control", 0o644, control), ("conffiles", 0o644, conffiles), ("config", 0o755, config)]
    {
        tar::header(&mut archive, path, tar::Kind::File(content.len() as u64), mode, 0).unwrap();
        archive.extend(content.as_bytes());
        archive.extend(tar::padding(content.len() as u64));
    }
    archive.extend(tar::END);
    let mut files = Vec::new();
    tar::header(&mut files, "usr/bin/other", tar::Kind::File(data.len() as u64), 0o4755, 0).unwrap();
    files.extend(data.as_bytes());
    files.extend(tar::padding(data.len() as u64));
    // another name of the file that came before: type 1, and the link's name in its field (POSIX ustar)
    let mut link = ::tar::Header::new_gnu();
    link.set_path("usr/bin/same").unwrap();
    link.set_entry_type(::tar::EntryType::Link);
    link.set_link_name("./usr/bin/other").unwrap();
    link.set_mode(0o755);
    link.set_uid(0);
    link.set_gid(8);
    link.set_mtime(0);
    link.set_size(0);
    link.set_cksum();
    files.extend(link.as_bytes());
    files.extend(tar::END);
    let mut ar = container::ar::Writer::new(Cursor::new(Vec::new()), 0).unwrap();
    ar.member("debian-binary", |out| out.write_all(FORMAT_VERSION)).unwrap();
    ar.member("_gpgorigin", |out| out.write_all(b"signed")).unwrap();
    ar.member(names[0], |out| {
        out.write_all(&if names[0].ends_with(".tar") { archive.clone() } else { pack(&archive) })
    })
    .unwrap();
    ar.member(names[1], |out| out.write_all(&pack(&files))).unwrap();
    ar.finish().unwrap().into_inner()
}

#[derive(Default)]
struct Pieces(Vec<String>);
impl Sink for Pieces {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        let mut text = String::new();
        let _ = content.read_to_string(&mut text);
        self.0.push(format!("{} {:?} {text:?}", entry.path, entry.kind));
        Ok(())
    }
}

#[test]
fn packages_of_other_tools_are_read_as_dpkg_reads_them() {
    const CONTROL: &str = "Package: other\nVersion: 1:2.0~rc1-3\nArchitecture: all\nDescription: x\n";
    let bzip2 = |bytes: &[u8]| {
        let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let lzma = |bytes: &[u8]| {
        let options = lzma_rust2::LzmaOptions::with_preset(1);
        let mut encoder = lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &options, None).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let plain = |bytes: &[u8]| bytes.to_vec();
    type Pack<'p> = &'p dyn Fn(&[u8]) -> Vec<u8>;
    let packers = [(&plain as Pack<'_>, "data.tar"), (&bzip2, "data.tar.bz2"), (&lzma, "data.tar.lzma")];
    for (pack, name) in packers {
        let file = other(CONTROL, "#!/bin/sh\n", pack, ["control.tar", name]);
        assert_eq!(findings(&file), [""; 0], "{name}");
        assert_eq!(Deb.inspect(&file).unwrap().version, "1:2.0~rc1-3");
        let mut pieces = Pieces::default();
        Deb.extract(&file, &mut pieces).unwrap();
        let ends = ["usr/bin/other File(10) \"#!/bin/sh\\n\"", "usr/bin/same HardLink(\"usr/bin/other\") \"\""];
        assert_eq!(pieces.0[pieces.0.len() - 2..], ends, "{name}");
        assert!(facts(&file).unwrap().placed["usr/bin/same"].is_file);
        assert!(facts(&file).unwrap().conffiles.is_empty());
    }
    // dpkg takes these two for data.tar only
    let file = other(CONTROL, "x", &bzip2, ["control.tar.bz2", "data.tar.bz2"]);
    let said = Deb.inspect(&file).unwrap_err().to_string();
    assert!(said.ends_with("the member control.tar, with .gz, .xz, .zst or nothing behind it is missing"), "{said}");
}
