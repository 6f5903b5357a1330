//! Kits for Group Policy: Windows Installer, as Wine has it, applies the transform to an untouched base.

use std::fs;

use installer::Kind;

use super::msi_wine::Wine;
use crate::support::keys::keys;
use crate::support::kits::{Made, TOKEN, assert_private, files, json};
use crate::support::product::MANIFEST;
use crate::support::{both, judge, output, program, run};

const KEY: &str = r"HKLM\SOFTWARE\Example Ltd\Example Agent";

/// The small product without its service, which Wine could not start.
fn quiet() -> String {
    let (before, after) = MANIFEST.split_once("[service]").unwrap();
    format!("{before}{}", after.split_once('\n').unwrap().1.split_once('\n').unwrap().1)
}

fn token(wine: &Wine) -> Option<String> {
    let (status, text) = wine.run(&["reg", "query", KEY, "/v", "EnrollmentToken"]);
    let line = text.lines().find(|line| line.contains("EnrollmentToken")).filter(|_| status == 0)?;
    Some(line.split("REG_SZ").nth(1)?.trim().to_owned())
}

#[test]
fn the_transform_brings_the_token_to_an_untouched_base() {
    let made = Made::with(Kind::Msi, &quiet());
    let kit = made.good_kit(&made.base, "gpo", &["--token-file", made.token.to_str().unwrap()]).join("gpo");
    assert_private(&kit, &[".mst"]);
    let base = fs::read(kit.join("Example-Agent.msi")).unwrap();
    assert!(base == fs::read(&made.base).unwrap());
    let transform = files(&kit).into_iter().find(|path| path.extension().is_some_and(|e| e == "mst"));
    let transform = transform.unwrap();
    let name = transform.file_name().unwrap().to_str().unwrap();
    let page = fs::read_to_string(kit.join("README.md")).unwrap();
    for part in [&format!(r"\\SERVER\Agent$\{name}"), r"\\SERVER\Agent$\Example-Agent.msi", "Domain Computers"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let Some(wine) = Wine::without_probe() else { return };
    for file in ["Example-Agent.msi", name] {
        fs::copy(kit.join(file), wine.folder.path().join(file)).unwrap();
    }
    // The product insists on a token, so without the transform it does not install.
    assert_ne!(wine.msiexec(&["/i", "Example-Agent.msi"]), 0);
    assert_eq!(token(&wine), None);
    assert_eq!(wine.msiexec(&["/i", "Example-Agent.msi", &format!("TRANSFORMS={name}")]), 0);
    assert_eq!(token(&wine).as_deref(), Some(TOKEN));
    wine.remove("Example-Agent.msi", &[]);
    assert_eq!(token(&wine), None);
    assert!(fs::read(wine.folder.path().join("Example-Agent.msi")).unwrap() == base);
}

#[test]
fn the_transform_says_whom_it_is_for() {
    let made = Made::of(Kind::Msi);
    let kit = made.good_kit(&made.base, "gpo", &["--token-file", made.token.to_str().unwrap()]);
    let all = files(&kit);
    let transform = all.iter().find(|path| path.extension().is_some_and(|e| e == "mst")).unwrap();
    let receipt = json(&kit.join("kit.json"));
    assert_eq!(receipt["secret"], true);
    if let Some(msiinfo) = judge("msiinfo") {
        let summary = run(msiinfo, ["suminfo".as_ref(), transform.as_os_str()]);
        let code = receipt["details"]["ProductCode"].as_str().unwrap();
        let upgrade = receipt["details"]["UpgradeCode"].as_str().unwrap();
        assert!(summary.contains(&format!("{code}1.4.2;{code}1.4.2;{upgrade}")), "{summary}");
        assert!(summary.contains("x64;1033"), "{summary}");
    }
    if let Some(seven_zip) = judge("7z") {
        let said = run(seven_zip, ["t".as_ref(), transform.as_os_str()]);
        assert!(said.contains("Everything is Ok") && !said.contains("WARNING"), "{said}");
    }
}

#[test]
fn a_stamped_installer_keeps_its_name_and_needs_no_transform() {
    let made = Made::of(Kind::Msi);
    let kit = made.good_kit(&made.stamped, "gpo", &[]).join("gpo");
    assert_private(&kit, &["Example-Agent.msi"]);
    let names: Vec<_> = files(&kit).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["Example-Agent.msi", "README.md", "wmi-filter.txt"]);
    assert!(fs::read(kit.join("Example-Agent.msi")).unwrap() == fs::read(&made.stamped).unwrap());
    assert!(fs::read_to_string(kit.join("wmi-filter.txt")).unwrap().ends_with("Architecture = 9\n"));
}

/// A vendor signs the base; the kit leaves its bytes and brings the token all the same.
#[test]
fn a_vendors_signature_stays_whole() {
    let (Some(keys), Some(osslsigncode)) = (keys(), judge("osslsigncode")) else { return };
    let made = Made::with(Kind::Msi, &quiet());
    let signed = made.base.with_file_name("Signed-Agent.msi");
    let said = output(program().arg("sign").arg(&made.base).arg("-o").arg(&signed).args(keys.arguments("rsa2048")));
    assert!(said.status.success(), "{}", both(&said));
    let kit = made.good_kit(&signed, "gpo,intune", &["--token-file", made.token.to_str().unwrap()]).join("gpo");
    let file = kit.join("Signed-Agent.msi");
    assert!(fs::read(&file).unwrap() == fs::read(&signed).unwrap());
    let ca = keys.text("ca.pem");
    let judged = run(osslsigncode, ["verify", "-CAfile", &ca, "-TSA-CAfile", &ca, "-in", file.to_str().unwrap()]);
    assert!(judged.contains("Signature verification: ok"), "{judged}");
    let transform = files(&kit).into_iter().find(|path| path.extension().is_some_and(|e| e == "mst")).unwrap();
    let name = transform.file_name().unwrap().to_str().unwrap();
    let Some(wine) = Wine::without_probe() else { return };
    for file in ["Signed-Agent.msi", name] {
        fs::copy(kit.join(file), wine.folder.path().join(file)).unwrap();
    }
    assert_eq!(wine.msiexec(&["/i", "Signed-Agent.msi", &format!("TRANSFORMS={name}")]), 0);
    assert_eq!(token(&wine).as_deref(), Some(TOKEN));
    wine.remove("Signed-Agent.msi", &[]);
}
