//! Where a base takes its token: new `Scripts`, and a head that names them.

use container::bytes::{Malformed, Problem};
use container::xar::{CHECKSUM_BYTES, Data, Encoding, FileData, Stored};
use container::{ReadAt, at};
use sha1::{Digest, Sha1};

use super::build::Members;
use super::opened::Opened;
use super::scripts::{self, ScriptFile};
use super::{GENERATOR, TOKEN_NAME};
use crate::format::{Slot, StampError};
use crate::splice::{Segment, Splice};
use crate::token::Token;

/// An opened base.
#[derive(Debug)]
pub(super) struct PkgSlot {
    base_len: u64,
    creation_time: String,
    members: Members,
    /// Where the kept part of the heap starts and ends in the file.
    kept: std::ops::Range<u64>,
    files: Vec<ScriptFile>,
    mtime: u64,
    stamped: bool,
}

impl PkgSlot {
    /// Reads the table of contents and `Scripts`, and makes sure that this version would have written the same head:
    /// then a new one fits in its place.
    pub(super) fn open(base: &dyn ReadAt) -> Result<Self, StampError> {
        let opened = Opened::open(base)?;
        if !opened.archive.signatures.is_empty() {
            return Err(StampError::Signed);
        }
        let info = opened.package_info(opened.component()?)?;
        if info.generator != GENERATOR {
            return Err(not_a_base("generator-version in PackageInfo", &info.generator, GENERATOR));
        }
        let trailing = base.len() - opened.archive.end;
        if trailing != 0 {
            return Err(not_a_base("what follows the archive", &format!("{trailing} bytes"), "nothing"));
        }
        let members = members(&opened)?;
        let creation_time = opened.archive.creation_time.clone().unwrap_or_default();
        let head = members.head(&creation_time).map_err(|_| layout())?;
        let found = at::read_vec(base, "xar header", 0, head.len() as u64, head.len())?;
        if found != head {
            return Err(layout());
        }
        let heap = opened.archive.heap_offset;
        let kept = heap + CHECKSUM_BYTES..heap + members.scripts.offset;
        let (mut files, mut mtime, mut stamped) = (Vec::new(), 0, false);
        for script in opened.scripts()? {
            mtime = script.entry.mtime;
            match script.entry.path.as_str() {
                "." => {}
                TOKEN_NAME => stamped = true,
                name => files.push(ScriptFile::new(name, script.entry.mode & 0o7777, script.content.to_vec())),
            }
        }
        Ok(Self { base_len: base.len(), creation_time, members, kept, files, mtime, stamped })
    }
}

impl Slot for PkgSlot {
    fn is_stamped(&self) -> bool {
        self.stamped
    }

    fn stamp(&self, token: &Token) -> Result<Splice, StampError> {
        let failed = |_| layout();
        let scripts = scripts::pack(&self.files, Some(token), self.mtime).map_err(failed)?;
        let mut members = self.members.clone();
        let sha1 = Sha1::digest(scripts.as_slice()).into();
        members.scripts = FileData::plain(members.scripts.offset, scripts.len() as u64, sha1);
        let head = members.head(&self.creation_time).map_err(failed)?;
        let segments = [Segment::put(head), Segment::Keep(self.kept.clone()), Segment::Put(scripts)];
        Ok(Splice::new(self.base_len, segments)?)
    }
}

/// The members as their writer knew them.
fn members(opened: &Opened<'_>) -> Result<Members, StampError> {
    let component = opened.component()?.trim_end_matches('/').to_owned();
    let data = |name| written(opened.member(name)?);
    let members = Members {
        component,
        distribution: written(opened.archive.data("Distribution")?)?,
        package_info: data("PackageInfo")?,
        payload: data("Payload")?,
        bom: data("Bom")?,
        scripts: data("Scripts")?,
    };
    let mut at = CHECKSUM_BYTES;
    let Members { distribution, package_info, payload, bom, scripts, .. } = &members;
    for member in [distribution, package_info, payload, bom, scripts] {
        if member.offset != at {
            return Err(layout());
        }
        at += member.length;
    }
    Ok(members)
}

fn written(data: &Data) -> Result<FileData, StampError> {
    let wrong = || Malformed {
        structure: "xar table of contents",
        offset: 0,
        problem: Problem::Text { what: "a member's encoding or checksum is not what this tool writes" },
    };
    let sum = |sum: &Option<(String, String)>| -> Option<[u8; 20]> {
        let (_, hex) = sum.as_ref().filter(|(style, hex)| style == "sha1" && hex.len() == 40)?;
        let bytes: Option<Vec<u8>> = (0..20).map(|n| u8::from_str_radix(hex.get(n * 2..n * 2 + 2)?, 16).ok()).collect();
        bytes?.try_into().ok()
    };
    let stored = match data.encoding {
        Encoding::Plain => Stored::Plain,
        Encoding::Zlib => Stored::Zlib,
        Encoding::Other(_) => return Err(wrong().into()),
    };
    Ok(FileData {
        offset: data.offset,
        length: data.length,
        size: data.size,
        stored,
        archived_sha1: sum(&data.archived_checksum).ok_or_else(wrong)?,
        extracted_sha1: sum(&data.extracted_checksum).ok_or_else(wrong)?,
    })
}

fn layout() -> StampError {
    not_a_base("the archive's layout", "another", "the one that this version writes")
}

fn not_a_base(what: &'static str, found: &str, expected: &'static str) -> StampError {
    let found: String = found.chars().take(80).flat_map(char::escape_debug).collect();
    StampError::NotABase { what, found, expected }
}
