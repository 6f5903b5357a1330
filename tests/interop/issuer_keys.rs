//! Installers with issuer keys before msitools, osslsigncode, dpkg and lintian: what comes in with the keys is as plain to others as the rest.

use std::fs;
use std::path::PathBuf;

use installer::{Kind, Platform, formats};
use signing::issuer::{Algorithm, IssuerKey};

use crate::support::product::{Small, build};
use crate::support::{both, judge, output, root, run};

fn jwks() -> String {
    IssuerKey::generate(Algorithm::Es256, &[7; 32]).unwrap().jwks()
}

/// The base of a format, with issuer keys, as a file.
fn base(kind: Kind) -> (tempfile::TempDir, PathBuf) {
    let product = Small::new();
    let with_keys = product.product.clone().with_issuer_keys(jwks().into_bytes()).unwrap();
    let agent = with_keys.agents_for(kind.platform()).next().unwrap();
    let bytes = build(formats::by_kind(kind).unwrap(), &with_keys, agent).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("base.{}", kind.extension()));
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[test]
fn msitools_finds_the_reader_and_the_keys() {
    let Some(msiinfo) = judge("msiinfo") else { return };
    let (_folder, path) = base(Kind::Msi);
    let path = path.to_str().unwrap();
    let reader = fs::read(root().join("payloads/token-reader/prebuilt/x64.dll")).unwrap();
    for (stream, expected) in [("Binary.TokenReader", reader), ("Binary.IssuerKeys", jwks().into_bytes())] {
        let said = output(std::process::Command::new(&msiinfo).args(["extract", path, stream]));
        assert!(said.status.success() && said.stdout == expected, "{stream}: {} bytes", said.stdout.len());
    }
    let actions = run(&msiinfo, ["export", path, "CustomAction"]);
    assert!(actions.contains("ReadEnrollmentToken\t1\tTokenReader\tReadEnrollmentToken"), "{actions}");
    let sequence = run(&msiinfo, ["export", path, "InstallExecuteSequence"]);
    assert!(sequence.contains("ReadEnrollmentToken\tNOT (ENROLLMENTSTATE ~= "), "{sequence}");
}

#[test]
fn dpkg_knows_the_product_and_lintian_has_nothing_to_say() {
    let (_folder, path) = base(Kind::Deb);
    let path = path.to_str().unwrap();
    if let Some(dpkg) = judge("dpkg-deb") {
        assert_eq!(run(&dpkg, ["-f", path, "X-Product-Name"]).trim(), "Example Agent");
        let list = run(&dpkg, ["-c", path]);
        let line = list.lines().find(|line| line.ends_with("./usr/lib/example-agent/issuer-keys.json"));
        assert!(line.is_some_and(|line| line.starts_with("-rw-r--r-- root/root")), "{list}");
    }
    if let Some(lintian) = judge("lintian") {
        let said = output(std::process::Command::new(lintian).args(["--fail-on", "error,warning", path]));
        assert!(!both(&said).contains("unknown-field") && !both(&said).contains("issuer-keys"), "{}", both(&said));
    }
    assert_eq!(Kind::Deb.platform(), Platform::Linux);
}
