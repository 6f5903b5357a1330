//! Kits for Macs before other people's readers: Python's `plistlib`, with the schema's own words for what a payload must have; and a
//! vendor's code requirement, whose text is known.

use std::fs;
use std::path::Path;

use installer::Kind;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::agents::Cpu;
use crate::support::agents::macho::{self, Signing};
use crate::support::keys::keys;
use crate::support::kits::{Made, TOKEN, assert_private, files, json};
use crate::support::product::{MANIFEST, manifest_with};
use crate::support::{both, judge, output, program, run};

/// A property list as Python reads it, as JSON.
pub(super) fn plist(path: &Path) -> Option<Value> {
    let script = "import plistlib, json, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
    let said = run(judge("python3")?, ["-c".as_ref(), script.as_ref(), path.as_os_str()]);
    Some(serde_json::from_str(&said).unwrap())
}

/// What Apple's schema demands of a profile, and of every payload in it. Gives the one payload.
fn payload(profile: &Value, kind: &str) -> Value {
    for key in ["PayloadIdentifier", "PayloadUUID", "PayloadType", "PayloadVersion", "PayloadContent"] {
        assert!(!profile[key].is_null(), "{key} is missing");
    }
    assert_eq!((&profile["PayloadType"], &profile["PayloadScope"]), (&"Configuration".into(), &"System".into()));
    assert_eq!(profile["PayloadVersion"], 1);
    let [payload] = profile["PayloadContent"].as_array().unwrap().as_slice() else { panic!("more than one payload") };
    for key in ["PayloadIdentifier", "PayloadUUID", "PayloadType", "PayloadVersion"] {
        assert!(!payload[key].is_null(), "{key} is missing");
    }
    assert_eq!((&payload["PayloadType"], &payload["PayloadVersion"]), (&kind.into(), &1.into()));
    assert_ne!(payload["PayloadUUID"], profile["PayloadUUID"]);
    payload.clone()
}

#[test]
fn profiles_are_what_the_schema_demands() {
    let made = Made::of(Kind::Pkg);
    let token = made.token.to_str().unwrap();
    let kit = made.good_kit(&made.base, "jamf,intune", &["--token-file", token, "--tenant", "acme"]);
    for system in ["jamf", "intune"] {
        let page = fs::read_to_string(kit.join(system).join("README.md")).unwrap().replace("\n  ", " ");
        for said in [
            "none of these",
            "user enrollment",
            "Apple marks every key of this payload's identities as deprecated from macOS 27 on",
        ] {
            assert!(page.contains(said), "{system}: {said}\n{page}");
        }
    }
    let kit = kit.join("jamf");
    assert_private(&kit, &["-token.mobileconfig"]);
    let file = |kind: &str| kit.join(format!("Example-Agent-{kind}.mobileconfig"));
    let Some(profile) = plist(&file("token")) else { return };
    let payload_of = payload(&profile, "com.apple.ManagedClient.preferences");
    let settings = &payload_of["PayloadContent"]["com.example.agent"]["Forced"][0]["mcx_preference_settings"];
    assert_eq!(settings, &serde_json::json!({ "EnrollmentToken": TOKEN }));

    let payload_of = payload(&plist(&file("login-items")).unwrap(), "com.apple.servicemanagement");
    let rule = &payload_of["Rules"][0];
    assert_eq!(rule["RuleType"], "Label");
    assert_eq!((&rule["RuleValue"], &rule["TeamIdentifier"]), (&"com.example.agent".into(), &"EXAMPLE123".into()));

    let payload_of = payload(&plist(&file("full-disk-access")).unwrap(), "com.apple.TCC.configuration-profile-policy");
    let identity = &payload_of["Services"]["SystemPolicyAllFiles"][0];
    assert_eq!(identity["Identifier"], "/Applications/Example Agent.app/Contents/MacOS/example-agent");
    assert_eq!((&identity["IdentifierType"], &identity["Allowed"]), (&"path".into(), &true.into()));
    assert_eq!(
        identity["CodeRequirement"],
        "identifier \"com.example.agent\" and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] \
         /* exists */ and certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and \
         certificate leaf[subject.OU] = EXAMPLE123"
    );
}

#[test]
fn identifiers_follow_the_tenant_and_not_the_token() {
    let made = Made::of(Kind::Pkg);
    let uuids = |tenant: &str, token: &str| {
        fs::write(&made.token, token).unwrap();
        let arguments = ["--token-file", made.token.to_str().unwrap(), "--tenant", tenant];
        let kit = made.good_kit(&made.base, "jamf", &arguments);
        let profile = plist(&kit.join("jamf/Example-Agent-token.mobileconfig"));
        fs::remove_dir_all(&kit).unwrap();
        profile.map(|profile| (profile["PayloadUUID"].clone(), profile["PayloadContent"][0]["PayloadUUID"].clone()))
    };
    let Some(first) = uuids("acme", "first-token") else { return };
    assert_eq!(Some(&first), uuids("acme", "second-token").as_ref());
    assert_ne!(Some(&first), uuids("other", "first-token").as_ref());
}

/// A signed token names its tenant; one that is over makes no kit.
#[test]
fn a_signed_token_says_whose_devices_these_are() {
    let made = Made::of(Kind::Pkg);
    let folder = made.small.folder.path();
    let key = folder.join("issuer");
    let said = output(program().args(["token", "keygen", "-o"]).arg(&key));
    assert!(said.status.success(), "{}", both(&said));
    let mint = |expires: &str, name: &str| {
        let mut command = program();
        command.args([
            "token",
            "mint",
            "--tenant",
            "acme",
            "--product",
            "Example Agent",
            "--expires",
            expires,
            "--key",
        ]);
        let said = output(command.arg(folder.join("issuer.key")).arg("-o").arg(folder.join(name)));
        assert!(said.status.success(), "{}", both(&said));
        folder.join(name)
    };
    let uuid = |token: &Path, more: &[&str]| {
        let kit = made.good_kit(&made.base, "jamf", &[&["--token-file", token.to_str().unwrap()], more].concat());
        let profile = plist(&kit.join("jamf/Example-Agent-token.mobileconfig"));
        fs::remove_dir_all(&kit).unwrap();
        profile.map(|profile| profile["PayloadUUID"].clone())
    };
    let token = mint("30d", "signed");
    assert_eq!(uuid(&token, &[]), uuid(&made.token, &["--tenant", "acme"]));
    let short = mint("30m", "short");
    let (out, said) = made.kit(&made.base, "jamf", &["--token-file", short.to_str().unwrap()]);
    assert_eq!(said.status.code(), Some(1), "{}", both(&said));
    assert!(both(&said).contains("expires within the hour") && !out.exists(), "{}", both(&said));
}

#[test]
fn bodies_have_what_jamf_requires() {
    let made = Made::of(Kind::Pkg);
    let kit = made.good_kit(&made.stamped, "jamf", &["--package-url", "https://example.com/a.pkg"]).join("jamf");
    assert_private(&kit, &["Example-Agent.pkg"]);
    assert!(!kit.join("Example-Agent-token.mobileconfig").exists());
    let packages = json(&kit.join("api/packages.json"));
    // Jamf Pro's schema, 11.6.1: required
    for key in [
        "packageName",
        "fileName",
        "categoryId",
        "priority",
        "fillUserTemplate",
        "rebootRequired",
        "osInstall",
        "suppressUpdates",
        "suppressFromDock",
        "suppressEula",
        "suppressRegistration",
    ] {
        assert!(!packages[key].is_null(), "{key} is missing");
    }
    assert_eq!((&packages["fileName"], &packages["categoryId"]), (&"Example-Agent.pkg".into(), &"-1".into()));
    let deploy = json(&kit.join("api/deploy-package.json"));
    let manifest = &deploy["manifest"];
    for key in ["url", "hash", "hashType", "bundleId", "bundleVersion", "title", "sizeInBytes"] {
        assert!(!manifest[key].is_null(), "{key} is missing");
    }
    let bytes = fs::read(&made.stamped).unwrap();
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        (manifest["hash"].as_str(), manifest["sizeInBytes"].as_u64()),
        (Some(&*digest), Some(bytes.len() as u64))
    );
    let Some(manifest) = plist(&kit.join("manifest.plist")) else { return };
    let asset = &manifest["items"][0]["assets"][0];
    assert_eq!((&asset["kind"], &asset["url"]), (&"software-package".into(), &"https://example.com/a.pkg".into()));
    assert_eq!(asset["sha256-size"], bytes.len(), "one piece is as long as the file");
    assert_eq!(asset["sha256s"], serde_json::json!([digest]));
    let metadata = &manifest["items"][0]["metadata"];
    assert_eq!((&metadata["kind"], &metadata["bundle-version"]), (&"software".into(), &"1.4.2".into()));
}

#[test]
fn bodies_have_what_intune_requires() {
    let made = Made::of(Kind::Pkg);
    let kit = made.good_kit(&made.stamped, "intune", &[]).join("intune");
    assert_private(&kit, &["Example-Agent.pkg", "Example-Agent.intunemac"]);
    let common = [
        "@odata.type",
        "displayName",
        "description",
        "publisher",
        "fileName",
        "ignoreVersionDetection",
        "minimumSupportedOperatingSystem",
    ];
    let lob = json(&kit.join("graph/macOSLobApp.json"));
    let pkg = json(&kit.join("graph/macOSPkgApp.json"));
    for key in common.iter().chain(&["bundleId", "buildNumber", "versionNumber", "childApps", "md5HashChunkSize"]) {
        assert!(!lob[key].is_null(), "macOSLobApp lacks {key}");
    }
    for key in common.iter().chain(&["primaryBundleId", "primaryBundleVersion", "includedApps"]) {
        assert!(!pkg[key].is_null(), "macOSPkgApp lacks {key}");
    }
    assert_eq!(pkg["includedApps"][0]["bundleId"], "com.example.agent");
    assert_eq!(pkg["includedApps"][0]["@odata.type"], "microsoft.graph.macOSIncludedApp");
    assert_eq!(lob["childApps"][0]["@odata.type"], "#microsoft.graph.macOSLobChildApp");
    let minimum = pkg["minimumSupportedOperatingSystem"].as_object().unwrap();
    assert_eq!(minimum.values().filter(|value| **value == true).count(), 1, "{minimum:?}");
    let size = fs::metadata(&made.stamped).unwrap().len();
    let file = json(&kit.join("graph/macOSPkgApp.contentFile.json"));
    assert_eq!(file["size"], size);
    assert_eq!(file["sizeEncrypted"], 48 + 16 * (size / 16 + 1));
    // The older wrapper opens again.
    let parts = made.small.folder.path().join("parts");
    let said = output(program().arg("extract").arg(kit.join("Example-Agent.intunemac")).arg("-o").arg(&parts));
    assert!(said.status.success(), "{}", both(&said));
    assert!(fs::read(parts.join("payload/Example-Agent.pkg")).unwrap() == fs::read(&made.stamped).unwrap());
}

/// Outside of /Applications there is no line-of-business app, and no archive of that type.
#[test]
fn an_application_elsewhere_is_no_line_of_business_app() {
    let with = "[macos]\ninstall-location = \"application-support\"\n";
    let manifest = MANIFEST.replacen("[macos]\n", with, 1);
    let made = Made::with(Kind::Pkg, &manifest);
    let kit = made.good_kit(&made.stamped, "intune,jamf", &[]);
    let names: Vec<_> =
        files(&kit).iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert!(names.iter().any(|name| name == "macOSPkgApp.json"), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("intunemac") || name.contains("Lob")), "{names:?}");
    let page = fs::read_to_string(kit.join("intune/README.md")).unwrap();
    assert!(page.contains("Not as a line-of-business app") && !page.contains("intunemac"), "{page}");
    if let Some(profile) = plist(&kit.join("jamf/Example-Agent-full-disk-access.mobileconfig")) {
        let identities = profile["PayloadContent"][0]["Services"]["SystemPolicyAllFiles"].to_string();
        assert!(identities.contains("/Library/Application Support/Example Ltd/Example Agent.app/"), "{identities}");
    }

    let out = made.small.folder.path().join("made");
    let mut make = program();
    make.args(["make", "--format", "pkg", "--product"]).arg(made.small.manifest()).arg("--token-file").arg(&made.token);
    let said = output(make.arg("-o").arg(&out));
    assert!(said.status.success(), "{}", both(&said));
    let names: Vec<_> =
        files(&out).iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(names, ["Example-Agent.pkg"]);
}

#[test]
fn hostile_names_stay_values() {
    let name = "M & 'S' é [x] `id`";
    let manifest = manifest_with("name", name).replace("[product]", "[product]\nfolder = \"Example Agent\"");
    let made = Made::with(Kind::Pkg, &manifest);
    let arguments = ["--token-file", made.token.to_str().unwrap(), "--tenant", "<&\"'>\u{e9}"];
    let kit = made.good_kit(&made.base, "jamf,intune", &arguments);
    assert_eq!(json(&kit.join("jamf/api/deploy-package.json"))["manifest"]["title"], name);
    for path in files(&kit).iter().filter(|path| path.extension().is_some_and(|e| e == "mobileconfig")) {
        let Some(profile) = plist(path) else { return };
        assert!(profile["PayloadDisplayName"].as_str().unwrap().starts_with(name), "{profile}");
    }
    let page = fs::read_to_string(kit.join("jamf/README.md")).unwrap();
    assert!(page.starts_with(r"# Jamf Pro: M \& \'S\' é \[x\] \`id\` 1.4.2"), "{page}");
}

/// The requirements blob of Node.js 20.18.1 for macOS, as its vendor signed it (`cargo xtask samples` gets the program).
const NODE_REQUIREMENTS: &str = "fade0c01000000a4000000010000000300000014fade0c0000000090000000010000000600000002000000046e6f6465\
    000000060000000f000000060000000e000000010000000a2a864886f76364060206000000000000000000060000000e000000000000000a2a864886f7636406\
    010d0000000000000000000b000000000000000a7375626a6563742e4f550000000000010000000a485837373339473846580000";

/// A vendor's requirement is what `codesign -d -r -` shows of that program.
#[test]
fn a_vendors_own_requirement_is_taken_out_of_its_signature() {
    let digit = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let blob: Vec<u8> = NODE_REQUIREMENTS.as_bytes().chunks(2).map(digit).collect();
    let signing = Signing { requirements: Some((blob, "HX7739G8FX")), ..Signing::identity() };
    let folder = tempfile::tempdir().unwrap();
    let agent = folder.path().join("node");
    fs::write(&agent, macho::program(&[Cpu::Arm64], &signing)).unwrap();
    let manifest = MANIFEST
        .replace("arch = \"universal\"\npath = \"agent-macos\"", &format!("arch = \"arm64\"\npath = {agent:?}"));
    let made = Made::with(Kind::Pkg, &manifest);
    let kit = made.good_kit(&made.stamped, "jamf", &[]).join("jamf");
    let Some(profile) = plist(&kit.join("Example-Agent-full-disk-access.mobileconfig")) else { return };
    let identity = &profile["PayloadContent"][0]["Services"]["SystemPolicyAllFiles"][0];
    assert_eq!(
        identity["CodeRequirement"],
        "identifier node and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */ and \
         certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and certificate leaf[subject.OU] = HX7739G8FX"
    );
    let profile = plist(&kit.join("Example-Agent-login-items.mobileconfig")).unwrap();
    assert_eq!(profile["PayloadContent"][0]["Rules"][0]["TeamIdentifier"], "HX7739G8FX");
}

/// A vendor signs the package; the kit leaves its bytes and brings the token in a profile.
#[test]
fn a_vendors_signature_stays_whole() {
    let Some(keys) = keys() else { return };
    let made = Made::of(Kind::Pkg);
    let signed = made.base.with_file_name("Signed-Agent.pkg");
    let said = output(program().arg("sign").arg(&made.base).arg("-o").arg(&signed).args(keys.arguments("installer")));
    assert!(said.status.success(), "{}", both(&said));
    let kit = made.good_kit(&signed, "jamf,intune", &["--token-file", made.token.to_str().unwrap()]);
    assert_private(&kit, &["-token.mobileconfig"]);
    for system in ["jamf", "intune"] {
        assert!(fs::read(kit.join(system).join("Signed-Agent.pkg")).unwrap() == fs::read(&signed).unwrap());
        assert!(kit.join(system).join("Signed-Agent-token.mobileconfig").is_file());
    }
    let page = fs::read_to_string(kit.join("jamf/README.md")).unwrap();
    assert!(!page.contains("is not signed") && page.contains("EnrollmentToken"), "{page}");
}
