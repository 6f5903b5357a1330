//! Where a base takes its token: new `Scripts`, and a head that names them.

use container::reader::{Malformed, Problem};
use container::xar::{self, CHECKSUM_BYTES, Data, Encoding, FileData, Packing, Room, SignedHead, Stored};
use container::{ReadAt, read_at};

use super::build::Members;
use super::names::{GENERATOR, TOC_XML_BYTES, TOKEN_NAME};
use super::reader::PackageReader;
use super::scripts::{Packed, ScriptFile};
use super::signature_room;
use crate::format::{SignFileError, StampError, Stamper};
use crate::policy::AcceptedToken;
use crate::secret::SecretBytes;
use crate::signature::SignImprint;
use crate::splice::{Segment, Splice};
use crate::token::Token;

/// Ours have some kilobytes.
const MAX_SCRIPTS_BYTES: usize = 1 << 20;

/// An opened base.
#[derive(Debug)]
pub(super) struct PkgStamper {
    base_len: u64,
    creation_time: String,
    /// As they lie in an archive without signatures.
    members: Members,
    /// Where the kept part of the heap starts and ends in the file.
    kept: std::ops::Range<u64>,
    scripts: Packed,
    stamped: bool,
    signed: bool,
    /// Where the first member starts in the heap.
    members_start: u64,
}

impl PkgStamper {
    /// Reads the table of contents and `Scripts`, and makes sure that this version would have written the same head:
    /// then a new one fits in its place.
    pub(super) fn open(opened: &PackageReader<'_>) -> Result<Self, StampError> {
        let base = opened.file;
        let info = opened.package_info(opened.component()?)?;
        if info.generator != GENERATOR {
            return Err(not_a_base("generator-version in PackageInfo", &info.generator, GENERATOR));
        }
        let signed = !opened.archive.signatures.is_empty();
        // A ticket was issued for the signature that it follows, and is left behind with it.
        let trailing = if signed { opened.trailer()?.gap_bytes } else { base.len() - opened.archive.end };
        if trailing != 0 {
            return Err(not_a_base("what follows the archive", &format!("{trailing} bytes"), "nothing"));
        }
        let certificates = match opened.archive.signatures.first() {
            Some(signature) => super::signature::certificates(signature)?,
            None => Vec::new(),
        };
        let room = room(opened, &certificates)?;
        let start = room.as_ref().map_or(CHECKSUM_BYTES, Room::members_start);
        let members = members(opened, start)?;
        let creation_time = opened.archive.creation_time.clone().unwrap_or_default();
        let head = match &room {
            None => members.head(&creation_time).map_err(|_| layout())?,
            Some(room) => signed_head(&members, &creation_time, room)?.head,
        };
        let found = read_at::read_vec(base, "xar header", 0, head.len() as u64, head.len())?;
        if found != head {
            return Err(layout());
        }
        let (mut files, mut mtime, mut stamped) = (Vec::new(), 0, false);
        for script in opened.scripts()? {
            mtime = script.entry.mtime;
            match script.entry.path.as_str() {
                "." => {}
                TOKEN_NAME => stamped = true,
                name => files.push(ScriptFile::new(name, script.entry.mode & 0o7777, script.content.to_vec())),
            }
        }
        let heap = opened.archive.heap_offset;
        let place = heap + start - CHECKSUM_BYTES + members.scripts.offset;
        let stored = read_at::read_vec(base, "Scripts", place, members.scripts.length, MAX_SCRIPTS_BYTES)?;
        let scripts = Packed::open(&stored, &files, mtime).ok().flatten().ok_or_else(layout)?;
        let kept = heap + start..place + scripts.kept_bytes();
        let base_len = base.len();
        Ok(Self { base_len, creation_time, members, kept, scripts, stamped, signed, members_start: start })
    }

    /// The head of this archive as it is, with room for other signatures.
    pub(super) fn signed_head(&self, room: &Room<'_>) -> Result<SignedHead, SignFileError> {
        let head = signed_head(&self.members, &self.creation_time, room)?;
        Ok(SignedHead { old_members: self.members_start, ..head })
    }

    /// The new end of `Scripts`, and the members with it.
    fn with_token(&self, token: &Token) -> Result<(SecretBytes, Members), StampError> {
        let end = self.scripts.end(Some(token)).map_err(|_| layout())?;
        let mut members = self.members.clone();
        let length = self.scripts.kept_bytes() + end.len() as u64;
        members.scripts = FileData::plain(members.scripts.offset, length, self.scripts.sha1(&end));
        Ok((end, members))
    }
}

impl Stamper for PkgStamper {
    fn is_stamped(&self) -> bool {
        self.stamped
    }

    fn stamp(&self, token: &AcceptedToken) -> Result<Splice, StampError> {
        if self.signed {
            return Err(StampError::Signed);
        }
        let (scripts, members) = self.with_token(token.token())?;
        let head = members.head(&self.creation_time).map_err(|_| layout())?;
        let segments = [Segment::put(head), Segment::Keep(self.kept.clone()), Segment::Put(scripts)];
        Ok(Splice::new(self.base_len, segments)?)
    }

    fn stamp_signed(
        &self,
        _base: &dyn ReadAt,
        token: &AcceptedToken,
        signer: &dyn SignImprint,
    ) -> Result<Splice, StampError> {
        let (scripts, members) = self.with_token(token.token())?;
        let room = signature_room::room(signer)?;
        let head = signed_head(&members, &self.creation_time, &room)?;
        let signatures = signature_room::signatures(&head, &room, signer)?;
        let front = [Segment::put(head.head), Segment::put(signatures)];
        let rest = [Segment::Keep(self.kept.clone()), Segment::Put(scripts)];
        Ok(Splice::new(self.base_len, front.into_iter().chain(rest))?)
    }
}

/// The head of an archive of ours with room for signatures.
fn signed_head(members: &Members, creation_time: &str, room: &Room<'_>) -> Result<SignedHead, Malformed> {
    xar::signed_head(members.toc(creation_time).xml().as_bytes(), room, Packing::Padded(TOC_XML_BYTES))
}

/// The room that the signatures of a signed archive have: both, right behind the checksum.
fn room<'c>(opened: &PackageReader<'_>, certificates: &'c [Vec<u8>]) -> Result<Option<Room<'c>>, StampError> {
    match opened.archive.signatures.as_slice() {
        [] => Ok(None),
        [rsa, cms] if rsa.style == "RSA" && cms.style == "CMS" && rsa.certificates == cms.certificates => {
            Ok(Some(Room { certificates, rsa_bytes: rsa.size, cms_bytes: cms.size }))
        }
        _ => Err(layout()),
    }
}

/// The members as their writer knew them, before there was room for signatures: the first one starts at `start` now.
fn members(opened: &PackageReader<'_>, start: u64) -> Result<Members, StampError> {
    let component = opened.component()?.trim_end_matches('/').to_owned();
    let moved = |data: &Data| -> Result<FileData, StampError> {
        let data = written(data)?;
        let offset = data.offset.checked_sub(start).ok_or_else(layout)? + CHECKSUM_BYTES;
        Ok(FileData { offset, ..data })
    };
    let data = |name| moved(opened.member(name)?);
    let members = Members {
        component,
        distribution: moved(opened.archive.data("Distribution")?)?,
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
        offset: Malformed::NOWHERE,
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
