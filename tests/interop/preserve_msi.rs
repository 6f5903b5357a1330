//! Prepared and stamped packages before osslsigncode, signify, 7-Zip and olefile: ours, and those that other tools have built and signed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use container::cfb::read::Compound;
use installer::{Kind, formats};

use super::signing_msi::judged_good;
use crate::prepared::issuer;
use crate::support::keys::{Keys, keys};
use crate::support::once::Once;
use crate::support::signed::Bench;
use crate::support::{both, judge, judges_folder, missing, output, pkcs7, run};

const OLEFILE: &str = "\
import sys, olefile
ole = olefile.OleFileIO(sys.argv[1], raise_defects=olefile.DEFECT_UNSURE)
print(len(ole.listdir()), 'streams,', len(ole.parsing_issues), 'issues')
";

/// Prepares `signed` and stamps it, by the program; gives the prepared and the stamped file.
pub fn prepared_and_stamped(bench: &Bench, signed: &Path) -> [PathBuf; 2] {
    let (jwks, token) = (bench.folder.path().join("jwks.json"), bench.folder.path().join("jws"));
    fs::write(&jwks, issuer().jwks()).unwrap();
    fs::write(&token, issuer().token("acme", 0).expose()).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let ending = signed.extension().unwrap().to_str().unwrap();
    let name = signed.file_stem().unwrap().to_str().unwrap();
    let out = |what: &str| bench.folder.path().join(format!("{name}-{what}.{ending}"));
    let (prepared, stamped) = (out("prepared"), out("stamped"));
    let asserted = ["--issuer-keys", &text(&jwks), "--keys-pinned-in-agent"];
    let said = bench.must(&[&["prepare", &text(signed), "-o", &text(&prepared)], asserted.as_slice()].concat());
    assert!(said.contains("asserted, not seen"), "{said}");
    bench.must(&["stamp", &text(&prepared), "--token-file", &text(&token), "-o", &text(&stamped)]);
    let manifest = format!("{}.prepare.json", text(&prepared));
    let said = bench.must(&["verify", &text(&stamped), "--prepared", &manifest, "--token-file", &text(&token)]);
    assert!(!said.contains("error["), "{said}");
    assert!(bench.must(&["inspect", &text(&stamped)]).contains("filled"));

    // Another byte is found; another token as well.
    let mut bad = fs::read(&stamped).unwrap();
    let at = bad.len() / 2;
    bad[at] ^= 1;
    fs::write(out("bad"), bad).unwrap();
    assert!(!bench.verify(&out("bad"), &["--prepared", &manifest]).0);
    fs::write(&token, "no.signed.token").unwrap();
    let (prepared_text, out_text) = (text(&prepared), text(&out("never")));
    let said = bench.stampwright(&["stamp", &prepared_text, "--token-file", &text(&token), "-o", &out_text]);
    assert_eq!(said.status.code(), Some(1));
    assert!(!out("never").exists());
    [prepared, stamped]
}

/// 7-Zip and olefile read it without a complaint, and we find it compact.
fn sound(file: &Path) {
    let bytes = fs::read(file).unwrap();
    assert_eq!(Compound::open(&bytes).unwrap().check().unwrap(), []);
    let text = file.to_str().unwrap();
    if let Some(judge) = judge("7z") {
        let said = run(judge, ["t", "-tCompound", text]);
        assert!(said.contains("Everything is Ok") && !said.to_lowercase().contains("warning"), "{said}");
    }
    let python = judges_folder().join("venv/bin/python");
    if !python.is_file() {
        return missing("olefile (Python)");
    }
    let said = run(python, ["-c", OLEFILE, text]);
    assert!(said.contains(" 0 issues"), "{said}");
}

fn all_good(bench: &Bench, keys: &Keys, signed: &Path) {
    judged_good(keys, signed);
    for file in prepared_and_stamped(bench, signed) {
        judged_good(keys, &file);
        sound(&file);
    }
}

#[test]
fn ours_stays_signed() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    for name in ["rsa2048", "p384"] {
        let signed = bench.sign("base", &format!("signed-{name}"), &keys.arguments(name));
        sound(&signed);
        all_good(&bench, keys, &signed);
    }
}

/// Signs with osslsigncode.
fn theirs(keys: &Keys, from: &Path, to: &Path, more: &[&str]) -> Option<()> {
    let osslsigncode = judge("osslsigncode")?;
    let (certs, key) = (keys.text("rsa2048.pem"), keys.text("rsa2048.key"));
    let common = ["sign", "-certs", &certs, "-key", &key, "-h", "sha256", "-add-msi-dse"];
    let files = ["-in", from.to_str().unwrap(), "-out", to.to_str().unwrap()];
    run(osslsigncode, [&common, more, &files].concat());
    Some(())
}

#[test]
fn what_osslsigncode_signed_stays_signed_with_both_signatures() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let (once, twice) = (bench.path("once"), bench.path("twice"));
    if theirs(keys, &bench.path("base"), &once, &[]).is_none() || theirs(keys, &once, &twice, &["-nest"]).is_none() {
        return;
    }
    for file in [&once, &twice] {
        all_good(&bench, keys, file);
    }
    let format = formats::by_kind(Kind::Msi).unwrap();
    let message = |path: &Path| format.signature(&fs::read(path).unwrap()).unwrap().unwrap().cms;
    let before = pkcs7::parts(&message(&twice));
    let after = pkcs7::parts(&message(&bench.path("twice-stamped")));
    assert_eq!(after.certificates.len(), before.certificates.len() + 1);
    assert_eq!(&after.certificates[..before.certificates.len()], before.certificates.as_slice());
    assert_eq!((after.signers, after.content), (before.signers, before.content));
}

#[test]
fn a_package_of_wixl_with_small_sectors_and_many_of_them() {
    let (Some(keys), Some(wixl)) = (keys(), judge("wixl")) else { return };
    let bench = Bench::new(Kind::Msi);
    let folder = bench.folder.path();
    // Noise does not compress: the cabinet needs more than the 109 FAT sectors, 7 MB, that the header names.
    let noise = std::iter::successors(Some(1_u32), |n| Some(n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)));
    let noise: Vec<u8> = noise.map(|n| (n >> 24) as u8).take(9 << 20).collect();
    fs::write(folder.join("agent.exe"), noise).unwrap();
    fs::write(folder.join("small.txt"), "small").unwrap();
    for (name, file) in [("large", "agent.exe"), ("small", "small.txt")] {
        let source = WXS.replace("SOURCE", file);
        let (wxs, plain, signed) = (folder.join("a.wxs"), bench.path(name), bench.path(&format!("{name}-signed")));
        fs::write(&wxs, source).unwrap();
        let mut command = Command::new(&wixl);
        let said = output(command.args(["-a", "x64", "-o"]).args([&plain, &wxs]).current_dir(folder));
        assert!(said.status.success(), "{}", both(&said));
        assert_eq!(Compound::open(&fs::read(&plain).unwrap()).unwrap().version(), 3);
        if theirs(keys, &plain, &signed, &[]).is_none() {
            return;
        }
        all_good(&bench, keys, &signed);
        // Signed by us it is a package for the judges as well.
        let ours = bench.sign(name, &format!("{name}-ours"), &keys.arguments("p256"));
        sound(&ours);
        all_good(&bench, keys, &ours);
    }
}

const WXS: &str = r#"<?xml version="1.0"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
 <Product Id="*" Name="Example Agent" Language="1033" Version="1.0.0" Manufacturer="Example" UpgradeCode="{0B6B1E3D-6E3B-4C53-9D3C-6F2B8E6C9A77}">
  <Package InstallerVersion="500" Compressed="yes" InstallScope="perMachine"/>
  <Media Id="1" Cabinet="a.cab" EmbedCab="yes"/>
  <Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFiles64Folder"><Directory Id="D" Name="Theirs">
   <Component Id="C" Guid="{0B6B1E3D-6E3B-4C53-9D3C-6F2B8E6C9A78}"><File Id="F" Source="SOURCE" KeyPath="yes"/></Component>
  </Directory></Directory></Directory>
  <Feature Id="Main" Level="1"><ComponentRef Id="C"/></Feature>
 </Product>
</Wix>
"#;
