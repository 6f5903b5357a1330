//! The payload as it would be installed: read whole, content by content, none of it kept but small documents.

use std::collections::BTreeMap;

use container::bom::Cksum;
use container::cpio::{Entry, Reader};

use super::reader::{PackageReader, each_chunk};
use crate::agent::{Info, is_info};
use crate::format::ReadError;

/// An `Info.plist` of more than this is not read.
const MAX_INFO_BYTES: u64 = 1 << 20;
/// A universal header with its slices' processors lies in the first bytes.
const HEAD_BYTES: usize = 512;

/// One path of the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PayloadEntry {
    pub(super) entry: Entry,
    /// The checksum of a file.
    pub(super) cksum: u32,
    /// A link's target.
    pub(super) target: Option<String>,
    /// The first bytes of a file that is executable.
    pub(super) head: Vec<u8>,
}

/// The payload's paths, `.` among them, and the applications in it.
#[derive(Debug, Default)]
pub(super) struct PayloadTree {
    pub(super) paths: BTreeMap<String, PayloadEntry>,
    /// By the application's folder.
    pub(super) applications: BTreeMap<String, Application>,
}

/// What an application's `Info.plist` says; empty where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Application {
    pub(super) id: String,
    pub(super) short_version: String,
    pub(super) version: String,
    pub(super) executable: String,
    /// Whether it could not be read: it is too large or damaged.
    pub(super) unread: bool,
    /// Whether it has a signature over its resources.
    pub(super) sealed: bool,
}

impl PayloadTree {
    pub(super) fn read(pkg: &PackageReader<'_>, component: &str) -> Result<Self, ReadError> {
        let path = format!("{component}Payload");
        let mut tree = Self::default();
        if !pkg.has(&path) {
            return Ok(tree);
        }
        let mut archive = Reader::new(pkg.unpacked(pkg.archive.data(&path)?)?);
        while let Some(entry) = archive.next_entry()? {
            tree.take(entry, &mut archive)?;
        }
        let folders: Vec<_> = tree.applications.keys().cloned().collect();
        for folder in folders {
            let sealed = tree.paths.contains_key(&format!("{folder}/Contents/_CodeSignature/CodeResources"));
            if let Some(application) = tree.applications.get_mut(&folder) {
                application.sealed = sealed;
            }
        }
        Ok(tree)
    }

    fn take<R: std::io::Read>(&mut self, entry: Entry, archive: &mut Reader<R>) -> Result<(), ReadError> {
        let mut installed = PayloadEntry { entry, cksum: 0, target: None, head: Vec::new() };
        let entry = &installed.entry;
        if entry.is_symlink() {
            installed.target = Some(String::from_utf8_lossy(&archive.data(4096)?).into_owned());
        } else if let Some(folder) = application(&entry.path).filter(|_| entry.size <= MAX_INFO_BYTES) {
            let content = archive.data(MAX_INFO_BYTES)?;
            installed.cksum = Cksum::of(&content);
            self.applications.insert(folder.to_owned(), Application::read(&content));
        } else {
            let mut sum = Cksum::default();
            let (offset, executable) = (entry.offset, entry.mode & 0o111 != 0);
            let head = &mut installed.head;
            each_chunk(archive, offset, |part| {
                sum.update(part);
                let room = HEAD_BYTES.saturating_sub(head.len()).min(part.len());
                if executable {
                    head.extend_from_slice(part.get(..room).unwrap_or_default());
                }
            })?;
            installed.cksum = sum.finish();
        }
        self.paths.insert(installed.entry.path.clone(), installed);
        Ok(())
    }
}

/// The application's folder, if this is the path of an `Info.plist` of one that lies in no other bundle.
fn application(path: &str) -> Option<&str> {
    let (contents, name) = path.rsplit_once('/')?;
    let folder = contents.strip_suffix("/Contents").filter(|_| is_info(name))?;
    (folder.ends_with(".app") && !folder.contains("/Contents/")).then_some(folder)
}

impl Application {
    fn read(content: &[u8]) -> Self {
        let Ok(info) = Info::parse(content) else { return Self { unread: true, ..Self::default() } };
        Self {
            id: info.identifier.unwrap_or_default(),
            short_version: info.short_version.unwrap_or_default(),
            version: info.version.unwrap_or_default(),
            executable: info.executable.unwrap_or_default(),
            unread: false,
            sealed: false,
        }
    }
}

/// The processors of a Mach-O file by its first bytes, in Installer's words, sorted; empty where it is none.
pub(super) fn processors(head: &[u8]) -> Vec<&'static str> {
    let number = |at: usize, big: bool| -> Option<u32> {
        let bytes: [u8; 4] = head.get(at..at + 4)?.try_into().ok()?;
        Some(if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    };
    let cpus: Vec<u32> = match (number(0, true), number(0, false)) {
        (Some(0xcafe_babe), _) => {
            let count = number(4, true).unwrap_or(0).min(16) as usize;
            (0..count).filter_map(|n| number(8 + n * 20, true)).collect()
        }
        (_, Some(0xfeed_facf)) => number(4, false).into_iter().collect(),
        _ => Vec::new(),
    };
    let known = [(0x0100_000c, "arm64"), (0x0100_0007, "x86_64")];
    known.into_iter().filter(|(cpu, _)| cpus.contains(cpu)).map(|(_, name)| name).collect()
}
