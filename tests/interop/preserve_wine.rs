//! Wine installs MSIs that have a token beside their signature: the package's own custom action takes it from there.
//!
//! Wine checks no signature of an MSI, so the signed messages here are made by hand: what counts is what the custom action makes of
//! them. What Wine does not show: properties are not hidden in its log, and a component whose condition became false is not removed.

use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;

use container::slot::{MSI_LEN_BYTES, MSI_MAGIC, MSI_OID_DER, MSI_VERSION};
use installer::msi::Msi;
use installer::{Arch, Platform};
use signing::issuer::{Algorithm, IssuerKey};

use super::msi_wine::{FAILED, Wine};
use crate::support::keys::keys;
use crate::support::product::{MANIFEST, Small, build};
use crate::support::{both, output, program};

const KEY: &str = r"HKLM\SOFTWARE\Example Ltd\Example Agent";
const TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.eyJ0ZW5hbnQiOiJhY21lIn0.c2lnbmF0dXJl-_";
const OTHER: &str = "token-of-the-command-line";
const LOG: &str = "slot.log";

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let head = match len {
        0..=0x7F => vec![tag, len as u8],
        0x80..=0xFF => vec![tag, 0x81, len as u8],
        _ => vec![tag, 0x82, (len >> 8) as u8, len as u8],
    };
    [head, content.to_vec()].concat()
}

/// A certificate with one extension.
fn certificate(id: &[u8], value: &[u8]) -> Vec<u8> {
    let extension = tlv(0x30, &[tlv(0x06, id), tlv(0x04, value)].concat());
    let mut body = vec![tlv(0xA0, &tlv(0x02, &[2])), tlv(0x02, &[1])];
    body.extend((0..5).map(|_| tlv(0x30, &[])));
    body.push(tlv(0xA3, &tlv(0x30, &extension)));
    tlv(0x30, &[tlv(0x30, &body.concat()), tlv(0x30, &[]), tlv(0x03, &[0])].concat())
}

/// A signed message with these certificates.
fn message(certificates: &[Vec<u8>]) -> Vec<u8> {
    let certificates = tlv(0xA0, &certificates.concat());
    let data = [tlv(0x02, &[1]), tlv(0x31, &[]), tlv(0x30, &[]), certificates, tlv(0x31, &[])].concat();
    let signed_data = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
    tlv(0x30, &[tlv(0x06, &signed_data), tlv(0xA0, &tlv(0x30, &data))].concat())
}

fn slot(token: &[u8]) -> Vec<u8> {
    let mut slot = MSI_MAGIC.to_vec();
    slot.push(MSI_VERSION);
    slot.extend((token.len() as u16).to_be_bytes());
    slot.extend(token);
    slot.resize(MSI_LEN_BYTES, 0);
    slot
}

fn vendor() -> Vec<u8> {
    certificate(&[0x55, 0x1D, 0x0F], &[3])
}

/// The vendor's certificate and one with this slot.
fn with_slot(slot: &[u8]) -> Vec<u8> {
    message(&[vendor(), certificate(&MSI_OID_DER, slot)])
}

/// A package with issuer keys and this signature, at a path below the folder of the test.
fn package(wine: &Wine, name: &str, required: bool, signature: Option<&[u8]>) -> PathBuf {
    let (before, rest) = MANIFEST.split_once("[service]").unwrap();
    let rest = rest.split_once("[[agent]]").unwrap().1;
    let small = Small::with(&format!("{before}[token]\nrequired = {required}\n\n[[agent]]{rest}")).unwrap();
    let key = IssuerKey::generate(Algorithm::EdDsa, &[5; 32]).unwrap();
    let product = small.product.clone().with_issuer_keys(key.jwks().into_bytes()).unwrap();
    let agent = product.agents_for(Platform::Windows).find(|agent| agent.arch == Arch::X64).unwrap();
    let mut file = Cursor::new(build(&Msi, &product, agent).unwrap());
    if let Some(signature) = signature {
        let mut compound = cfb::CompoundFile::open(&mut file).unwrap();
        compound.create_stream("/\u{5}DigitalSignature").unwrap().write_all(signature).unwrap();
        compound.flush().unwrap();
    }
    let path = wine.folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, file.into_inner()).unwrap();
    path
}

/// Runs msiexec with a log; gives its status and what the token reader said in the log.
fn msiexec(wine: &Wine, arguments: &[&str]) -> (i32, String) {
    let _ = fs::remove_file(wine.drive(LOG));
    let log = format!("C:\\{LOG}");
    let status = wine.msiexec(&[arguments, &["/l*v", &log]].concat());
    let text = String::from_utf8_lossy(&fs::read(wine.drive(LOG)).unwrap_or_default()).replace('\0', "");
    let said: Vec<&str> = text.lines().filter(|line| line.contains("Stampwright token reader")).collect();
    let said = said.join("\n");
    assert!(!said.contains(TOKEN), "the token reader logs the token");
    (status, said)
}

fn install(wine: &Wine, path: &std::path::Path, properties: &[&str]) -> (i32, String) {
    msiexec(wine, &[&["/i", path.to_str().unwrap()], properties].concat())
}

fn token(wine: &Wine) -> Option<String> {
    let (status, text) = wine.run(&["reg", "query", KEY, "/v", "EnrollmentToken"]);
    let line = text.lines().find(|line| line.contains("EnrollmentToken")).filter(|_| status == 0)?;
    Some(line.split("REG_SZ").nth(1)?.trim().to_owned())
}

fn remove(wine: &Wine, path: &std::path::Path) {
    let (status, said) = msiexec(wine, &["/x", path.to_str().unwrap()]);
    assert_eq!((status, said.as_str()), (0, ""), "a removal does not read the token");
    let _ = wine.run(&["reg", "delete", r"HKLM\SOFTWARE\Example Ltd", "/f"]);
}

/// Wine, with nothing of ours left from a test that failed.
fn start() -> Option<Wine> {
    let wine = Wine::without_probe()?;
    let _ = wine.run(&["reg", "delete", r"HKLM\SOFTWARE\Example Ltd", "/f"]);
    Some(wine)
}

#[test]
fn the_registry_has_the_token_of_the_slot_wherever_the_package_lies() {
    let Some(wine) = start() else { return };
    let longest = format!("a.b.{}", "c".repeat(4092));
    for (name, token_in_slot) in [
        ("agent.msi", TOKEN),
        ("renamed by somebody (1).msi", TOKEN),
        ("a [folder] {with} $% Ü/The [Agent].msi", TOKEN),
        ("short.msi", "a.b.c"),
        ("longest.msi", longest.as_str()),
    ] {
        let path = package(&wine, name, true, Some(&with_slot(&slot(token_in_slot.as_bytes()))));
        let (status, said) = install(&wine, &path, &[]);
        assert_eq!(status, 0, "{name}: {said}");
        let len = token_in_slot.len();
        assert!(
            said.contains(&format!("a token of {len} bytes is in the signature's slot of the open package")),
            "{said}"
        );
        assert_eq!(token(&wine).as_deref(), Some(token_in_slot), "{name}");
        remove(&wine, &path);
    }
}

#[test]
fn a_repair_reads_the_slot_again_and_an_enrolled_device_does_not() {
    let Some(wine) = start() else { return };
    let path = package(&wine, "agent.msi", true, Some(&with_slot(&slot(TOKEN.as_bytes()))));
    assert_eq!(install(&wine, &path, &[]).0, 0);
    assert_eq!(wine.run(&["reg", "delete", KEY, "/v", "EnrollmentToken", "/f"]).0, 0);
    let repair = ["REINSTALL=ALL", "REINSTALLMODE=vomus"];
    let (status, said) = install(&wine, &path, &repair);
    assert!(status == 0 && said.contains("ENROLLMENTTOKEN is set"), "{said}");
    assert_eq!(token(&wine).as_deref(), Some(TOKEN));
    // What the agent does once it has an identity of its own.
    assert_eq!(wine.run(&["reg", "add", KEY, "/v", "EnrollmentState", "/d", "enrolled", "/f"]).0, 0);
    assert_eq!(wine.run(&["reg", "delete", KEY, "/v", "EnrollmentToken", "/f"]).0, 0);
    let (status, said) = install(&wine, &path, &repair);
    assert_eq!((status, said.as_str()), (0, ""), "it does not run");
    assert_eq!(token(&wine), None);
    remove(&wine, &path);
}

#[test]
fn the_command_line_wins() {
    let Some(wine) = start() else { return };
    let path = package(&wine, "agent.msi", true, Some(&with_slot(&slot(TOKEN.as_bytes()))));
    let (status, said) = install(&wine, &path, &[&format!("ENROLLMENTTOKEN={OTHER}")]);
    assert_eq!((status, said.as_str()), (0, ""), "it does not run");
    assert_eq!(token(&wine).as_deref(), Some(OTHER));
    remove(&wine, &path);
}

#[test]
fn a_slot_that_is_not_right_leaves_the_property_empty_and_says_so() {
    let Some(wine) = start() else { return };
    let good = slot(TOKEN.as_bytes());
    let mut over_long = good.clone();
    over_long[17..19].copy_from_slice(&4097_u16.to_be_bytes());
    let mut behind = good.clone();
    behind[4000] = b'x';
    let mut flipped = good.clone();
    flipped[0] ^= 1;
    let ours = certificate(&MSI_OID_DER, &good);
    let truncated = with_slot(&good);
    for (name, signature, why) in [
        ("none", None, "there is no signature"),
        ("unprepared", Some(message(&[vendor()])), "the signature has no slot"),
        ("empty", Some(with_slot(&slot(b""))), "the slot is empty"),
        ("forged", Some(with_slot(&slot(b"https://evil.example/enroll"))), "is not a signed token"),
        ("formatted", Some(with_slot(&slot(b"a.b.[SystemFolder]"))), "is not a signed token"),
        ("swapped", Some(message(&[ours.clone(), vendor()])), "the slot is not in the last certificate"),
        ("twice", Some(message(&[ours.clone(), ours])), "there are two slots"),
        ("other", Some(message(&[vendor(), certificate(&[0x2A, 3, 4], &good)])), "the signature has no slot"),
        ("cut", Some(truncated[..truncated.len() - 900].to_vec()), "the signature is not a signed message"),
        ("short", Some(with_slot(&good[..4000])), "the slot has another length"),
        ("long", Some(with_slot(&[&good[..], &[0; 8]].concat())), "the slot has another length"),
        ("over-long", Some(with_slot(&over_long)), "the token is longer than the slot"),
        ("behind", Some(with_slot(&behind)), "there is something behind the token"),
        ("flipped", Some(with_slot(&flipped)), "the slot does not start as one"),
        ("garbage", Some(vec![0x30; 9000]), "the signature is not a signed message"),
    ] {
        let path = package(&wine, &format!("{name}.msi"), false, signature.as_deref());
        let (status, said) = install(&wine, &path, &[]);
        assert_eq!(status, 0, "{name}: {said}");
        assert!(said.contains(why) && said.contains("ENROLLMENTTOKEN stays empty"), "{name}: {said:?}");
        assert_eq!(token(&wine), None, "{name}");
        remove(&wine, &path);
    }
    // A package that needs a token installs nothing without one.
    let path = package(&wine, "needed.msi", true, Some(&with_slot(&behind)));
    let (status, said) = install(&wine, &path, &[]);
    assert!(status == FAILED && said.contains("there is something behind the token"), "{status}: {said}");
    assert_eq!(token(&wine), None);
}

/// The whole way: built, signed, prepared without a key, stamped beside the signature, installed from a renamed copy.
#[test]
fn a_token_that_was_stamped_beside_a_real_signature_gets_to_the_registry() {
    let Some(wine) = start() else { return };
    let Some(keys) = keys() else { return };
    let (before, rest) = MANIFEST.split_once("[service]").unwrap();
    let rest = rest.split_once("[[agent]]").unwrap().1;
    let small = Small::with(&format!("{before}[[agent]]{rest}")).unwrap();
    let work = wine.folder.path().join("work");
    fs::create_dir(&work).unwrap();
    let does = |args: &[&str]| {
        let said = output(program().args(args).current_dir(&work));
        assert!(said.status.success(), "{args:?}: {}", both(&said));
    };
    let manifest = small.manifest();
    does(&["token", "keygen", "-o", "issuer"]);
    let product = ["--product", manifest.to_str().unwrap(), "--format", "msi", "--issuer-keys", "issuer.jwks.json"];
    does(&[&["build", "-o", "bases"], &product[..]].concat());
    for (alg, name) in [("rsa2048", "one [x].msi"), ("p256", "two.msi")] {
        let _ = fs::remove_dir_all(work.join("signed"));
        fs::create_dir(work.join("signed")).unwrap();
        let signer: Vec<String> = keys.arguments(alg);
        let signer: Vec<&str> = signer.iter().map(String::as_str).collect();
        does(&[&["sign", "bases/Example-Agent.msi", "-o", "signed/a.msi"], &signer[..]].concat());
        does(&["prepare", "signed/a.msi", "-o", "signed/p.msi"]);
        does(&["token", "mint", "--key", "issuer.key", "--tenant", alg, "--product", "Example Agent", "-o", "t"]);
        let minted = fs::read_to_string(work.join("t")).unwrap().trim_end().to_owned();
        does(&["stamp", "signed/p.msi", "--token-file", "t", "-o", name]);
        let (status, said) = install(&wine, &work.join(name), &[]);
        assert_eq!(status, 0, "{said}");
        assert_eq!(token(&wine).as_deref(), Some(minted.as_str()));
        remove(&wine, &work.join(name));
    }
}
