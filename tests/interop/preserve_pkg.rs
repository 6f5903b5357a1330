//! Prepared and stamped packages, stapled and not, before apple-platform, libarchive and the walk that Apple's own reader of tickets does.

use std::fs;
use std::path::Path;

use container::xar::{self, File, FileData, Node, Toc};
use installer::Kind;
use sha1::{Digest, Sha1};

use super::preserve_msi::prepared_and_stamped;
use super::signing_pkg::judged_good;
use crate::support::keys::keys;
use crate::support::signed::Bench;

/// A record of the notarization trailer.
fn record(kind: u16, length: u32) -> Vec<u8> {
    let mut out = b"t8lr".to_vec();
    out.extend(1_u16.to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend([0; 4]);
    out
}

/// What `stapler` appends, around a ticket of nonsense.
pub fn stapled(ticket: &[u8]) -> Vec<u8> {
    [record(1, 0), ticket.to_vec(), record(2, ticket.len() as u32)].concat()
}

/// The ticket, found as Security's `registerStapledTicketInPackage` does: from the end, record by record.
fn ticket(file: &[u8]) -> Option<&[u8]> {
    let mut end = file.len();
    loop {
        let (rest, record) = file[..end].split_at(end - 16);
        if !record.starts_with(b"t8lr") {
            return None;
        }
        let kind = u16::from_le_bytes([record[6], record[7]]);
        let length = u32::from_le_bytes([record[8], record[9], record[10], record[11]]) as usize;
        match kind {
            2 => return Some(&rest[rest.len() - length..]),
            0 | 1 => return None,
            _ => end = rest.len() - length,
        }
    }
}

#[test]
fn ours_stays_signed_and_stapled() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Pkg);
    let signed = bench.sign("base", "signed", &keys.arguments("installer"));
    let both = bench.path("stapled");
    let nonsense = vec![0xA7; 3000];
    fs::write(&both, [fs::read(&signed).unwrap(), stapled(&nonsense)].concat()).unwrap();
    for file in [&signed, &both] {
        for out in prepared_and_stamped(&bench, file) {
            judged_good(&bench, keys, &out);
            let bytes = fs::read(&out).unwrap();
            assert_eq!(ticket(&bytes).is_some(), file == &both);
            assert_eq!(ticket(&bytes), (file == &both).then_some(nonsense.as_slice()));
            // Whoever staples it now, or again, staples it behind the slot.
            let late = [bytes, stapled(b"late")].concat();
            fs::write(bench.path("late"), &late).unwrap();
            assert_eq!(ticket(&late), Some(b"late".as_slice()));
        }
    }
    stapled_after_stamping(&bench, &bench.path("signed-stamped"));
}

/// A ticket that comes later hides nothing.
fn stapled_after_stamping(bench: &Bench, stamped: &Path) {
    let late = [fs::read(stamped).unwrap(), stapled(b"late")].concat();
    fs::write(bench.path("late"), &late).unwrap();
    let said = bench.must(&["inspect", bench.path("late").to_str().unwrap()]);
    assert!(said.contains("filled") && said.contains("ticket stapled"), "{said}");
}

/// The members of a package twice, in two components and with another tool's name, after some bytes that no member refers to.
fn several(base: &Vec<u8>) -> Vec<u8> {
    let archive = xar::open(base).unwrap();
    let mut heap = vec![0; 20 + 100];
    let mut put = |name: &str, content: &[u8]| {
        let data = FileData::plain(heap.len() as u64, content.len() as u64, Sha1::digest(content).into());
        heap.extend(content);
        Node::File(File { name: name.to_owned(), data })
    };
    let mut nodes = Vec::new();
    let content = |path: &str| archive.read(base, archive.data(path).unwrap(), 64 << 20).unwrap();
    nodes.push(put("Distribution", &content("Distribution")));
    for component in ["Example-Agent.pkg", "Second.pkg"] {
        let files = ["Bom", "PackageInfo", "Payload", "Scripts"].map(|name| {
            let mut bytes = content(&format!("Example-Agent.pkg/{name}"));
            if name == "PackageInfo" {
                let text = String::from_utf8(bytes).unwrap().replace("Stampwright-1", "InstallCmds-609 (16A322)");
                bytes = text.replace("agent.pkg\"", &format!("agent.{component}\"")).into_bytes();
            }
            put(name, &bytes)
        });
        nodes.push(Node::Directory { name: component.to_owned(), nodes: files.into() });
    }
    let toc = Toc { creation_time: "2016-09-16T00:00:00".to_owned(), nodes };
    let mut out = xar::head(&toc, 8192).unwrap();
    out.extend(&heap[20..]);
    out
}

#[test]
fn a_product_archive_with_several_components_is_signed_prepared_and_stamped() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Pkg);
    let file = several(&fs::read(bench.path("base")).unwrap());
    fs::write(bench.path("several"), file).unwrap();
    let signed = bench.sign("several", "several-signed", &keys.arguments("installer"));
    judged_good(&bench, keys, &signed);
    let components =
        |path: &Path| bench.must(&["inspect", path.to_str().unwrap(), "--json"]).contains("\"components\": \"2\"");
    assert!(components(&signed));
    for out in prepared_and_stamped(&bench, &signed) {
        judged_good(&bench, keys, &out);
        assert!(components(&out));
    }
}
