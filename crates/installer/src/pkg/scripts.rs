//! Writing `Scripts`: the small archive that holds the scripts and the token.

use std::io::{self, Read, Write};

use container::cpio::{DIRECTORY, Header, REGULAR, Writer};
use container::gzip::{self, Prefix, PrefixWriter};
use sha1::{Digest, Sha1};

use super::names::TOKEN_NAME;
use crate::secret::SecretBytes;
use crate::token::Token;

/// libdeflate's level.
const LEVEL: u32 = 6;
/// What is around a tail: the header of its stored block, and the end of the member.
const BLOCK_BYTES: usize = 5 + 8;

/// One file of `Scripts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScriptFile {
    pub(super) name: String,
    pub(super) permissions: u32,
    pub(super) content: Vec<u8>,
}

impl ScriptFile {
    pub(super) fn new(name: &str, permissions: u32, content: impl Into<Vec<u8>>) -> Self {
        Self { name: name.to_owned(), permissions, content: content.into() }
    }
}

/// A base's `Scripts`, packed: one gzip member whose last block is stored, so that a stamp writes that block anew and compresses nothing.
///
/// ```text
/// gzip header │ deflated: ., preinstall, postinstall, … │ stored: [ enrollment-token ] TRAILER!!! │ CRC32, ISIZE
///             └──────────── the same in every stamp ────┘└──────────── the tail ─────────────────┘
/// ```
#[derive(Debug, Clone)]
pub(super) struct Packed {
    /// Everything before the tail, as it lies in the file.
    head: Vec<u8>,
    prefix: Prefix,
    /// The archive without a token, and where in it the tail starts.
    plain: Vec<u8>,
    tail_at: usize,
    mtime: u64,
    files: u32,
    /// The digest of `head`.
    sha1: Sha1,
}

impl Packed {
    /// Packs these files.
    pub(super) fn new(files: &[ScriptFile], mtime: u64) -> io::Result<Self> {
        let (plain, tail_at) = archive(files, mtime)?;
        let mut gzip = PrefixWriter::new(Vec::new(), LEVEL)?;
        gzip.write_all(plain.split_at(tail_at).0)?;
        let (mut head, prefix) = gzip.finish_with_tail(&[])?;
        head.truncate(usize::try_from(prefix.tail_offset).unwrap_or(usize::MAX));
        Ok(Self::from_parts(head, prefix, plain, tail_at, files, mtime))
    }

    /// Takes up what a base has: `stored` is its `Scripts` as they lie in the file. `None`: they were not packed like this.
    pub(super) fn open(stored: &[u8], files: &[ScriptFile], mtime: u64) -> io::Result<Option<Self>> {
        let (plain, tail_at) = archive(files, mtime)?;
        let (before, tail) = plain.split_at(tail_at);
        // How long the tail is depends on the token in it; its block says so itself, and `Tail` checks everything.
        let prefix = |tail_len: usize| {
            let offset = stored.len().checked_sub(tail_len + BLOCK_BYTES)?;
            Some(Prefix::new(before, offset as u64))
        };
        let whole = gzip::decode(stored);
        let room = plain.len() + 2 * Token::MAX_BYTES;
        let mut unpacked = SecretBytes::with_capacity(room);
        io::copy(&mut whole.take(room as u64), &mut unpacked)?;
        let Some(found) = unpacked.strip_prefix(before).filter(|found| found.len() >= tail.len()) else {
            return Ok(None);
        };
        let Some(prefix) = prefix(found.len()) else { return Ok(None) };
        let Ok(checked) = gzip::Tail::at(stored, 0, stored.len() as u64, prefix) else { return Ok(None) };
        let kept = usize::try_from(prefix.tail_offset).ok().and_then(|end| stored.get(..end));
        let Some(head) = kept.map(<[u8]>::to_vec) else { return Ok(None) };
        let is_ours = checked.bytes() == found;
        Ok(is_ours.then(|| Self::from_parts(head, prefix, plain, tail_at, files, mtime)))
    }

    fn from_parts(
        head: Vec<u8>,
        prefix: Prefix,
        plain: Vec<u8>,
        tail_at: usize,
        files: &[ScriptFile],
        mtime: u64,
    ) -> Self {
        let sha1 = Sha1::new_with_prefix(&head);
        let files = u32::try_from(files.len()).unwrap_or(u32::MAX);
        Self { head, prefix, plain, tail_at, mtime, files, sha1 }
    }

    /// How many bytes of `Scripts` are the same in every stamp.
    pub(super) const fn kept_bytes(&self) -> u64 {
        self.prefix.tail_offset
    }

    /// All of it, with or without a token.
    pub(super) fn whole(&self, token: Option<&Token>) -> io::Result<SecretBytes> {
        let end = self.end(token)?;
        let mut whole = SecretBytes::with_capacity(self.head.len() + end.len());
        whole.extend_from_slice(&self.head);
        whole.extend_from_slice(&end);
        Ok(whole)
    }

    /// What follows the kept bytes: the stored block and the end of the member.
    pub(super) fn end(&self, token: Option<&Token>) -> io::Result<SecretBytes> {
        let (_, trailer) = self.plain.split_at(self.tail_at);
        let Some(token) = token else { return Ok(SecretBytes::new(self.prefix.end_with(trailer)?)) };
        let mut tail = SecretBytes::with_capacity(token.len() + 2048);
        let mut archive = Writer::resume(&mut tail, self.mtime, self.files + 1, self.tail_at as u64);
        put(&mut archive, TOKEN_NAME, 0o600, token.expose().as_bytes())?;
        archive.finish()?;
        Ok(SecretBytes::new(self.prefix.end_with(&tail)?))
    }

    /// The SHA-1 of all of it when it ends with `end`.
    pub(super) fn sha1(&self, end: &[u8]) -> [u8; 20] {
        self.sha1.clone().chain_update(end).finalize().into()
    }
}

/// The archive of these files without a token, and where its trailer starts. The folder's link count is that of a stamp, so that it is the
/// same in a base.
fn archive(files: &[ScriptFile], mtime: u64) -> io::Result<(Vec<u8>, usize)> {
    let count = u32::try_from(files.len()).unwrap_or(u32::MAX).saturating_add(1);
    let mut archive = Writer::new(Vec::new(), mtime);
    archive.entry(&Header { name: ".", mode: DIRECTORY | 0o755, links: count.saturating_add(2), size: 0 })?;
    for file in files {
        put(&mut archive, &file.name, file.permissions, &file.content)?;
    }
    let tail_at = usize::try_from(archive.written()).unwrap_or(usize::MAX);
    Ok((archive.finish()?, tail_at))
}

fn put<W: Write>(archive: &mut Writer<W>, name: &str, permissions: u32, content: &[u8]) -> io::Result<()> {
    let header =
        Header { name: &format!("./{name}"), mode: REGULAR | permissions, links: 1, size: content.len() as u64 };
    archive.entry(&header)?;
    archive.write_all(content)
}
