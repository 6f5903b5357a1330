//! What the formats' laws do not say: what is refused, and what is in the header.

mod plain;
mod readers;
mod signing;

use std::io::{Cursor, Read};
use std::time::{Duration, Instant};

use container::digest::{Algorithm, hex};
use container::rpm::{self, Value, Writer, lead, tag};

use super::*;
use crate::epoch::Epoch;
use crate::format::{Extracted, Sink, StampError};
use crate::once::Once;
use crate::product::{Compression, Platform};
use crate::report::Severity;
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
destination = "/etc/probe.conf"
[[file]]
platform = "linux"
source = "agent"
destination = "/opt/vendor/tool/x"
[rpm]
requires = ["openssl-libs >= 3.0", "ca-certificates"]
"#;

const CODECS: [Compression; 3] = [Compression::Gzip, Compression::Xz, Compression::Zstd];

fn build_of(manifest: &str, codec: Compression) -> Result<Vec<u8>, BuildError> {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = vec![0; 3000];
    agent[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
    std::fs::write(folder.path().join("agent"), agent).unwrap();
    std::fs::write(folder.path().join("issuer.jwks.json"), crate::claims::SAMPLE_KEYS).unwrap();
    let product = Product::load(&folder.path().join("stampwright.toml"), manifest).unwrap().with_compression(codec);
    let agent = product.agents_for(Platform::Linux).next().unwrap();
    let payload = Rpm.payload(&product, agent)?;
    let mut out = Cursor::new(Vec::new());
    let job = Job { product: &product, agent, payload: &payload, epoch: Epoch::DEFAULT, progress: &() };
    Rpm.build(&job, &mut out)?;
    Ok(out.into_inner())
}

fn build(codec: Compression) -> Vec<u8> {
    build_of(MANIFEST, codec).unwrap()
}

fn accepted(token: &str, number: u64) -> AcceptedToken {
    AcceptedToken::unchecked(&Token::parse(token.as_bytes()).unwrap()).with_number(number)
}

fn stamped(base: &[u8], token: &str) -> Vec<u8> {
    let mut out = Vec::new();
    Rpm.stamper(&base).unwrap().stamp(&accepted(token, 1_700_000_000)).unwrap().write_to(base, &mut out).unwrap();
    out
}

fn findings(file: &[u8]) -> Vec<&'static str> {
    let mut report = Report::new();
    Rpm.verify(&file, &mut report).unwrap();
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
        Rpm.token(file).is_err(),
        Rpm.inspect(file).is_err(),
        Rpm.extract(file, &mut Nothing).is_err(),
        Rpm.verify(file, &mut Report::new()).is_err(),
        Rpm.signature(file).is_err(),
        Rpm.stamper(file).is_err(),
    ];
    readers.iter().all(|failed| *failed)
}

/// The header of a package, changed, with digests that fit.
fn with_header(file: &[u8], change: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let file = file.to_vec();
    let package = rpm::Package::open(&file).unwrap();
    let mut header = Writer::header();
    for (tag, kind, _) in package.header.tags() {
        header.put(tag, signature::value(&package.header, tag, kind).unwrap());
    }
    change(&mut header);
    let header = header.finish().unwrap();
    let payload = &file[package.payload_offset() as usize..];
    let size = package.signature.number(tag::signature::PAYLOADSIZE).unwrap().unwrap();
    let signature = super::header::signature(&header, payload.len() as u64, size, None).unwrap();
    [&lead(rpm::LeadKind::Binary, "x")[..], &signature, &header, payload].concat()
}

#[test]
fn a_stamp_is_a_good_package_at_every_codec_and_length() {
    for codec in CODECS {
        let base = build(codec);
        assert_eq!(findings(&base), [""; 0], "{codec:?}");
        assert_eq!(Rpm.token(&base).unwrap(), None);
        for len in [1, 66, 4096] {
            let token = "t".repeat(len);
            let stamp = stamped(&base, &token);
            assert_eq!(findings(&stamp), [""; 0], "{codec:?} {len}");
            assert_eq!(Rpm.token(&stamp).unwrap().unwrap().expose(), token);
            // A stamp of the stamp is the stamp of the base.
            assert_eq!(stamped(&stamp, "other"), stamped(&base, "other"), "{codec:?} {len}");
        }
    }
}

#[test]
fn what_a_stamp_changes() {
    let base = build(Compression::Zstd);
    let stamp = stamped(&base, "secret-of-a-tenant");
    let (of_base, from_stamp) = (rpm::Package::open(&base).unwrap(), rpm::Package::open(&stamp).unwrap());
    let changed: Vec<_> = from_stamp
        .header
        .tags()
        .map(|(tag, kind, _)| (tag, kind))
        .filter(|(tag, kind)| {
            let value = |header| signature::value(header, *tag, *kind).unwrap();
            !of_base.header.has(*tag) || value(&from_stamp.header) != value(&of_base.header)
        })
        .map(|(tag, _)| tag::name(tag).unwrap())
        .collect();
    let expected = [
        "RELEASE",
        "SIZE",
        "PREIN",
        "POSTIN",
        "FILESIZES",
        "FILEMODES",
        "FILERDEVS",
        "FILEMTIMES",
        "FILEDIGESTS",
        "FILELINKTOS",
        "FILEFLAGS",
        "FILEUSERNAME",
        "FILEGROUPNAME",
        "FILEVERIFYFLAGS",
        "FILEDEVICES",
        "FILEINODES",
        "FILELANGS",
        "PROVIDEVERSION",
        "DIRINDEXES",
        "BASENAMES",
        "DIRNAMES",
        "PAYLOADDIGEST",
    ];
    assert_eq!(changed, expected);
    assert_eq!(from_stamp.header.text(tag::RELEASE).unwrap().unwrap(), "1.1700000000");
    // The payload's digest came from the state in the base; it must be the payload's.
    let payload = &stamp[from_stamp.payload_offset() as usize..];
    let expected = hex(&Algorithm::Sha256.digest(payload));
    assert_eq!(from_stamp.header.texts(tag::PAYLOADDIGEST).unwrap().unwrap(), [expected]);
    // All but the end is kept.
    let kept = payload.iter().zip(&base[of_base.payload_offset() as usize..]).take_while(|(a, b)| a == b).count();
    assert!(kept + 600 > payload.len(), "{kept} of {}", payload.len());
    let later = Rpm.stamper(&base).unwrap();
    let splice = later.stamp(&accepted("secret-of-a-tenant", 7)).unwrap();
    assert!(splice.put_bytes() < 16384, "{}", splice.put_bytes());
}

#[test]
fn the_token_is_secret_and_no_configuration() {
    let stamp = stamped(&build(Compression::Zstd), "secret-of-a-tenant");
    let files = rpm::Package::open(&stamp).unwrap().header.files().unwrap();
    let file = |path: &str| files.iter().find(|file| file.path == path).unwrap();
    let token = file("usr/lib/probe/enrollment-token");
    assert_eq!((token.mode, token.flags, token.user.as_str()), (0o100_600, 0, "root"));
    for path in ["etc/probe/enrollment-token", "var/lib/probe/enrollment-state"] {
        assert!(file(path).is_ghost() && file(path).mode == 0o100_600 && file(path).verify_flags == 0, "{path}");
    }
    assert_eq!(file("var/lib/probe").mode, 0o040_700);
    assert_eq!(file("etc/probe.conf").flags, 17, "an administrator's file stays");
    // What is the system's is not the package's, and what is not, is.
    let folders: Vec<_> = files.iter().filter(|file| file.is_directory()).map(|file| file.path.as_str()).collect();
    let own = [
        "etc/probe",
        "opt/vendor",
        "opt/vendor/tool",
        "usr/lib/probe",
        "usr/libexec/probe",
        "usr/share/licenses/probe",
        "var/lib/probe",
    ];
    assert_eq!(folders, own);
    assert_eq!(file("usr/libexec/probe/probe").mode, 0o100_755);
}

#[test]
fn old_digests_are_never_written() {
    for file in [build(Compression::Gzip), stamped(&build(Compression::Gzip), "x")] {
        let package = rpm::Package::open(&file).unwrap();
        let tags: Vec<u32> = package.signature.tags().map(|(tag, _, _)| tag).collect();
        assert_eq!(tags, [269, 273, 1000, 1007]);
        assert!(package.header.is_sorted() && package.signature.is_sorted());
    }
}

#[test]
fn what_is_required_and_provided() {
    let base = build(Compression::Zstd);
    let header = rpm::Package::open(&base).unwrap().header;
    let names = header.texts(tag::REQUIRENAME).unwrap().unwrap();
    let expected = [
        "/bin/sh",
        "/bin/sh",
        "/bin/sh",
        "/bin/sh",
        "ca-certificates",
        "openssl-libs",
        "rpmlib(CompressedFileNames)",
        "rpmlib(FileDigests)",
        "rpmlib(PayloadFilesHavePrefix)",
        "rpmlib(PayloadIsZstd)",
        "systemd",
    ];
    assert_eq!(names, expected);
    let flags = header.numbers(tag::REQUIREFLAGS).unwrap().unwrap();
    assert_eq!(flags[..5], [0x300, 0x500, 0x900, 0x1100, 0]);
    assert_eq!(flags[5..7], [12, 0x0100_000A]);
    assert_eq!(header.texts(tag::PROVIDENAME).unwrap().unwrap(), ["probe", "probe(x86-64)"]);
    assert_eq!(header.texts(tag::PROVIDEVERSION).unwrap().unwrap(), ["1.4.2-1", "1.4.2-1"]);
    for wrong in ["", "a b", "a >= ", "a >= 1 2", "a ~ 1", "$x", "a >= 1;b"] {
        let manifest = MANIFEST.replace("ca-certificates", wrong);
        let error = Product::load(std::path::Path::new("x.toml"), &manifest).unwrap_err().to_string();
        assert!(error.contains("rpm.requires"), "{wrong:?}: {error}");
    }
}

#[test]
fn issuer_keys_are_installed_beside_the_agent() {
    let manifest = MANIFEST.replace("[service]", "[token]\nissuer-keys = \"issuer.jwks.json\"\n[service]");
    let base = build_of(&manifest, Compression::Zstd).unwrap();
    let stamp = stamped(&base, "token-0123456789");
    assert_eq!(findings(&base), [""; 0]);
    assert_eq!(findings(&stamp), ["token-untrusted"]);
    for file in [&base, &stamp] {
        assert_eq!(Rpm.issuer_keys(file).unwrap().as_deref(), Some(crate::claims::SAMPLE_KEYS.as_bytes()));
        assert_eq!(Rpm.inspect(file).unwrap().product, "Probe");
    }
    assert_eq!(Rpm.issuer_keys(&build(Compression::Zstd)).unwrap(), None);
    let other = with_header(&base, |header| {
        header.put(names::ISSUER_KEYS, Value::Bytes(b"{}".to_vec()));
    });
    assert!(findings(&other).contains(&"rpm-issuer-keys"));
}

#[test]
fn damage_is_an_error_and_quick() {
    for codec in CODECS {
        let good = stamped(&build(codec), "secret-of-a-tenant");
        for len in (0..good.len()).step_by(61) {
            let start = Instant::now();
            assert!(
                read_every_way(&good[..len]) || findings(&good[..len]).contains(&"rpm-payload"),
                "{codec:?}: {len}"
            );
            assert!(start.elapsed() < Duration::from_secs(1));
        }
        for at in (0..good.len()).step_by(17) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            let start = Instant::now();
            read_every_way(&bad);
            bad[at..].fill(0);
            read_every_way(&bad);
            assert!(start.elapsed() < Duration::from_secs(2));
        }
    }
}

/// Everything behind the signature header is covered by a digest that `verify` compares; the lead is not, and is of no use.
#[test]
fn a_flipped_bit_is_named() {
    let good = stamped(&build(Compression::Zstd), "secret-of-a-tenant");
    let lead = rpm::LEAD_BYTES as usize;
    for at in (lead..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        let mut report = Report::new();
        let noticed = Rpm.verify(&bad, &mut report).is_err() || !report.is_ok();
        assert!(noticed, "byte {at:#x}");
    }
}

/// With digests that fit, so that nothing before the numbers is wrong.
#[test]
fn numbers_that_no_payload_has_are_refused() {
    let base = build(Compression::Zstd);
    let state = rpm::Package::open(&base).unwrap().header.text(bulk::TAG).unwrap().unwrap();
    let numbered = |name: &str, number: &str| {
        let at = state.find(name).unwrap() + name.len();
        let mut other = state.clone();
        other.replace_range(at..at + 16, number);
        with_header(&base, |header| {
            header.put(bulk::TAG, Value::text(&other));
        })
    };
    for (name, number) in
        [("tail=", "ffffffffffffffff"), ("decoded=", "ffffffffffffffff"), ("decoded=", "0000000100000000")]
    {
        let bad = numbered(name, number);
        assert!(Rpm.stamper(&bad).is_err(), "{name}{number}");
        assert!(findings(&bad).contains(&"rpm-state"), "{name}{number}");
        let _ = Rpm.inspect(&bad);
    }
    // A number that the signature header repeats, and the payload does not have.
    let decoded = u64::from_str_radix(&state[state.find("decoded=").unwrap() + 8..][..16], 16).unwrap();
    let bad = numbered("decoded=", &format!("{:016x}", decoded + 123_456));
    assert!(findings(&bad).contains(&"rpm-size"));
}

#[test]
fn a_header_that_lies_is_refused() {
    let base = build(Compression::Zstd);
    let stamp = stamped(&base, "secret-of-a-tenant");
    let text = |text: &str| Value::text(text);
    // A wrong state would become a digest that rpm refuses: such a base takes no token.
    let state = rpm::Package::open(&base).unwrap().header.text(bulk::TAG).unwrap().unwrap();
    for (from, to) in [("sha256=", "sha256=0"), ("tail=0000", "tail=0001")] {
        let mut other = state.replace(from, to);
        other.truncate(state.len());
        if other.len() == state.len() {
            let bad = with_header(&base, |header| {
                header.put(bulk::TAG, text(&other));
            });
            assert!(Rpm.stamper(&bad).is_err(), "{to}");
            assert!(!findings(&bad).is_empty(), "{to}");
        }
    }
    let version = with_header(&stamp, |header| {
        header.put(tag::VERSION, text("1.4.2-beta"));
    });
    assert!(findings(&version).contains(&"rpm-version"));
    let arch = with_header(&stamp, |header| {
        header.put(tag::ARCH, text("amd64"));
    });
    assert!(findings(&arch).contains(&"rpm-architecture"));
    let epoch = with_header(&stamp, |header| {
        header.put(tag::EPOCH, Value::number(1));
    });
    assert!(findings(&epoch).contains(&"rpm-epoch"));
    let flags = rpm::Package::open(&stamp).unwrap().header.files().unwrap();
    let config: Vec<u32> = flags
        .iter()
        .map(|file| if file.path.ends_with("lib/probe/enrollment-token") { 1 } else { file.flags })
        .collect();
    let config = with_header(&stamp, |header| {
        header.put(tag::FILEFLAGS, Value::U32(config));
    });
    assert!(findings(&config).contains(&"rpm-token-config"));
    let marks = with_header(&stamp, |header| {
        header.put(tag::POSTIN, text("exit 0\n"));
    });
    assert!(findings(&marks).contains(&"rpm-mark"));
    assert!(matches!(Rpm.stamper(&marks), Err(StampError::NotABase { .. })));
    let layout = with_header(&base, |header| {
        for tag in [tag::PREIN, tag::POSTIN] {
            header.put(tag, text("stamped=no # stampwright 2 base\nexit 0\n"));
        }
    });
    assert!(matches!(Rpm.stamper(&layout), Err(StampError::NotABase { .. })));
    let other = with_header(&base, |header| {
        header.put(tag::PREIN, text("exit 0\n"));
    });
    assert!(matches!(Rpm.stamper(&other), Err(StampError::NotOurs(_))));
}

#[test]
fn a_product_that_rpm_cannot_express_is_refused() {
    let taken = MANIFEST.replace("/opt/vendor/tool/x", "/usr/lib/probe/enrollment-token");
    assert!(build_of(&taken, Compression::Zstd).unwrap_err().to_string().contains("enrollment token and its state"));
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    for codec in CODECS {
        assert_eq!(build(codec), build(codec));
    }
    let base = build(Compression::Xz);
    assert_eq!(stamped(&base, "x"), stamped(&base, "x"));
}

#[test]
fn what_comes_out_of_a_package() {
    #[derive(Default)]
    struct Names(Vec<String>);
    impl Sink for Names {
        fn entry(&mut self, entry: &Extracted<'_>, _: &mut dyn Read) -> Result<(), ReadError> {
            self.0.push(format!("{:?} {}", entry.area, entry.path));
            Ok(())
        }
    }
    let mut names = Names::default();
    let stamp = stamped(&build(Compression::Xz), "secret-of-a-tenant");
    Rpm.extract(&stamp, &mut names).unwrap();
    assert_eq!(names.0.last().unwrap(), "Token enrollment-token");
    for expected in [
        "Metadata header.txt",
        "Metadata pre",
        "Metadata postun",
        "Payload usr/libexec/probe/probe",
        "Payload usr/lib/systemd/system-preset/80-probe.preset",
        "Payload usr/share/licenses/probe/LICENSE",
    ] {
        assert!(names.0.iter().any(|name| name == expected), "{expected}");
    }
}
