//! What is true of every signed installer, whoever signs: the signer here gives bytes of any length.

use std::io::Cursor;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use container::ReadAt;
use installer::format::{Format, ReadError, SignFileError, StampError};
use installer::proof::Contents;
use installer::signature::{Existing, Imprint, Imprints, SignImprint, SignatureBytes, SignatureError};
use installer::{Kind, Report, Token};
use sha2::{Digest, Sha256};

use crate::support::once::{self, Once};
use crate::support::product::{Installer, bases};

/// Signs with bytes that follow from the imprint, and remembers it.
pub struct Scribe {
    certificates: Vec<Vec<u8>>,
    rsa_len: usize,
    cms_len: usize,
    seen: Mutex<Vec<Imprint>>,
}

impl Scribe {
    pub fn new(cms_len: usize) -> Self {
        Self { certificates: vec![vec![0x30; 900], vec![0x31; 1100]], rsa_len: 256, cms_len, seen: Mutex::default() }
    }

    fn last(&self) -> Imprint {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

impl SignImprint for Scribe {
    fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    fn rsa_len(&self) -> usize {
        self.rsa_len
    }

    fn max_cms_len(&self) -> usize {
        self.cms_len + 100
    }

    fn sign_imprint(&self, imprint: &Imprint) -> Result<SignatureBytes, SignatureError> {
        self.seen.lock().unwrap().push(imprint.clone());
        let bytes = |len: usize, what: u8| -> Vec<u8> {
            let digest = Sha256::digest(format!("{what} {imprint:?}"));
            digest.iter().copied().map(|byte| byte | 1).cycle().take(len).collect()
        };
        let rsa = matches!(imprint, Imprint::Toc { .. }).then(|| bytes(self.rsa_len, 1));
        Ok(SignatureBytes { cms: bytes(self.cms_len, 2), rsa })
    }
}

/// What a reader computes for a signature over this. What it cannot read names no digest; then it is SHA-256.
fn as_read(imprint: &Imprint) -> Imprints {
    match imprint {
        Imprint::Msi { sha256 } => Imprints::Msi(vec![container::digest::Digest::Sha256(*sha256)]),
        Imprint::Toc { sha1 } => Imprints::Toc { sha1: *sha1 },
        Imprint::Header { bytes } => Imprints::Header { bytes: bytes.clone() },
    }
}

fn token(len: usize) -> Token {
    let text: String = (0..len).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
    Token::parse(text.as_bytes()).unwrap()
}

fn signed_file(
    format: &dyn Format,
    file: &Vec<u8>,
    signer: &dyn SignImprint,
    existing: Existing,
) -> Result<Vec<u8>, SignFileError> {
    let mut out = Cursor::new(Vec::new());
    format.sign(file, signer, existing, &mut out)?;
    Ok(out.into_inner())
}

/// The bases of formats that carry a signature.
fn signable() -> impl Iterator<Item = &'static Installer> {
    bases().iter().filter(|base| base.format.signature_form().is_some())
}

fn errors(format: &dyn Format, file: &Vec<u8>) -> Vec<String> {
    let mut report = Report::new();
    format.verify(file, &mut report).unwrap();
    let errors = report.findings().iter().filter(|finding| finding.severity == installer::Severity::Error);
    errors.map(|finding| format!("{finding:?}")).collect()
}

fn contents(format: &dyn Format, file: &Vec<u8>) -> String {
    format!("{:?}", Contents::read(&*format.open(file).unwrap()).unwrap().iter().collect::<Vec<_>>())
}

#[test]
fn a_signature_changes_nothing_but_itself() {
    for base in signable() {
        let (format, name) = (base.format, base.name());
        for len in [1, 64, 4095, 4096, 4097, 8192, 20_000] {
            let scribe = Scribe::new(len);
            let signed = signed_file(format, &base.bytes, &scribe, Existing::Refuse).unwrap();
            assert_eq!(errors(format, &signed), [""; 0], "{name}");
            let signature = format.signature(&signed).unwrap().unwrap();
            assert_eq!(signature.imprint, as_read(&scribe.last()), "{name}: the imprint is not what was signed");
            assert_eq!(signature.defects, [""; 0]);
            assert!(signature.cms.starts_with(&scribe.sign_imprint(&scribe.last()).unwrap().cms));
            assert_eq!(
                signature.rsa.map(|rsa| rsa.certificates),
                (format.kind() == Kind::Pkg).then(|| scribe.certificates.clone())
            );
            assert!(format.inspect(&signed).unwrap().signed);
            assert_eq!(contents(format, &signed), contents(format, &base.bytes), "{name}");

            let refused = signed_file(format, &signed, &scribe, Existing::Refuse).unwrap_err();
            assert!(matches!(refused, SignFileError::Signed) && refused.hint().is_some());
            let again = signed_file(format, &signed, &scribe, Existing::Replace).unwrap();
            assert!(again == signed, "{name}: a second signature of the same signer is another");
        }
    }
}

#[test]
fn a_signed_stamp_is_a_signed_stamp_whatever_it_was_made_from() {
    for base in signable() {
        let (format, name) = (base.format, base.name());
        let scribe = Scribe::new(5000);
        let signed = signed_file(format, &base.bytes, &Scribe::new(700), Existing::Refuse).unwrap();
        for len in [1, 2, 40, 500, 4095, 4096] {
            let token = token(len);
            let open = once::open(&base.bytes).unwrap();
            let stamp = open.stamp_signed(&once::accepted(&open, &token), &scribe).unwrap();
            let mut expected = Vec::new();
            stamp.write_to(&base.bytes, &mut expected).unwrap();
            let signature = format.signature(&expected).unwrap().unwrap();
            assert_eq!(signature.imprint, as_read(&scribe.last()), "{name}: the imprint is not that of the stamp");
            assert_eq!(signature.defects, [""; 0]);
            assert_eq!(errors(format, &expected), [""; 0], "{name}");

            // From a signed base, and from another signed stamp.
            let other = once::open(&signed).unwrap();
            assert!(matches!(once::stamp(&other, &token).unwrap_err(), StampError::Signed), "{name}");
            let mut out = Vec::new();
            other.stamp_signed(&once::accepted(&other, &token), &scribe).unwrap().write_to(&signed, &mut out).unwrap();
            assert!(out == expected, "{name}: from a signed base, {len} bytes");
            let restamp = once::reopen(&expected).unwrap();
            let short = Token::parse(b"another").unwrap();
            let mut out = Vec::new();
            restamp
                .stamp_signed(&once::accepted(&restamp, &short), &scribe)
                .unwrap()
                .write_to(&expected, &mut out)
                .unwrap();
            let mut fresh = Vec::new();
            open.stamp_signed(&once::accepted(&open, &short), &scribe)
                .unwrap()
                .write_to(&base.bytes, &mut fresh)
                .unwrap();
            assert!(out == fresh, "{name}: from a signed stamp");

            // The long way round gives the same: stamp, then sign the file.
            let mut stamped = Vec::new();
            once::stamp(&open, &token).unwrap().write_to(&base.bytes, &mut stamped).unwrap();
            assert!(signed_file(format, &stamped, &scribe, Existing::Refuse).unwrap() == expected, "{name}: long way");
        }
    }
}

/// Counts what is read of a file.
struct Counted<'a>(&'a Vec<u8>, AtomicU64);

impl ReadAt for Counted<'_> {
    fn len(&self) -> u64 {
        <[u8]>::len(self.0) as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        self.1.fetch_add(<[u8]>::len(buf) as u64, Ordering::Relaxed);
        self.0.as_slice().read_at(offset, buf)
    }
}

#[test]
fn a_second_signed_stamp_does_not_read_the_bulk() {
    for base in signable().filter(|base| base.bytes.len() > 150_000) {
        let counted = Counted(&base.bytes, AtomicU64::new(0));
        let open = once::open(&counted).unwrap();
        let scribe = Scribe::new(3000);
        let cost = |token: &[u8]| {
            let before = counted.1.load(Ordering::Relaxed);
            open.stamp_signed(&once::accepted(&open, &Token::parse(token).unwrap()), &scribe).unwrap();
            counted.1.load(Ordering::Relaxed) - before
        };
        let (first, second, other_length) = (cost(b"token-one"), cost(b"token-two"), cost(b"token-three"));
        if base.format.kind() == Kind::Msi {
            assert!(first > 150_000 && other_length > 150_000, "the cabinet was not hashed: {first}, {other_length}");
        }
        // An MSI's token reader lies behind the first stream that a stamp changes, in the order in which Authenticode hashes.
        let reader = if base.format.kind() == Kind::Msi { 300_000 } else { 0 };
        assert!(second < 100_000 + reader, "{}: {second} bytes read", base.name());
    }
}

#[test]
fn formats_without_a_signature_say_so() {
    let deb = bases().iter().find(|base| base.format.kind() == Kind::Deb).unwrap();
    let error = signed_file(deb.format, &deb.bytes, &Scribe::new(10), Existing::Refuse).unwrap_err();
    assert!(matches!(error, SignFileError::NoSignature) && error.hint().is_some());
    let open = once::open(&deb.bytes).unwrap();
    assert!(matches!(
        open.stamp_signed(&once::accepted(&open, &token(9)), &Scribe::new(10)),
        Err(StampError::NoSignature)
    ));
}

#[test]
fn what_was_changed_after_signing_is_found() {
    for base in signable() {
        let format = base.format;
        let signed = signed_file(format, &base.bytes, &Scribe::new(5000), Existing::Refuse).unwrap();
        let right = format.signature(&signed).unwrap().unwrap();
        let mut found = 0;
        for at in (600..signed.len()).step_by(signed.len() / 97) {
            let mut bad = signed.clone();
            bad[at] ^= 0x20;
            let differs = match format.signature(&bad) {
                Err(ReadError::Malformed(_)) => true,
                Ok(Some(now)) => now.imprint != right.imprint || now.cms != right.cms || !now.defects.is_empty(),
                other => panic!("{other:?}"),
            };
            found += usize::from(differs);
        }
        // Padding and tables that only say where things lie are not covered.
        let least = if format.kind() == Kind::Msi { 60 } else { 80 };
        assert!(found >= least, "{}: {found}", base.name());
    }
}
