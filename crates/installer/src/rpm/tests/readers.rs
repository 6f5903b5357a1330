//! What rpm 4.16, 4.18, 4.20 and 6.1 say of payloads and digests that are not as they should be, line by line, and what we say. `rpm -K` takes most
//! of the payloads for good. Where one of them, or another reader, takes something else out of a package than the rest, we refuse it.

use std::io::Write as _;

use container::{gzip, xz, zst};

use super::*;

const TOKEN: &str = "secret-of-a-tenant";

/// The archive in a package.
fn archive(file: &[u8]) -> Vec<u8> {
    let at = rpm::Package::open(&file).unwrap().payload_offset() as usize;
    let mut out = Vec::new();
    gzip::decode(&file[at..]).read_to_end(&mut out).unwrap();
    out
}

/// The package with another payload, which all of its digests fit.
fn with_payload(file: &[u8], compressor: Option<&str>, payload: &[u8]) -> Vec<u8> {
    with_parts(
        file,
        payload,
        |tag| tag != tag::PAYLOADCOMPRESSOR,
        |header| {
            header.put(tag::PAYLOADDIGEST, Value::Texts(vec![hex(&Algorithm::Sha256.digest(payload))]));
            if let Some(compressor) = compressor {
                header.put(tag::PAYLOADCOMPRESSOR, Value::text(compressor));
            }
        },
    )
}

/// The package with these of its header's tags, a change to them, and a signature header that fits.
fn with_parts(file: &[u8], payload: &[u8], keep: impl Fn(u32) -> bool, change: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let file = file.to_vec();
    let package = rpm::Package::open(&file).unwrap();
    let mut header = Writer::header();
    for (tag, kind, _) in package.header.tags().filter(|(tag, ..)| keep(*tag)) {
        header.put(tag, signature::value(&package.header, tag, kind).unwrap());
    }
    change(&mut header);
    let header = header.finish().unwrap();
    let size = package.signature.number(tag::signature::PAYLOADSIZE).unwrap().unwrap();
    let signature = super::super::header::signature(&header, payload.len() as u64, size, None).unwrap();
    [&lead(rpm::LeadKind::Binary, "x")[..], &signature, &header, payload].concat()
}

/// The package with these of its signature header's tags, and more.
fn with_signature(file: &[u8], keep: impl Fn(u32) -> bool, more: &[(u32, Value)]) -> Vec<u8> {
    let file = file.to_vec();
    let package = rpm::Package::open(&file).unwrap();
    let mut signature = Writer::signature();
    for (tag, kind, _) in package.signature.tags().filter(|(tag, ..)| keep(*tag)) {
        signature.put(tag, super::super::signature::value(&package.signature, tag, kind).unwrap());
    }
    for (tag, value) in more {
        signature.put(*tag, value.clone());
    }
    let payload = &file[package.payload_offset() as usize..];
    [&lead(rpm::LeadKind::Binary, "x")[..], &signature.finish().unwrap(), package.header.bytes(), payload].concat()
}

fn payload_of(file: &[u8]) -> Vec<u8> {
    file[rpm::Package::open(&file).unwrap().payload_offset() as usize..].to_vec()
}

fn is_refused(file: &[u8]) -> bool {
    findings(file).contains(&"rpm-payload")
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut out = gzip::Writer::new(Vec::new(), 6).unwrap();
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn in_xz(bytes: &[u8], tail: &[u8]) -> Vec<u8> {
    let mut out = xz::Writer::new(Vec::new(), xz::Code::Other).unwrap();
    out.write_all(bytes).unwrap();
    out.finish_with_tail(tail).unwrap()
}

fn in_zstd(bytes: &[u8], tail: &[u8]) -> Vec<u8> {
    let mut out = zst::Writer::new(Vec::new(), 3).unwrap();
    out.write_all(bytes).unwrap();
    out.finish_with_tail(tail).unwrap()
}

#[test]
fn payloads_line_by_line() {
    let stamp = stamped(&build(Compression::Gzip), TOKEN);
    let whole = archive(&stamp);
    let (first, second) = whole.split_at(whole.len() / 2);
    let end = whole.windows(10).rposition(|window| window == b"TRAILER!!!").unwrap();
    let entry = whole[..end].windows(6).rposition(|window| window == b"070701").unwrap();
    let mut other = whole.clone();
    let token = other.windows(TOKEN.len()).position(|window| window == TOKEN.as_bytes()).unwrap();
    other[token] ^= 1;
    let mut crc = gzipped(&whole);
    let len = crc.len();
    crc[len - 8] ^= 1;
    let mut size = gzipped(&whole);
    size[len - 4] ^= 1;
    let gz = Some("gzip");
    let without_token = {
        let at = whole[..token].windows(6).rposition(|window| window == b"070701").unwrap();
        [&whole[..at], &whole[entry..]].concat()
    };
    for (line, compressor, payload, refused) in [
        ("one gzip member", gz, gzipped(&whole), false),
        ("one zstd frame, its last block raw", Some("zstd"), in_zstd(first, second), false),
        ("xz, two blocks", Some("xz"), in_xz(first, second), false),
        ("not compressed", None, whole.clone(), false),
        ("two gzip members", gz, [gzipped(first), gzipped(second)].concat(), true),
        ("two zstd frames", Some("zstd"), [in_zstd(first, b""), in_zstd(second, b"")].concat(), true),
        ("two xz streams", Some("xz"), [in_xz(first, b"x"), in_xz(second, b"x")].concat(), true),
        ("token in the header and not in the archive", gz, gzipped(&without_token), true),
        ("another content than the header's digest", gz, gzipped(&other), true),
        ("no trailer", gz, gzipped(&whole[..entry]), true),
        ("bytes after the trailer", gz, gzipped(&[&whole[..], b"more"].concat()), true),
        ("bytes after the gzip member", gz, [gzipped(&whole), b"more".to_vec()].concat(), true),
        ("a wrong CRC", gz, crc, true),
        ("a wrong ISIZE", gz, size, true),
        ("no gzip footer", gz, gzipped(&whole)[..len - 8].to_vec(), true),
    ] {
        let file = with_payload(&stamp, compressor, &payload);
        assert_eq!(is_refused(&file), refused, "{line}: {:?}", findings(&file));
    }
    // What was stamped has the three forms that every reader takes.
    for codec in CODECS {
        assert!(!is_refused(&stamped(&build(codec), TOKEN)), "{codec:?}");
    }
    // A file in the archive that the header does not list: the header of the base, which has no token.
    let unlisted = with_payload(&build(Compression::Gzip), gz, &gzipped(&whole));
    assert!(is_refused(&unlisted));
}

#[test]
fn digests_line_by_line() {
    let stamp = stamped(&build(Compression::Gzip), TOKEN);
    let payload = payload_of(&stamp);
    let right = hex(&Algorithm::Sha256.digest(&archive(&stamp)));
    let texts = |text: &str| Value::Texts(vec![text.to_owned()]);
    let wrong = hex(&[7; 32]);
    let with = |keep: &dyn Fn(u32) -> bool, more: &[(u32, Value)]| {
        findings(&with_parts(&stamp, &payload, keep, |header| {
            for (tag, value) in more {
                header.put(*tag, value.clone());
            }
        }))
    };
    let not_digest = |tag| tag != tag::PAYLOADDIGEST;
    let good = [""; 0];
    assert_eq!(with(&|_| true, &[]), good);
    assert!(with(&not_digest, &[(tag::PAYLOADDIGEST, texts(&wrong))]).contains(&"rpm-payload"));
    assert!(with(&not_digest, &[(tag::PAYLOADDIGESTALT, texts(&right))]).contains(&"rpm-payload-digest"));
    assert!(with(&not_digest, &[]).contains(&"rpm-payload-digest"));
    // No rpm looks at it; in a package of ours it is not there, so a wrong one is a mistake.
    assert_eq!(with(&|_| true, &[(tag::PAYLOADDIGESTALT, texts(&right))]), good);
    assert_eq!(with(&|_| true, &[(tag::PAYLOADDIGESTALT, texts(&wrong))]), ["rpm-payload-digest-alt"]);

    use tag::signature::{MD5, SHA1, SHA256};
    let signed = |keep: &dyn Fn(u32) -> bool, more: &[(u32, Value)]| findings(&with_signature(&stamp, keep, more));
    assert_eq!(signed(&|_| true, &[]), good);
    // rpm does without SHA-1; a package of ours has it, for rpm 4.11.
    assert!(!signed(&|tag| tag != SHA1, &[]).contains(&"rpm-header-digest"));
    assert!(signed(&|tag| tag != SHA256, &[]).contains(&"rpm-header-digest"));
    assert!(signed(&|tag| tag != SHA1 && tag != SHA256, &[]).contains(&"rpm-header-digest"));
    assert!(signed(&|_| true, &[(MD5, Value::Bytes(vec![7; 16]))]).contains(&"rpm-old-digest"));

    for at in [payload.len() / 3, payload.len() - 1] {
        let mut bad = stamp.clone();
        let place = stamp.len() - payload.len() + at;
        bad[place] ^= 1;
        assert!(is_refused(&bad), "{at}");
    }
    assert!(is_refused(&[&stamp[..], b"ab"].concat()));
}
