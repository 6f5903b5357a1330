//! Wine installs MSIs that have a token beside their signature: the package's own custom action takes it from there.
//!
//! Wine checks no signature of an MSI, so the signed messages here are made by hand: what counts is what the custom action makes of
//! them. What Wine does not show: properties are not hidden in its log, and a component whose condition became false is not removed.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use container::slot::{MSI_LEN_BYTES, MSI_MAGIC, MSI_OID_DER, MSI_VERSION};
use installer::msi::Msi;
use installer::{Arch, Platform};
use serde_json::{Value, json};
use signing::issuer::{Algorithm, Claims, IssuerKey};

use super::msi_wine::{FAILED, Wine};
use crate::support::keys::keys;
use crate::support::product::{MANIFEST, Small, build};
use crate::support::{both, judge, output, program, run};

const KEY: &str = r"HKLM\SOFTWARE\Example Ltd\Example Agent";
const PRODUCT: &str = "Example Agent";
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

fn issuer(algorithm: Algorithm) -> IssuerKey {
    IssuerKey::generate(algorithm, &[5; 32]).unwrap()
}

/// The issuer's public keys, one of each kind.
fn jwks() -> Vec<u8> {
    let of = |algorithm| {
        let mut set: Value = serde_json::from_str(&issuer(algorithm).jwks()).unwrap();
        set["keys"][0].take()
    };
    json!({ "keys": [of(Algorithm::EdDsa), of(Algorithm::Es256)] }).to_string().into_bytes()
}

/// A token that has been over since 2001, which is not the token reader's business.
fn minted(key: &IssuerKey, product: &str, tenant: &str) -> String {
    let (issued, expires) = (1_000_000_000, 1_000_086_400);
    let claims = Claims { tenant, product, id: "t-1", issued, expires, serial: None, least_agent: None };
    key.mint(&claims).unwrap().to_string()
}

/// A token that the package takes.
fn good() -> String {
    minted(&issuer(Algorithm::EdDsa), PRODUCT, "acme")
}

/// A package with issuer keys and this signature, at a path below the folder of the test.
fn package(wine: &Wine, name: &str, required: bool, signature: Option<&[u8]>) -> PathBuf {
    let path = unsigned(wine, name, required, PRODUCT);
    if let Some(signature) = signature {
        sign(&path, signature);
    }
    path
}

/// A package with issuer keys and no signature.
fn unsigned(wine: &Wine, name: &str, required: bool, product: &str) -> PathBuf {
    let (before, rest) = MANIFEST.split_once("[service]").unwrap();
    let rest = rest.split_once("[[agent]]").unwrap().1;
    let before = before.replace(&format!("name = \"{PRODUCT}\""), &format!("name = \"{product}\""));
    let small = Small::with(&format!("{before}[token]\nrequired = {required}\n\n[[agent]]{rest}")).unwrap();
    let product = small.product.clone().with_issuer_keys(jwks()).unwrap();
    let agent = product.agents_for(Platform::Windows).find(|agent| agent.arch == Arch::X64).unwrap();
    let path = wine.folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, build(&Msi, &product, agent).unwrap()).unwrap();
    path
}

fn sign(path: &Path, signature: &[u8]) {
    let mut file = Cursor::new(fs::read(path).unwrap());
    let mut compound = cfb::CompoundFile::open(&mut file).unwrap();
    compound.create_stream("/\u{5}DigitalSignature").unwrap().write_all(signature).unwrap();
    compound.flush().unwrap();
    fs::write(path, file.into_inner()).unwrap();
}

/// Runs msiexec with a log; gives its status and what the token reader said in the log.
fn msiexec(wine: &Wine, arguments: &[&str]) -> (i32, String) {
    let _ = fs::remove_file(wine.drive(LOG));
    let log = format!("C:\\{LOG}");
    let status = wine.msiexec(&[arguments, &["/l*v", &log]].concat());
    let text = String::from_utf8_lossy(&fs::read(wine.drive(LOG)).unwrap_or_default()).replace('\0', "");
    let said: Vec<&str> = text.lines().filter(|line| line.contains("Stampwright token reader")).collect();
    let said = said.join("\n");
    assert!(!said.contains("eyJ"), "the token reader logs the token");
    (status, said)
}

fn install(wine: &Wine, path: &Path, properties: &[&str]) -> (i32, String) {
    msiexec(wine, &[&["/i", path.to_str().unwrap()], properties].concat())
}

fn token(wine: &Wine) -> Option<String> {
    let (status, text) = wine.run(&["reg", "query", KEY, "/v", "EnrollmentToken"]);
    let line = text.lines().find(|line| line.contains("EnrollmentToken")).filter(|_| status == 0)?;
    Some(line.split("REG_SZ").nth(1)?.trim().to_owned())
}

fn remove(wine: &Wine, path: &Path) {
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
    let of = |algorithm, tenant: &str| minted(&issuer(algorithm), PRODUCT, tenant);
    // Each letter of a claim is 4/3 letters of the token.
    let most = (4096 - of(Algorithm::Es256, "").len()) * 3 / 4;
    let longest = of(Algorithm::Es256, &"c".repeat(most));
    assert!((4094..=4096).contains(&longest.len()), "{}", longest.len());
    for (name, token_in_slot) in [
        ("agent.msi", &good()),
        ("renamed by somebody (1).msi", &of(Algorithm::Es256, "acme")),
        ("a [folder] {with} $% Ü/The [Agent].msi", &good()),
        ("short.msi", &of(Algorithm::EdDsa, "")),
        ("longest.msi", &longest),
    ] {
        let path = package(&wine, name, true, Some(&with_slot(&slot(token_in_slot.as_bytes()))));
        let (status, said) = install(&wine, &path, &[]);
        assert_eq!(status, 0, "{name}: {said}");
        let len = token_in_slot.len();
        assert!(
            said.contains(&format!(
                "a token of {len} bytes that its issuer signed is in the signature's slot of the open"
            )),
            "{said}"
        );
        assert_eq!(token(&wine).as_ref(), Some(token_in_slot), "{name}");
        remove(&wine, &path);
    }
}

#[test]
fn a_repair_reads_the_slot_again_and_an_enrolled_device_does_not() {
    let Some(wine) = start() else { return };
    let path = package(&wine, "agent.msi", true, Some(&with_slot(&slot(good().as_bytes()))));
    assert_eq!(install(&wine, &path, &[]).0, 0);
    assert_eq!(wine.run(&["reg", "delete", KEY, "/v", "EnrollmentToken", "/f"]).0, 0);
    let repair = ["REINSTALL=ALL", "REINSTALLMODE=vomus"];
    let (status, said) = install(&wine, &path, &repair);
    assert!(status == 0 && said.contains("ENROLLMENTTOKEN is set"), "{said}");
    assert_eq!(token(&wine).as_deref(), Some(good().as_str()));
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
    let path = package(&wine, "agent.msi", true, Some(&with_slot(&slot(good().as_bytes()))));
    let other = minted(&issuer(Algorithm::Es256), PRODUCT, "other");
    let (status, said) = install(&wine, &path, &[&format!("ENROLLMENTTOKEN={other}")]);
    assert!(status == 0 && said.contains("has a value already, which its issuer signed"), "{status}: {said}");
    assert_eq!(token(&wine), Some(other));
    remove(&wine, &path);
}

#[test]
fn a_command_line_brings_no_token_that_is_not_signed() {
    let Some(wine) = start() else { return };
    let foreign = minted(&IssuerKey::generate(Algorithm::EdDsa, &[6; 32]).unwrap(), PRODUCT, "mallory");
    let swapped = minted(&issuer(Algorithm::EdDsa), "Another Agent", "acme");
    let path = package(&wine, "agent.msi", true, Some(&with_slot(&slot(good().as_bytes()))));
    let bare = package(&wine, "bare.msi", true, None);
    for (given, why) in [
        (OTHER, "the token does not have three parts"),
        (foreign.as_str(), "a key that is not one of the issuer's"),
        (swapped.as_str(), "the token is for another product"),
    ] {
        // The slot's own counts then.
        let (status, said) = install(&wine, &path, &[&format!("ENROLLMENTTOKEN={given}")]);
        assert!(status == 0 && said.contains("counts as none") && said.contains(why), "{status}: {said}");
        assert_eq!(token(&wine), Some(good()), "{why}");
        remove(&wine, &path);
        // Where there is none, nothing is installed.
        let (status, said) = install(&wine, &bare, &[&format!("ENROLLMENTTOKEN={given}")]);
        assert!(status == FAILED && said.contains(why), "{status}: {said}");
        assert_eq!(token(&wine), None);
    }
}

#[test]
fn a_slot_that_is_not_right_leaves_the_property_empty_and_says_so() {
    let Some(wine) = start() else { return };
    let good = slot(good().as_bytes());
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
        ("address", Some(with_slot(&slot(b"https://evil.example/enroll"))), "is not a signed token"),
        ("formatted", Some(with_slot(&slot(b"a.b.[SystemFolder]"))), "is not a signed token"),
        ("moved", Some(message(&[ours.clone(), vendor()])), "the slot is not in the last certificate"),
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

/// Everything here has the right shape: it is the issuer's keys that tell it apart.
#[test]
fn a_token_that_no_issuer_signed_for_this_product_is_not_taken() {
    let Some(wine) = start() else { return };
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let key = issuer(algorithm);
        let (good, other) = (minted(&key, PRODUCT, "acme"), minted(&key, PRODUCT, "evil"));
        let ((content, _), (_, signature)) = (other.rsplit_once('.').unwrap(), good.rsplit_once('.').unwrap());
        let foreign = IssuerKey::generate(algorithm, &[6; 32]).unwrap();
        for (name, wrong, why) in [
            ("forged", format!("{content}.{signature}"), "the token's signature does not verify"),
            ("cut", good[..good.len() - 9].to_owned(), "the token's signature does not verify"),
            ("foreign", minted(&foreign, PRODUCT, "acme"), "signed with a key that is not one of the issuer's"),
            ("swapped", minted(&key, "Another Agent", "acme"), "the token is for another product"),
            ("shape", "a.b.c".to_owned(), "the token's header is not a JSON object"),
        ] {
            let path = package(&wine, &format!("{name}.msi"), false, Some(&with_slot(&slot(wrong.as_bytes()))));
            let (status, said) = install(&wine, &path, &[]);
            assert_eq!(status, 0, "{name}: {said}");
            assert!(said.contains(why) && said.contains("ENROLLMENTTOKEN stays empty"), "{name}: {said:?}");
            assert_eq!(token(&wine), None, "{name}");
            remove(&wine, &path);
        }
        let forged = slot(format!("{content}.{signature}").as_bytes());
        let path = package(&wine, "needed.msi", true, Some(&with_slot(&forged)));
        let (status, said) = install(&wine, &path, &[]);
        assert!(status == FAILED && said.contains("does not verify"), "{status}: {said}");
        assert_eq!(token(&wine), None);
    }
}

#[test]
fn a_package_without_issuer_keys_takes_no_token() {
    let Some(wine) = start() else { return };
    let Some(msibuild) = judge("msibuild") else { return };
    let path = unsigned(&wine, "keyless.msi", false, PRODUCT);
    run(&msibuild, [path.to_str().unwrap(), "-q", "DELETE FROM `Binary` WHERE `Name`='IssuerKeys'"]);
    sign(&path, &with_slot(&slot(good().as_bytes())));
    let (status, said) = install(&wine, &path, &[]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("there are no issuer keys in the package") && said.contains("stays empty"), "{said:?}");
    assert_eq!(token(&wine), None);
    remove(&wine, &path);
}

#[test]
fn a_product_may_have_any_name() {
    let Some(wine) = start() else { return };
    let name = "Größe & [Ägent] – 5 €";
    let path = unsigned(&wine, "named.msi", true, name);
    let minted = minted(&issuer(Algorithm::EdDsa), name, "acme");
    sign(&path, &with_slot(&slot(minted.as_bytes())));
    let (status, said) = install(&wine, &path, &[]);
    assert_eq!(status, 0, "{said}");
    let (_, found) = wine.run(&["reg", "query", r"HKLM\SOFTWARE\Example Ltd", "/s"]);
    assert!(found.contains(&minted), "{found}");
    remove(&wine, &path);
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
    let product = ["--product", manifest.to_str().unwrap(), "--format", "msi", "--issuer-keys", "issuer.jwks.json"];
    for (alg, issuer, name) in [("rsa2048", "eddsa", "one [x].msi"), ("p256", "es256", "two.msi")] {
        for made in ["signed", "bases", "issuer.key", "issuer.jwks.json"].map(|made| work.join(made)) {
            let _ = fs::remove_dir_all(&made).or_else(|_| fs::remove_file(&made));
        }
        fs::create_dir(work.join("signed")).unwrap();
        does(&["token", "keygen", "--alg", issuer, "-o", "issuer"]);
        does(&[&["build", "-o", "bases"], &product[..]].concat());
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
