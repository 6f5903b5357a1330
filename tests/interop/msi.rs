//! Packages before other people's readers: msitools, 7-Zip, olefile, pymsi, osslsigncode.
//!
//! msitools descends from Wine and pymsi from both, so they tend to agree with each other; 7-Zip and olefile know nothing of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use installer::format::{EntryKind, Extracted, Format, ReadError, Sink};
use installer::msi::Msi;
use installer::payload::Node;
use installer::product::Platform;
use installer::{Payload, Report, Token};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::once::{self, Once};
use crate::support::product::{MANIFEST, Small, build, manifest_with};
use crate::support::{judge, judges_folder, missing, output, root, run};

/// A package in a folder of its own.
struct Package {
    folder: tempfile::TempDir,
    /// The product whose files the payload names.
    small: Rc<Small>,
    bytes: Vec<u8>,
    payload: Payload,
}

impl Package {
    fn path(&self) -> PathBuf {
        self.folder.path().join("made.msi")
    }

    fn text_path(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    fn new(small: &Rc<Small>, bytes: Vec<u8>, payload: Payload) -> Self {
        let package = Self { folder: tempfile::tempdir().unwrap(), small: Rc::clone(small), bytes, payload };
        fs::write(package.path(), &package.bytes).unwrap();
        package
    }
}

/// A base for each architecture of a product.
fn bases(manifest: &str) -> Vec<Package> {
    let small = Rc::new(Small::with(manifest).unwrap());
    let agents = small.product.agents_for(Platform::Windows);
    agents
        .map(|agent| {
            let bytes = build(&Msi, &small.product, agent).unwrap();
            Package::new(&small, bytes, Msi.payload(&small.product, agent).unwrap())
        })
        .collect()
}

/// The bases, and a stamp of each.
fn packages(manifest: &str) -> Vec<Package> {
    let mut packages = bases(manifest);
    let token = Token::parse(b"eyJhbGciOiJFZERTQSJ9.e30.c2ln~+/=:_-").unwrap();
    for base in bases(manifest) {
        let mut bytes = Vec::new();
        let splice = once::stamp(&once::open(&base.bytes).unwrap(), &token).unwrap();
        splice.write_to(base.bytes.as_slice(), &mut bytes).unwrap();
        packages.push(Package::new(&base.small, bytes, base.payload));
    }
    packages
}

/// The product with text in every field that tools have been known to trip over.
fn hostile() -> String {
    manifest_with("name", r#"M & "S" [x] {y} %h é"#)
        .replace("publisher = \"Example Ltd\"", "publisher = \"[ProgramFilesFolder] & Söhne\"")
        .replace("homepage = \"https://example.com/agent\"", "folder = \"[x] {y} é\"")
        .replace("\"two words\"", r#""two words", "\"quoted\" [z]""#)
}

/// A package that changes the machine's PATH and registry.
fn machine() -> String {
    let values = r##"
[[registry]]
key = 'SOFTWARE\Vendor\Settings'
name = "Server"
value = "#1 [x] %Z% é"

[[registry]]
key = 'SOFTWARE\Vendor\Settings'
value = "0xffffffff"
type = "dword"
"##;
    format!("{}{values}", MANIFEST.replace("[windows]\n", "[windows]\npath = true\n"))
}

/// Packages whose texts need every kind of codepage: with one byte for a character, with two, and UTF-8 where no other holds all of them.
fn alphabets() -> Vec<Package> {
    let names = [
        ("Příliš žluťoučký agent", "Kůň"),
        ("Агент наблюдения", "Пример"),
        ("エージェント", "株式会社サンプル"),
        ("에이전트", "예시"),
        ("软件代理", "示例公司"),
        ("Агент", "Söhne एजेंट"),
    ];
    let manifest = |(name, publisher): (&str, &str)| {
        let publisher = format!("publisher = \"{publisher}\"");
        manifest_with("name", name).replace("publisher = \"Example Ltd\"", &publisher)
    };
    names.into_iter().flat_map(|names| packages(&manifest(names))).collect()
}

/// The pieces of a package that this project takes out, by area and path.
#[derive(Default)]
struct Pieces(BTreeMap<String, Vec<u8>>);

impl Pieces {
    fn of(package: &Package) -> Self {
        let mut pieces = Self::default();
        Msi.extract(&package.bytes, &mut pieces).unwrap();
        pieces
    }

    /// The tables as text; the token's row as it is.
    fn tables(&self) -> impl Iterator<Item = (&str, String)> {
        let token = self.0.get("Token/enrollment-token").map(|token| String::from_utf8_lossy(token).into_owned());
        self.0.iter().filter_map(move |(path, text)| {
            let name = path.strip_prefix("Metadata/tables/")?.strip_suffix(".idt")?;
            let text = String::from_utf8(text.clone()).unwrap();
            Some((name, text.replace("(see enrollment-token)", token.as_deref().unwrap_or_default())))
        })
    }
}

impl Sink for Pieces {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        if let EntryKind::File(_) = entry.kind {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).unwrap();
            self.0.insert(format!("{:?}/{}", entry.area, entry.path), bytes);
        }
        Ok(())
    }
}

#[test]
fn msiinfo_reads_every_table_as_we_do() {
    let Some(judge) = judge("msiinfo") else { return };
    let scratch = tempfile::tempdir().unwrap();
    for package in
        packages(MANIFEST).into_iter().chain(packages(&hostile())).chain(packages(&machine())).chain(alphabets())
    {
        let path = package.text_path();
        let mut listed: Vec<String> = run(&judge, ["tables", &path]).lines().map(str::to_owned).collect();
        listed.retain(|name| !["_SummaryInformation", "_ForceCodepage"].contains(&name.as_str()));
        listed.sort();
        let pieces = Pieces::of(&package);
        let ours: Vec<&str> = pieces.tables().map(|(name, _)| name).collect();
        assert_eq!(ours, listed);
        for (name, text) in pieces.tables() {
            // It writes the streams of a table into the folder that it runs in.
            let said = output(Command::new(&judge).args(["export", &path, name]).current_dir(scratch.path()));
            assert_eq!(text, String::from_utf8_lossy(&said.stdout), "{name}");
        }
        let summary = run(&judge, ["suminfo", &path]);
        assert!(summary.contains("Version: 500 (1f4)\nSource: 2 (2)\n"), "{summary}");
        // A publisher that no ANSI codepage has stands in the tables only.
        let says_author = String::from_utf8_lossy(&pieces.0["Metadata/summary.txt"]).contains("\tAuthor\t");
        assert_eq!(summary.contains("Author: "), says_author, "{summary}");
    }
}

#[test]
fn msiextract_puts_the_same_files_in_the_same_places() {
    let Some(judge) = judge("msiextract") else { return };
    for package in packages(MANIFEST).into_iter().chain(packages(&hostile())).chain(alphabets()) {
        let out = tempfile::tempdir().unwrap();
        run(&judge, ["-C", out.path().to_str().unwrap(), &package.text_path()]);
        let pieces = Pieces::of(&package);
        let mut files = 0;
        for (path, _, source) in package.payload.files() {
            let mut expected = Vec::new();
            source.open().unwrap().read_to_end(&mut expected).unwrap();
            assert!(fs::read(out.path().join(path)).unwrap() == expected, "msiextract: {path}");
            assert!(pieces.0[&format!("Payload/{path}")] == expected, "{path}");
            files += 1;
        }
        assert_eq!(count_files(out.path()), files);
        assert!(package.payload.iter().all(|(_, node)| !matches!(node, Node::Link { .. })));
    }
}

fn count_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { count_files(&path) } else { 1 }).sum()
}

#[test]
fn seven_zip_finds_nothing_wrong() {
    let Some(judge) = judge("7z") else { return };
    for package in packages(MANIFEST).into_iter().chain(alphabets()) {
        let path = package.text_path();
        let said = run(&judge, ["t", &path]);
        assert!(said.contains("Everything is Ok") && !said.contains("WARNING"), "{said}");
        let out = tempfile::tempdir().unwrap();
        run(&judge, ["x", &format!("-o{}", out.path().display()), &path]);
        for file in fs::read_dir(out.path()).unwrap() {
            assert!(file.unwrap().metadata().unwrap().len() > 0);
        }
        assert_eq!(count_files(out.path()), package.payload.files().count());
    }
}

const PYTHON: &str = r#"
import hashlib, json, sys
from pathlib import Path
import olefile, pymsi
path = sys.argv[1]
ole = olefile.OleFileIO(path, raise_defects=olefile.DEFECT_POTENTIAL)
streams = {"/".join(name): hashlib.sha256(ole.openstream(name).read()).hexdigest() for name in ole.listdir()}
with pymsi.Package(Path(path)) as package:
    tables = {t.name: [[c.name for c in t.columns]] + [[row[c.name] for c in t.columns] for row in t.rows]
              for t in map(package.get, package.tables)}
    files = sorted(f.name for f in pymsi.Msi(package, load_data=True).files.values())
print(json.dumps({"clsid": ole.root.clsid, "streams": streams, "tables": tables, "files": files}))
"#;

#[test]
fn olefile_and_pymsi_read_the_same_streams_and_tables() {
    let python = judges_folder().join("venv/bin/python3");
    if !python.is_file() {
        return missing("pymsi");
    }
    for package in packages(MANIFEST).into_iter().chain(packages(&hostile())).chain(alphabets()) {
        let said = run(&python, ["-c", PYTHON, &package.text_path()]);
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["clsid"], "000C1084-0000-0000-C000-000000000046");
        let compound = container::cfb::read::Compound::open(package.bytes.as_slice()).unwrap();
        let mut streams = serde_json::Map::new();
        for entry in compound.entries() {
            let digest = Sha256::digest(compound.read(entry, 1 << 30).unwrap());
            let hex = digest.iter().fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").unwrap();
                hex
            });
            streams.insert(String::from_utf16(&entry.name).unwrap(), hex.into());
        }
        assert_eq!(said["streams"], Value::Object(streams));
        let pieces = Pieces::of(&package);
        for (name, text) in pieces.tables() {
            // pymsi prints a stream as what it is, not by its name.
            let ours: Vec<Vec<String>> = rows_of(&text)
                .into_iter()
                .map(|row| row.into_iter().map(|cell| cell.replace("Binary.TokenReader", "<binary>")).collect())
                .collect();
            assert_eq!(ours, sorted(&said["tables"][name]), "{name}");
        }
        let files = said["files"].as_array().unwrap().len();
        assert_eq!(files, package.payload.files().count());
    }
}

/// The rows of an archive file, as cells of text; names of the columns first.
fn rows_of(text: &str) -> Vec<Vec<String>> {
    let mut lines = text.trim_end_matches("\r\n").split("\r\n");
    let names = lines.next().unwrap();
    let mut rows: Vec<Vec<String>> =
        std::iter::once(names).chain(lines.skip(2)).map(|line| line.split('\t').map(str::to_owned).collect()).collect();
    rows.sort();
    rows
}

fn sorted(rows: &Value) -> Vec<Vec<String>> {
    let cell = |cell: &Value| match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let rows = rows.as_array().unwrap().iter();
    let mut rows: Vec<Vec<String>> = rows.map(|row| row.as_array().unwrap().iter().map(cell).collect()).collect();
    rows.sort();
    rows
}

#[test]
fn pymsi_has_nothing_against_the_custom_actions() {
    let Some(judge) = judge("pymsi") else { return };
    for package in packages(MANIFEST) {
        run(&judge, ["test", &package.text_path()]);
        let said = run(&judge, ["analyze", &package.text_path()]);
        let (_, review) = said.split_once("Package-level review items\n").unwrap();
        let items: Vec<&str> =
            review.lines().take_while(|line| !line.is_empty()).filter(|line| line.starts_with("  [")).collect();
        // That a service is installed is all that there is to say.
        assert!(matches!(items.as_slice(), [only] if only.contains("Service installation")), "{said}");
    }
}

#[test]
fn osslsigncode_signs_and_verifies() {
    let (Some(judge), Some(openssl)) = (judge("osslsigncode"), judge("openssl")) else { return };
    let keys = tempfile::tempdir().unwrap();
    let file = |name: &str| keys.path().join(name).to_str().unwrap().to_owned();
    let (key, certificate) = (file("key.pem"), file("certificate.pem"));
    let subject = ["-subj", "/CN=Test Code Signing/O=Example", "-days", "3650"];
    let extensions = ["-addext", "extendedKeyUsage=codeSigning", "-addext", "basicConstraints=critical,CA:FALSE"];
    let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", &key, "-out", &certificate];
    run(&openssl, request.into_iter().chain(subject).chain(extensions));
    for (n, package) in packages(MANIFEST).iter().enumerate() {
        let (path, signed) = (package.text_path(), file(&format!("signed{n}.msi")));
        let sign = ["sign", "-certs", &certificate, "-key", &key, "-h", "sha256", "-add-msi-dse"];
        run(&judge, sign.into_iter().chain(["-in", &path, "-out", &signed]));
        let said = run(&judge, ["verify", "-CAfile", &certificate, "-in", &signed]);
        assert!(said.contains("Signature verification: ok"), "{said}");
        let signed = fs::read(signed).unwrap();
        assert!(Msi.inspect(&signed).unwrap().signed);
        assert_eq!(Msi.token(&signed).unwrap(), Msi.token(&package.bytes).unwrap());
        let mut report = Report::new();
        Msi.verify(&signed, &mut report).unwrap();
        // osslsigncode lays the file out anew, and counts one mini sector that belongs to nothing; Windows takes that.
        // These bases were built without a key, and so are their custom actions.
        let theirs = ["msi-slack", "msi-laid-out-anew", "msi-token-reader-unsigned"];
        let others: Vec<_> = report.findings().iter().filter(|finding| !theirs.contains(&finding.id)).collect();
        assert!(others.is_empty() && report.is_ok(), "{others:#?}");
    }
}

/// Everything that a base says of itself, as text. `STAMPWRIGHT_BLESS=1 cargo test golden` writes it anew.
#[test]
fn the_tables_are_the_golden_ones() {
    let base = &bases(MANIFEST)[0];
    let pieces = Pieces::of(base);
    let mut text = String::from_utf8(pieces.0["Metadata/summary.txt"].clone()).unwrap();
    for (name, table) in pieces.tables() {
        write!(text, "\n# {name}\n{}", table.replace("\r\n", "\n")).unwrap();
    }
    let golden = root().join("tests/golden/msi-x64.txt");
    if std::env::var_os("STAMPWRIGHT_BLESS").is_some() {
        fs::write(&golden, &text).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    for (number, (ours, golden)) in text.lines().zip(expected.lines()).enumerate() {
        assert_eq!(ours, golden, "line {}; STAMPWRIGHT_BLESS=1 blesses what is there", number + 1);
    }
    assert_eq!(text, expected, "STAMPWRIGHT_BLESS=1 blesses what is there");
}
