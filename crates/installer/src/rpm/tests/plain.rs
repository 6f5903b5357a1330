//! Packages without a place for a token.

use super::*;

#[test]
fn a_package_without_a_place_for_a_token_is_a_plain_package() {
    let services = [("[token]\nslot = false\n[service]", true), ("[token]\nslot = false", false)];
    for (instead, has_service) in services {
        let manifest = MANIFEST.replace("[service]", instead) + "[linux]\ncommand = \"probe-it\"\n";
        let file = build_of(&manifest, Compression::Zstd).unwrap();
        assert_eq!((findings(&file), Rpm.token(&file.as_slice()).unwrap()), (Vec::new(), None));
        let package = rpm::Package::open(&file).unwrap();
        let text = String::from_utf8_lossy(package.header.bytes()).into_owned();
        for word in ["enrollment", "stampwright", "/var/lib", "etc/probe/"] {
            assert!(!text.contains(word), "{word}");
        }
        let link = package.header.file("usr/bin/probe-it").unwrap().unwrap().1;
        assert_eq!((link.is_symlink(), link.target.as_str()), (true, "../libexec/probe/probe"));
        assert!(package.header.file("usr/bin/probe").unwrap().is_none());
        assert!(!package.header.has(tag::PREIN));
        for tag in [tag::POSTIN, tag::PREUN, tag::POSTUN] {
            assert_eq!(package.header.has(tag), has_service);
        }
        let after = package.header.file("usr/libexec/probe/after-rpm").unwrap();
        assert_eq!(after.map(|(_, file)| file.mode & 0o7777), has_service.then_some(0o755));
        let refused = Rpm.stamper(&file.as_slice()).map(drop).unwrap_err();
        assert!(matches!(refused, StampError::NotOurs(_)), "{refused}");
    }
}
