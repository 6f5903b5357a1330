//! The payload: its modes and owners, and the bill of materials against it.

use std::collections::BTreeMap;

use container::bom::{self, Kind, Path};

use crate::pkg::payload_tree::{PayloadEntry, PayloadTree};
use crate::report::Report;

/// After so many differences a bill of materials is another's.
const MAX_DIFFERENCES: usize = 20;

pub(super) fn modes(tree: &PayloadTree, report: &mut Report) {
    report.check(!tree.paths.is_empty(), "pkg-payload", "Payload", || {
        "it has no files: an empty package installs again and again".to_owned()
    });
    for (path, installed) in &tree.paths {
        let entry = &installed.entry;
        let loose = entry.mode & 0o6002 != 0 && !entry.is_symlink();
        report.check(!loose, "pkg-payload-mode", path, || {
            format!("its mode is {:o}: it is setuid, setgid or writable by everybody", entry.mode & 0o7777)
        });
        report.check((entry.uid, entry.gid) == (0, 0), "pkg-payload-owner", path, || {
            format!("it belongs to {}:{}, must belong to 0:0", entry.uid, entry.gid)
        });
    }
}

pub(super) fn bill(bytes: &[u8], tree: &PayloadTree, report: &mut Report) {
    let bill = match bom::read(bytes) {
        Ok(bill) => bill,
        Err(error) => return report.error("pkg-bom", "Bom", error.to_string()),
    };
    let mut said: BTreeMap<&str, &Path> = bill.paths.iter().map(|path| (path.path.as_str(), path)).collect();
    let mut differences = 0;
    let mut differs = |path: &str, message: String, report: &mut Report| {
        differences += 1;
        if differences <= MAX_DIFFERENCES {
            report.error("pkg-bom", path, message);
        }
    };
    for (path, installed) in &tree.paths {
        match said.remove(path.as_str()) {
            None => differs(path, "Bom does not have it".to_owned(), report),
            Some(said) => match difference(said, installed) {
                None => report.held("pkg-bom", path),
                Some(message) => differs(path, message, report),
            },
        }
    }
    for path in said.into_keys() {
        differs(path, "Bom has it, the payload does not".to_owned(), report);
    }
    if differences > MAX_DIFFERENCES {
        report.error("pkg-bom", "Bom", format!("there are {differences} differences to the payload in all"));
    }
}

/// How the bill of materials and the payload differ on a path.
fn difference(said: &Path, installed: &PayloadEntry) -> Option<String> {
    let entry = &installed.entry;
    let differ =
        |what: &str, said: String, real: String| Some(format!("Bom says that its {what} is {said}, not {real}"));
    if said.kind == Kind::Named {
        return None;
    }
    if u32::from(said.mode) != entry.mode {
        return differ("mode", format!("{:o}", said.mode), format!("{:o}", entry.mode));
    }
    if (said.uid, said.gid) != (entry.uid, entry.gid) {
        let text = |(uid, gid)| format!("{uid}:{gid}");
        return differ("owner", text((said.uid, said.gid)), text((entry.uid, entry.gid)));
    }
    match &said.kind {
        // Sizes have 32 bits; what is above them stands in another list.
        Kind::File { size, .. } if *size != entry.size & u64::from(u32::MAX) => {
            differ("size", size.to_string(), entry.size.to_string())
        }
        Kind::File { cksum, .. } if *cksum != installed.cksum => {
            differ("checksum", cksum.to_string(), installed.cksum.to_string())
        }
        Kind::Link { target } if Some(target) != installed.target.as_ref() => {
            differ("target", target.clone(), installed.target.clone().unwrap_or_default())
        }
        _ => None,
    }
}
