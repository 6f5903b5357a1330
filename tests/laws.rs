//! What is true of every format: each law iterates over the formats, so a new one is held to all of them.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};

use container::ReadAt;
use installer::format::{Area, EntryKind, Extracted, ReadError, Sink};
use installer::payload::{Node, Source};
use installer::proof::Contents;
use installer::splice::Segment;
use installer::{Epoch, Payload, Report, Token, formats};

use crate::support::once::{self, Once};
use crate::support::product::{Installer, MANIFEST, Small, bases, build, manifest_with, toml_string};

/// Lengths at the edges of every block, sector and mini sector there is.
const TOKEN_LENGTHS: [usize; 9] = [1, 63, 64, 65, 511, 512, 513, 4095, 4096];

/// What a stamp may cost: the bytes that are not the base's.
const MAX_PATCH_BYTES: u64 = 64 * 1024;

fn token(len: usize) -> Token {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~+/=:-";
    let bytes: Vec<u8> = (0..len).map(|n| alphabet[(n * 7 + len) % alphabet.len()]).collect();
    Token::parse(&bytes).unwrap()
}

fn stamped(base: &Installer, token: &Token) -> Vec<u8> {
    let base = once::open(base.bytes.as_slice()).unwrap();
    let splice = once::stamp(&base, token).unwrap();
    let mut out = Vec::new();
    splice.write_to(*base.bytes(), &mut out).unwrap();
    assert_eq!(out.len() as u64, splice.len());
    out
}

#[test]
fn building_twice_gives_the_same_bytes() {
    for base in bases() {
        assert!(base.build() == base.bytes, "{}: two builds differ", base.name());
    }
}

#[test]
fn a_base_has_no_token() {
    for base in bases() {
        assert_eq!(base.format.token(&base.bytes).unwrap(), None, "{}", base.name());
        let inspection = base.format.inspect(&base.bytes).unwrap();
        assert_eq!(inspection.token, None, "{}", base.name());
    }
}

#[test]
fn a_base_verifies() {
    for base in bases() {
        let mut report = Report::new();
        base.format.verify(&base.bytes, &mut report).unwrap();
        assert!(report.is_ok(), "{}: {:#?}", base.name(), report.findings());
        assert!(report.checks() > 0, "{}: nothing was checked", base.name());
    }
}

#[test]
fn what_went_in_comes_out() {
    for base in bases() {
        let stamp = stamped(base, &token(412));
        for file in [&base.bytes, &stamp] {
            let mut report = Report::new();
            let modes = base.format.has_modes();
            Contents::beside(&base.payload(), &*base.format.open(file).unwrap()).unwrap().check(modes, &mut report);
            assert!(report.is_ok(), "{}: {:#?}", base.name(), report.findings());
            assert!(report.checks() > 0);
        }
    }
}

/// The payload with one file's content replaced.
fn with_other(payload: &Payload, changed: &str, content: &[u8]) -> Payload {
    let mut out = Payload::new();
    for (path, node) in payload.iter() {
        match node {
            Node::Folder { mode } => out.folder(path, *mode),
            Node::Link { target } => out.link(path, target),
            Node::File { mode, .. } if path == changed => out.file(path, *mode, Source::bytes(content)),
            Node::File { mode, source } => out.file(path, *mode, source.clone()),
        }
        .unwrap();
    }
    out
}

#[test]
fn what_did_not_go_in_is_found() {
    for base in bases() {
        let payload = base.payload();
        let (path, _, source) = payload.files().max_by_key(|(_, _, source)| source.len()).unwrap();
        let mut content = Vec::new();
        source.open().unwrap().read_to_end(&mut content).unwrap();
        let last = content.len() - 1;
        let mut flipped = content.clone();
        flipped[last] ^= 1;
        let longer = [&content[..], b"x"].concat();
        for (content, same) in [(&content[..], true), (&flipped, false), (&content[..last], false), (&longer, false)] {
            let given = with_other(&payload, path, content);
            let mut report = Report::new();
            Contents::beside(&given, &*base.format.open(&base.bytes).unwrap())
                .unwrap()
                .check(base.format.has_modes(), &mut report);
            let found =
                report.findings().iter().any(|finding| finding.id == "payload-differs" && finding.place == path);
            assert_eq!(found, !same, "{}: {path}: {:?}", base.name(), report.findings());
        }
    }
}

#[test]
fn a_stamp_reads_back_at_every_length() {
    for base in bases() {
        for len in TOKEN_LENGTHS {
            let token = token(len);
            let stamp = stamped(base, &token);
            assert_eq!(base.format.token(&stamp).unwrap(), Some(token), "{}: {len}", base.name());
            let mut report = Report::new();
            base.format.verify(&stamp, &mut report).unwrap();
            assert!(report.is_ok(), "{}: {len}: {:#?}", base.name(), report.findings());
        }
    }
}

#[test]
fn stamping_twice_gives_the_same_bytes_and_another_token_gives_others() {
    for base in bases() {
        assert!(stamped(base, &token(64)) == stamped(base, &token(64)), "{}", base.name());
        assert!(stamped(base, &token(64)) != stamped(base, &token(65)), "{}", base.name());
    }
}

#[test]
fn a_stamped_installer_is_refused_unless_it_is_to_be_restamped() {
    for base in bases() {
        let stamp = stamped(base, &token(412));
        let Err(refused) = once::open(stamp.as_slice()) else {
            panic!("{}: stamped twice", base.name());
        };
        assert!(refused.to_string().starts_with("the installer is already stamped"), "{refused}");
    }
}

#[test]
fn a_restamp_is_the_stamp_of_the_base() {
    for base in bases() {
        for (first, second) in [(1, 4096), (4096, 1), (513, 513), (64, 700)] {
            let expected = stamped(base, &token(second));
            let stamp = stamped(base, &token(first));
            let again = once::reopen(stamp.as_slice()).unwrap();
            let mut out = Vec::new();
            once::stamp(&again, &token(second)).unwrap().write_to(*again.bytes(), &mut out).unwrap();
            assert!(out == expected, "{}: {first} then {second}", base.name());
        }
    }
}

#[test]
fn a_stamp_costs_the_token_not_the_base() {
    for base in bases() {
        let open = once::open(base.bytes.as_slice()).unwrap();
        let splice = once::stamp(&open, &token(4096)).unwrap();
        assert!(splice.put_bytes() < MAX_PATCH_BYTES, "{}: {} bytes", base.name(), splice.put_bytes());
        let kept = splice.segments().iter().filter(|segment| matches!(segment, Segment::Keep(_))).count();
        assert!((1..=4).contains(&kept), "{}: {kept} kept ranges", base.name());
    }
}

/// Counts how often a file is opened: each time its first bytes are read, more of them than its format is recognised by.
struct Openings<B>(B, AtomicU64);

impl<B: ReadAt> ReadAt for Openings<B> {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        if offset <= 8 && buf.len() > 16 {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
        self.0.read_at(offset, buf)
    }
}

#[test]
fn a_base_is_parsed_once_and_each_stamp_once() {
    for base in bases() {
        let counted = Openings(base.bytes.as_slice(), AtomicU64::new(0));
        let open = once::open(&counted).unwrap();
        let at_opening = counted.1.swap(0, Ordering::Relaxed);
        // A stamper compares the head that it would write with the one that is there.
        assert!((1..=2).contains(&at_opening), "{}: {at_opening} parses of the base", base.name());
        once::stamp(&open, &token(412)).unwrap();
        let per_stamp = counted.1.load(Ordering::Relaxed);
        // One to settle the patches, one to read the stamp back.
        assert!(per_stamp <= 2, "{}: {per_stamp} reads of the head in a stamp", base.name());
    }
}

#[test]
fn a_splice_reads_like_the_file_that_it_writes() {
    for base in bases() {
        let stamp = stamped(base, &token(412));
        let open = once::open(base.bytes.as_slice()).unwrap();
        let splice = once::stamp(&open, &token(412)).unwrap();
        let mut read = Vec::new();
        splice.reader(*open.bytes()).read_to_end(&mut read).unwrap();
        assert!(read == stamp, "{}", base.name());
        let view = splice.over(*open.bytes());
        assert_eq!(view.len(), stamp.len() as u64);
        let from_view = base.format.inspect(&view).unwrap();
        assert_eq!(from_view, base.format.inspect(&stamp).unwrap(), "{}", base.name());
    }
}

/// Notes every piece in which a text can be seen.
struct Search<'a> {
    text: &'a str,
    seen_in: Vec<String>,
}

impl Sink for Search<'_> {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        if let EntryKind::File(_) = entry.kind {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).unwrap();
            let seen = bytes.windows(self.text.len()).any(|window| window == self.text.as_bytes());
            if seen && entry.area != Area::Token {
                self.seen_in.push(format!("{:?} {}", entry.area, entry.path));
            }
        }
        Ok(())
    }
}

#[test]
fn taken_apart_the_token_is_in_its_own_file_and_nowhere_else() {
    for base in bases() {
        let token = token(412);
        let stamp = stamped(base, &token);
        let mut search = Search { text: token.expose(), seen_in: Vec::new() };
        base.format.extract(&stamp, &mut search).unwrap();
        assert!(search.seen_in.is_empty(), "{}: {:?}", base.name(), search.seen_in);
    }
}

#[test]
fn the_token_is_among_the_pieces_when_there_is_one() {
    struct Tokens(Vec<Vec<u8>>, Vec<u32>);
    impl Sink for Tokens {
        fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
            if entry.area == Area::Token {
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes).unwrap();
                self.0.push(bytes);
                self.1.push(entry.mode);
            }
            Ok(())
        }
    }
    for base in bases() {
        let token = token(513);
        let mut found = Tokens(Vec::new(), Vec::new());
        base.format.extract(&base.bytes, &mut found).unwrap();
        assert!(found.0.is_empty(), "{}: a base has one", base.name());
        base.format.extract(&stamped(base, &token), &mut found).unwrap();
        assert_eq!(found.0, [token.expose().as_bytes()], "{}", base.name());
        assert_eq!(found.1, [0o600], "{}", base.name());
    }
}

#[test]
fn a_stamp_that_was_tampered_with_is_found_out() {
    for base in bases() {
        let good = stamped(base, &token(412));
        let mut hidden = Vec::new();
        // One flipped bit in each of 97 places, spread over the whole file.
        for n in 0..97 {
            let mut bad = good.clone();
            let at = n * (bad.len() - 1) / 96;
            bad[at] ^= 1 << (n % 8);
            let mut report = Report::new();
            let readable = base.format.verify(&bad, &mut report);
            let payload = base.payload();
            let same = base.format.open(&bad).and_then(|bad| Contents::beside(&payload, &*bad)).is_ok_and(|beside| {
                let mut report = Report::new();
                beside.check(false, &mut report);
                report.is_ok()
            });
            if readable.is_ok() && report.is_ok() && !same {
                hidden.push(at);
            }
        }
        assert!(hidden.is_empty(), "{}: a changed payload verifies, bits at {hidden:?}", base.name());
    }
}

/// How many places of a file are tried; every structure of a small installer is larger than one step.
const FLIPS: usize = 1300;

#[test]
fn no_flipped_byte_goes_unnoticed() {
    for base in bases() {
        for good in [base.bytes.clone(), stamped(base, &token(412))] {
            let places: Vec<usize> = (0..FLIPS).map(|n| n * (good.len() - 1) / (FLIPS - 1)).collect();
            let unnoticed = |at: &usize| {
                let mut bad = good.clone();
                bad[*at] ^= 0xFF;
                let mut report = Report::new();
                base.format.verify(&bad, &mut report).is_ok() && report.is_ok()
            };
            let (front, back) = places.split_at(FLIPS / 2);
            let hidden: Vec<String> = std::thread::scope(|scope| {
                let back = scope.spawn(|| back.iter().copied().filter(unnoticed).collect::<Vec<_>>());
                let front: Vec<usize> = front.iter().copied().filter(unnoticed).collect();
                [front, back.join().unwrap()].concat().iter().map(|at| format!("{at:#x}")).collect()
            });
            assert!(hidden.is_empty(), "{}: flipped and not noticed: {}", base.name(), hidden.join(" "));
        }
    }
}

/// Texts that mean something to XML, shells, units, property lists, Formatted text, control files and codepages.
const HOSTILE_TEXTS: [&str; 8] = [
    "R&D <Agent> 'one'",
    "[x] [#File] [~] {y}",
    "%h %n $HOME `id` $(id)",
    "caf\u{e9} \u{2013} na\u{ef}ve",
    "\u{65e5}\u{672c} agent",
    "two\nlines",
    "a \"quoted\" name",
    "back\\slash; #comment",
];

#[test]
fn hostile_texts_give_a_correct_installer_or_a_clear_refusal() {
    let (mut built, mut refused) = (0, 0);
    let keys =
        ["name", "publisher", "summary", "license", "maintainer", "homepage", "file-stem", "version", "arguments"];
    for key in keys {
        for text in HOSTILE_TEXTS {
            let manifest = match key {
                "arguments" => MANIFEST.replace("\"two words\"", &toml_string(text)),
                key => manifest_with(key, text),
            };
            let small = match Small::with(&manifest) {
                Ok(small) => small,
                Err(error) => {
                    assert!(error.contains(&format!(".{key}: ")), "{error}");
                    refused += 1;
                    continue;
                }
            };
            for format in formats::FORMATS {
                let agent = small.product.agents_for(format.kind().platform()).next().unwrap();
                let base = match build(format, &small.product, agent) {
                    Ok(base) => base,
                    Err(error) => {
                        let named = error.contains("product.") || error.contains("service.");
                        assert!(named, "{key} = {text:?}: {error}");
                        refused += 1;
                        continue;
                    }
                };
                let mut stamp = Vec::new();
                let open = once::open(base.as_slice()).unwrap();
                once::stamp(&open, &token(64)).unwrap().write_to(*open.bytes(), &mut stamp).unwrap();
                let mut report = Report::new();
                format.verify(&stamp, &mut report).unwrap();
                assert!(report.is_ok(), "{key} = {text:?}: {:#?}", report.findings());
                built += 1;
            }
        }
    }
    assert!(built >= 60 && refused >= 40, "{built} built, {refused} refused");
}

#[test]
fn the_epoch_is_in_the_bytes_and_nothing_else_of_time_is() {
    for base in bases() {
        let later = Epoch::new(Epoch::DEFAULT.secs() + 86_400).unwrap();
        let (once, twice) = (base.build_at(later), base.build_at(later));
        assert!(once == twice, "{}", base.name());
        assert!(once != base.bytes, "{}: the epoch is not honoured", base.name());
    }
}
