//! How a package and a stamp are signed.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use container::digest::Algorithm;
use container::rpm::{self, Value, Writer, lead, tag};

use super::{Rpm, accepted, build, findings};
use crate::format::{SignFileError, StampError};
use crate::once::{self, Once};
use crate::product::Compression;
use crate::signature::{Existing, Imprint, Imprints, SignImprint, SignatureBytes, SignatureError};

/// Signs with the digest of what it is given, and says so.
struct Scribe {
    rsa_len: usize,
}

impl SignImprint for Scribe {
    fn certificates(&self) -> &[Vec<u8>] {
        &[]
    }

    fn rsa_len(&self) -> usize {
        self.rsa_len
    }

    fn max_cms_len(&self) -> usize {
        64
    }

    fn sign_imprint(&self, imprint: &Imprint) -> Result<SignatureBytes, SignatureError> {
        let Imprint::Header { bytes } = imprint else { return Err(SignatureError::wrong("another imprint")) };
        Ok(SignatureBytes { cms: Algorithm::Sha256.digest(bytes).to_vec(), rsa: None })
    }
}

fn sign_file(file: &[u8], existing: Existing) -> Result<Vec<u8>, SignFileError> {
    let mut out = Cursor::new(Vec::new());
    Rpm.sign(&file, &Scribe { rsa_len: 256 }, existing, &mut out)?;
    Ok(out.into_inner())
}

#[test]
fn a_signature_is_over_the_header_and_the_payload_stays() {
    let base = build(Compression::Zstd);
    let signed_base = sign_file(&base, Existing::Refuse).unwrap();
    assert_eq!(findings(&signed_base), [""; 0]);
    assert!(Rpm.inspect(&signed_base).unwrap().signed);
    let signature = Rpm.signature(&signed_base).unwrap().unwrap();
    let Imprints::Header { bytes } = &signature.imprint else { panic!("another imprint") };
    assert_eq!(signature.cms, Algorithm::Sha256.digest(bytes).to_vec());
    assert!(signature.defects.is_empty());
    let (before, after) = (rpm::Package::open(&base).unwrap(), rpm::Package::open(&signed_base).unwrap());
    assert_eq!(before.header.bytes(), after.header.bytes());
    assert_eq!(base[before.payload_offset() as usize..], signed_base[after.payload_offset() as usize..]);
    assert!(after.signature.has(tag::signature::RSA));
    // Once more only if that was asked for, and then the same.
    assert!(matches!(sign_file(&signed_base, Existing::Refuse), Err(SignFileError::Signed)));
    assert_eq!(sign_file(&signed_base, Existing::Replace).unwrap(), signed_base);
    // A token would break it; with a signer it is signed anew, and is what an unsigned base would have become.
    let stamper = Rpm.stamper(&signed_base).unwrap();
    assert!(matches!(stamper.stamp(&accepted("x", 1)), Err(StampError::Signed)));
    let sign = |base: &[u8]| {
        let splice =
            Rpm.stamper(&base).unwrap().stamp_signed(&base, &accepted("x", 1), &Scribe { rsa_len: 0 }).unwrap();
        let mut out = Vec::new();
        splice.write_to(base, &mut out).unwrap();
        out
    };
    let stamp = sign(&signed_base);
    assert_eq!(stamp, sign(&base));
    assert_eq!(findings(&stamp), [""; 0]);
    assert!(rpm::Package::open(&stamp).unwrap().signature.has(tag::signature::DSA));
    let base = once::open(signed_base.as_slice()).unwrap();
    assert!(base.is_signed());
}

/// A signed package whose payload is another: the signature is over the header, which says so.
#[test]
fn a_payload_that_was_changed_after_signing_is_a_defect() {
    let signed_base = sign_file(&build(Compression::Zstd), Existing::Refuse).unwrap();
    let mut bad = signed_base;
    let at = bad.len() - 200;
    bad[at] ^= 1;
    assert!(!Rpm.signature(&bad).unwrap().unwrap().defects.is_empty());
    assert!(sign_file(&bad, Existing::Replace).is_err());
}

/// rpm 6 writes its signatures in base64, several of them if it is told to.
#[test]
fn signatures_of_rpm_6_are_found() {
    let base = build(Compression::Zstd);
    let package = rpm::Package::open(&base).unwrap();
    let payload = &base[package.payload_offset() as usize..];
    let with = |texts: &[String]| {
        let mut signature = Writer::signature();
        for (tag, kind, _) in package.signature.tags() {
            signature.put(tag, super::super::signature::value(&package.signature, tag, kind).unwrap());
        }
        signature.put(tag::signature::OPENPGP, Value::Texts(texts.to_vec()));
        let lead = lead(rpm::LeadKind::Binary, "x");
        [&lead[..], &signature.finish().unwrap(), package.header.bytes(), payload].concat()
    };
    let (first, second) = (STANDARD.encode(b"first"), STANDARD.encode(b"second"));
    let found = Rpm.signature(&with(std::slice::from_ref(&first))).unwrap().unwrap();
    assert_eq!((found.cms.as_slice(), found.notes.len(), found.defects.len()), (&b"first"[..], 0, 0));
    let found = Rpm.signature(&with(&[first, second])).unwrap().unwrap();
    assert_eq!(found.cms, b"first");
    assert_eq!(found.notes, ["the package has 2 signatures, of which the first is read"]);
    // What is none is a defect of the signature; the package can still be read, and counts as signed.
    let bad = with(&["no base64!".to_owned()]);
    let found = Rpm.signature(&bad).unwrap().unwrap();
    assert_eq!((found.cms.len(), found.defects.len()), (0, 1));
    assert!(found.defects[0].contains("not written in base64"), "{:?}", found.defects);
    assert!(Rpm.inspect(&bad).unwrap().signed);
    assert!(Rpm.stamper(&bad).is_ok_and(|stamper| stamper.stamp(&accepted("x", 1)).is_err()));
}
