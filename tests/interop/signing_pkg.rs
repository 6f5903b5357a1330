//! Our signatures of product archives before apple-platform, OpenSSL and libarchive.

use std::fs;
use std::path::Path;

use installer::Kind;

use crate::support::keys::{Keys, Manners, keys, timestamp_authority};
use crate::support::once::Once;
use crate::support::signed::Bench;
use crate::support::{both, judge, judges_folder, missing, run};

const FLAGS: &str = "\
import sys
from apple_platform import reading
toc = reading.read_signature(sys.argv[1])[0]['entity']['xar_table_of_contents']
for flag in ('checksum_verifies', 'rsa_signature_verifies', 'cms_signature_verifies'):
    print(flag, toc.get(flag))
";

pub fn judged_good(bench: &Bench, keys: &Keys, file: &Path) {
    let python = judges_folder().join("venv/bin/python");
    if python.is_file() {
        // It knows the plain signature in its own form only; OpenSSL judges Apple's.
        let said = run(&python, ["-c", FLAGS, file.to_str().unwrap()]);
        assert!(said.contains("checksum_verifies True") && said.contains("cms_signature_verifies True"), "{said}");
    } else {
        missing("apple_platform (Python)");
    }
    if let Some(bsdtar) = judge("bsdtar") {
        let said = run(bsdtar, ["-tf", file.to_str().unwrap()]);
        assert!(said.contains("Distribution"), "{said}");
    }
    let (ok, said) = bench.verify(file, &["--root", &keys.text("ca.pem")]);
    assert!(ok && !said.contains("warning[signature"), "{said}");
}

#[test]
fn a_base_and_a_stamp_are_signed() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Pkg);
    for from in ["base", "stamped"] {
        judged_good(&bench, keys, &bench.sign(from, &format!("signed-{from}"), &keys.arguments("installer")));
    }
    let mut arguments = keys.arguments("installer");
    arguments.extend(["--timestamp".to_owned(), timestamp_authority(keys, Manners::Good)]);
    let file = bench.sign("stamped", "timestamped", &arguments);
    judged_good(&bench, keys, &file);
    let said = bench.must(&["inspect", file.to_str().unwrap(), "--root", &keys.text("ca.pem")]);
    assert!(said.contains("timestamp: ") && said.contains("valid, trusted"), "{said}");
}

/// Apple's form of the plain signature: the checksum is the digest. A command that only signs SHA-256 gets `rcodesign`'s.
#[test]
fn openssl_reads_the_message() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Pkg);
    let key = keys.text("installer.key");
    let apples = "pkeyutl -verify -pubin -inkey installer.pub -pkeyopt digest:sha1 -in toc -sigfile toc.rsa";
    let others = "dgst -sha256 -verify installer.pub -signature toc.rsa toc";
    let sha256 = format!("openssl pkeyutl -sign -inkey {key} -pkeyopt digest:sha256");
    let script = keys.text("either.sh");
    let text = format!(
        "d=sha256; test $1 = rsa-pkcs1-sha1 && d=sha1; openssl pkeyutl -sign -inkey {key} -pkeyopt digest:$d\n"
    );
    fs::write(&script, text).unwrap();
    let either = format!("sh {script} {{algorithm}}");
    let certificates = keys.text("installer.pem");
    let command =
        |line: &str| ["--certs".into(), certificates.clone(), "--sign-command".into(), line.to_owned()].to_vec();
    for (arguments, form) in [
        (keys.arguments("installer"), apples),
        (command(&either), apples),
        (command(&sha256), others),
        (command(&format!("sh -c '{sha256}' {{algorithm}}")), others),
    ] {
        let file = bench.sign("base", "signed", &arguments);
        openssl_takes(keys, &file, form);
        judged_good(&bench, keys, &file);
    }
}

fn openssl_takes(keys: &Keys, file: &Path, plain: &str) {
    let bytes = fs::read(file).unwrap();
    let format = installer::formats::recognise(&bytes).unwrap();
    let signature = format.signature(&bytes).unwrap().unwrap();
    let installer::signature::Imprints::Toc { sha1 } = signature.imprint else { panic!("another imprint") };
    fs::write(keys.path("toc"), sha1).unwrap();
    let unpadded = signature.cms.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    fs::write(keys.path("toc.cms"), &signature.cms[..unpadded]).unwrap();
    fs::write(keys.path("toc.rsa"), &signature.rsa.unwrap().bytes).unwrap();
    keys.openssl("cms -verify -binary -inform DER -in toc.cms -content toc -CAfile ca.pem -purpose any -out toc.out");
    keys.openssl("x509 -in installer.crt -pubkey -noout -out installer.pub");
    keys.openssl(plain);
}

/// Apple's encoder writes BER; the same message in it is judged the same.
#[test]
fn a_message_in_indefinite_lengths_is_read() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Pkg);
    let bytes = fs::read(bench.sign("base", "signed", &keys.arguments("installer"))).unwrap();
    let signature = installer::formats::recognise(&bytes).unwrap().signature(&bytes).unwrap().unwrap();
    let installer::signature::Imprints::Toc { sha1 } = signature.imprint else { panic!("another imprint") };
    let roots = signing::Certificate::read_all(&fs::read(keys.path("ca.pem")).unwrap()).unwrap();
    let trust =
        signing::verify::Trust { roots: &roots, keys: &signing::openpgp::Keyring::default(), now: 1_900_000_000 };
    let der = signature.cms;
    assert_eq!((der[0], der[1]), (0x30, 0x82), "a long sequence");
    let end = 4 + usize::from(der[2]) * 256 + usize::from(der[3]);
    let ber = [&[0x30, 0x80], &der[4..end], &[0; 2], &der[end..]].concat();
    let judged = |cms: &[u8]| signing::verify::package(cms, None, &sha1, trust);
    assert_eq!(judged(&ber).unwrap(), judged(&der).unwrap());
    assert!(judged(&ber).unwrap().is_ok());
    assert!(judged(&ber[..end - 1]).unwrap_err().to_string().contains("ContentInfo at 0x0: needs "));
}

#[test]
fn a_stamp_is_signed_in_the_same_step() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Pkg);
    let signed = bench.sign("base", "signed", &keys.arguments("installer"));
    let (token, out) = (bench.folder.path().join("token"), bench.path("out"));
    for (from, more) in [(bench.path("base"), None), (signed, Some("--resign"))] {
        let mut command =
            vec!["stamp", from.to_str().unwrap(), "--token-file", token.to_str().unwrap(), "-o", out.to_str().unwrap()];
        let arguments = keys.arguments("installer");
        command.extend(arguments.iter().map(String::as_str));
        command.extend(more);
        bench.must(&command);
        judged_good(&bench, keys, &out);
    }
}

#[test]
fn what_apple_platform_signs_we_judge_as_it_does() {
    let python = judges_folder().join("venv/bin/python");
    if !python.is_file() {
        return missing("apple_platform (Python)");
    }
    let bench = Bench::new(Kind::Pkg);
    let lines = "\
import sys
import apple_platform
from apple_platform import certificates
made = certificates.generate_self_signed('Test', profile='developer-id-installer')
open(sys.argv[3], 'wb').write(made.to_p12('pw'))
signer = apple_platform.Signer(p12=apple_platform.P12Key(sys.argv[3], 'pw'))
apple_platform.sign(sys.argv[1], sys.argv[2], signer=signer, timestamp_url='none')
";
    let (from, to, p12) = (bench.path("stamped"), bench.path("theirs"), bench.folder.path().join("their.p12"));
    run(&python, ["-c", lines, from.to_str().unwrap(), to.to_str().unwrap(), p12.to_str().unwrap()]);
    let said = bench.must(&["inspect", to.to_str().unwrap()]);
    assert!(said.contains(", valid"), "{said}");
    // Their key signs with us as well.
    super::signing_msi::owner_only(&p12);
    fs::write(bench.folder.path().join("password"), "pw").unwrap();
    super::signing_msi::owner_only(&bench.folder.path().join("password"));
    let password = bench.folder.path().join("password").to_str().unwrap().to_owned();
    let arguments = ["--pkcs12".into(), p12.to_str().unwrap().into(), "--key-password-file".into(), password];
    let said = bench.try_to_sign("stamped", "ours", &arguments);
    assert!(said.status.success(), "{}", both(&said));
}

#[test]
fn a_changed_payload_is_not_called_valid() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Pkg);
    let file = bench.sign("stamped", "signed", &keys.arguments("installer"));
    let inspect = |file: &Path| both(&bench.stampwright(&["inspect", file.to_str().unwrap()]));
    assert!(inspect(&file).contains(", valid"));
    let mut bytes = fs::read(&file).unwrap();
    let archive = container::xar::open(&bytes).unwrap();
    let payload = archive.members.iter().find(|member| member.path.ends_with("/Payload")).unwrap();
    let at = archive.heap_offset + archive.data(&payload.path).unwrap().offset;
    bytes[at as usize + 100] ^= 1;
    let bad = bench.path("bad");
    fs::write(&bad, bytes).unwrap();
    // The signature is over the table of contents, which names the digest of the payload.
    let said = inspect(&bad);
    assert!(said.contains("NOT VALID") && said.contains("Payload: xar member at"), "{said}");
    assert!(!said.contains(", valid"), "{said}");
}

#[test]
fn make_signs_as_well() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Pkg);
    let small = crate::support::product::Small::new();
    let (manifest, token, out) = (small.manifest(), bench.folder.path().join("token"), bench.folder.path().join("out"));
    let make = ["make", "--product", manifest.to_str().unwrap(), "--token-file", token.to_str().unwrap()];
    let arguments = keys.arguments("installer");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    bench.must(&[&make[..], &["--format", "pkg", "-o", out.to_str().unwrap()], &arguments].concat());
    judged_good(&bench, keys, &out.join("Example-Agent.pkg"));
    // The agent in it has a signature of its own.
    let (_, said) = bench.verify(&out.join("Example-Agent.pkg"), &[]);
    assert!(said.contains("note[agent-signature]") && said.contains(" as its signer"), "{said}");
}
