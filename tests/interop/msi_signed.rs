//! A stamped package can be signed: osslsigncode refuses compound files with gaps, so its word counts for the layout too.

use std::fs;
use std::path::Path;

use installer::stamp::Base;
use installer::{Kind, Token};

use crate::support::product::bases;
use crate::support::{judge, run};

/// A throwaway certificate for signing code: its key and itself.
fn certificate(folder: &Path, openssl: &Path) -> (String, String) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (key, certificate) = (path("key.pem"), path("certificate.pem"));
    let subject = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Test/O=Example"];
    let usage = ["extendedKeyUsage=codeSigning", "keyUsage=digitalSignature", "basicConstraints=critical,CA:FALSE"];
    let extensions = usage.iter().flat_map(|usage| ["-addext", usage]);
    run(openssl, subject.into_iter().chain(["-keyout", &key, "-out", &certificate]).chain(extensions));
    (key, certificate)
}

#[test]
fn bases_and_stamps_are_signed_and_verified() {
    let (Some(osslsigncode), Some(openssl)) = (judge("osslsigncode"), judge("openssl")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = certificate(folder.path(), &openssl);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut checked = 0;
    for base in bases().iter().filter(|base| base.format.kind() == Kind::Msi) {
        for len in [None, Some(1), Some(513), Some(4096)] {
            let mut bytes = base.bytes.clone();
            if let Some(len) = len {
                let open = Base::open(base.bytes.as_slice(), false).unwrap();
                let token = Token::parse(&vec![b'k'; len]).unwrap();
                bytes.clear();
                open.stamp(&token).unwrap().write_to(*open.bytes(), &mut bytes).unwrap();
            }
            for metadata in [&[][..], &["-add-msi-dse"]] {
                checked += 1;
                let (file, signed) = (path(&format!("{checked}.msi")), path(&format!("{checked}-signed.msi")));
                fs::write(&file, &bytes).unwrap();
                let sign =
                    ["sign", "-certs", &certificate, "-key", &key, "-h", "sha256", "-in", &file, "-out", &signed];
                run(&osslsigncode, sign.into_iter().chain(metadata.iter().copied()));
                run(&osslsigncode, ["verify", "-CAfile", &certificate, "-in", &signed]);
                // Signing added streams and lost nothing: the tables still say the same.
                let bytes = fs::read(&signed).unwrap();
                let inspection = base.format.inspect(&bytes).unwrap();
                assert!(inspection.signed);
                assert_eq!(inspection.token.map(|token| token.len), len);
                assert!(matches!(Base::open(bytes.as_slice(), true), Err(installer::format::StampError::Signed)));
            }
        }
    }
    assert!(checked > 0, "there is no MSI among the bases");
}
