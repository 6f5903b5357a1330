//! Signatures as other people made them before us: over other digests than SHA-256, with a countersignature for a timestamp, without
//! `MsiDigitalSignatureEx`. osslsigncode writes them, and says of each what it says.

use std::fs;
use std::path::{Path, PathBuf};

use container::cms::{SignedData, SignerInfo};
use container::der::Encoding;
use container::digest::Algorithm;
use installer::Kind;
use signing::verify::{TimestampForm, Verdict};

use super::signing_refused::{changed, changed_at, errors, find, message as message_of};
use crate::support::keys::{Keys, Manners, countersigner, keys, timestamp_authority};
use crate::support::signed::Bench;
use crate::support::{both, judge, output, run};

/// 1.2.840.113549.1.9.6
const COUNTERSIGNATURE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 6];
const YEAR_2044: u64 = 2_350_000_000;
const YEAR_2046: u64 = 2_400_000_000;

/// Signs the stamped package with osslsigncode. `None`: it is not there.
fn signed(bench: &Bench, keys: &Keys, from: &str, to: &str, arguments: &[&str]) -> Option<PathBuf> {
    let osslsigncode = judge("osslsigncode")?;
    let (certificates, key) = (keys.text("rsa2048.pem"), keys.text("rsa2048.key"));
    let (from, to) = (bench.path(from), bench.path(to));
    let files = ["-in", from.to_str().unwrap(), "-out", to.to_str().unwrap()];
    let command = ["sign", "-certs", &certificates, "-key", &key];
    run(&osslsigncode, command.into_iter().chain(arguments.iter().copied()).chain(files));
    Some(to)
}

/// What osslsigncode says of a file.
fn theirs(keys: &Keys, file: &Path) -> String {
    let ca = keys.text("ca.pem");
    let mut command = std::process::Command::new(judge("osslsigncode").unwrap());
    both(&output(command.args(["verify", "-CAfile", &ca, "-TSA-CAfile", &ca, "-in", file.to_str().unwrap()])))
}

/// Changes one byte of the content: in the middle of the file, where the cabinet is.
fn tampered(file: &Path) -> PathBuf {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let path = file.with_extension("tampered.msi");
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn every_digest_is_computed_or_said_to_be_not_checked() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let ca = keys.text("ca.pem");
    let inspect = |file: &Path| {
        let said = bench.stampwright(&["inspect", file.to_str().unwrap(), "--root", &ca]);
        let json = bench.stampwright(&["inspect", file.to_str().unwrap(), "--root", &ca, "--json"]);
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        (both(&said), json["signature"].clone())
    };
    for digest in ["sha1", "sha256", "sha384", "sha512"] {
        let Some(file) = signed(&bench, keys, "stamped", digest, &["-h", digest, "-add-msi-dse"]) else { return };
        assert!(theirs(keys, &file).contains("Signature verification: ok"), "{digest}");
        let (said, json) = inspect(&file);
        assert!(said.contains(", valid, trusted"), "{digest}: {said}");
        assert_eq!(
            (json["valid"].as_bool(), json["verdict"].as_str(), json["digest"].as_str()),
            (Some(true), Some("valid"), Some(digest))
        );

        let bad = tampered(&file);
        assert!(theirs(keys, &bad).contains("MISMATCH"), "{digest}");
        let (said, json) = inspect(&bad);
        assert!(said.contains("NOT VALID") && said.contains(&format!("the {digest} digest does not match")), "{said}");
        assert!(!said.contains(", valid"), "{said}");
        assert_eq!((json["valid"].as_bool(), json["verdict"].as_str()), (Some(false), Some("invalid")));
        let (ok, said) = bench.verify(&bad, &["--root", &ca]);
        assert!(!ok && said.contains("signature-digest"), "{said}");
    }
    let file = signed(&bench, keys, "stamped", "md5", &["-h", "md5", "-add-msi-dse"]).unwrap();
    for file in [&file, &tampered(&file)] {
        let (said, json) = inspect(file);
        assert!(said.contains("NOT CHECKED") && said.contains("md5"), "{said}");
        assert!(!said.contains(", valid") && !said.contains("NOT VALID"), "{said}");
        assert_eq!((json["valid"].as_bool(), json["verdict"].as_str()), (Some(false), Some("not-checked")));
    }
    let (ok, said) = bench.verify(&file, &["--root", &ca]);
    assert!(!ok && said.contains("signature-unchecked"), "{said}");
}

#[test]
fn nested_signatures_are_held_against_their_own_digests() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    if signed(&bench, keys, "stamped", "one", &["-h", "sha1"]).is_none() {
        return;
    }
    let file = signed(&bench, keys, "one", "two", &["-h", "sha256", "-nest"]).unwrap();
    let facts = changed(keys, &file, |_| {}).unwrap();
    assert!(facts.is_ok(), "{facts:#?}");
    assert_eq!((facts.digest, facts.nested[0].digest), (Some("sha1"), Some("sha256")));
    let facts = changed(keys, &tampered(&file), |_| {}).unwrap();
    assert_eq!((facts.verdict, facts.nested[0].verdict), (Verdict::Invalid, Verdict::Invalid));
}

#[test]
fn a_countersignature_keeps_a_signature_valid() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let url = countersigner(keys, "tsa");
    let arguments = ["-h", "sha256", "-add-msi-dse", "-t", &url];
    let Some(file) = signed(&bench, keys, "stamped", "signed", &arguments) else { return };
    let said = theirs(keys, &file);
    assert!(said.contains("Signature verification: ok") && said.contains("Timestamp time"), "{said}");
    // The signer's certificate ends in 2045.
    for now in [YEAR_2044, YEAR_2046] {
        let facts = changed_at(keys, &file, now, |_| {}).unwrap();
        let is_note = facts.problems.iter().all(|problem| problem.id == "signature-timestamped");
        assert!(facts.is_ok() && is_note && facts.superfluous.is_empty(), "{facts:#?}");
        let stamp = facts.timestamp.unwrap();
        assert_eq!(
            (stamp.form, stamp.authority.as_str(), stamp.trusted),
            (TimestampForm::Countersignature, "Test-tsa", Some(true))
        );
    }
    let ca = keys.text("ca.pem");
    let said = bench.must(&["inspect", file.to_str().unwrap(), "--root", &ca]);
    for word in ["valid, trusted", "timestamp: 2", " by Test-tsa (a countersignature"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let (ok, said) = bench.verify(&file, &["--root", &ca]);
    assert!(!said.contains("has no timestamp") && !said.contains("untimestamped"), "{said}");
    let _ = ok;
}

/// Symantec's authorities signed the bare digest, without the name of its algorithm before it.
#[test]
fn a_countersignature_over_a_bare_digest_is_taken() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let url = countersigner(keys, "tsa");
    let arguments = ["-h", "sha256", "-add-msi-dse", "-t", &url];
    let Some(file) = signed(&bench, keys, "stamped", "signed", &arguments) else { return };
    let bare = |padded: &[u8]| {
        let message = SignedData::read(Encoding::Ber, padded).unwrap();
        let attributes = message.signers[0].unsigned_attributes().unwrap();
        let stamp = SignerInfo::read(attributes.only(container::cms::COUNTERSIGNATURE).unwrap()).unwrap();
        fs::write(keys.path("bare.digest"), &Algorithm::Sha256.digest(&stamp.signed_bytes().unwrap())[..]).unwrap();
        keys.openssl(
            "pkeyutl -sign -inkey tsa.key -pkeyopt rsa_padding_mode:pkcs1 -in bare.digest -out bare.signature",
        );
        fs::read(keys.path("bare.signature")).unwrap()
    };
    let swap = |cms: &mut Vec<u8>, signature: &[u8]| {
        let at = cms.len() - signature.len();
        cms[at..].copy_from_slice(signature);
    };
    let facts = changed_at(keys, &file, YEAR_2046, |cms| {
        let signature = bare(cms);
        swap(cms, &signature);
    });
    let facts = facts.unwrap();
    assert!(facts.is_ok() && facts.timestamp.is_some(), "{facts:#?}");
    let facts = changed_at(keys, &file, YEAR_2046, |cms| {
        let mut signature = bare(cms);
        signature[100] ^= 1;
        swap(cms, &signature);
    });
    assert_eq!(errors(&facts.unwrap()), ["signature-timestamp", "signature-expired"]);
}

#[test]
fn a_countersignature_that_does_not_hold_is_named() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let url = countersigner(keys, "tsa");
    let arguments = ["-h", "sha256", "-add-msi-dse", "-t", &url];
    let Some(file) = signed(&bench, keys, "stamped", "signed", &arguments) else { return };
    let message = |change: &dyn Fn(&mut Vec<u8>)| changed_at(keys, &file, YEAR_2046, change).unwrap();
    // Its own signature, which ends the message; what it says that it is over; when it says that it was made.
    let forged = message(&|cms| *cms.last_mut().unwrap() ^= 1);
    assert_eq!(errors(&forged), ["signature-timestamp", "signature-expired"], "{forged:#?}");
    let sentence = |facts: &signing::verify::SignatureFacts, word: &str| {
        assert!(facts.problems.iter().any(|problem| problem.message.contains(word)), "{word}: {facts:#?}");
        assert!(!facts.problems.iter().any(|problem| problem.message.contains("no timestamp")), "{facts:#?}");
    };
    sentence(&forged, "has a timestamp that is not its signer's");
    sentence(&forged, "and the timestamp does not hold");
    let from = |cms: &[u8], wanted: &[u8]| {
        let at = find(cms, COUNTERSIGNATURE);
        at + find(&cms[at..], wanted)
    };
    // messageDigest, 1.2.840.113549.1.9.4, SET, OCTET STRING
    let digest = message(&|cms| {
        let at = from(cms, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4, 0x31, 0x22, 4, 0x20]);
        cms[at + 20] ^= 1;
    });
    sentence(&digest, "is over other content");
    // signingTime, 1.2.840.113549.1.9.5, SET, UTCTime: the attributes are signed
    let time = message(&|cms| {
        let at = from(cms, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 5, 0x31, 0x0f, 0x17, 0x0d]);
        cms[at + 16] ^= 1;
    });
    sentence(&time, "is not its signer's");
    // A countersignature of another signature.
    let other = signed(&bench, keys, "base", "other", &arguments).unwrap();
    let tail = |file: &Path| {
        let mut cms = message_of(file);
        let len = 4 + (usize::from(cms[2]) << 8 | usize::from(cms[3]));
        cms.truncate(len);
        cms[find(&cms, COUNTERSIGNATURE)..].to_vec()
    };
    let theirs = tail(&other);
    assert_eq!(theirs.len(), tail(&file).len());
    let swapped = message(&|cms| {
        let at = find(cms, COUNTERSIGNATURE);
        cms.truncate(at);
        cms.extend_from_slice(&theirs);
    });
    sentence(&swapped, "is over other content");
}

#[test]
fn a_countersigner_must_be_one_for_timestamps() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let url = countersigner(keys, "rsa4096");
    let arguments = ["-h", "sha256", "-add-msi-dse", "-t", &url];
    let Some(file) = signed(&bench, keys, "stamped", "signed", &arguments) else { return };
    let facts = changed_at(keys, &file, YEAR_2044, |_| {}).unwrap();
    assert_eq!(errors(&facts), ["signature-timestamp"]);
    assert!(facts.problems.iter().any(|problem| problem.message.contains("not for time stamping")), "{facts:#?}");
}

#[test]
fn both_kinds_of_timestamps_can_be_there() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let (old, new) = (countersigner(keys, "tsa"), timestamp_authority(keys, Manners::Good));
    let Some(_) = signed(&bench, keys, "stamped", "old", &["-h", "sha256", "-add-msi-dse", "-t", &old]) else { return };
    let (from, to) = (bench.path("old"), bench.path("both"));
    let mut command = std::process::Command::new(judge("osslsigncode").unwrap());
    command.args(["add", "-add-msi-dse", "-ts", &new, "-in", from.to_str().unwrap(), "-out", to.to_str().unwrap()]);
    let said = output(&mut command);
    assert!(said.status.success(), "{}", both(&said));
    let facts = changed_at(keys, &to, YEAR_2046, |_| {}).unwrap();
    assert!(facts.is_ok(), "{facts:#?}");
    assert_eq!(facts.timestamp.unwrap().form, TimestampForm::Rfc3161);
}

#[test]
fn a_signature_without_the_digest_of_names_is_a_note() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let Some(file) = signed(&bench, keys, "stamped", "plain", &["-h", "sha256"]) else { return };
    let (_, said) = bench.verify(&file, &["--root", &keys.text("ca.pem")]);
    assert!(said.contains("note[signature-coverage]") && said.contains("MsiDigitalSignatureEx"), "{said}");
    let with = signed(&bench, keys, "stamped", "extended", &["-h", "sha256", "-add-msi-dse"]).unwrap();
    let (_, said) = bench.verify(&with, &["--root", &keys.text("ca.pem")]);
    assert!(!said.contains("signature-coverage"), "{said}");
}
