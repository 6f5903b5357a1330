//! Keys, certificates and signatures that must be refused, each with its own sentence and the input untouched; and every
//! way of tampering, named for what it is.

use std::fs;
use std::path::Path;

use installer::Kind;
use installer::signature::Imprints;
use signing::verify::{Severity, SignatureFacts};

use crate::support::keys::{Keys, Manners, keys, timestamp_authority};
use crate::support::once::Once;
use crate::support::signed::{Bench, TOKEN};
use crate::support::{both, judge, run};

/// Signing must fail with this status and this in its sentence, and leave nothing.
fn refused(bench: &Bench, arguments: &[String], status: i32, word: &str) {
    let before = fs::read(bench.path("stamped")).unwrap();
    let said = bench.try_to_sign("stamped", "out", arguments);
    let text = both(&said);
    assert_eq!(said.status.code(), Some(status), "{arguments:?}: {text}");
    assert!(text.contains(word), "{word}: {text}");
    assert!(!text.contains("PRIVATE KEY") && !text.contains(TOKEN), "{text}");
    assert!(!bench.path("out").exists(), "{word}");
    assert_eq!(fs::read(bench.path("stamped")).unwrap(), before);
    assert_eq!(fs::read_dir(bench.folder.path()).unwrap().count(), 3, "something was left behind: {word}");
}

#[test]
fn a_base_that_another_tool_signed_is_not_signed_anew() {
    let (Some(keys), Some(osslsigncode)) = (keys(), judge("osslsigncode")) else { return };
    let bench = Bench::new(Kind::Msi);
    let (base, signed) = (bench.path("base"), bench.path("theirs"));
    let mut arguments = vec!["sign".to_owned(), "-h".into(), "sha256".into()];
    arguments.extend(["-certs".into(), keys.text("p256.pem"), "-key".into(), keys.text("p256.key")]);
    arguments.extend(["-in".into(), base.to_str().unwrap().into(), "-out".into(), signed.to_str().unwrap().into()]);
    run(&osslsigncode, &arguments);
    let out = bench.path("out");
    let mut arguments = vec!["stamp", signed.to_str().unwrap(), "--token-file", "token", "-o", out.to_str().unwrap()];
    arguments.push("--resign");
    let ours = keys.arguments("p256");
    arguments.extend(ours.iter().map(String::as_str));
    let said = bench.stampwright(&arguments);
    let text = both(&said);
    assert_eq!(said.status.code(), Some(1), "{text}");
    assert!(text.contains("another tool that signs lays the file out anew"), "{text}");
    assert!(text.contains("run stampwright prepare on this one"), "{text}");
    assert!(!out.exists());
}

fn with(keys: &Keys, certificates: &str, key: &str) -> Vec<String> {
    vec!["--certs".into(), keys.text(certificates), "--key".into(), keys.text(key)]
}

#[test]
fn wrong_keys_and_certificates_for_a_package_of_windows() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    keys.openssl("genpkey -algorithm ed25519 -out ed25519.key");
    keys.openssl("rsa -in rsa2048.key -traditional -aes128 -passout pass:x -out old-way.key");
    keys.openssl("pkcs8 -topk8 -in p256.key -passout pass:x -out shut.key");
    for name in ["ed25519.key", "old-way.key", "shut.key"] {
        super::signing_msi::owner_only(&keys.path(name));
    }
    for (certificates, key, word) in [
        ("p256.pem", "p384.key", "does not belong to the certificate"),
        ("rsa2048.pem", "rsa4096.key", "does not belong to the certificate"),
        ("p521.pem", "p521.key", "P-521"),
        ("rsa1024.pem", "rsa1024.key", "RSA 1024 bits"),
        ("p256.pem", "ed25519.key", "the key is Ed25519"),
        ("p256.pem", "old-way.key", "OpenSSL's old way"),
        ("p256.pem", "shut.key", "no password was given"),
        ("expired.pem", "expired.key", "expired at 2021-01-01T00:00:00Z"),
        ("future.pem", "future.key", "is not valid before 2048-01-01T00:00:00Z"),
        ("server.pem", "server.key", "is not for code signing"),
        ("installer.pem", "installer.key", "is not for code signing"),
        ("p256.key", "p256.key", "there is no certificate in it"),
        ("p256.pem", "ca.pem", "there is no private key in the file"),
        ("p256.pem", "cnf", "neither PKCS #8 nor PKCS #1 nor SEC 1"),
    ] {
        if key == "ca.pem" || key == "cnf" {
            super::signing_msi::owner_only(&keys.path(key));
        }
        refused(&bench, &with(keys, certificates, key), 1, word);
    }
    let command =
        |command: &str| vec!["--certs".into(), keys.text("p256.pem"), "--sign-command".into(), command.into()];
    for (text, status, word) in [
        ("false", 3, "ended with"),
        ("true", 3, "answered nothing"),
        ("cat", 1, "does not belong to the certificate"),
        ("/no/such/program", 3, "No such file"),
        ("a 'b", 2, "quotation mark"),
    ] {
        refused(&bench, &command(text), status, word);
    }
    for (text, word) in [("false {out}", "ended with"), ("/no/such/program {out}", "No such file")] {
        refused(&bench, &["--sign-file-command".into(), text.into()], 3, word);
    }
    refused(&bench, &["--sign-file-command".into(), "true".into()], 2, "{out}");
    refused(&bench, &["--certs".into(), keys.text("p256.pem")], 2, "a key is needed");
    refused(&bench, &[], 2, "a key is needed");
    refused(&bench, &["--key".into(), keys.text("p256.key")], 2, "--certs");
    let pkcs11 = |uri: &str| vec!["--certs".into(), keys.text("p256.pem"), "--pkcs11".into(), uri.into()];
    refused(&bench, &pkcs11("pkcs11:object=a?module-path=/m&pin-value=0815"), 2, "pin-value");
    refused(&bench, &pkcs11("pkcs11:object=a?module-path=/no/such/module.so"), 3, "load /no/such/module.so");
    let mut texts = keys.arguments("p256");
    texts.extend(["--description".into(), "two\nlines".into()]);
    refused(&bench, &texts, 1, "description");
}

#[test]
#[cfg(unix)]
fn a_key_that_others_can_read_is_refused_unless_told_otherwise() {
    use std::os::unix::fs::PermissionsExt;
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    for mode in [0o640, 0o604, 0o660] {
        fs::copy(keys.path("p256.key"), keys.path("open.key")).unwrap();
        fs::set_permissions(keys.path("open.key"), fs::Permissions::from_mode(mode)).unwrap();
        refused(&bench, &with(keys, "p256.pem", "open.key"), 1, "others can read this private key");
    }
    let mut arguments = with(keys, "p256.pem", "open.key");
    arguments.push("--allow-open-key".into());
    bench.sign("stamped", "out", &arguments);
}

#[test]
fn wrong_keys_and_certificates_for_a_package_of_macos() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Pkg);
    for (name, word) in [
        ("rsa2048", "is not for installer packages"),
        ("installer-p256", "a pkg is signed with RSA"),
        ("expired", "expired at"),
    ] {
        refused(&bench, &keys.arguments(name), 1, word);
    }
    let mut texts = keys.arguments("installer");
    texts.extend(["--description".into(), "Example".into()]);
    refused(&bench, &texts, 2, "for msi only");
}

#[test]
fn a_deb_has_no_signature() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Deb);
    refused(&bench, &keys.arguments("p256"), 1, "a deb has no signature inside the file");
}

/// A signature, changed, and put back where it was.
pub fn changed(keys: &Keys, file: &Path, change: impl Fn(&mut Vec<u8>)) -> Result<SignatureFacts, String> {
    changed_at(keys, file, 1_900_000_000, change)
}

/// The same, judged at a moment.
pub fn changed_at(keys: &Keys, file: &Path, now: u64, change: impl Fn(&mut Vec<u8>)) -> Result<SignatureFacts, String> {
    let bytes = fs::read(file).unwrap();
    let format = installer::formats::recognise(&bytes).unwrap();
    let signature = format.signature(&bytes).unwrap().unwrap();
    let Imprints::Msi(digests) = signature.imprint else { panic!("another imprint") };
    let roots = signing::Certificate::read_all(&fs::read(keys.path("ca.pem")).unwrap()).unwrap();
    let mut cms = signature.cms;
    while cms.last() == Some(&0) {
        cms.pop();
    }
    change(&mut cms);
    let trust = signing::verify::Trust { roots: &roots, keys: &signing::openpgp::Keyring::default(), now };
    signing::verify::authenticode(&cms, &digests, trust).map_err(|error| error.to_string())
}

pub fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).unwrap()
}

#[test]
fn every_tampered_message_is_named() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let mut arguments = keys.arguments("rsa2048");
    arguments.extend([
        "--timestamp".into(),
        timestamp_authority(keys, Manners::Good),
        "--description".into(),
        "Qx".into(),
    ]);
    let file = bench.sign("stamped", "signed", &arguments);
    let good = changed(keys, &file, |_| {}).unwrap();
    let is_note = good.problems.iter().all(|problem| problem.id == "signature-timestamped");
    assert!(good.is_ok() && is_note, "{good:#?}");
    assert!(changed(keys, &file, |cms| cms.extend([0; 9])).unwrap().is_ok(), "zeros may follow");

    // Bytes that are no message at all.
    let unreadable = |change: &dyn Fn(&mut Vec<u8>)| changed(keys, &file, change).unwrap_err();
    assert!(unreadable(&|cms| cms.truncate(cms.len() - 1)).contains("needs"));
    assert!(unreadable(&|cms| cms.truncate(100)).contains("needs"));
    assert!(unreadable(&Vec::clear).contains("needs 2 bytes, found 0"));
    // Other people's tools take both of these, and say so of the first.
    let followed = changed(keys, &file, |cms| cms.push(7)).unwrap();
    assert!(followed.is_ok() && followed.problems.iter().any(|problem| problem.id == "signature-trailing"));
    let indefinite = changed(keys, &file, |cms| {
        cms.splice(1..4, [0x80]);
        cms.extend([0, 0]);
    });
    assert!(indefinite.unwrap().is_ok(), "BER outside of what is signed");

    // Messages that say something else than was signed.
    let id = |change: &dyn Fn(&mut Vec<u8>)| {
        let facts = changed(keys, &file, change).unwrap();
        assert!(!facts.is_ok());
        let errors = facts.problems.iter().filter(|problem| problem.severity == Severity::Error);
        errors.map(|problem| problem.id).collect::<Vec<_>>()
    };
    // the signed description: the attributes are signed
    assert_eq!(
        id(&|cms| {
            let at = find(cms, b"\0Q\0x");
            cms[at + 3] = b'y'
        }),
        ["signature-forged", "signature-timestamp"].map(|id| id)[..1]
    );
    // the digest in the content
    let digest = |cms: &mut Vec<u8>| {
        let at = find(cms, &[4, 16, 0xf1, 0x10, 0x0c]);
        cms[at + 70] ^= 1
    };
    assert!(id(&digest).contains(&"signature-digest"), "{:?}", id(&digest));
    // the kind of file that it is for
    assert!(
        id(&|cms| {
            let at = find(cms, &[0xf1, 0x10, 0x0c]);
            cms[at + 1] ^= 1
        })
        .contains(&"signature-content")
    );
    // the timestamp's own signature, which ends the message
    assert_eq!(id(&|cms| *cms.last_mut().unwrap() ^= 1), ["signature-timestamp"]);
    // the name of the root in the signer's certificate
    assert!(
        id(&|cms| {
            let at = find(cms, b"Test-rsa2048");
            cms[at] = b'X'
        })
        .contains(&"signature-chain")
    );
}

pub fn errors(facts: &SignatureFacts) -> Vec<&'static str> {
    let errors = facts.all_problems().into_iter().filter(|problem| problem.severity == Severity::Error);
    errors.map(|problem| problem.id).collect()
}

#[test]
fn time_is_held_against_certificates_and_timestamps() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let url = timestamp_authority(keys, Manners::Good);
    let mut arguments = keys.arguments("p256");
    arguments.extend(["--timestamp".into(), url]);
    let (with, without) =
        (bench.sign("stamped", "with", &arguments), bench.sign("stamped", "without", &keys.arguments("p256")));
    // The leaf ends in 2045; the root that is given is trusted as it is.
    let (year_2044, year_2046) = (2_350_000_000, 2_400_000_000);
    for (file, now, expected) in [
        (&with, year_2044, &[][..]),
        (&with, year_2046, &[]),
        (&without, year_2044, &[]),
        (&without, year_2046, &["signature-expired"]),
        (&without, 1_500_000_000, &["signature-expired"]),
    ] {
        assert_eq!(errors(&changed_at(keys, file, now, |_| {}).unwrap()), expected, "{} {now}", file.display());
    }
    // A timestamp that was given to another signature.
    let other = bench.sign("base", "other", &arguments);
    let token = |file: &Path| {
        let cms = message(file);
        let at = find(&cms, TIMESTAMP_OID);
        cms[at..].to_vec()
    };
    let (ours, theirs) = (token(&with), token(&other));
    if ours.len() == theirs.len() {
        let facts = changed(keys, &with, |cms| {
            let at = find(cms, TIMESTAMP_OID);
            cms.truncate(at);
            cms.extend_from_slice(&theirs);
        });
        let facts = facts.unwrap();
        assert_eq!(errors(&facts), ["signature-timestamp"]);
        assert!(
            facts.problems.iter().any(|problem| problem.message.contains("is over another signature")),
            "{facts:#?}"
        );
    }
}

/// 1.3.6.1.4.1.311.3.3.1
const TIMESTAMP_OID: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 3, 3, 1];

pub fn message(file: &Path) -> Vec<u8> {
    let bytes = fs::read(file).unwrap();
    let format = installer::formats::recognise(&bytes).unwrap();
    format.signature(&bytes).unwrap().unwrap().cms
}

#[test]
fn sealed_and_nested_signatures_are_recognised() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let mut arguments = keys.arguments("p256");
    arguments.extend(["--timestamp".into(), timestamp_authority(keys, Manners::Good)]);
    let file = bench.sign("stamped", "signed", &arguments);
    assert!(!changed(keys, &file, |_| {}).unwrap().sealed);
    let sealed = changed(keys, &file, |cms| {
        let at = find(cms, TIMESTAMP_OID);
        cms[at + 7..at + 10].copy_from_slice(&[2, 4, 3]);
    });
    assert!(sealed.unwrap().sealed);
    let Some(osslsigncode) = judge("osslsigncode") else { return };
    let dual = bench.path("dual");
    let (certificates, key) = (keys.text("rsa2048.pem"), keys.text("rsa2048.key"));
    let nest = ["sign", "-nest", "-certs", &certificates, "-key", &key, "-h", "sha256", "-add-msi-dse"];
    let files = ["-in", file.to_str().unwrap(), "-out", dual.to_str().unwrap()];
    run(&osslsigncode, nest.into_iter().chain(files));
    let facts = changed(keys, &dual, |_| {}).unwrap();
    assert!(facts.is_ok(), "{facts:#?}");
    assert_eq!(facts.nested.len(), 1);
    assert_eq!(facts.nested[0].signer.as_ref().unwrap().subject, "Test-rsa2048");
    // A change in the inner one is found as well.
    let facts = changed(keys, &dual, |cms| {
        let at = cms.windows(12).rposition(|window| window == b"Test-rsa2048").unwrap();
        cms[at] = b'X';
    });
    assert!(!facts.unwrap().is_ok());
    // Neither is mangled: both are left behind, or the file is refused.
    let said = bench.try_to_sign("dual", "again", &keys.arguments("p256"));
    assert!(both(&said).contains("signed already"), "{}", both(&said));
}

#[test]
fn a_chain_goes_through_an_intermediate_authority() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    fs::write(keys.path("between.ext"), "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n").unwrap();
    fs::write(keys.path("below.ext"), "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=codeSigning\n").unwrap();
    let request = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    keys.openssl(&format!("{request} -keyout between.key -out between.csr -subj /CN=Test-between"));
    keys.openssl("x509 -req -in between.csr -CA ca.pem -CAkey ca.key -set_serial 77 -days 3000 -extfile between.ext -out between.crt");
    keys.openssl(&format!("{request} -keyout below.key -out below.csr -subj /CN=Test-below"));
    keys.openssl("x509 -req -in below.csr -CA between.crt -CAkey between.key -set_serial 78 -days 3000 -extfile below.ext -out below.crt");
    let read = |name: &str| fs::read(keys.path(name)).unwrap();
    // In any order: the key says which one is the leaf.
    fs::write(keys.path("below.pem"), [read("ca.pem"), read("between.crt"), read("below.crt")].concat()).unwrap();
    let file = bench.sign("stamped", "signed", &keys.arguments("below"));
    let (ok, said) = bench.verify(&file, &["--root", &keys.text("ca.pem")]);
    assert!(ok, "{said}");
    let said = bench.must(&["inspect", file.to_str().unwrap()]);
    assert!(said.contains("chain: Test-below <- Test-between <- Test-Root"), "{said}");
    // Someone who may not issue certificates issues one.
    keys.openssl("x509 -req -in below.csr -CA p256.crt -CAkey p256.key -set_serial 79 -days 3000 -extfile below.ext -out forged.crt");
    fs::copy(keys.path("below.key"), keys.path("forged.key")).unwrap();
    super::signing_msi::owner_only(&keys.path("forged.key"));
    fs::write(keys.path("forged.pem"), [read("forged.crt"), read("p256.crt"), read("ca.pem")].concat()).unwrap();
    let file = bench.sign("stamped", "forged", &keys.arguments("forged"));
    let (ok, said) = bench.verify(&file, &["--root", &keys.text("ca.pem")]);
    assert!(!ok && said.contains("error[signature-chain]"), "{said}");
}

#[test]
fn a_changed_file_is_not_what_was_signed() {
    let Some(keys) = keys() else { return };
    for (kind, name) in [(Kind::Msi, "rsa2048"), (Kind::Pkg, "installer")] {
        let bench = Bench::new(kind);
        let file = bench.sign("base", "signed", &keys.arguments(name));
        let root = keys.text("ca.pem");
        assert!(bench.verify(&file, &["--root", &root]).0);
        // Another root, another moment's certificate, no signature at all.
        let (ok, said) = bench.verify(&file, &["--root", &keys.text("p256.crt")]);
        assert!(!ok && said.contains("error[signature-chain]"), "{said}");
        let (ok, said) = bench.verify(&bench.path("base"), &["--root", &root]);
        assert!(!ok && said.contains("error[signature-missing]"), "{said}");
        let (ok, said) = bench.verify(&file, &[]);
        assert!(ok && said.contains("no root was given"), "{said}");
        if kind == Kind::Pkg {
            // One byte of either signature: they lie at the start of the heap, after the checksum.
            let good = fs::read(&file).unwrap();
            let format = installer::formats::recognise(&good).unwrap();
            let signature = format.signature(&good).unwrap().unwrap();
            let rsa = signature.rsa.unwrap().bytes;
            let end = signature.cms.iter().rposition(|byte| *byte != 0).unwrap();
            let near = &signature.cms[end - 40..=end];
            for (place, id) in [(find(&good, &rsa), "signature-rsa"), (find(&good, near) + 40, "signature-forged")] {
                let mut bytes = good.clone();
                bytes[place + 20 * usize::from(id == "signature-rsa")] ^= 1;
                fs::write(bench.path("flipped"), bytes).unwrap();
                let (ok, said) = bench.verify(&bench.path("flipped"), &["--root", &root]);
                assert!(!ok && said.contains(&format!("error[{id}]")), "{id}: {said}");
            }
        }
        if kind == Kind::Msi {
            let mut bytes = fs::read(&file).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(bench.path("flipped"), bytes).unwrap();
            let said = bench.must(&["inspect", bench.path("flipped").to_str().unwrap()]);
            assert!(said.contains("NOT VALID") && said.contains("was changed after it was signed"), "{said}");
            let (ok, said) = bench.verify(&bench.path("flipped"), &["--root", &root]);
            // In the cabinet the change ends the reading; in a stream beside it the package's own digest names it.
            let is_named = said.contains("error[damaged]") || said.contains("error[msi-content-digest]");
            assert!(!ok && said.contains("error[signature-digest]") && is_named, "{said}");
        }
    }
}
