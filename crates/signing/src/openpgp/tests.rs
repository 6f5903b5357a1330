use std::sync::OnceLock;

use rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _};
use rsa::{BigUint, RsaPrivateKey};

use super::*;
use crate::key::PrivateKey;
use crate::key::file::FileKey;

/// Two primes, so that no test has to look for any.
const P: &[u8] = b"EE05D4F2FE3F556755BF6CC04679B36043FE4A4845F9427F520FC661418FAD056A2BCD3CBDC39863FE38C63EF214065F6AC1F4FA2B56EEEF7E4774F3D5023E3040A4D6D311DDBFC1E6EFA6EF5BBB5AE745B237BFA3D0F87A8CE85F3F287D2E4E3263C4884760F63C47B17C8956D28BA4D65E51B42E7BACEEEF5D67589AE9EFBD";
const Q: &[u8] = b"C340ACB2A6C0BA5FDB02C4FF89DF60025E45B0BF47319119FE8B9A3A75E69E7EB989171888BAAC124CB1CFF84511334635C5F2B1CEBA21E65BD0D04BAFFAE5451D50D2C167B3CDBAD1FAD378EE6E9F819F236E8C5E40589CDF01E582994CA77F0DCCC4ED019415516A3DDF48158AFB9DB91A56D5BECE6D21410EAFADA991720B";

const CREATED: u64 = 1_600_000_000;
const TIME: u64 = 1_700_000_000;
const NOW: u64 = 1_700_000_100;

fn rsa() -> FileKey {
    static DER: OnceLock<Vec<u8>> = OnceLock::new();
    let der = DER.get_or_init(|| {
        let prime = |digits| BigUint::parse_bytes(digits, 16).unwrap();
        let key = RsaPrivateKey::from_p_q(prime(P), prime(Q), 65537_u32.into()).unwrap();
        key.to_pkcs8_der().unwrap().as_bytes().to_vec()
    });
    FileKey::read(der, None).unwrap()
}

fn ed25519(byte: u8) -> FileKey {
    let key = ed25519_dalek::SigningKey::from_bytes(&[byte; 32]);
    FileKey::read(key.to_pkcs8_der().unwrap().as_bytes(), None).unwrap()
}

fn signer(key: FileKey) -> Signer<'static> {
    let spki = key.public_key().unwrap();
    Signer::new(Box::new(key), &spki, CREATED).unwrap()
}

fn both() -> [Signer<'static>; 2] {
    [signer(rsa()), signer(ed25519(7))]
}

fn keyring(signer: &Signer<'_>) -> Keyring {
    Keyring::read(signer.public_key("Example <packages@example.test>").unwrap().as_bytes()).unwrap()
}

#[test]
fn what_is_signed_verifies() {
    for signer in both() {
        let packet = signer.sign(b"header", TIME).unwrap();
        assert_eq!(packet, signer.sign(b"header", TIME).unwrap());
        let signature = Signature::read(&packet).unwrap();
        assert_eq!(signature.created(), Some(TIME));
        assert_eq!(signature.issuer().unwrap(), signer.fingerprint());
        let good = keyring(&signer).check(&signature, b"header", NOW).unwrap();
        let user_id = "Example <packages@example.test>".to_owned();
        assert_eq!(good, Good { fingerprint: signer.fingerprint(), user_id, time: TIME });
        assert_eq!(keyring(&signer).check(&signature, b"headex", NOW).unwrap_err(), CheckError::Bad);
    }
    assert!(both()[0].is_rsa() && !both()[1].is_rsa());
}

#[test]
fn a_key_block_says_what_the_key_is() {
    for signer in both() {
        let block = signer.public_key("Example").unwrap();
        assert_eq!(block, signer.public_key("Example").unwrap());
        let keys = Keyring::read(block.as_bytes()).unwrap();
        assert_eq!(keys.keys().len(), 1);
        let key = &keys.keys()[0];
        assert_eq!((key.fingerprint(), key.user_id()), (signer.fingerprint(), "Example"));
        assert_eq!((key.created(), key.may_sign(), key.expires()), (CREATED, true, None));
    }
    for wrong in ["", "a\nb", &"x".repeat(1025)] {
        assert!(both()[1].public_key(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn moments_that_newer_rpm_refuses_are_refused() {
    let [signer, _] = both();
    let keys = keyring(&signer);
    assert!(matches!(signer.sign(b"x", CREATED - 1), Err(OpenPgpError::BeforeKey { .. })));
    assert!(matches!(signer.sign(b"x", 1 << 32), Err(OpenPgpError::Time { .. })));
    assert!(signer.sign(b"x", CREATED).is_ok());
    let signature = Signature::read(&signer.sign(b"x", TIME).unwrap()).unwrap();
    assert!(keys.check(&signature, b"x", TIME - 1800).is_ok());
    assert!(matches!(keys.check(&signature, b"x", TIME - 1801), Err(CheckError::Future { .. })));
    // The same key, published as a younger one, is another key: its fingerprint has the time in it.
    let key = rsa();
    let spki = key.public_key().unwrap();
    let younger = Signer::new(Box::new(key), &spki, TIME + 1).unwrap();
    assert!(matches!(keyring(&younger).check(&signature, b"x", NOW), Err(CheckError::NoKey(_))));
    assert!(matches!(Signer::new(Box::new(rsa()), &spki, 1 << 32), Err(OpenPgpError::Time { .. })));
}

#[test]
fn keys_that_older_rpm_cannot_use_are_refused() {
    for secret in [
        p256::SecretKey::from_slice(&[7; 32]).unwrap().to_pkcs8_der(),
        p384::SecretKey::from_slice(&[7; 48]).unwrap().to_pkcs8_der(),
    ] {
        let key = FileKey::read(secret.unwrap().as_bytes(), None).unwrap();
        let spki = key.public_key().unwrap();
        let error = Signer::new(Box::new(key), &spki, CREATED).unwrap_err();
        assert!(error.to_string().contains("rpm before 4.20"), "{error}");
        assert!(error.hint().is_some());
    }
    let small = RsaPrivateKey::from_p_q(13_u32.into(), 17_u32.into(), 5_u32.into()).unwrap();
    let spki = small.to_public_key().to_public_key_der().unwrap();
    assert!(matches!(Signer::new(Box::new(rsa()), spki.as_bytes(), CREATED), Err(OpenPgpError::Kind { .. })));
    assert!(matches!(Signer::new(Box::new(rsa()), b"no key", CREATED), Err(OpenPgpError::Kind { .. })));
}

#[test]
fn a_private_key_of_another_public_key_is_refused() {
    let spki = ed25519(8).public_key().unwrap();
    assert!(matches!(Signer::new(Box::new(ed25519(7)), &spki, CREATED), Err(OpenPgpError::Mismatch(_))));
    let others = keyring(&signer(ed25519(8)));
    assert!(matches!(Signer::from_keyring(Box::new(ed25519(7)), &others), Err(OpenPgpError::Mismatch(_))));
}

/// A key behind a command does not say what it is: what it answers shows it.
#[cfg(unix)]
#[test]
fn an_answer_of_another_key_is_refused() {
    let spki = ed25519(7).public_key().unwrap();
    let command = crate::key::command::CommandKey::new("head -c 64 /dev/zero").unwrap();
    let signer = Signer::new(Box::new(command), &spki, CREATED).unwrap();
    assert!(matches!(signer.sign(b"x", TIME), Err(OpenPgpError::Mismatch(_))));
    let command = crate::key::command::CommandKey::new("echo -n {algorithm}").unwrap();
    let signer = Signer::new(Box::new(command), &rsa().public_key().unwrap(), CREATED).unwrap();
    assert!(matches!(signer.sign(b"x", TIME), Err(OpenPgpError::Mismatch(_))));
}

#[test]
fn a_published_key_keeps_its_fingerprint() {
    for first in both() {
        let keys = keyring(&first);
        let key = if first.is_rsa() { rsa() } else { ed25519(7) };
        let again = Signer::from_keyring(Box::new(key), &keys).unwrap();
        assert_eq!((again.fingerprint(), again.created()), (first.fingerprint(), CREATED));
    }
}

/// Only what nothing signs may change: the unhashed subpackets and the lengths of numbers.
#[test]
fn every_flipped_bit_of_a_signature_is_noticed_or_without_a_meaning() {
    for signer in both() {
        let keys = keyring(&signer);
        let packet = signer.sign(b"header", TIME).unwrap();
        let mut harmless = 0;
        for bit in 0..packet.len() * 8 {
            let mut bad = packet.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let Ok(signature) = Signature::read(&bad) else { continue };
            if let Ok(good) = keys.check(&signature, b"header", NOW) {
                assert_eq!(good.time, TIME);
                harmless += 1;
            }
        }
        // The unhashed subpacket's type and key ID, and how many bits of a number's first byte count.
        assert!(harmless < 120, "{harmless}");
    }
}

#[test]
fn every_cut_is_an_error() {
    for signer in both() {
        let packet = signer.sign(b"header", TIME).unwrap();
        for len in 0..packet.len() {
            assert!(Signature::read(&packet[..len]).is_err(), "{len}");
        }
        assert!(Signature::read(&[packet.as_slice(), b"\x88\0"].concat()).is_err());
        let block = signer.public_key("Example").unwrap();
        for len in 0..block.len() - 1 {
            assert!(Keyring::read(&block.as_bytes()[..len]).is_err(), "{len}");
        }
        for bit in 0..block.len() * 8 {
            let mut bad = block.clone().into_bytes();
            bad[bit / 8] ^= 1 << (bit % 8);
            let _ = Keyring::read(&bad);
        }
    }
}

/// A user ID that another key added, and a key without a certification, may not sign.
#[test]
fn a_key_without_its_own_word_may_not_sign() {
    let (ours, other) = (signer(ed25519(7)), signer(ed25519(8)));
    let packets_of = |signer: &Signer<'_>| {
        let bytes = armor::open(signer.public_key("Example").unwrap().as_bytes()).unwrap();
        let packets = packet::packets(&bytes).unwrap();
        packets.iter().map(|one| write::packet(one.tag, one.body)).collect::<Vec<_>>()
    };
    let (own, foreign) = (packets_of(&ours), packets_of(&other));
    let signature = Signature::read(&ours.sign(b"x", TIME).unwrap()).unwrap();
    for block in [own[..1].concat(), own[..2].concat(), [&own[0], &own[1], &foreign[2]].map(Vec::as_slice).concat()] {
        let keys = Keyring::read(&block).unwrap();
        assert!(matches!(keys.check(&signature, b"x", NOW), Err(CheckError::NotForSigning(_))));
    }
    // A foreign key that calls itself a subkey of ours.
    let subkey = write::packet(14, packet::packets(&foreign[0]).unwrap()[0].body);
    let block = [own.concat(), subkey, foreign[2].clone()].concat();
    let keys = Keyring::read(&block).unwrap();
    let theirs = Signature::read(&other.sign(b"x", TIME).unwrap()).unwrap();
    assert!(matches!(keys.check(&theirs, b"x", NOW), Err(CheckError::NotForSigning(_))));
    assert!(keys.check(&signature, b"x", NOW).is_ok());
}

#[test]
fn armor_that_is_damaged_is_refused() {
    let [_, signer] = both();
    let block = signer.public_key("Example").unwrap();
    let sum = block.lines().find(|line| line.starts_with('=')).unwrap();
    let broken = |from: &str, to: &str| Keyring::read(block.replace(from, to).as_bytes()).unwrap_err().to_string();
    assert!(broken(sum, "=AAAA").contains("checksum"));
    assert!(broken("KEY BLOCK-----\n\n", "KEY BLOCK-----\n").contains("empty line"));
    assert!(broken("PUBLIC", "PRIVATE").contains("neither a public key block"));
    // headers, other line endings and text around it are taken, and so is a block without a checksum
    for good in [
        block.replace("BLOCK-----\n\n", "BLOCK-----\nComment: x\n\n"),
        block.replace('\n', "\r\n"),
        format!("text\n{block}text"),
        block.replace(&format!("{sum}\n"), ""),
    ] {
        assert_eq!(Keyring::read(good.as_bytes()).unwrap().keys().len(), 1);
    }
    assert!(Keyring::read(b"").unwrap_err().to_string().contains("a public key is missing"));
}

/// A signature of another version is neither valid nor forged: it is not checked.
#[test]
fn other_versions_are_not_checked() {
    use crate::verify::{self, Trust, Verdict};
    for version in [3, 6] {
        let packet = [0xC2, 4, version, 0, 1, 8];
        let keys = Keyring::default();
        let facts = verify::openpgp(&packet, b"header", Trust { roots: &[], keys: &keys, now: NOW });
        assert_eq!(facts.verdict, Verdict::NotChecked);
        let expected = format!("is not checked: it is of OpenPGP's version {version}, and only version 4 is read");
        assert_eq!(facts.problems.iter().map(|problem| &problem.message).collect::<Vec<_>>(), [&expected]);
    }
}

/// A certificate of an RSA key (its SubjectPublicKeyInfo), valid from 2000 to 2049; nothing looks at who issued it.
fn certificate(spki: &[u8]) -> crate::Certificate {
    let tlv = |tag: u8, parts: &[&[u8]]| {
        let content = parts.concat();
        let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
        let len = if content.len() < 0x80 { vec![low] } else { vec![0x82, high, low] };
        let len = if (0x80..0x100).contains(&content.len()) { vec![0x81, low] } else { len };
        [&[tag], len.as_slice(), &content].concat()
    };
    // sha256WithRSAEncryption
    let algorithm = tlv(0x30, &[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 5, 0]]);
    let name = tlv(0x30, &[&tlv(0x31, &[&tlv(0x30, &[&[6, 3, 0x55, 4, 3], &tlv(0x0c, &[b"Example"])])])]);
    let validity = tlv(0x30, &[&tlv(0x17, &[b"000101000000Z"]), &tlv(0x17, &[b"491231235959Z"])]);
    let tbs = tlv(0x30, &[&[0xa0, 3, 2, 1, 2, 2, 1, 1], &algorithm, &name, &validity, &name, spki]);
    crate::Certificate::from_der(&tlv(0x30, &[&tbs, &algorithm, &tlv(3, &[&[0; 65]])])).unwrap()
}

/// Whether a key block or a certificate vouches for the key: the signature's own time is held to the same.
#[test]
fn a_signature_of_the_future_is_refused_whoever_vouches_for_its_key() {
    use crate::verify::{self, Trust};
    let signer = signer(rsa());
    let packet = signer.sign(b"header", TIME).unwrap();
    let (keys, none) = (keyring(&signer), Keyring::default());
    let roots = [certificate(&rsa().public_key().unwrap())];
    let found = |now| {
        [Trust { roots: &[], keys: &keys, now }, Trust { roots: &roots, keys: &none, now }].map(|trust| {
            let facts = verify::openpgp(&packet, b"header", trust);
            facts.problems.iter().map(|problem| (problem.id, problem.message.clone())).collect::<Vec<_>>()
        })
    };
    assert_eq!(found(NOW), [vec![], vec![]]);
    let [by_key, by_certificate] = found(TIME - 86_400);
    assert_eq!(by_key, by_certificate);
    assert_eq!(by_key.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["signature-expired"]);
}

#[test]
fn a_signature_that_has_expired_is_refused() {
    let mut signature = Signature::read(&signer(ed25519(7)).sign(b"header", TIME).unwrap()).unwrap();
    assert_eq!(signature.check_time(TIME, u64::MAX), Ok(()), "it never expires");
    signature.facts.expires_after = Some(100);
    assert_eq!(signature.check_time(TIME, TIME + 99), Ok(()));
    assert_eq!(signature.check_time(TIME, TIME + 100), Err(CheckError::Expired(TIME + 100)));
}
