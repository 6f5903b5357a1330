//! Packages of other tools: several components, none that is a product, bytes of the heap that no member refers to.

use container::xar::{self, File, FileData, MemberKind, Node, Toc};
use sha1::{Digest, Sha1};

use super::*;
use crate::format::{Area, EntryKind, Extracted, PrepareError, ReadError, Sink};
use crate::report::Severity;

/// Apple's tools say who they are.
const APPLES: &str = "InstallCmds-609 (16A322)";

/// The members of our base with another tool's name in it, in these components (`""`: beside the others), after a hole of so many bytes.
fn made(components: &[&str], has_distribution: bool, hole: usize) -> Vec<u8> {
    made_by(APPLES, components, has_distribution, hole)
}

fn made_by(generator: &str, components: &[&str], has_distribution: bool, hole: usize) -> Vec<u8> {
    let base = base();
    let archive = xar::open(&base).unwrap();
    let (mut heap, mut top) = (vec![0; 20 + hole], Vec::new());
    let mut put = |name: &str, content: &[u8]| {
        let data = FileData::plain(heap.len() as u64, content.len() as u64, Sha1::digest(content).into());
        heap.extend(content);
        Node::File(File { name: name.to_owned(), data })
    };
    let mut folders = vec![Vec::new(); components.len()];
    for member in &archive.members {
        let MemberKind::File(Some(data)) = &member.kind else { continue };
        let name = member.path.rsplit('/').next().unwrap();
        let mut content = archive.read(&base, data, 64 << 20).unwrap();
        if name == "Distribution" {
            if has_distribution {
                top.push(put(name, &content));
            }
            continue;
        }
        for (folder, component) in folders.iter_mut().zip(components) {
            if name == "PackageInfo" {
                let text = String::from_utf8(content.clone()).unwrap();
                let text = text.replace("Stampwright-1", generator);
                content = text.replace("agent.pkg\"", &format!("agent.{component}\"")).into_bytes();
            }
            folder.push(put(name, &content));
        }
    }
    for (nodes, component) in folders.into_iter().zip(components) {
        if component.is_empty() {
            top.extend(nodes);
        } else {
            top.push(Node::Directory { name: (*component).to_owned(), nodes });
        }
    }
    let mut out = xar::head(&Toc { creation_time: "2016-09-16T00:00:00".to_owned(), nodes: top }, 8192).unwrap();
    out.extend(&heap[20..]);
    out
}

#[derive(Default)]
struct Paths(Vec<String>);

impl Sink for Paths {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn std::io::Read) -> Result<(), ReadError> {
        let len = std::io::copy(content, &mut std::io::sink()).unwrap();
        if let EntryKind::File(said) = entry.kind {
            assert_eq!(len, said);
        }
        let area = if entry.area == Area::Payload { "payload" } else { "metadata" };
        self.0.push(format!("{area}/{}", entry.path));
        Ok(())
    }
}

fn paths(file: &Vec<u8>) -> Vec<String> {
    let mut paths = Paths::default();
    Pkg.extract(file, &mut paths).unwrap();
    paths.0
}

#[test]
fn several_components_are_read() {
    let file = made(&["a.pkg", "b.pkg", "c.pkg"], true, 100);
    let found = Pkg.inspect(&file).unwrap();
    assert_eq!((found.product.as_str(), found.version.as_str()), ("Example Agent", "1.4.2"));
    assert_eq!(found.details["components"], "3");
    assert_eq!(found.details["generator"], APPLES);
    assert!(found.token.is_none());
    let paths = paths(&file);
    for path in [
        "metadata/Distribution",
        "metadata/a.pkg/PackageInfo",
        "metadata/c.pkg/Scripts/postinstall",
        "payload/Applications/Example Agent.app/Contents/MacOS/example-agent",
        "payload/b.pkg/Applications/Example Agent.app/Contents/MacOS/example-agent",
    ] {
        assert!(paths.contains(&path.to_owned()), "{path} is not in {paths:#?}");
    }
    let folder = "payload/Applications/Example Agent.app/Contents";
    assert_eq!(paths.iter().filter(|path| *path == folder).count(), 1);
    assert_eq!(super::super::daemons(&file).unwrap().daemons.len(), 3);
    assert_eq!(super::super::facts(&file).unwrap().components.len(), 3);
}

#[test]
fn house_rules_are_for_our_own() {
    let file = made(&["a.pkg", "b.pkg"], true, 100);
    let mut report = Report::new();
    Pkg.verify(&file, &mut report).unwrap();
    let found: Vec<_> = report.findings().iter().map(|finding| (finding.id, finding.severity)).collect();
    let expected =
        [("pkg-heap-hole", Severity::Note), ("pkg-unsigned", Severity::Note), ("pkg-foreign", Severity::Note)];
    assert_eq!(found, expected);
    // and a member that was changed is found all the same
    let mut bad = file;
    let archive = xar::open(&bad).unwrap();
    let payload = archive.heap_offset + archive.data("b.pkg/Payload").unwrap().offset;
    bad[payload as usize + 20] ^= 1;
    assert!(errors(&bad).iter().any(|error| error.starts_with("pkg-member-checksum")), "{:?}", errors(&bad));
}

/// A tool whose name begins like ours is another: `inspect` and `verify` say the same of it.
#[test]
fn a_name_that_begins_like_ours_is_not_ours() {
    for (generator, is_ours) in [("StampwrightX 2", false), ("Stampwright-1", true), ("Stampwright-9", true)] {
        let file = made_by(generator, &["agent.pkg"], true, 0);
        assert_eq!(Pkg.inspect(&file).unwrap().is_ours, is_ours, "{generator}");
        let mut report = Report::new();
        Pkg.verify(&file, &mut report).unwrap();
        let is_foreign = report.findings().iter().any(|finding| finding.id == "pkg-foreign");
        assert_eq!(is_foreign, !is_ours, "{generator}");
    }
}

#[test]
fn a_component_package_is_read_and_takes_no_slot() {
    let file = made(&[""], false, 0);
    let found = Pkg.inspect(&file).unwrap();
    assert_eq!((found.product.as_str(), found.version.as_str()), ("com.example.agent.", "1.4.2"));
    assert!(found.details["kind"].starts_with("component package"));
    assert!(paths(&file).contains(&"metadata/PackageInfo".to_owned()));
    assert_eq!(errors(&file), [""; 0]);
    let installer = Pkg.open(&file).unwrap();
    let refused = installer.signable().unwrap().check_preparable().unwrap_err();
    assert!(matches!(refused, PrepareError::Refused { .. }));
    assert!(refused.to_string().starts_with("Distribution is missing"), "{refused}");
}

#[test]
fn an_archive_that_is_no_package_is_called_that() {
    let data = FileData::plain(20, 5, Sha1::digest(b"hello").into());
    let nodes = vec![Node::File(File { name: "readme".to_owned(), data })];
    let mut archive = xar::head(&Toc { creation_time: "2016-09-16T00:00:00".to_owned(), nodes }, 8192).unwrap();
    archive.extend(b"hello");
    assert_eq!(
        Pkg.inspect(&archive).unwrap_err().to_string(),
        "flat package: it is a XAR archive without a Distribution and without a PackageInfo, not an installer package"
    );
}
