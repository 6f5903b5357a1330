//! Each thing that `verify` finds, shown on an installer that has it.

use container::xar::{self, File, FileData, MemberKind, Node, Toc};
use sha1::{Digest, Sha1};

use super::*;

/// Unpacks an installer, lets `edit` change a member's content or drop it, and packs it again with right checksums.
pub(super) fn edited(file: &Vec<u8>, edit: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>) -> Vec<u8> {
    let archive = xar::open(file).unwrap();
    let (mut heap, mut top, mut inner) = (vec![0; 20], Vec::new(), Vec::new());
    for member in &archive.members {
        let MemberKind::File(Some(data)) = &member.kind else { continue };
        let name = member.path.rsplit('/').next().unwrap().to_owned();
        let content = archive.read(file, data, 64 << 20).unwrap();
        let Some(content) = edit(&name, content) else { continue };
        let data = FileData::plain(heap.len() as u64, content.len() as u64, Sha1::digest(&content).into());
        heap.extend(content);
        let node = Node::File(File { name, data });
        if member.path.contains('/') { inner.push(node) } else { top.push(node) }
    }
    top.push(Node::Directory { name: "Example-Agent.pkg".to_owned(), nodes: inner });
    let creation_time = "2024-01-01T00:00:00".to_owned();
    let mut out = xar::head(&Toc { creation_time, nodes: top }, 4096).unwrap();
    out.extend(&heap[20..]);
    out
}

/// Replaces text in one member.
fn with(member: &str, from: &str, to: &str) -> Vec<u8> {
    edited(&base(), |name, content| {
        if name != member {
            return Some(content);
        }
        let text = String::from_utf8(content).unwrap();
        assert!(text.contains(from), "{member} has no {from}");
        Some(text.replace(from, to).into_bytes())
    })
}

/// Edits the cpio archive in a member, entry by entry: name, mode, content.
pub(super) fn with_archive(member: &str, edit: impl Fn(&mut String, &mut u32, &mut Vec<u8>)) -> Vec<u8> {
    use container::cpio::{Header, Reader, Writer};
    use std::io::{Read, Write};
    edited(&stamp(&base(), "a-token-of-some-length"), |name, content| {
        if name != member {
            return Some(content);
        }
        let mut from = Reader::new(flate2::read::GzDecoder::new(content.as_slice()));
        let mut to = Writer::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()), 0);
        while let Some(entry) = from.next_entry().unwrap() {
            let (mut name, mut mode, mut content) = (entry.path, entry.mode, Vec::new());
            from.read_to_end(&mut content).unwrap();
            edit(&mut name, &mut mode, &mut content);
            to.entry(&Header { name: &name, mode, links: 1, size: content.len() as u64 }).unwrap();
            to.write_all(&content).unwrap();
        }
        Some(to.finish().unwrap().finish().unwrap())
    })
}

fn finds(file: &Vec<u8>, id: &str) {
    let found = errors(file);
    assert!(found.iter().any(|finding| finding.starts_with(&format!("{id} "))), "{id} is not in {found:#?}");
}

#[test]
fn an_edit_that_changes_nothing_is_found_good() {
    assert_eq!(errors(&edited(&base(), |_, content| Some(content))), [""; 0]);
    assert_eq!(errors(&with_archive("Scripts", |_, _, _| {})), [""; 0]);
}

#[test]
fn wrong_package_infos_are_found() {
    for (from, to, id) in [
        ("auth=\"root\"", "auth=\"none\"", "pkg-auth"),
        ("install-location=\"/Applications\"", "install-location=\"Applications\"", "pkg-install-location"),
        ("relocatable=\"false\"", "relocatable=\"true\"", "pkg-relocatable"),
        ("<relocate/>", "<relocate><bundle id=\"x\"/></relocate>", "pkg-relocatable"),
        ("identifier=\"com.example.agent.pkg\"", "identifier=\"\"", "pkg-identifier"),
        ("version=\"1.4.2\" install", "version=\"0\" install", "pkg-version"),
        ("version=\"1.4.2\" install", "version=\"1.4.3\" install", "pkg-version-agrees"),
        ("numberOfFiles=\"6\"", "numberOfFiles=\"7\"", "pkg-payload-count"),
        ("installKBytes=\"", "installKBytes=\"1", "pkg-payload-size"),
        ("<relocate/>", "<bundle path=\"./x\"/>", "pkg-one-bundle"),
        ("path=\"./Example Agent.app\"", "path=\"./Other.app\"", "pkg-bundle-path"),
        ("id=\"com.example.agent\" C", "id=\"com.example.other\" C", "pkg-bundle"),
        ("CFBundleVersion=\"1.4.2\"", "CFBundleVersion=\"2\"", "pkg-bundle"),
        ("./postinstall", "./elsewhere", "pkg-script"),
    ] {
        finds(&with("PackageInfo", from, to), id);
    }
}

#[test]
fn wrong_distributions_are_found() {
    for (from, to, id) in [
        ("<title>Example Agent</title>", "", "pkg-title"),
        ("require-scripts=\"false\"", "require-scripts=\"true\"", "pkg-distribution-scripts"),
        ("<choices-outline>", "<installation-check script=\"x()\"/><choices-outline>", "pkg-distribution-scripts"),
        ("rootVolumeOnly=\"true\"", "", "pkg-root-volume"),
        ("min=\"12.0\"", "", "pkg-minimum-macos"),
        ("arm64,x86_64", "arm64", "pkg-host-architectures"),
        ("com.example.agent\" version=\"1.4.2\"", "com.example.agent\" version=\"1.4.1\"", "pkg-version-agrees"),
        ("com.example.agent.pkg\" version=\"1.4.2\"", "com.example.agent.pkg\" version=\"9\"", "pkg-reference"),
        ("#Example-Agent.pkg", "#Example%2DAgent", "pkg-reference"),
        ("CFBundleVersion=\"1.4.2\"", "CFBundleVersion=\"2\"", "pkg-bundle"),
    ] {
        finds(&with("Distribution", from, to), id);
    }
    finds(&edited(&base(), |name, content| (name != "Distribution").then_some(content)), "pkg-distribution");
}

#[test]
fn wrong_scripts_are_found() {
    let edit = |target: &'static str, change: fn(&mut String, &mut u32, &mut Vec<u8>)| {
        with_archive("Scripts", move |name, mode, content| {
            if name == target {
                change(name, mode, content);
            }
        })
    };
    finds(&edit("postinstall", |_, mode, _| *mode = 0o100_644), "pkg-script-mode");
    finds(&edit("postinstall", |_, _, content| content[0] = b' '), "pkg-script");
    finds(&edit("postinstall", |_, _, content| content.extend(b"# a-token-of-some-length")), "pkg-token-leak");
    finds(
        &edit("postinstall", |_, _, content| content.extend(b"\nlink 'x' \"$root/\"'usr/local/bin/x'\n")),
        "pkg-link",
    );
    finds(&edit("uninstall", |_, _, content| content.extend(b"\nunlink_own 'x' \"$root/\"'opt/x'\n")), "pkg-link");
    finds(&edit("enrollment-token", |_, mode, _| *mode = 0o100_644), "pkg-token-mode");
    finds(&edit("enrollment-token", |_, _, content| content.push(b' ')), "pkg-token");
    finds(&edit("enrollment-token", |_, _, content| content.push(b'\n')), "pkg-token");
    finds(&edit("com.example.agent.plist", |_, mode, _| *mode = 0o100_600), "pkg-daemon-mode");
    finds(&edit("com.example.agent.plist", |_, _, content| content.clear()), "pkg-daemon");
    finds(&edit("com.example.agent.plist", |name, _, _| *name = "other.plist".to_owned()), "pkg-daemon");
}

#[test]
fn wrong_payloads_are_found() {
    let edit = |end: &'static str, change: fn(&mut String, &mut u32, &mut Vec<u8>)| {
        with_archive("Payload", move |name, mode, content| {
            if name.ends_with(end) {
                change(name, mode, content);
            }
        })
    };
    finds(&edit("example-agent", |_, mode, _| *mode |= 0o4000), "pkg-payload-mode");
    finds(&edit("example-agent", |_, mode, _| *mode = 0o100_700), "pkg-bom");
    finds(&edit("example-agent", |_, mode, _| *mode = 0o100_644), "pkg-program");
    finds(&edit("example-agent", |_, mode, _| *mode = 0o100_644), "pkg-daemon");
    finds(&edit("example-agent", |_, _, content| content[5000] ^= 1), "pkg-bom");
    finds(&edit("example-agent", |_, _, content| content.push(0)), "pkg-bom");
    finds(&edit("example-agent", |name, _, _| name.push('2')), "pkg-bom");
    finds(&edit("example-agent", |name, _, _| name.push('2')), "pkg-program");
    finds(&edited(&base(), |name, content| if name == "Bom" { Some(vec![0; 600]) } else { Some(content) }), "pkg-bom");
    finds(&edited(&base(), |name, content| (name != "Payload").then_some(content)), "pkg-payload");
}

#[test]
fn wrong_archives_are_found() {
    let mut flipped = base();
    let payload = container::xar::open(&flipped).unwrap();
    let at = payload.heap_offset + payload.data("Example-Agent.pkg/Bom").unwrap().offset;
    flipped[at as usize + 3] ^= 1;
    let mut report = Report::new();
    assert!(Pkg.verify(&flipped, &mut report).is_err());
    assert_eq!(report.findings()[0].id, "pkg-member-checksum");

    let mut longer = base();
    longer.extend([0; 10]);
    let mut report = Report::new();
    Pkg.verify(&longer, &mut report).unwrap();
    assert!(report.findings().iter().any(|finding| finding.id == "pkg-trailing"));
    assert!(Pkg.stamper(&longer).err().unwrap().to_string().contains("10 bytes"));
}

#[test]
fn what_is_no_base_of_ours_takes_no_token() {
    let other = with("PackageInfo", "Stampwright-1", "Stampwright-2");
    let refused = |file| Pkg.stamper(file).err().unwrap().to_string();
    assert_eq!(refused(&other), "generator-version in PackageInfo is Stampwright-2, must be Stampwright-1");
    let moved = edited(&base(), |_, content| Some(content));
    assert!(refused(&moved).starts_with("the archive's layout is another"), "{}", refused(&moved));
}
