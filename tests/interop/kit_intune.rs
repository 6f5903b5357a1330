//! Kits for Intune, Windows, before other people's readers: Python's `cryptography` decrypts, `zipfile` unpacks, msiinfo reads codes.

use std::fs;
use std::path::Path;

use installer::Kind;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::kits::{Made, TOKEN, assert_private, files, json};
use crate::support::product::manifest_with;
use crate::support::{both, judge, output, program, python_with, run};

/// Decrypts with no code of ours, as Microsoft's samples describe it, and says what is in there.
const DECRYPT: &str = r#"
import base64, hashlib, hmac, io, json, sys, zipfile
import xml.etree.ElementTree as ET
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives import padding

outer = zipfile.ZipFile(sys.argv[1])
assert outer.testzip() is None
contents, detection = outer.infolist()
assert contents.filename == "IntuneWinPackage/Contents/IntunePackage.intunewin", contents
assert detection.filename == "IntuneWinPackage/Metadata/Detection.xml", detection
for entry in (contents, detection):
    assert entry.compress_type == zipfile.ZIP_STORED and entry.flag_bits == 0 and entry.extra == b""
    assert (entry.create_version, entry.extract_version, entry.create_system, entry.external_attr) == (45, 10, 0, 0)
text = outer.read(detection)
assert text.startswith(b"<ApplicationInfo "), text[:40]
root = ET.fromstring(text)
info = {child.tag: child.text for child in root.find("EncryptionInfo")}
sealed = outer.read(contents)
mac, iv, cipher = sealed[:32], sealed[32:48], sealed[48:]
b64 = base64.b64decode
assert hmac.new(b64(info["MacKey"]), iv + cipher, hashlib.sha256).digest() == mac == b64(info["Mac"])
assert iv == b64(info["InitializationVector"]) and info["ProfileIdentifier"] == "ProfileVersion1"
decryptor = Cipher(algorithms.AES(b64(info["EncryptionKey"])), modes.CBC(iv)).decryptor()
unpadder = padding.PKCS7(128).unpadder()
plain = unpadder.update(decryptor.update(cipher) + decryptor.finalize()) + unpadder.finalize()
assert hashlib.sha256(plain).digest() == b64(info["FileDigest"])
assert len(plain) == int(root.findtext("UnencryptedContentSize"))
assert len(sealed) == 48 + 16 * (len(plain) // 16 + 1)
inner = zipfile.ZipFile(io.BytesIO(plain))
assert inner.testzip() is None
for entry in inner.infolist():
    assert entry.compress_type == zipfile.ZIP_DEFLATED and entry.flag_bits & 0x9 == 0 and "\\" not in entry.filename
print(json.dumps({
    "files": {e.filename: hashlib.sha256(inner.read(e)).hexdigest() for e in inner.infolist()},
    "application": {child.tag: child.text for child in root if len(child) == 0},
    "order": [child.tag for child in root.iter()],
    "msi": {child.tag: child.text for child in root.find("MsiInfo")},
    "size": len(plain), "sizeEncrypted": len(sealed), "encryption": info,
}))
"#;

/// What the tool writes, in its order.
const ORDER: &str = "ApplicationInfo Name UnencryptedContentSize FileName SetupFile EncryptionInfo EncryptionKey MacKey \
     InitializationVector Mac ProfileIdentifier FileDigest FileDigestAlgorithm MsiInfo MsiProductCode MsiProductVersion \
     MsiPackageCode MsiUpgradeCode MsiExecutionContext MsiRequiresLogon MsiRequiresReboot MsiIsMachineInstall \
     MsiIsUserInstall MsiIncludesServices MsiIncludesODBCDataSource MsiContainsSystemRegistryKeys \
     MsiContainsSystemFolders MsiPublisher";

fn decrypted(file: &Path) -> Option<Value> {
    let python = python_with("cryptography")?;
    let said = run(python, ["-c".as_ref(), DECRYPT.as_ref(), file.as_os_str()]);
    Some(serde_json::from_str(&said).unwrap())
}

fn sha256(path: &Path) -> String {
    Sha256::digest(fs::read(path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A property, as msitools reads it.
fn property(msi: &Path, name: &str) -> Option<String> {
    let said = run(judge("msiinfo")?, ["export".as_ref(), msi.as_os_str(), "Property".as_ref()]);
    let line = said.lines().find_map(|line| line.strip_prefix(&format!("{name}\t")).map(str::to_owned));
    Some(line.unwrap_or_default().trim_end().to_owned())
}

/// The keys that a resource must have, and no `null` among them.
fn assert_has(body: &Value, keys: &[&str]) {
    for key in keys {
        assert!(body.get(key).is_some_and(|value| !value.is_null()), "{key} is missing from {body:#}");
    }
}

#[test]
fn an_independent_reader_finds_the_installer_and_its_codes() {
    let made = Made::of(Kind::Msi);
    let kit = made.good_kit(&made.stamped, "intune", &[]);
    assert_private(&kit, &["intune/Example-Agent.msi"]);
    let Some(found) = decrypted(&kit.join("intune/Example-Agent.intunewin")) else { return };
    assert_eq!(found["files"], serde_json::json!({ "Example-Agent.msi": sha256(&made.stamped) }));
    assert_eq!(found["application"]["Name"], "Example Agent");
    assert_eq!(found["application"]["SetupFile"], "Example-Agent.msi");
    let order: Vec<&str> = found["order"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(order.join(" "), ORDER);
    for (element, name) in
        [("MsiProductCode", "ProductCode"), ("MsiUpgradeCode", "UpgradeCode"), ("MsiProductVersion", "ProductVersion")]
    {
        if let Some(expected) = property(&made.stamped, name) {
            assert_eq!(found["msi"][element], expected.as_str());
        }
    }
    if let Some(msiinfo) = judge("msiinfo") {
        let summary = run(msiinfo, ["suminfo".as_ref(), made.stamped.as_os_str()]);
        assert!(summary.contains(found["msi"]["MsiPackageCode"].as_str().unwrap()), "{summary}");
    }
    for (element, expected) in [
        ("MsiExecutionContext", "System"),
        ("MsiIsMachineInstall", "true"),
        ("MsiIsUserInstall", "false"),
        ("MsiIncludesServices", "true"),
        ("MsiContainsSystemRegistryKeys", "true"),
        ("MsiContainsSystemFolders", "false"),
        ("MsiRequiresReboot", "false"),
        ("MsiPublisher", "Example Ltd"),
    ] {
        assert_eq!(found["msi"][element], expected, "{element}");
    }
    // What uploaders send must be what the archive holds.
    let file = json(&kit.join("intune/graph/win32LobApp.contentFile.json"));
    assert_eq!((&file["size"], &file["sizeEncrypted"]), (&found["size"], &found["sizeEncrypted"]));
    let commit = json(&kit.join("intune/graph/win32LobApp.commit.json"));
    let info = &commit["fileEncryptionInfo"];
    for (ours, theirs) in [
        ("encryptionKey", "EncryptionKey"),
        ("macKey", "MacKey"),
        ("initializationVector", "InitializationVector"),
        ("mac", "Mac"),
        ("profileIdentifier", "ProfileIdentifier"),
        ("fileDigest", "FileDigest"),
        ("fileDigestAlgorithm", "FileDigestAlgorithm"),
    ] {
        assert_eq!(info[ours], found["encryption"][theirs], "{ours}");
    }
    assert_eq!(info.as_object().unwrap().len(), 7);
}

#[test]
fn bodies_have_what_graph_requires() {
    let made = Made::of(Kind::Msi);
    let graph = made.good_kit(&made.stamped, "intune", &[]).join("intune/graph");
    let app = json(&graph.join("win32LobApp.json"));
    // Graph's resource page for win32LobApp: what a POST without fails with
    assert_has(
        &app,
        &[
            "@odata.type",
            "displayName",
            "description",
            "publisher",
            "fileName",
            "setupFilePath",
            "installCommandLine",
            "uninstallCommandLine",
            "applicableArchitectures",
            "minimumSupportedWindowsRelease",
            "installExperience",
            "returnCodes",
            "rules",
            "msiInformation",
        ],
    );
    assert_eq!(app["@odata.type"], "#microsoft.graph.win32LobApp");
    assert_eq!(app["installCommandLine"], r#"msiexec /i "Example-Agent.msi" /qn"#);
    let code = property(&made.stamped, "ProductCode");
    if let Some(code) = &code {
        assert_eq!(app["uninstallCommandLine"], format!("msiexec /x \"{code}\" /qn"));
        assert_eq!(app["msiInformation"]["productCode"], code.as_str());
    }
    // Graph's resource page for win32LobAppRegistryRule. Neither a new version nor a new token changes what is compared.
    let rule = json!({
        "@odata.type": "#microsoft.graph.win32LobAppRegistryRule",
        "ruleType": "detection",
        "check32BitOn64System": false,
        "keyPath": r"HKEY_LOCAL_MACHINE\SOFTWARE\Example Ltd\Example Agent",
        "valueName": "Version",
        "operationType": "version",
        "operator": "greaterThanOrEqual",
        "comparisonValue": "1.4.2",
    });
    assert_eq!(app["rules"], json!([rule]));
    assert_has(
        &app["msiInformation"],
        &["productCode", "productVersion", "upgradeCode", "requiresReboot", "packageType", "productName", "publisher"],
    );
    let codes: Vec<_> = app["returnCodes"].as_array().unwrap().iter().map(|code| &code["returnCode"]).collect();
    assert_eq!(codes, [0, 1707, 3010, 1641, 1618]);
    let mobile = json(&graph.join("windowsMobileMSI.json"));
    assert_has(&mobile, &["@odata.type", "displayName", "publisher", "fileName", "productCode", "productVersion"]);
    let file = json(&graph.join("windowsMobileMSI.contentFile.json"));
    assert_eq!(file["size"], fs::metadata(&made.stamped).unwrap().len());
    if let Some(python) = python_with("base64") {
        let script = "import sys,base64,xml.etree.ElementTree as E; print(sorted(E.fromstring(base64.b64decode(sys.argv[1])).attrib.items()))";
        let said = run(python, ["-c", script, file["manifest"].as_str().unwrap()]);
        assert!(said.contains("('MsiExecutionContext', 'System')"), "{said}");
        assert!(said.contains("('MsiUpgradeCode', '{0B6B1E3D-6E3B-4C53-9D3C-6F2B8E6C9A01}')"), "{said}");
    }
    // `@odata.type` must be the first key of its object.
    for path in files(&graph) {
        let text = fs::read_to_string(&path).unwrap();
        for at in text.match_indices("@odata.type").map(|(at, _)| at) {
            assert!(text[..at - 1].trim_end().ends_with('{'), "{}", path.display());
        }
    }
}

#[test]
fn an_untouched_base_comes_with_the_token_beside_it() {
    let made = Made::of(Kind::Msi);
    let kit = made.good_kit(&made.base, "intune", &["--token-file", made.token.to_str().unwrap()]);
    assert_private(&kit, &[".mst"]);
    let app = json(&kit.join("intune/graph/win32LobApp.json"));
    let fingerprint = json(&kit.join("kit.json"))["kit_token"]["fingerprint"].as_str().unwrap()[..8].to_owned();
    let transform = format!("Example-Agent-{fingerprint}.mst");
    let expected = format!(r#"msiexec /i "Example-Agent.msi" TRANSFORMS="{transform}" /qn"#);
    assert_eq!(app["installCommandLine"], expected);
    assert!(!kit.join("intune/graph/windowsMobileMSI.json").exists());
    let Some(found) = decrypted(&kit.join("intune/Example-Agent.intunewin")) else { return };
    assert_eq!(found["files"]["Example-Agent.msi"], sha256(&made.base));
    assert!(found["files"][&transform].is_string());
}

#[test]
fn extract_gives_the_installer_back_and_refuses_a_damaged_one() {
    let made = Made::of(Kind::Msi);
    let kit = made.good_kit(&made.stamped, "intune", &[]);
    let wrapped = kit.join("intune/Example-Agent.intunewin");
    let parts = kit.join("parts");
    let extract = |file: &Path| output(program().arg("extract").arg(file).arg("-o").arg(&parts));
    let said = extract(&wrapped);
    assert!(said.status.success(), "{}", both(&said));
    assert!(both(&said).contains("authentication code and digest match"), "{}", both(&said));
    assert_eq!(sha256(&parts.join("payload/Example-Agent.msi")), sha256(&made.stamped));
    assert!(parts.join("metadata/Detection.xml").is_file());
    let said = output(program().arg("inspect").arg(&wrapped).arg("--json"));
    let found: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(
        (found["format"].as_str(), found["setup_file"].as_str()),
        (Some("intunewin"), Some("Example-Agent.msi"))
    );
    assert_eq!(found["wraps"][0]["path"], "Example-Agent.msi");
    assert_eq!(found["wraps"][0]["sha256"], sha256(&made.stamped));
    assert_eq!(found["wraps"][0]["size"], fs::metadata(&made.stamped).unwrap().len());
    assert_eq!(found["sha256"], sha256(&wrapped));
    let said = both(&output(program().arg("inspect").arg(&wrapped)));
    assert!(said.contains("wraps                  Example-Agent.msi: "), "{said}");
    fs::remove_dir_all(&parts).unwrap();
    let mut bytes = fs::read(&wrapped).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&wrapped, bytes).unwrap();
    assert_eq!(output(program().arg("inspect").arg(&wrapped)).status.code(), Some(1));
    let said = extract(&wrapped);
    assert_eq!(said.status.code(), Some(1), "{}", both(&said));
    assert!(!parts.exists());
}

#[test]
fn hostile_names_stay_values() {
    for name in ["M & \"S\" <b>", "é [x] 'y' %h", "$(id) `id`"] {
        let manifest = manifest_with("name", name).replace("[product]", "[product]\nfolder = \"Example Agent\"");
        let made = Made::with(Kind::Msi, &manifest);
        let kit = made.good_kit(&made.stamped, "intune,gpo", &[]);
        assert_eq!(json(&kit.join("intune/graph/win32LobApp.json"))["displayName"], name);
        let page = fs::read_to_string(kit.join("README.md")).unwrap();
        assert!(!page.contains("<b>") && !page.contains("`id`"), "{page}");
        if let Some(found) = decrypted(&kit.join("intune/Example-Agent.intunewin")) {
            assert_eq!(found["application"]["Name"], name);
        }
    }
    // A file name that a command line would not take as it is.
    let made = Made::of(Kind::Msi);
    for name in ["a\"b.msi", "a&b.msi", "%TEMP%.msi", "a`b.msi"] {
        let path = made.stamped.with_file_name(name);
        fs::copy(&made.stamped, &path).unwrap();
        let (out, said) = made.kit(&path, "intune", &[]);
        assert_eq!(said.status.code(), Some(1), "{}", both(&said));
        assert!(!out.exists());
    }
}

#[test]
fn a_kit_appears_whole_or_not_at_all() {
    let made = Made::of(Kind::Msi);
    for (installer, systems, more, code, word) in [
        (&made.base, "intune", &[][..], 1, "no token"),
        (&made.stamped, "gpo", &["--token-file", made.token.to_str().unwrap()][..], 1, "token already"),
        (&made.stamped, "gpo,jamf", &[][..], 2, "jamf takes no msi"),
    ] {
        let (out, said) = made.kit(installer, systems, more);
        assert_eq!(said.status.code(), Some(code), "{}", both(&said));
        assert!(both(&said).contains(word), "{}", both(&said));
        assert!(!both(&said).contains(TOKEN));
        assert!(!out.exists());
    }
    let left = fs::read_dir(made.small.folder.path()).unwrap().flatten();
    assert!(left.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with(".stampwright-")));
}
