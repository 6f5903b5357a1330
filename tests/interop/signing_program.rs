//! The DLL with an MSI's custom actions: signed before it goes in, because Windows weighs it apart from the package. osslsigncode says
//! of it what it says of any other library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use installer::Kind;
use installer::agent::signer_of_image;

use crate::support::keys::{Keys, Manners, keys, timestamp_authority};
use crate::support::product::{MANIFEST, Small};
use crate::support::signed::Bench;
use crate::support::{both, judge, output};

const UNSIGNED: &str = "warning[msi-token-reader-unsigned]";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Takes the DLL out of an MSI with msitools. `None`: they are not there.
fn program(msi: &Path) -> Option<PathBuf> {
    let said = output(Command::new(judge("msiinfo")?).args(["extract", text(msi), "Binary.TokenReader"]));
    assert!(said.status.success() && said.stdout.starts_with(b"MZ"));
    let path = msi.with_extension("dll");
    fs::write(&path, said.stdout).unwrap();
    Some(path)
}

/// That osslsigncode finds the signature good, its chain, and the checksum in the header.
fn is_good(keys: &Keys, program: &Path) {
    let Some(osslsigncode) = judge("osslsigncode") else { return };
    let ca = keys.text("ca.pem");
    let arguments = ["verify", "-CAfile", &ca, "-TSA-CAfile", &ca, "-in", text(program)];
    let said = both(&output(Command::new(osslsigncode).args(arguments)));
    assert!(said.contains("Signature verification: ok"), "{said}");
    // It says two numbers where the one in the header is not that of the file.
    assert!(said.contains("PE checksum   :") && !said.contains("Calculated PE checksum"), "{said}");
}

/// Makes MSIs for both architectures; gives what was said and where they are.
fn made(bench: &Bench, small: &Small, arguments: &[&str]) -> (String, [PathBuf; 2]) {
    let (manifest, token, out) =
        (small.manifest(), bench.folder.path().join("token"), bench.folder.path().join("made"));
    let _ = fs::remove_dir_all(&out);
    let make =
        ["make", "--format", "msi", "--product", text(&manifest), "--token-file", text(&token), "-o", text(&out)];
    let said = bench.must(&[&make[..], arguments].concat());
    (said, ["Example-Agent.msi", "Example-Agent-arm64.msi"].map(|name| out.join(name)))
}

#[test]
fn make_signs_what_an_installer_brings_of_its_own() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let small = Small::new();
    let authority = timestamp_authority(keys, Manners::Good);
    for (name, more) in [("rsa2048", &["--timestamp", authority.as_str()][..]), ("p384", &[])] {
        let arguments = keys.arguments(name);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let (said, files) = made(&bench, &small, &arguments);
        assert!(!said.contains("token-reader"), "{said}");
        for file in &files {
            let (ok, said) = bench.verify(file, &["--root", &keys.text("ca.pem")]);
            assert!(ok && !said.contains(UNSIGNED), "{said}");
            let Some(program) = program(file) else { return };
            is_good(keys, &program);
            let bytes = fs::read(&program).unwrap();
            let signer = signer_of_image(&bytes).unwrap().unwrap();
            assert_eq!(signer.name.unwrap(), format!("Test-{name}"));
        }
    }
    // A deb and an rpm bring no program that a system weighs.
    let (unsigned, _) = made(&bench, &small, &[]);
    assert!(
        !unsigned.contains("token-reader"),
        "without a signature of the package there is none to be outdone: {unsigned}"
    );
}

#[test]
fn a_command_signs_it_as_well() {
    let (Some(keys), Some(osslsigncode)) = (keys(), judge("osslsigncode")) else { return };
    let bench = Bench::new(Kind::Msi);
    let (certificates, key) = (keys.text("rsa2048.pem"), keys.text("rsa2048.key"));
    let osslsigncode = osslsigncode.display();
    let command = format!("{osslsigncode} sign -certs '{certificates}' -key '{key}' -h sha256 -in {{in}} -out {{out}}");
    let (_, files) = made(&bench, &Small::new(), &["--sign-file-command", &command]);
    for file in &files {
        let (ok, said) = bench.verify(file, &["--root", &keys.text("ca.pem")]);
        assert!(ok && !said.contains(UNSIGNED), "{said}");
        let Some(program) = program(file) else { return };
        is_good(keys, &program);
    }
}

/// A base is signed after it was built: then what is in it cannot be signed any more.
#[test]
fn a_signed_package_around_an_unsigned_program_is_a_warning() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let arguments = keys.arguments("p256");
    let late = bench.sign("base", "late", &arguments);
    let (ok, said) = bench.verify(&late, &[]);
    assert!(ok && said.contains(UNSIGNED), "{said}");
    let (_, said) = bench.verify(&bench.path("base"), &[]);
    assert!(!said.contains(UNSIGNED), "{said}");

    let small = Small::new();
    let (manifest, out) = (small.manifest(), bench.folder.path().join("built"));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let build = ["build", "--format", "msi", "--product", text(&manifest), "-o", text(&out)];
    let refused = bench.stampwright(&[&build[..], &arguments].concat());
    assert!(refused.status.code() == Some(2) && both(&refused).contains("--sign-programs"), "{}", both(&refused));
    let refused = bench.stampwright(&[&build[..], &["--sign-programs"]].concat());
    assert!(refused.status.code() == Some(2) && both(&refused).contains("needs a signer"), "{}", both(&refused));
    bench.must(&[&build[..], &["--sign-programs"], &arguments].concat());
    let (base, signed) = (out.join("Example-Agent.msi"), bench.path("signed"));
    let (ok, said) = bench.verify(&base, &[]);
    assert!(ok && !said.contains("signature: by"), "the base itself is not signed: {said}");
    bench.must(&[&["sign", text(&base), "-o", text(&signed)], &arguments[..]].concat());
    let (stamped, token) = (bench.path("again"), bench.folder.path().join("token"));
    let stamp = ["stamp", text(&signed), "--resign", "--token-file", text(&token), "-o", text(&stamped)];
    bench.must(&[&stamp[..], &arguments].concat());
    for file in [&signed, &stamped] {
        let (ok, said) = bench.verify(file, &["--root", &keys.text("ca.pem")]);
        assert!(ok && !said.contains(UNSIGNED), "{said}");
    }
}

/// The vendor's own copy is not signed again, and one that was changed after it was signed is an error.
#[test]
fn a_copy_that_is_signed_stays_as_it_is() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let arguments = keys.arguments("rsa2048");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (_, [first, _]) = made(&bench, &Small::new(), &arguments);
    let Some(program) = program(&first) else { return };
    let bytes = fs::read(&program).unwrap();
    let with = |name: &str, bytes: &[u8]| {
        let manifest = MANIFEST.replacen("[windows]\n", &format!("[windows]\ntoken-reader-x64 = \"{name}\"\n"), 1);
        let folder = Small::new();
        fs::write(folder.folder.path().join(name), bytes).unwrap();
        fs::write(folder.manifest(), manifest).unwrap();
        folder
    };
    let (_, [second, _]) =
        made(&bench, &with("own.dll", &bytes), &["--certs", &keys.text("p256.pem"), "--key", &keys.text("p256.key")]);
    assert_eq!(fs::read(self::program(&second).unwrap()).unwrap(), bytes);

    let mut changed = bytes.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let small = with("changed.dll", &changed);
    let (manifest, out) = (small.manifest(), bench.folder.path().join("wrong"));
    let build = ["build", "--format", "msi", "--product", text(&manifest), "-o", text(&out)];
    let said = bench.stampwright(&build);
    assert!(!said.status.success() && both(&said).contains("msi-token-reader"), "{}", both(&said));
    assert!(!out.join("Example-Agent.msi").exists());
}
