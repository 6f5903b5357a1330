//! A cabinet's head: which folders and files there are.

use super::{DosTime, HEADER, NAME_IS_UTF};
use crate::msidb::Codepage;
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

/// Everything before the data; enough for 65,535 files with names of 240 bytes.
const MAX_HEAD: u64 = 16 << 20;
/// §2.1: the cabinet continues one before it, and is continued by one after it.
const HAS_PREVIOUS: u16 = 1;
const HAS_NEXT: u16 = 2;
const HAS_RESERVE: u16 = 4;
/// §2.3: numbers from here on stand for a folder that another cabinet has a part of.
const IN_SEVERAL: u16 = 0xFFFD;

/// How a folder's bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// As they are.
    Stored,
    /// Deflate in blocks.
    Mszip,
    /// Quantum, which is not opened here.
    Quantum,
    /// LZX with a window of so many bits.
    Lzx {
        /// 15 to 21.
        window_bits: u8,
    },
}

/// A folder: one stream of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where its first block is.
    pub start: u64,
    /// How many blocks it has.
    pub blocks: u16,
    /// How they are stored.
    pub(crate) method: Method,
}

/// A file: a stretch of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// The folder's number; 0xFFFD and more when another cabinet has a part of the file.
    pub folder: u16,
    /// Where it starts in the folder's bytes.
    pub start: u64,
    /// Its length.
    pub size_bytes: u64,
    /// Its date.
    pub modified: DosTime,
    /// §2.3: its attributes.
    pub attributes: u16,
}

/// Everything before the data.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// What the header says of the cabinet's length; there may be more data.
    pub(super) len: u64,
    pub(super) folders: Vec<Folder>,
    pub(super) files: Vec<File>,
    /// CFFOLDER and CFDATA can have bytes for the application's use.
    pub(super) reserved_in_data: usize,
}

impl Head {
    pub(super) fn read(data: &impl ReadAt) -> Result<Self, Error> {
        let first = read_vec(data, "CFHEADER", 0, HEADER as u64, HEADER)?;
        let mut r = Reader::new("CFHEADER", 0, &first);
        let header = read_header(&mut r, data.len())?;
        let head_len = header.data_start(data)?;
        let head = read_vec(data, "cabinet", 0, head_len, usize::try_from(MAX_HEAD).unwrap_or(0))?;
        let mut r = Reader::new("CFHEADER", 0, &head);
        r.skip(HEADER)?;
        let (mut in_folder, mut in_data) = (0, 0);
        if header.flags & HAS_RESERVE != 0 {
            let in_header = r.u16_le()?;
            (in_folder, in_data) = (usize::from(r.u8()?), usize::from(r.u8()?));
            r.skip(in_header.into())?;
        }
        // The neighbours' names and disks, which the database says as well.
        for _ in 0..2 * (header.flags & (HAS_PREVIOUS | HAS_NEXT)).count_ones() {
            read_name(&mut r)?;
        }
        let folders = read_folders(r, header.folders, in_folder, header.len)?;
        let mut r = Reader::new("CFFILE", 0, &head);
        r.skip(usize::try_from(header.files_start).unwrap_or(usize::MAX))?;
        let files = (0..header.files).map(|_| read_file(&mut r, &header)).collect::<Result<_, _>>()?;
        Ok(Self { len: header.len, folders, files, reserved_in_data: in_data })
    }

    /// Why the files cannot be taken out here, if they cannot.
    pub(super) fn unopened(&self) -> Option<&'static str> {
        if self.files.iter().any(|file| file.folder >= IN_SEVERAL) {
            return Some("a file of it continues in another cabinet");
        }
        self.folders.iter().any(|folder| folder.method == Method::Quantum).then_some("it is packed with Quantum")
    }
}

/// §2.1, the fixed part.
struct Header {
    len: u64,
    files_start: u64,
    folders: u16,
    files: u16,
    flags: u16,
}

fn read_header(r: &mut Reader<'_>, len: u64) -> Result<Header, Malformed> {
    let wrong = |r: &Reader<'_>, field, found: u64, expected| r.wrong(Problem::Value { field, found, expected });
    if r.array()? != *b"MSCF" {
        return Err(r.wrong(Problem::Mismatch { what: "the signature and that of a cabinet" }));
    }
    r.skip(4)?;
    let size = u64::from(r.u32_le()?);
    if size > len {
        return Err(wrong(r, "size of the cabinet", size, "no more than the length of the data"));
    }
    r.skip(4)?;
    let files_start = r.u32_le()?.into();
    r.skip(4)?;
    let (minor, major) = (r.u8()?, r.u8()?);
    if (major, minor) != (1, 3) {
        return Err(wrong(r, "version", u64::from(major) << 8 | u64::from(minor), "1.3"));
    }
    let (folders, files, flags) = (r.u16_le()?, r.u16_le()?, r.u16_le()?);
    if flags & !(HAS_PREVIOUS | HAS_NEXT | HAS_RESERVE) != 0 {
        return Err(wrong(r, "flags", flags.into(), "7 at most"));
    }
    Ok(Header { len: size, files_start, folders, files, flags })
}

impl Header {
    /// Where the head can end at most: at the first folder's data, or at the reader's limit.
    fn data_start(&self, data: &impl ReadAt) -> Result<u64, Error> {
        if self.folders == 0 {
            return Ok(data.len().min(MAX_HEAD));
        }
        let mut at = HEADER as u64;
        if self.flags & HAS_RESERVE != 0 {
            let sizes = read_vec(data, "CFHEADER", at, 4, 4)?;
            at += 4 + u64::from(Reader::new("CFHEADER", at, &sizes).u16_le()?);
        }
        if self.flags & (HAS_PREVIOUS | HAS_NEXT) != 0 {
            // Names of unknown length come before the first folder, whose data may be anywhere behind the files.
            return Ok(self.len.min(MAX_HEAD));
        }
        let folder = read_vec(data, "CFFOLDER", at, 8, 8)?;
        let start = u64::from(Reader::new("CFFOLDER", at, &folder).u32_le()?);
        if start < at || start > self.len || start > MAX_HEAD {
            let (found, expected) = (start, "behind the files' names");
            let problem = Problem::Value { field: "start of the data", found, expected };
            return Err(Malformed { structure: "CFFOLDER", offset: at, problem }.into());
        }
        Ok(start)
    }
}

/// §2.2: folders whose data follow each other.
fn read_folders(mut r: Reader<'_>, count: u16, reserved: usize, len: u64) -> Result<Vec<Folder>, Malformed> {
    let mut folders: Vec<Folder> = Vec::new();
    for _ in 0..count {
        let mut r = r.sub("CFFOLDER", 8 + reserved)?;
        let (start, blocks, method) = (u64::from(r.u32_le()?), r.u16_le()?, r.u16_le()?);
        if start > len || folders.last().is_some_and(|last| last.start > start) {
            let expected = "after the folder before, inside the cabinet";
            return Err(r.wrong(Problem::Value { field: "start of the data", found: start, expected }));
        }
        let [kind, detail] = method.to_le_bytes();
        let method = match (kind & 0xF, detail & 0x1F) {
            (0, _) => Method::Stored,
            (1, _) => Method::Mszip,
            (2, _) => Method::Quantum,
            (3, window_bits @ 15..=21) => Method::Lzx { window_bits },
            _ => {
                let (found, expected) =
                    (method.into(), "stored, MSZIP, Quantum, or LZX with a window of 15 to 21 bits");
                return Err(r.wrong(Problem::Value { field: "compression", found, expected }));
            }
        };
        folders.push(Folder { start, blocks, method });
    }
    Ok(folders)
}

/// §2.3.
fn read_file(r: &mut Reader<'_>, header: &Header) -> Result<File, Malformed> {
    let (size, start) = (r.u32_le()?, r.u32_le()?);
    let folder = r.u16_le()?;
    let is_in_set = folder >= IN_SEVERAL && header.flags & (HAS_PREVIOUS | HAS_NEXT) != 0;
    if folder >= header.folders && !is_in_set {
        let (found, expected) = (folder.into(), "a folder of the cabinet");
        return Err(r.wrong(Problem::Value { field: "folder", found, expected }));
    }
    let modified = DosTime { date: r.u16_le()?, time: r.u16_le()? };
    let attributes = r.u16_le()?;
    let place = r.clone();
    let name = read_name(r)?;
    let name = if attributes & NAME_IS_UTF == 0 {
        // In the codepage of whoever made it; file keys are ASCII.
        String::from_utf8(name).unwrap_or_else(|error| Codepage::NEUTRAL.decode(error.as_bytes()).into_owned())
    } else {
        String::from_utf8(name).map_err(|_| place.wrong(Problem::Text { what: "the name is not UTF-8" }))?
    };
    Ok(File { name, folder, start: start.into(), size_bytes: size.into(), modified, attributes })
}

/// Bytes up to a NUL.
fn read_name(r: &mut Reader<'_>) -> Result<Vec<u8>, Malformed> {
    let mut name = Vec::new();
    loop {
        match r.u8()? {
            0 => return Ok(name),
            _ if name.len() >= 255 => return Err(r.wrong(Problem::Text { what: "the name is longer than 255 bytes" })),
            byte => name.push(byte),
        }
    }
}
