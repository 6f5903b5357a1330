//! A small product, built and read back; and spoilt, rule by rule.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

mod codepages;
mod foreign;
mod machine;

use super::build::{assemble, plan};
use super::tables::{Field, Tables};
use super::*;
use crate::epoch::Epoch;
use crate::format::{Area, EntryKind, Extracted, Sink};
use crate::once::Once;
use crate::{AcceptedToken, Report, Token};

/// A product in a folder of its own.
struct Sample {
    _folder: tempfile::TempDir,
    product: Product,
}

const MANIFEST: &str = r#"
[product]
name = "Example Agent"
file-stem = "Example-Agent"
version = "1.4.2"
publisher = "Example Ltd"
summary = "Watches this device"
license = "MIT"
homepage = "https://example.com/"
maintainer = "Example <packages@example.com>"
executable = "example-agent"

[service]
arguments = ["--service", "two words"]

[[agent]]
platform = "windows"
arch = "x64"
path = "agent.exe"

[[agent]]
platform = "windows"
arch = "arm64"
path = "agent.exe"

[[file]]
platform = "windows"
source = "agent.conf"
destination = "conf/agent.conf"

[windows]
upgrade-code = "{6F1D2C3B-0000-4000-8000-0123456789AB}"
"#;

fn sample(manifest: &str) -> Result<Sample, String> {
    let folder = tempfile::tempdir().unwrap();
    let agent: Vec<u8> = (0..50_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    std::fs::write(folder.path().join("agent.exe"), agent).unwrap();
    std::fs::write(folder.path().join("agent.conf"), "level = 3\n").unwrap();
    std::fs::write(folder.path().join("issuer.jwks.json"), crate::claims::SAMPLE_KEYS).unwrap();
    let product = Product::load(&folder.path().join("stampwright.toml"), manifest);
    Ok(Sample { product: product.map_err(|error| error.to_string())?, _folder: folder })
}

/// Builds the sample's `agent`th agent after `spoil` has had its hands on the tables.
fn spoilt(manifest: &str, agent: usize, spoil: impl Fn(&mut Tables)) -> Result<Vec<u8>, String> {
    let sample = sample(manifest)?;
    let agent = &sample.product.agents()[agent];
    let say = |error: BuildError| error.to_string();
    let payload = Msi.payload(&sample.product, agent).map_err(say)?;
    let job = Job { product: &sample.product, agent, payload: &payload, epoch: Epoch::DEFAULT, progress: &() };
    let mut plan = plan(&job).map_err(say)?;
    spoil(&mut plan.tables);
    let mut out = Cursor::new(Vec::new());
    assemble(&job, &plan, &mut out).map_err(say)?;
    Ok(out.into_inner())
}

fn build(manifest: &str) -> Result<Vec<u8>, String> {
    spoilt(manifest, 0, |_| ())
}

pub(super) fn good() -> Vec<u8> {
    build(MANIFEST).unwrap()
}

fn findings(file: &[u8]) -> Vec<String> {
    let mut report = Report::new();
    Msi.verify(&file, &mut report).unwrap();
    report.findings().iter().map(|finding| format!("{}: {}", finding.id, finding.message)).collect()
}

#[test]
fn a_base_has_nothing_to_complain_about() {
    for agent in 0..2 {
        let base = spoilt(MANIFEST, agent, |_| ()).unwrap();
        assert_eq!(findings(&base), [""; 0]);
        assert_eq!(Msi.token(&base).unwrap(), None);
    }
    let inspection = Msi.inspect(&good()).unwrap();
    assert_eq!((inspection.product.as_str(), inspection.version.as_str()), ("Example Agent", "1.4.2"));
    assert_eq!((inspection.arch.as_str(), inspection.signed), ("x64", false));
}

/// The sample with issuer keys.
fn with_keys() -> String {
    MANIFEST.replace("[service]", "[token]\nissuer-keys = \"issuer.jwks.json\"\n\n[service]")
}

#[test]
fn issuer_keys_bring_the_token_reader_along() {
    assert_eq!(Msi.issuer_keys(&good()).unwrap(), None);
    for agent in 0..2 {
        let base = spoilt(&with_keys(), agent, |_| ()).unwrap();
        assert_eq!(findings(&base), [""; 0]);
        assert_eq!(Msi.issuer_keys(&base).unwrap().as_deref(), Some(crate::claims::SAMPLE_KEYS.as_bytes()));
        let mut taken = Taken::default();
        Msi.extract(&base, &mut taken).unwrap();
        let installed = &taken.0["payload/Program Files/Example Ltd/Example Agent/issuer-keys.json"];
        assert_eq!(installed, crate::claims::SAMPLE_KEYS.as_bytes());
        // The reader lies before what a stamp writes anew.
        let token = Token::parse(b"token-0123456789").unwrap();
        let splice = Msi.stamper(&base).unwrap().stamp(&AcceptedToken::unchecked(&token)).unwrap();
        let put: usize = splice.put_bytes().try_into().unwrap();
        assert!(put < 100_000, "a stamp writes {put} bytes");
        let mut stamped = Vec::new();
        splice.write_to(base.as_slice(), &mut stamped).unwrap();
        let untrusted = "token-untrusted: the token is not signed: it does not have three parts with dots between them";
        assert_eq!(findings(&stamped), [untrusted]);
    }
}

/// Each rule of the token reader has something that breaks it.
#[test]
fn a_token_reader_that_cannot_work_is_found() {
    let cases: &[(&str, Spoil)] = &[
        ("msi-token-reader", |t| t.table("Binary").rows.retain(|row| row[0] != Field::from("TokenReader"))),
        ("msi-token-reader", |t| {
            t.table("CustomAction").rows.retain(|row| row[0] != Field::from(token_reader::ACTION))
        }),
        ("msi-issuer-keys", |t| t.table("MsiFileHash").rows.clear()),
        ("msi-custom-action", |t| {
            let row = vec!["Run".into(), 1.into(), "TokenReader".into(), "Run".into(), Field::Null];
            t.table("CustomAction").rows.push(row);
        }),
        ("msi-token-reader", |t| sequence(t, token_reader::ACTION, |row| row[1] = "NOT ENROLLMENTTOKEN".into())),
        ("msi-token-reader", |t| sequence(t, token_reader::ACTION, |row| row[2] = 1300.into())),
        ("msi-token-reader", |t| sequence(t, token_reader::ACTION, |row| row[2] = 40.into())),
    ];
    for (id, spoil) in cases {
        let found = findings(&spoilt(&with_keys(), 0, spoil).unwrap());
        assert!(found.iter().any(|finding| finding.starts_with(id)), "{id}: {found:?}");
    }
}

fn sequence(tables: &mut Tables, action: &str, change: impl Fn(&mut Vec<Field>)) {
    let rows = &mut tables.table("InstallExecuteSequence").rows;
    rows.iter_mut().filter(|row| row[0] == Field::from(action)).for_each(change);
}

#[test]
fn codes_follow_the_content_and_components_do_not() {
    let codes = |file: &[u8]| {
        let details = Msi.inspect(&file).unwrap().details;
        (details["ProductCode"].clone(), details["PackageCode"].clone())
    };
    let components = |file: &[u8]| {
        let file: &dyn ReadAt = &file;
        let installer = read::Installer::open(file).unwrap();
        let table = installer.required("Component").unwrap();
        table.rows().map(|row| row.text("ComponentId").unwrap().into_owned()).collect::<Vec<_>>()
    };
    let one = good();
    let newer = build(&MANIFEST.replace("1.4.2", "1.4.3")).unwrap();
    let other_arch = spoilt(MANIFEST, 1, |_| ()).unwrap();
    assert!(one == good(), "two builds differ");
    for other in [&newer, &other_arch] {
        let (one, other) = (codes(&one), codes(other));
        assert!(one.0 != other.0 && one.1 != other.1, "{one:?} {other:?}");
    }
    assert_eq!(components(&one), components(&newer));
    assert!(components(&one).iter().zip(components(&other_arch)).all(|(one, other)| *one != other));
}

/// Collects what is taken out.
#[derive(Default)]
struct Taken(BTreeMap<String, Vec<u8>>);

impl Sink for Taken {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        if let EntryKind::File(len) = entry.kind {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).map_err(|source| ReadError::Io { verb: "read a piece", source })?;
            assert_eq!(bytes.len() as u64, len, "{}", entry.path);
            let area = match entry.area {
                Area::Payload => "payload",
                Area::Metadata => "metadata",
                Area::Token => "token",
            };
            self.0.insert(format!("{area}/{}", entry.path), bytes);
        }
        Ok(())
    }
}

#[test]
fn files_come_out_where_they_are_installed() {
    let mut taken = Taken::default();
    Msi.extract(&good(), &mut taken).unwrap();
    let conf = &taken.0["payload/Program Files/Example Ltd/Example Agent/conf/agent.conf"];
    assert_eq!(conf, b"level = 3\n");
    assert_eq!(taken.0["payload/Program Files/Example Ltd/Example Agent/example-agent.exe"].len(), 200_000);
    let property = String::from_utf8(taken.0["metadata/tables/Property.idt"].clone()).unwrap();
    assert!(property.contains("\r\nProductName\tExample Agent\r\n"), "{property}");
    assert!(String::from_utf8_lossy(&taken.0["metadata/summary.txt"]).contains("7\tTemplate\tx64;1033\n"));
}

/// Sets a cell of a table's `row`th row.
fn set(tables: &mut Tables, table: &str, row: usize, column: &str, value: impl Into<Field>) {
    let table = tables.table(table);
    let at = table.columns.iter().position(|c| c.name == column).unwrap();
    table.rows[row][at] = value.into();
}

/// Sets a property.
fn property(tables: &mut Tables, key: &str, value: &str) {
    let rows = &mut tables.table("Property").rows;
    rows.retain(|row| row[0] != Field::from(key));
    rows.push(vec![key.into(), value.into()]);
}

type Spoil = fn(&mut Tables);

/// Each rule has something that breaks it and nothing else does.
#[test]
fn each_broken_rule_is_found() {
    let cases: &[(&str, Spoil)] = &[
        ("msi-token-property", |t| property(t, "MsiHiddenProperties", "SOMETHING")),
        ("msi-token-property", |t| property(t, "MsiHiddenProperties", "ENROLLMENTTOKEN")),
        ("msi-token-property", |t| {
            property(t, "SecureCustomProperties", "NEWERPRODUCTS;OLDERPRODUCTS;ENROLLMENTTOKEN")
        }),
        ("msi-token-property", |t| property(t, "SecureCustomProperties", "NEWERPRODUCTS;OLDERPRODUCTS;WAITINGTOKEN")),
        ("msi-token-waiting", |t| sequence(t, token::KEEP_ACTION, |row| row[1] = "WAITINGTOKEN".into())),
        ("msi-token-waiting", |t| sequence(t, token::KEEP_ACTION, |row| row[2] = 40.into())),
        ("msi-token-waiting", |t| set(t, "CustomAction", 0, "Target", "[OTHER]")),
        ("msi-token-reader", |t| t.table("Binary").rows.clear()),
        ("msi-state-folder", |t| t.table("CustomAction").rows.retain(|row| row[0] != Field::from("CheckStateFolder"))),
        ("msi-state-folder", |t| {
            let rows = &mut t.table("CustomAction").rows;
            rows.iter_mut().filter(|row| row[0] == Field::from("RemoveStateFolder")).for_each(|row| row[1] = 1.into());
        }),
        ("msi-lock", |t| t.table("CreateFolder").rows.retain(|row| row[0] != Field::from("PublisherStateFolder"))),
        ("msi-lock", |t| {
            set(
                t,
                "MsiLockPermissionsEx",
                1,
                "SDDLText",
                "O:SYG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;BU)",
            );
        }),
        ("msi-upgrade", |t| property(t, "SecureCustomProperties", "OLDERPRODUCTS")),
        ("msi-version", |t| property(t, "ProductVersion", "1.4.2.9")),
        ("msi-version", |t| property(t, "ProductVersion", "256.0.0")),
        ("msi-product-code", |t| property(t, "ProductCode", "{09244f8c-3ccd-8d91-9092-7565c8ee9ae6}")),
        ("msi-stamp-codes", |t| property(t, "ProductCode", "{09244F8C-3CCD-8D91-9092-7565C8EE9AE6}")),
        ("msi-stamp-codes", |t| property(t, "ENROLLMENTTOKEN", "abcdefgh")),
        ("msi-property", |t| property(t, "ALLUSERS", "2")),
        ("msi-authored-property", |t| property(t, "REINSTALL", "ALL")),
        ("msi-template", |t| property(t, "ProductLanguage", "1031")),
        ("msi-summary", |t| property(t, "Manufacturer", "Somebody")),
        ("msi-64-bit", |t| set(t, "Component", 1, "Attributes", 0)),
        ("msi-key-path", |t| set(t, "Component", 1, "KeyPath", "EnrollmentToken")),
        ("msi-key-path", |t| set(t, "Component", 1, "KeyPath", Field::Null)),
        ("msi-component-code", |t| {
            set(t, "Component", 1, "ComponentId", "{0F21F92B-8789-8DDE-B0A1-FBD340558B61}");
            set(t, "Component", 0, "ComponentId", "{0F21F92B-8789-8DDE-B0A1-FBD340558B61}");
        }),
        ("msi-component-feature", |t| drop(t.table("FeatureComponents").rows.pop())),
        ("msi-validation", |t| set(t, "FeatureComponents", 0, "Feature_", "Nowhere")),
        ("msi-file-twice", |t| {
            set(t, "File", 0, "FileName", "example-agent.exe");
            set(t, "Component", 0, "Directory_", "InstallFolder");
        }),
        ("msi-file-sequence", |t| set(t, "File", 0, "Sequence", 2)),
        ("msi-cabinet-files", |t| {
            set(t, "File", 0, "Sequence", 2);
            set(t, "File", 1, "Sequence", 1);
        }),
        ("msi-media", |t| set(t, "Media", 0, "LastSequence", 7)),
        ("msi-media", |t| set(t, "Media", 0, "DiskId", 2)),
        ("msi-file-size", |t| set(t, "File", 1, "FileSize", 199_999)),
        ("msi-file-hash", |t| set(t, "MsiFileHash", 1, "HashPart3", 1)),
        ("msi-file-version", |t| drop(t.table("MsiFileHash").rows.pop())),
        ("msi-file-version", |t| set(t, "File", 1, "Version", "1.0.0.0")),
        ("msi-token-value", |t| set(t, "Registry", 1, "Root", 1)),
        ("msi-token-value", |t| set(t, "Registry", 1, "Value", "x[ENROLLMENTTOKEN]")),
        ("msi-token-value", |t| set(t, "Registry", 0, "Value", "[ENROLLMENTTOKEN]")),
        ("msi-token-repair", |t| set(t, "Component", 3, "Attributes", 0x104)),
        ("msi-token-repair", |t| set(t, "Component", 3, "Condition", "ENROLLMENTTOKEN")),
        ("msi-token-repair", |t| set(t, "RegLocator", 0, "Type", 2)),
        ("msi-lock", |t| set(t, "MsiLockPermissionsEx", 0, "SDDLText", "D:P(A;;FA;;;WD)")),
        ("msi-lock", |t| drop(t.table("MsiLockPermissionsEx").rows.pop())),
        ("msi-service", |t| set(t, "ServiceInstall", 0, "StartName", "somebody")),
        ("msi-service", |t| set(t, "ServiceInstall", 0, "Component_", "StateComponent")),
        ("msi-service-folder", |t| set(t, "Component", 1, "Directory_", "StateFolder")),
        ("msi-service-control", |t| set(t, "ServiceControl", 0, "Event", 1)),
        ("msi-custom-action", |t| set(t, "CustomAction", 0, "Type", 50)),
        ("msi-custom-action", |t| {
            t.table("InstallExecuteSequence").rows.retain(|row| row[0] != Field::from("PurgeRegistryKey"));
        }),
        ("msi-upgrade", |t| set(t, "Upgrade", 0, "VersionMax", "1.4.1")),
        ("msi-upgrade", |t| set(t, "Upgrade", 1, "VersionMin", "1.4.3")),
        ("msi-sequence", |t| set(t, "InstallExecuteSequence", 2, "Sequence", 6700)),
        ("msi-sequence", |t| set(t, "InstallExecuteSequence", 2, "Sequence", 25)),
        ("msi-sequence", |t| {
            t.table("InstallExecuteSequence").rows.retain(|row| row[0] != Field::from("InstallServices"));
        }),
        ("msi-sequence", |t| set(t, "AdvtExecuteSequence", 0, "Condition", "VersionNT")),
    ];
    for (id, spoil) in cases {
        let file = spoilt(MANIFEST, 0, spoil).unwrap();
        let found = findings(&file);
        assert!(found.iter().any(|finding| finding.starts_with(&format!("{id}: "))), "{id}: {found:#?}");
    }
}

#[test]
fn damage_below_the_tables_is_found() {
    let base = good();
    let mut trailing = base.clone();
    trailing.extend([0; 4096]);
    let found = findings(&trailing);
    assert!(found[0].starts_with("msi-layout: "), "{found:?}");
    assert!(found[1].starts_with("msi-compact: 4096 bytes follow"), "{found:?}");
}

#[test]
fn hostile_names_stay_text() {
    let hostile = r#"M & "S" [x] {y} %h 'é' <b>"#;
    let manifest = MANIFEST
        .replace("\"Example Agent\"", &format!("'''{hostile}'''\nfolder = '[x] {{y}} é'"))
        .replace("\"Example Ltd\"", "'[ProgramFilesFolder] & Söhne'");
    let base = build(&manifest).unwrap();
    assert_eq!(findings(&base), [""; 0]);
    let mut taken = Taken::default();
    Msi.extract(&base, &mut taken).unwrap();
    let table = |name: &str| String::from_utf8(taken.0[&format!("metadata/tables/{name}.idt")].clone()).unwrap();
    assert!(table("Property").contains(&format!("ProductName\t{hostile}\r\n")));
    let key = r"SOFTWARE\[\[]ProgramFilesFolder[\]] & Söhne\[\[]x[\]] [\{]y[\}] é";
    assert!(table("Registry").contains(key), "{}", table("Registry"));
    assert!(table("ServiceInstall").contains(r#"M & "S" [\[]x[\]] [\{]y[\}] %h"#));
    assert!(taken.0.contains_key("payload/Program Files/[ProgramFilesFolder] & Söhne/[x] {y} é/example-agent.exe"));
}

#[test]
fn what_an_msi_cannot_say_is_refused_by_name() {
    let refused = |from: &str, to: &str| build(&MANIFEST.replace(from, to)).unwrap_err();
    assert!(refused("\"Watches this device\"", "\"[x]\"").starts_with("service.description must not have any of"));
    let long = "x".repeat(300);
    assert_eq!(
        refused("two words", &long),
        "product makes ServiceInstall.Arguments 310 characters long, must be at most 255 for an MSI"
    );
}

#[test]
fn hostile_bytes_are_errors_and_fast() {
    let base = good();
    let start = std::time::Instant::now();
    for n in 0..200 {
        let at = n * (base.len() - 1) / 199;
        let mut bad = base.clone();
        bad[at] ^= 1 << (n % 8);
        let _ = Msi.verify(&bad, &mut Report::new());
        let _ = Msi.extract(&bad, &mut Taken::default());
        let _ = Msi.token(&base[..at].to_vec());
        let _ = Msi.verify(&base[..at].to_vec(), &mut Report::new());
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn the_facts_are_those_of_the_tables() {
    let built = good();
    let facts = super::facts(&built).unwrap();
    assert_eq!(facts.context, super::Context::Machine);
    assert!(facts.takes_token && facts.has_services && facts.writes_machine_registry);
    assert!(!facts.has_data_sources && !facts.has_system_folders && !facts.asks_for_restart && !facts.is_signed);
    assert_eq!((facts.token, facts.page_count, facts.template.as_str()), (None, 500, "x64;1033"));
    let version = facts.version_value.unwrap();
    assert_eq!(version, (r"SOFTWARE\Example Ltd\Example Agent".to_owned(), "Version".to_owned()));
    let odd = build(&MANIFEST.replace("\"Example Ltd\"", "'[x] {y}'")).unwrap();
    assert_eq!(super::facts(&odd).unwrap().version_value.unwrap().0, r"SOFTWARE\[x] {y}\Example Agent");
}

#[test]
fn a_configuration_file_is_kept_by_an_upgrade_and_goes_with_a_removal() {
    let manifest =
        MANIFEST.replace("destination = \"conf/agent.conf\"", "destination = \"conf/agent.conf\"\nconfig = true");
    let base = build(&manifest).unwrap();
    assert_eq!(findings(&base), [""; 0]);
    let mut taken = Taken::default();
    Msi.open(&base).unwrap().extract(&mut taken).unwrap();
    for name in ["agent.conf", "agent.conf.default"] {
        let path = format!("payload/Program Files/Example Ltd/Example Agent/conf/{name}");
        assert_eq!(taken.0[&path], b"level = 3\n");
    }
    let table = |name: &str| String::from_utf8(taken.0[&format!("metadata/tables/{name}.idt")].clone()).unwrap();
    // 64-bit, and: never overwritten (0x80), permanent (0x10).
    let of =
        |attributes: i32| table("Component").lines().filter(|line| line.contains(&format!("\t{attributes}\t"))).count();
    assert_eq!((of(0x190), of(0x100)), (1, 2), "{}", table("Component"));
    let purge = table("RemoveFile");
    assert!(purge.contains("PurgedConfig1100\tStateComponent\tagent.conf\tPurgeConfig1100\t2"), "{purge}");
    let sequence = table("InstallExecuteSequence");
    assert!(sequence.contains("NameConfig1100\tREMOVE ~= \"ALL\" AND NOT UPGRADINGPRODUCTCODE\t1100"), "{sequence}");
}
