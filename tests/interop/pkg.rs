//! The flat package before other people's readers: libarchive, 7-Zip, the `apple-*` crates, Python's parsers.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};
use std::path::Path;

use apple_flat_package::distribution::Distribution;
use apple_flat_package::reader::{PkgFlavor, PkgReader};
use apple_xar::reader::XarReader;
use installer::format::{Area, EntryKind, Extracted, Format, ReadError, Sink};
use installer::payload::Node;
use installer::pkg::Pkg;
use installer::{Payload, Token};

use crate::support::once::{self, Once};
use crate::support::product::{Small, build};
use crate::support::{judge, run};

pub(super) use crate::support::kits::TOKEN;

/// A stamped installer of the small product, and what went into it.
pub(super) struct Stamped {
    _small: Small,
    pub(super) base: Vec<u8>,
    pub(super) bytes: Vec<u8>,
    payload: Payload,
}

impl Stamped {
    pub(super) fn of(small: Small) -> Self {
        let agent = small.product.agents_for(installer::Platform::Macos).next().unwrap();
        let base = build(&Pkg, &small.product, agent).unwrap();
        let payload = Pkg.payload(&small.product, agent).unwrap();
        let bytes = stamp(&base, TOKEN);
        Self { base, bytes, payload, _small: small }
    }
}

pub(super) fn stamp(base: &[u8], token: &str) -> Vec<u8> {
    let base = once::open(base).unwrap();
    let mut bytes = Vec::new();
    once::stamp(&base, &Token::parse(token.as_bytes()).unwrap()).unwrap().write_to(*base.bytes(), &mut bytes).unwrap();
    bytes
}

/// Every file of an area, with its mode.
#[derive(Default)]
pub(super) struct Files(pub(super) BTreeMap<(String, String), (u32, Vec<u8>)>);

impl Sink for Files {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        if let EntryKind::File(_) = entry.kind {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).unwrap();
            let area = format!("{:?}", entry.area);
            self.0.insert((area, entry.path.to_owned()), (entry.mode, bytes));
        }
        Ok(())
    }
}

impl Files {
    pub(super) fn of(file: &Vec<u8>) -> Self {
        let mut files = Self::default();
        Pkg.extract(file, &mut files).unwrap();
        files
    }

    pub(super) fn in_area(&self, area: Area) -> impl Iterator<Item = (&str, u32, &[u8])> {
        let area = format!("{area:?}");
        let files = self.0.iter().filter(move |((of, _), _)| *of == area);
        files.map(|((_, path), (mode, bytes))| (path.as_str(), *mode, bytes.as_slice()))
    }
}

/// Each file of the payload lies below `folder` with its content and mode.
fn same_tree(payload: &Payload, folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for (path, mode, source) in payload.files() {
        let file = folder.join(path.strip_prefix("Applications/").unwrap());
        let mut expected = Vec::new();
        source.open().unwrap().read_to_end(&mut expected).unwrap();
        assert!(fs::read(&file).unwrap() == expected, "{path}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, mode, "{path}");
    }
}

#[test]
fn bsdtar_unpacks_what_went_in() {
    let Some(bsdtar) = judge("bsdtar") else { return };
    let stamped = Stamped::of(Small::new());
    for file in [&stamped.base, &stamped.bytes] {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(path("a.pkg"), file).unwrap();
        for name in ["archive", "payload", "scripts"] {
            fs::create_dir(path(name)).unwrap();
        }
        run(&bsdtar, ["-xf", &path("a.pkg"), "-C", &path("archive")]);
        run(&bsdtar, ["-xpf", &path("archive/Example-Agent.pkg/Payload"), "-C", &path("payload")]);
        run(&bsdtar, ["-xpf", &path("archive/Example-Agent.pkg/Scripts"), "-C", &path("scripts")]);
        same_tree(&stamped.payload, &folder.path().join("payload"));
        let token = fs::read_to_string(path("scripts/enrollment-token")).ok();
        assert_eq!(token.as_deref(), (file == &stamped.bytes).then_some(TOKEN));
    }
}

#[test]
fn seven_zip_has_no_warning() {
    let Some(seven_zip) = judge("7z") else { return };
    let stamped = Stamped::of(Small::new());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.pkg").to_str().unwrap().to_owned();
    for bytes in [&stamped.base, &stamped.bytes] {
        fs::write(&file, bytes).unwrap();
        // an explicit type: else it looks for a payload in the archive and lists that
        let said = run(&seven_zip, ["t", "-tXar", &file]);
        assert!(said.contains("Everything is Ok") && !said.contains("WARNING"), "{said}");
        let listed = run(&seven_zip, ["l", "-tXar", "-ba", &file]);
        let names: Vec<_> = listed.lines().filter_map(|line| line.split_whitespace().last()).collect();
        for name in ["Distribution", "Example-Agent.pkg/Bom", "Example-Agent.pkg/Payload", "Example-Agent.pkg/Scripts"]
        {
            assert!(names.contains(&name), "{listed}");
        }
    }
}

#[test]
fn apple_xar_finds_the_checksums_right() {
    let stamped = Stamped::of(Small::new());
    for file in [stamped.base, stamped.bytes] {
        let mut reader = XarReader::new(Cursor::new(file)).unwrap();
        assert!(reader.verify_table_of_contents_checksum().unwrap());
        let paths: Vec<_> = reader.files().unwrap().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths[..2], ["Distribution", "Example-Agent.pkg"]);
        assert_eq!(paths.len(), 6);
    }
}

#[test]
fn apple_flat_package_reads_the_documents_and_archives() {
    let stamped = Stamped::of(Small::new());
    let mut reader = PkgReader::new(Cursor::new(stamped.bytes.clone())).unwrap();
    assert_eq!(reader.flavor(), PkgFlavor::Product);
    let components = reader.component_packages().unwrap();
    // it wants a `script` in `volume-check`, which Apple's own archives need not have
    let text = reader.into_inner().get_file_data_from_path("Distribution").unwrap().unwrap();
    let text = String::from_utf8(text).unwrap().replace("<volume-check>", "<volume-check script=\"true\">");
    let distribution = Distribution::from_xml(&text).unwrap();
    assert_eq!((distribution.pkg_ref.len(), distribution.choice.len()), (2, 1));
    assert_eq!(distribution.options.unwrap().host_architecutres.as_deref(), Some("arm64,x86_64"));
    assert_eq!(components.len(), 1);
    let info = components[0].package_info().unwrap();
    assert_eq!((info.identifier.as_str(), info.version.as_str()), ("com.example.agent.pkg", "1.4.2"));
    assert_eq!((info.install_location.as_deref(), info.relocatable), (Some("/Applications"), Some(false)));
    assert_eq!(info.bundle.len(), 1);
    let mut scripts = components[0].scripts_reader().unwrap().unwrap();
    let mut names = Vec::new();
    while let Some(entry) = scripts.read_next().unwrap() {
        names.push((entry.name().to_owned(), entry.mode() & 0o777));
        scripts.finish().unwrap();
    }
    assert_eq!(names.len(), 8, "{names:?}");
    assert_eq!(names[7], ("./enrollment-token".to_owned(), 0o600));
}

#[test]
fn apple_bom_lists_the_payload() {
    let stamped = Stamped::of(Small::new());
    let mut reader = PkgReader::new(Cursor::new(stamped.bytes)).unwrap();
    let components = reader.component_packages().unwrap();
    let bom = apple_bom::ParsedBom::parse(components[0].bom().unwrap()).unwrap();
    let listed: BTreeMap<String, (u32, usize)> = bom
        .paths()
        .unwrap()
        .into_iter()
        .map(|path| (path.path().to_owned(), (u32::from(path.file_mode()) & 0o7777, path.size())))
        .collect();
    let mut expected = BTreeMap::from([(".".to_owned(), (0o755, 0))]);
    for (path, node) in stamped.payload.iter() {
        let Some(path) = path.strip_prefix("Applications/") else { continue };
        let what = match node {
            Node::Folder { mode } => (*mode, 0),
            Node::File { mode, source } => (*mode, source.len() as usize),
            Node::Link { target } => (0o755, target.len()),
        };
        expected.insert(format!("./{path}"), what);
    }
    assert_eq!(listed, expected);
}

#[test]
fn python_parses_every_document() {
    let Some(python) = judge("python3") else { return };
    let manifest = crate::support::product::manifest_with("name", r#"M & 'S' "x" [y] %h <b> é"#);
    let manifest = manifest.replace("[service]", "folder = \"Agent [x] & é\"\n\n[service]");
    let stamped = Stamped::of(Small::with(&manifest).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut commands = String::from("import plistlib, xml.etree.ElementTree as ET\n");
    for (n, (path, _, bytes)) in Files::of(&stamped.bytes).0.iter().map(|((_, p), (m, b))| (p, m, b)).enumerate() {
        let file = folder.path().join(n.to_string());
        fs::write(&file, bytes).unwrap();
        if path.ends_with(".plist") {
            commands +=
                &format!("p = plistlib.load(open({file:?}, 'rb'))\nprint(p.get('Label'), p.get('CFBundleName'))\n");
        } else if ["Distribution", "PackageInfo"].contains(&path.as_str()) {
            commands += &format!("r = ET.parse({file:?}).getroot()\nprint(r.tag, r.findtext('title'))\n");
        }
    }
    let said = run(&python, ["-X", "utf8", "-c", &commands]);
    for line in [
        r#"installer-gui-script M & 'S' "x" [y] %h <b> é"#,
        "pkg-info None",
        "com.example.agent None",
        r#"None M & 'S' "x" [y] %h <b> é"#,
    ] {
        assert!(said.lines().any(|found| found == line), "{line} is not in {said}");
    }
}
