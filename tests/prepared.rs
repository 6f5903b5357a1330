//! What is true of every prepared installer: the place beside the signature takes a token, and nothing else changes.

use std::io::Cursor;
use std::sync::OnceLock;

use container::cfb::read::Compound;
use container::slot::{MSI_LEN_BYTES, PKG_LEN_BYTES};
use installer::format::{Format, PrepareError, StampError};
use installer::prepare::{self, KeySource, PrepareRecord};
use installer::proof::Contents;
use installer::signature::Existing;
use installer::slot::SlotState;
use installer::{IssuerKeys, Kind, Report, Severity, Token, formats};
use sha2::{Digest, Sha256};

use crate::support::issuer::Issuer;
use crate::support::once::{self, Once};
use crate::support::{pkcs7, product};

/// A signed base, whose signed part has the issuer keys or has not.
pub struct Signed {
    pub kind: Kind,
    pub seen: bool,
    pub bytes: Vec<u8>,
}

pub fn issuer() -> &'static Issuer {
    static ISSUER: OnceLock<Issuer> = OnceLock::new();
    ISSUER.get_or_init(|| Issuer::new(7, "key-1"))
}

pub fn signed() -> &'static [Signed] {
    static SIGNED: OnceLock<Vec<Signed>> = OnceLock::new();
    SIGNED.get_or_init(|| {
        let mut all = Vec::new();
        for base in product::bases().iter().filter(|base| !matches!(base.format.kind(), Kind::Deb | Kind::Rpm)) {
            for seen in [true, false] {
                let mut product = base.small.product.clone();
                if seen {
                    product = product.with_issuer_keys(issuer().jwks()).unwrap();
                }
                let bytes = product::build(base.format, &product, &base.agent).unwrap();
                let mut out = Cursor::new(Vec::new());
                base.format.sign(&bytes, &pkcs7::Signer::new(900), Existing::Refuse, &mut out).unwrap();
                all.push(Signed { kind: base.format.kind(), seen, bytes: out.into_inner() });
            }
        }
        all
    })
}

impl Signed {
    pub fn format(&self) -> &'static dyn Format {
        formats::by_kind(self.kind).unwrap()
    }

    pub fn asserted(&self) -> Option<Vec<u8>> {
        (!self.seen).then(|| issuer().jwks())
    }

    pub fn prepare(&self) -> (Vec<u8>, PrepareRecord) {
        prepare(self.format(), &self.bytes, self.asserted().as_deref()).unwrap()
    }
}

pub fn prepare(
    format: &dyn Format,
    base: &Vec<u8>,
    asserted: Option<&[u8]>,
) -> Result<(Vec<u8>, PrepareRecord), PrepareError> {
    let mut out = Cursor::new(Vec::new());
    let (place, keys) = prepare::prepare(&*format.open(base)?, asserted, &mut out)?;
    let out = out.into_inner();
    prepare::read_back(&*format.open(base)?, &*format.open(&out)?, &place)?;
    let record =
        PrepareRecord::new(format.kind(), Sha256::digest(&out).into(), out.len() as u64, &place, &keys).unwrap();
    Ok((out, PrepareRecord::parse(&serde_json::to_vec(&record).unwrap()).unwrap()))
}

pub fn stamp(base: &Vec<u8>, record: &PrepareRecord, token: &Token) -> Result<Vec<u8>, String> {
    let mut open = once::reopen(base).map_err(|error| error.to_string())?;
    if record.issuer_keys.source == KeySource::Asserted {
        open = open.pinned(record.keys().unwrap());
    }
    let token = open.accept(token.clone(), 0).map_err(|error| error.to_string())?;
    let splice = open.stamp(&token).map_err(|error| error.to_string())?;
    // What the token leaves of the slot is kept.
    assert!(splice.put_bytes() <= record.slot.length, "a stamp is one patch, inside the slot");
    let mut out = Vec::new();
    splice.write_to(base, &mut out).unwrap();
    Ok(out)
}

fn errors(format: &dyn Format, file: &Vec<u8>) -> Vec<String> {
    let mut report = Report::new();
    format.verify(file, &mut report).unwrap();
    let errors = report.findings().iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| format!("{finding:?}")).collect()
}

#[test]
fn preparing_changes_no_signed_byte() {
    for base in signed() {
        let format = base.format();
        let (prepared, record) = base.prepare();
        assert_eq!(errors(format, &prepared), [""; 0]);
        let (before, after) =
            (format.signature(&base.bytes).unwrap().unwrap(), format.signature(&prepared).unwrap().unwrap());
        assert_eq!((before.imprint, before.rsa, before.defects), (after.imprint, after.rsa, after.defects));
        let contents =
            |file| format!("{:?}", Contents::read(&*format.open(file).unwrap()).unwrap().iter().collect::<Vec<_>>());
        assert_eq!(contents(&base.bytes), contents(&prepared));
        assert_eq!(record.issuer_keys.source == KeySource::Seen, base.seen);
        assert_eq!(format.token(&prepared).unwrap(), None);
        assert_eq!(format.inspect(&prepared).unwrap().details["slot"], "empty");
        match base.kind {
            Kind::Msi => msi_keeps_its_streams(&base.bytes, &prepared, &record),
            _ => {
                assert_eq!(before.cms, after.cms);
                let at = record.slot.offset as usize;
                assert_eq!([&prepared[..at], &prepared[at + PKG_LEN_BYTES..]].concat(), base.bytes);
            }
        }
    }
}

/// All streams but the signature, and all certificates and signers in that one, are what they were; the signature ends the file.
fn msi_keeps_its_streams(base: &Vec<u8>, prepared: &Vec<u8>, record: &PrepareRecord) {
    let (old, new) = (Compound::open(base).unwrap(), Compound::open(prepared).unwrap());
    assert_eq!(new.check().unwrap(), []);
    assert_eq!(old.entries().len(), new.entries().len());
    for (a, b) in old.entries().iter().zip(new.entries()) {
        assert_eq!(
            (&a.name, a.clsid, a.state, a.created, a.modified),
            (&b.name, b.clsid, b.state, b.created, b.modified)
        );
        let (a, b) = (old.read(a, 1 << 24).unwrap(), new.read(b, 1 << 24).unwrap());
        if a == b {
            continue;
        }
        let parts = pkcs7::parts(&b);
        let spare = parts.certificates.last().unwrap();
        assert!(spare.windows(16).any(|w| w == b"STAMPWRIGHT-SLOT") && spare.len() > MSI_LEN_BYTES);
        let kept =
            pkcs7::Parts { certificates: parts.certificates[..parts.certificates.len() - 1].to_vec(), ..parts.clone() };
        assert_eq!(kept, pkcs7::parts(&a), "another part of the signature has changed");
        assert!(record.slot.offset as usize > prepared.len() - b.len().next_multiple_of(4096));
    }
}

#[test]
fn a_stamp_changes_the_slot_and_nothing_else() {
    for base in signed() {
        let format = base.format();
        let (prepared, record) = base.prepare();
        let slot = record.slot.offset as usize..(record.slot.offset + record.slot.length) as usize;
        let mut stamps = Vec::new();
        for padding in [0, 1, 100, 2800] {
            let token = issuer().token("acme", padding);
            let stamped = stamp(&prepared, &record, &token).unwrap();
            assert_eq!(stamped.len(), prepared.len());
            assert!(stamped[..slot.start] == prepared[..slot.start] && stamped[slot.end..] == prepared[slot.end..]);
            assert_eq!(format.token(&stamped).unwrap().as_ref(), Some(&token));
            assert_eq!(errors(format, &stamped), [""; 0]);
            let inspection = format.inspect(&stamped).unwrap();
            assert_eq!((inspection.details["slot"].as_str(), inspection.token.unwrap().len), ("filled", token.len()));
            let (a, b) = (format.signature(&prepared).unwrap().unwrap(), format.signature(&stamped).unwrap().unwrap());
            assert_eq!((a.imprint, a.rsa), (b.imprint, b.rsa));

            // Emptied it is the prepared base again; stamped again it is a stamp of that.
            let found = format.slot(&stamped).unwrap().unwrap();
            let mut emptied = Vec::new();
            let splice = prepare::emptied(stamped.len() as u64, &found.slot).unwrap();
            splice.write_to(&stamped, &mut emptied).unwrap();
            assert_eq!(installer::proof::hex(&Sha256::digest(&emptied)), record.sha256);
            assert!(matches!(once::open(&stamped), Err(StampError::AlreadyStamped(_))));
            let other = issuer().token("other", 0);
            assert!(stamp(&stamped, &record, &other).unwrap() == stamp(&prepared, &record, &other).unwrap());
            stamps.push(stamped);
        }
        for pair in stamps.windows(2) {
            assert!(pair[0][..slot.start] == pair[1][..slot.start] && pair[0][slot.end..] == pair[1][slot.end..]);
            assert!(pair[0] != pair[1]);
        }
    }
}

#[test]
fn only_a_token_of_the_issuer_is_taken() {
    let foreign = Issuer::new(9, "key-1");
    let unknown = Issuer::new(9, "key-2");
    for base in signed() {
        let (prepared, record) = base.prepare();
        let mut forged = issuer().token("acme", 0).expose().to_owned();
        let at = forged.len() - 10;
        forged.replace_range(at..=at, if &forged[at..=at] == "A" { "B" } else { "A" });
        for token in [
            foreign.token("acme", 0),
            unknown.token("acme", 0),
            Token::parse(forged.as_bytes()).unwrap(),
            Token::parse(b"opaque-token").unwrap(),
            Token::parse(b"https://example.com/").unwrap(),
        ] {
            let error = stamp(&prepared, &record, &token).unwrap_err();
            assert!(error.starts_with("the token"), "{error}");
            // Put there by hand, it is found.
            let found = base.format().slot(&prepared).unwrap().unwrap();
            let mut bad = prepared.clone();
            put_by_hand(base.kind, &mut bad[found.slot.offset as usize..], token.expose());
            let found = base.format().slot(&bad).unwrap().unwrap();
            assert_eq!(found.state, SlotState::Filled(token));
            assert_eq!(errors(base.format(), &bad).is_empty(), !base.seen, "a forged token is not found");
        }
        // Keys that are asserted later do not replace those that are seen.
        let other = IssuerKeys::parse(&foreign.jwks()).unwrap();
        let open = once::open(&prepared).unwrap().pinned(other);
        assert_eq!(open.accept(foreign.token("acme", 0), 0).is_ok(), !base.seen);
        if !base.seen {
            let open = once::open(&prepared).unwrap();
            assert!(matches!(once::stamp(&open, &issuer().token("acme", 0)), Err(StampError::NoIssuerKeys)));
        }
    }
}

/// A slot's bytes as somebody else would write them.
pub fn put_by_hand(kind: Kind, slot: &mut [u8], token: &str) {
    if kind == Kind::Msi {
        slot[17..19].copy_from_slice(&(token.len() as u16).to_be_bytes());
        slot[19..19 + token.len()].copy_from_slice(token.as_bytes());
        return;
    }
    let mut cksum = container::bom::Cksum::default();
    cksum.update(token.as_bytes());
    let text = format!("\nstampwright-slot-1 {:04} {:010} {token:4096}\n", token.len(), cksum.finish());
    assert_eq!(text.len(), PKG_LEN_BYTES);
    slot[..PKG_LEN_BYTES].copy_from_slice(text.as_bytes());
}

#[test]
fn what_may_not_have_a_slot_is_refused() {
    let refused = |format: &dyn Format, bytes: &Vec<u8>, keys: Option<&[u8]>| prepare(format, bytes, keys).unwrap_err();
    let jwks = issuer().jwks();
    for base in signed() {
        let format = base.format();
        let (prepared, record) = base.prepare();
        let asserted = base.asserted();
        assert!(matches!(refused(format, &prepared, asserted.as_deref()), PrepareError::Prepared));
        let stamped = stamp(&prepared, &record, &issuer().token("acme", 0)).unwrap();
        assert!(matches!(refused(format, &stamped, asserted.as_deref()), PrepareError::Prepared));
        let error = match base.seen {
            true => refused(format, &base.bytes, Some(&jwks)),
            false => refused(format, &base.bytes, None),
        };
        assert!(matches!(error, PrepareError::KeysTwice | PrepareError::NoIssuerKeys) && error.hint().is_some());
    }
    for base in product::bases() {
        let error = refused(base.format, &base.bytes, Some(&jwks));
        // An rpm's sentence has the next step in it.
        let (expected, has_hint) = match base.format.kind() {
            Kind::Deb => ("no signature inside", true),
            Kind::Rpm => ("stamp the base and sign the stamp", false),
            Kind::Msi | Kind::Pkg => ("is not signed", true),
        };
        assert!(error.to_string().contains(expected) && error.hint().is_some() == has_hint, "{error}");
    }
}

#[test]
fn a_slot_that_nothing_reads_is_said() {
    for base in signed() {
        let mut report = Report::new();
        base.format().verify(&base.prepare().0, &mut report).unwrap();
        let said = report.findings().iter().any(|finding| finding.id == "slot-unread");
        assert_eq!(said, !base.seen, "{:?}", base.kind);
    }
}

#[test]
fn a_prepared_base_is_not_signed_anew() {
    for base in signed() {
        let (prepared, _) = base.prepare();
        let open = once::open(&prepared).unwrap();
        let error = open
            .stamp_signed(&once::accepted(&open, &issuer().token("acme", 0)), &pkcs7::Signer::new(900))
            .unwrap_err();
        assert!(matches!(error, StampError::Prepared) && error.hint().is_some(), "{error}");
    }
}
