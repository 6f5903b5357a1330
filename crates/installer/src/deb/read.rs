//! Reads a package the way dpkg does: the outer archive, the members' streams, their tar archives.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::OnceLock;

use container::ar::{self, Member};
use container::read_at::{Window, read_vec};
use container::{Malformed, Problem, ReadAt};

use super::codec::Codec;
use super::mark::Mark;
use super::names::{FORMAT_VERSION, token_path};
use crate::format::ReadError;
use crate::token::Token;

/// More than any control archive has, decoded.
const MAX_CONTROL_BYTES: u64 = 16 << 20;
/// More than any control file has.
const MAX_CONTROL_FILE_BYTES: u64 = 1 << 20;
/// The longest path or link target.
const MAX_PATH_BYTES: u64 = 4096;
/// An archive ends with that many zeros at least.
const END_BYTES: u64 = 1024;

/// Is shown an entry and, streamed, its bytes.
type Visit<'v> = dyn FnMut(&Entry, &mut dyn Read) -> Result<(), ReadError> + 'v;
/// Is shown an entry and its bytes.
type VisitFile<'v> = dyn FnMut(&Entry, &[u8]) -> Result<(), ReadError> + 'v;

/// A package's members.
pub(super) struct Package<'a> {
    pub(super) file: &'a dyn ReadAt,
    pub(super) control: Part,
    pub(super) data: Part,
    /// Members after `data.tar`, which dpkg ignores.
    pub(super) extra: Vec<Member>,
    /// The control file, once it was read.
    fields: OnceLock<Fields>,
}

/// A member that is a compressed tar archive.
pub(super) struct Part {
    pub(super) member: Member,
    pub(super) codec: Codec,
}

impl<'a> Package<'a> {
    pub(super) fn open(file: &'a dyn ReadAt) -> Result<Self, ReadError> {
        // dpkg passes over members whose names start with an underscore (deb(5)).
        let mut members = ar::members(file)?.into_iter().filter(|member| !member.name.starts_with('_'));
        let missing = |what| wrong("deb", Malformed::NOWHERE, Problem::Missing { what });
        let binary = members.next().filter(|member| member.name == "debian-binary");
        let binary = binary.ok_or_else(|| missing("the member debian-binary"))?;
        let version = read_vec(file, "debian-binary", binary.offset, binary.len, 64)?;
        let minor = version.strip_prefix(b"2.").and_then(|rest| rest.split(|byte| *byte == b'\n').next());
        if version != FORMAT_VERSION
            && !minor.is_some_and(|minor| !minor.is_empty() && minor.iter().all(u8::is_ascii_digit))
        {
            let what = "the format's version is not 2.0 or a later 2";
            return Err(wrong("debian-binary", binary.offset, Problem::Text { what }));
        }
        let mut part = |stem: &str, among: &[Codec], what| {
            let member = members.next().ok_or_else(|| missing(what))?;
            let codec = Codec::from_member_name(&member.name, stem, among)
                .ok_or_else(|| wrong("deb", member.header, Problem::Missing { what }))?;
            Ok::<_, ReadError>(Part { member, codec })
        };
        let control = part(
            "control.tar",
            &Codec::OF_CONTROL,
            "the member control.tar, with .gz, .xz, .zst or nothing behind it",
        )?;
        let data = part(
            "data.tar",
            &Codec::OF_DATA,
            "the member data.tar, with .gz, .xz, .zst, .bz2, .lzma or nothing behind it",
        )?;
        Ok(Self { file, control, data, extra: members.collect(), fields: OnceLock::new() })
    }

    /// The control file.
    pub(super) fn control(&self) -> Result<&Fields, ReadError> {
        match self.fields.get() {
            Some(fields) => Ok(fields),
            None => {
                let fields = self.read_control()?;
                Ok(self.fields.get_or_init(|| fields))
            }
        }
    }

    fn read_control(&self) -> Result<Fields, ReadError> {
        let mut text = None;
        self.walk_control(&mut |entry, content| {
            if entry.path == "control" && text.is_none() {
                text = Some(content.to_vec());
            }
            Ok(())
        })?;
        let at = self.control.member.offset;
        Fields::parse(&text.ok_or_else(|| wrong("control.tar", at, Problem::Missing { what: "the file control" }))?, at)
    }

    /// The files of the control archive.
    pub(super) fn walk_control(&self, visit: &mut VisitFile<'_>) -> Result<(), ReadError> {
        let reader = self.decode(&self.control)?.take(MAX_CONTROL_BYTES);
        walk(reader, "control.tar", &mut |entry, content| {
            let mut bytes = Vec::new();
            if let TarEntryKind::File(len) = entry.kind {
                if len > MAX_CONTROL_FILE_BYTES {
                    let problem = Problem::Value { field: "size of a file", found: len, expected: "1 MiB at most" };
                    return Err(wrong("control.tar", Malformed::NOWHERE, problem));
                }
                content.read_to_end(&mut bytes).map_err(|error| unreadable(error, "control.tar"))?;
            }
            visit(entry, &bytes)
        })
    }

    /// Everything that gets installed.
    pub(super) fn walk_data(&self, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        walk(self.decode(&self.data)?, "data.tar", visit)
    }

    /// The token, found at the end of `data.tar` without decoding what comes before.
    pub(super) fn token_in_tail(&self) -> Result<Option<Token>, ReadError> {
        let Some(mark) = self.control()?.mark() else { return Ok(None) };
        let at = self.data.member.offset;
        let mut token = None;
        let path = token_path(&mark.package);
        if !self.data.codec.has_tail() {
            // Somebody has compressed it anew.
            self.walk_data(&mut |entry, content| {
                if entry.path == path {
                    token = Some(read_token(content)?);
                }
                Ok(())
            })?;
            return Ok(token);
        }
        let tail = self.data.codec.tail_from_end(self.file, at, self.data.member.len)?;
        walk(tail.bytes(), "data.tar", &mut |entry, content| {
            if entry.path != path || token.is_some() {
                return Err(wrong("data.tar", at, Problem::Data { what: "the last block has more than a token" }));
            }
            token = Some(read_token(content)?);
            Ok(())
        })?;
        if token.as_ref().map(Token::fingerprint) != mark.fingerprint {
            return Err(wrong(
                "deb",
                Malformed::NOWHERE,
                Problem::Mismatch { what: "the token and the mark in the control file" },
            ));
        }
        Ok(token)
    }

    fn decode(&self, part: &Part) -> Result<Box<dyn Read + 'a>, ReadError> {
        let member = Window::new("deb member", self.file, part.member.offset, part.member.len)?;
        part.codec.decode(member).map_err(|source| ReadError::Io { verb: "start the decoder", source })
    }
}

/// Reads what must be a token.
pub(super) fn read_token(content: &mut dyn Read) -> Result<Token, ReadError> {
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(Token::MAX_BYTES + 2));
    let limit = Token::MAX_BYTES as u64 + 2;
    content.take(limit).read_to_end(&mut bytes).map_err(|error| unreadable(error, "data.tar"))?;
    Token::parse(&bytes).map_err(|source| ReadError::Token { place: "data.tar: enrollment-token", source })
}

/// The paths in `conffiles`: one in a line, perhaps after a flag (deb-conffiles(5)); dpkg passes over empty lines.
pub(super) fn conffiles(content: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(content);
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.filter(|line| !line.starts_with("remove-on-upgrade ")).map(str::to_owned).collect()
}

/// One entry of a tar archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Relative, without `./`; empty for the root.
    pub(super) path: String,
    pub(super) kind: TarEntryKind,
    pub(super) mode: u32,
    pub(super) owner: (u64, u64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TarEntryKind {
    Folder,
    File(u64),
    Link(String),
    /// Another name of a file that came before, by its path.
    HardLink(String),
}

/// Walks a tar archive to the end of its stream, so that every checksum on the way has been checked.
fn walk(reader: impl Read, structure: &'static str, visit: &mut Visit<'_>) -> Result<(), ReadError> {
    let failed = |error| unreadable(error, structure);
    let mut reader = Zeros { inner: reader, run: 0, position: 0 };
    let (mut long_path, mut long_target) = (None, None);
    let mut archive = ::tar::Archive::new(&mut reader);
    // Raw: otherwise the crate reads long names of any length into memory by itself.
    for entry in archive.entries_with_seek().map_err(failed)?.raw(true) {
        let mut entry = entry.map_err(failed)?;
        match entry.header().entry_type() {
            ::tar::EntryType::GNULongName => long_path = Some(long_name(&mut entry, structure)?),
            ::tar::EntryType::GNULongLink => long_target = Some(long_name(&mut entry, structure)?),
            _ => {
                let found = describe(&entry, long_path.take(), long_target.take())
                    .map_err(|what| wrong(structure, entry.raw_header_position(), Problem::Data { what }))?;
                visit(&found, &mut entry)?;
            }
        }
    }
    // The crate stops after the first block of zeros.
    let before = reader.run;
    let rest = io::copy(&mut reader, &mut io::sink()).map_err(failed)?;
    if rest < END_BYTES - 512 || reader.run != before + rest {
        return Err(wrong(
            structure,
            Malformed::NOWHERE,
            Problem::Data { what: "the archive does not end with zeros" },
        ));
    }
    Ok(())
}

fn describe<R: Read>(
    entry: &::tar::Entry<'_, R>,
    long_path: Option<Vec<u8>>,
    mut long_target: Option<Vec<u8>>,
) -> Result<Entry, &'static str> {
    let header = entry.header();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| "a path is not UTF-8");
    let path = inside(&text(long_path.unwrap_or_else(|| header.path_bytes().into_owned()))?)?;
    let mut target =
        || text(long_target.take().or_else(|| header.link_name_bytes().map(Into::into)).unwrap_or_default());
    let kind = match header.entry_type() {
        ::tar::EntryType::Directory => TarEntryKind::Folder,
        ::tar::EntryType::Regular => TarEntryKind::File(header.entry_size().map_err(|_| "a size is not a number")?),
        ::tar::EntryType::Symlink => TarEntryKind::Link(target()?),
        ::tar::EntryType::Link => TarEntryKind::HardLink(inside(&target()?)?),
        _ => return Err("an entry is neither a file nor a folder nor a link"),
    };
    let number = |field: io::Result<u64>| field.map_err(|_| "an owner is not a number");
    Ok(Entry {
        path,
        kind,
        mode: header.mode().map_err(|_| "a mode is not a number")?,
        owner: (number(header.uid())?, number(header.gid())?),
    })
}

/// A path without `./` before it and `/` behind it.
fn inside(path: &str) -> Result<String, &'static str> {
    let path = path.strip_prefix("./").unwrap_or(path).trim_end_matches('/');
    if path.starts_with('/')
        || (!matches!(path, "" | ".") && path.split('/').any(|part| matches!(part, "" | "." | "..")))
    {
        return Err("a path leads out of the archive");
    }
    Ok(if path == "." { String::new() } else { path.to_owned() })
}

fn long_name<R: Read>(entry: &mut ::tar::Entry<'_, R>, structure: &'static str) -> Result<Vec<u8>, ReadError> {
    let mut name = Vec::new();
    entry.take(MAX_PATH_BYTES + 1).read_to_end(&mut name).map_err(|error| unreadable(error, structure))?;
    if name.pop() != Some(0) || name.len() as u64 >= MAX_PATH_BYTES || name.contains(&0) {
        return Err(wrong(
            structure,
            Malformed::NOWHERE,
            Problem::Text { what: "a long path is too long or has no end" },
        ));
    }
    Ok(name)
}

/// A block of an archive.
const SMALL_SKIP: usize = 512;

/// Counts the zeros that have been read last.
struct Zeros<R> {
    inner: R,
    run: u64,
    position: u64,
}

impl<R: Read> Read for Zeros<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        let read = container::stream::moved(buf, n)?;
        let zeros = read.iter().rev().take_while(|byte| **byte == 0).count();
        self.run = if zeros == n { self.run + n as u64 } else { zeros as u64 };
        self.position += n as u64;
        Ok(n)
    }
}

/// Forward only, by reading. The crate's own skipping clears 32 KiB for each entry, which costs a stamp more than its control archive does.
impl<R: Read> Seek for Zeros<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Current(distance) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        let distance = u64::try_from(distance).map_err(|_| io::Error::from(io::ErrorKind::Unsupported))?;
        // The padding of an entry that was read, or an entry that was not.
        if distance <= SMALL_SKIP as u64 {
            let mut buffer = [0; SMALL_SKIP];
            let (piece, _) = buffer.split_at_mut(distance as usize);
            self.read_exact(piece)?;
        } else if io::copy(&mut self.take(distance), &mut io::sink())? < distance {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(self.position)
    }
}

/// A control file, checked and taken apart (Policy §5.1).
#[derive(Debug, Clone)]
pub(super) struct Fields {
    text: String,
    fields: Vec<(String, String)>,
}

impl Fields {
    fn parse(bytes: &[u8], at: u64) -> Result<Self, ReadError> {
        let wrong = |what| wrong("control file", at, Problem::Text { what });
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))?.to_owned();
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            if line.starts_with([' ', '\t']) {
                let (_, value) = fields.last_mut().ok_or_else(|| wrong("it starts with a continuation"))?;
                value.push('\n');
                value.push_str(line);
                continue;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| wrong("a line is not a field"))?;
            if name.is_empty() || name.bytes().any(|byte| !byte.is_ascii_graphic()) {
                return Err(wrong("the name of a field is not plain"));
            }
            if fields.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                return Err(wrong("a field is there twice"));
            }
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok(Self { text, fields })
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Every field by its name.
    pub(super) fn all(&self) -> std::collections::BTreeMap<String, String> {
        self.fields.iter().cloned().collect()
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Our mark, where the package has one.
    pub(super) fn mark(&self) -> Option<Mark> {
        let package = self.get("Package")?;
        Mark::parse(self.get("Replaces")?).filter(|mark| mark.package == package)
    }
}

fn wrong(structure: &'static str, offset: u64, problem: Problem) -> ReadError {
    Malformed { structure, offset, problem }.into()
}

/// The system's error, a decoder's, or the tar crate's.
pub(super) fn unreadable(error: io::Error, structure: &'static str) -> ReadError {
    if error.raw_os_error().is_some() {
        return ReadError::Io { verb: "read the package", source: error };
    }
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Malformed>());
    match inner {
        Some(malformed) => malformed.clone().into(),
        None => wrong(structure, Malformed::NOWHERE, Problem::Data { what: "the archive is damaged" }),
    }
}
