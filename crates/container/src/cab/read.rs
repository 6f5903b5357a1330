//! Reads a cabinet from front to back, block by block, with every sum checked.

use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};

use super::{BLOCK, DosTime, HEADER};
use crate::at::{ReadAt, read_vec};
use crate::bytes::{Error, Malformed, Problem, Reader};

/// Everything before the data; enough for 65,535 files with names of 240 bytes.
const MOST_HEAD: u64 = 16 << 20;
/// §2.4: what a block's data can need, and what real files have at most above it.
const MOST_DATA: u16 = 32_780 + 6;

/// How a folder's bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// As they are.
    Stored,
    /// Deflate in blocks.
    Mszip,
}

/// A folder: one stream of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where its first block is.
    pub start: u64,
    /// How many blocks it has.
    pub blocks: u16,
    /// How they are stored.
    pub method: Method,
}

/// A file: a stretch of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// The folder's number.
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

/// An open cabinet.
#[derive(Debug, Clone)]
pub struct Cabinet<R> {
    data: R,
    folders: Vec<Folder>,
    files: Vec<File>,
    /// CFFOLDER and CFDATA can have bytes for the application's use.
    reserved_in_data: usize,
}

impl<R: ReadAt> Cabinet<R> {
    /// Reads everything before the data.
    pub fn open(data: R) -> Result<Self, Error> {
        let first = read_vec(&data, "CFHEADER", 0, HEADER as u64, HEADER)?;
        let mut r = Reader::new("CFHEADER", 0, &first);
        let header = read_header(&mut r, data.len())?;
        let head_len = header.data_start(&data)?;
        let head = read_vec(&data, "cabinet", 0, head_len, usize::try_from(MOST_HEAD).unwrap_or(0))?;
        let mut r = Reader::new("CFHEADER", 0, &head);
        r.skip(HEADER)?;
        let (mut in_folder, mut in_data) = (0, 0);
        if header.flags & 4 != 0 {
            let in_header = r.u16_le()?;
            (in_folder, in_data) = (usize::from(r.u8()?), usize::from(r.u8()?));
            r.skip(in_header.into())?;
        }
        let folders = read_folders(r, header.folders, in_folder, data.len())?;
        let mut r = Reader::new("CFFILE", 0, &head);
        r.skip(usize::try_from(header.files_start).unwrap_or(usize::MAX))?;
        let files = (0..header.files).map(|_| read_file(&mut r, header.folders)).collect::<Result<_, _>>()?;
        Ok(Self { data, folders, files, reserved_in_data: in_data })
    }

    /// The folders.
    #[must_use]
    pub fn folders(&self) -> &[Folder] {
        &self.folders
    }

    /// The files, in the order of the cabinet.
    #[must_use]
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// Calls `visit` for every file with its content, in one pass over each folder. What it does not read is skipped.
    pub fn each<E: From<Error>>(&self, mut visit: impl FnMut(&File, &mut dyn Read) -> Result<(), E>) -> Result<(), E> {
        for index in 0..self.folders.len() {
            let mut files: Vec<_> = self.files.iter().filter(|file| usize::from(file.folder) == index).collect();
            files.sort_by_key(|file| (file.start, file.size_bytes));
            let Some(mut bytes) = self.folder(index) else { continue };
            for file in files {
                bytes.skip_to(file)?;
                let mut content = (&mut bytes).take(file.size_bytes);
                let visited = visit(file, &mut content);
                // What is wrong with the cabinet says more than what the visitor makes of it.
                if let Some(error) = bytes.failed.take() {
                    return Err(Error::from(error).into());
                }
                visited?;
                bytes.skip_by(file.start + file.size_bytes)?;
            }
            bytes.finish()?;
        }
        Ok(())
    }

    /// A folder's bytes.
    #[must_use]
    pub fn folder(&self, index: usize) -> Option<FolderReader<'_, R>> {
        let folder = self.folders.get(index)?;
        let end = self.folders.get(index + 1).map_or(self.data.len(), |next| next.start);
        Some(FolderReader {
            cabinet: self,
            method: folder.method,
            at: folder.start,
            end,
            blocks: folder.blocks,
            block: Vec::new(),
            used: 0,
            position: 0,
            inflate: Decompress::new(false),
            failed: None,
        })
    }
}

/// §2.1, the fixed part.
struct Header {
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
    let size = r.u32_le()?;
    if u64::from(size) != len {
        return Err(wrong(r, "size of the cabinet", size.into(), "the length of the data"));
    }
    r.skip(4)?;
    let files_start = r.u32_le()?.into();
    r.skip(4)?;
    let (minor, major) = (r.u8()?, r.u8()?);
    if (major, minor) != (1, 3) {
        return Err(wrong(r, "version", u64::from(major) << 8 | u64::from(minor), "1.3"));
    }
    let (folders, files, flags) = (r.u16_le()?, r.u16_le()?, r.u16_le()?);
    if flags & !4 != 0 {
        return Err(wrong(r, "flags", flags.into(), "those of a cabinet that is not part of a set"));
    }
    Ok(Header { files_start, folders, files, flags })
}

impl Header {
    /// Where the head can end at most: at the first folder's data, or at the reader's limit.
    fn data_start(&self, data: &impl ReadAt) -> Result<u64, Error> {
        if self.folders == 0 {
            return Ok(data.len().min(MOST_HEAD));
        }
        let mut at = HEADER as u64;
        if self.flags & 4 != 0 {
            let sizes = read_vec(data, "CFHEADER", at, 4, 4)?;
            at += 4 + u64::from(Reader::new("CFHEADER", at, &sizes).u16_le()?);
        }
        let folder = read_vec(data, "CFFOLDER", at, 8, 8)?;
        let start = u64::from(Reader::new("CFFOLDER", at, &folder).u32_le()?);
        if start < at || start > data.len() || start > MOST_HEAD {
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
        let method = match method & 0xF {
            0 => Method::Stored,
            1 => Method::Mszip,
            found => {
                let (found, expected) = (found.into(), "0 (stored) or 1 (MSZIP)");
                return Err(r.wrong(Problem::Value { field: "compression", found, expected }));
            }
        };
        folders.push(Folder { start, blocks, method });
    }
    Ok(folders)
}

/// §2.3.
fn read_file(r: &mut Reader<'_>, folders: u16) -> Result<File, Malformed> {
    let (size, start) = (r.u32_le()?, r.u32_le()?);
    let folder = r.u16_le()?;
    if folder >= folders {
        let (found, expected) = (folder.into(), "a folder of the cabinet");
        return Err(r.wrong(Problem::Value { field: "folder", found, expected }));
    }
    let modified = DosTime { date: r.u16_le()?, time: r.u16_le()? };
    let attributes = r.u16_le()?;
    let mut name = Vec::new();
    loop {
        match r.u8()? {
            0 => break,
            _ if name.len() >= 255 => return Err(r.wrong(Problem::Text { what: "the name is longer than 255 bytes" })),
            byte => name.push(byte),
        }
    }
    let name = String::from_utf8(name).map_err(|_| r.wrong(Problem::Text { what: "the name is not UTF-8" }))?;
    Ok(File { name, folder, start: start.into(), size_bytes: size.into(), modified, attributes })
}

/// A folder's bytes, one block at a time.
#[derive(Debug)]
pub struct FolderReader<'c, R> {
    cabinet: &'c Cabinet<R>,
    method: Method,
    /// Where the next block is.
    at: u64,
    /// Where the next folder's data start.
    end: u64,
    /// How many are to come.
    blocks: u16,
    /// The current block, decompressed; the next one looks back to it.
    block: Vec<u8>,
    /// How much of it has been read.
    used: usize,
    /// How much of the folder has been read.
    position: u64,
    inflate: Decompress,
    failed: Option<Malformed>,
}

impl<R: ReadAt> FolderReader<'_, R> {
    /// Decompresses the next block; false at the end.
    fn next_block(&mut self) -> Result<bool, Error> {
        let Some(left) = self.blocks.checked_sub(1) else { return Ok(false) };
        self.blocks = left;
        let reserved = self.cabinet.reserved_in_data;
        let head_len = 8 + reserved as u64;
        let head = read_vec(&self.cabinet.data, "CFDATA", self.at, head_len, 8 + 255)?;
        let mut r = Reader::new("CFDATA", self.at, &head);
        let sum = r.u32_le()?;
        let lengths = r.clone().u32_le()?;
        let (packed, raw) = (r.u16_le()?, r.u16_le()?);
        if packed > MOST_DATA || usize::from(raw) > BLOCK || (left > 0 && usize::from(raw) < BLOCK) {
            let (found, expected) = (lengths.into(), "of a block of 32 KiB, and only the last one shorter");
            return Err(r.wrong(Problem::Value { field: "lengths", found, expected }).into());
        }
        let reserve = r.take(reserved)?;
        let data = read_vec(&self.cabinet.data, "CFDATA", self.at + head_len, packed.into(), MOST_DATA.into())?;
        let offset = self.at;
        let wrong = |problem| Malformed { structure: "CFDATA", offset, problem };
        if sum != 0 && sum != sum_of(&data) ^ sum_of(&[head.get(4..8).unwrap_or_default(), reserve].concat()) {
            return Err(wrong(Problem::Mismatch { what: "the checksum and the data" }).into());
        }
        let next = self.at + head_len + u64::from(packed);
        if next > self.end {
            return Err(wrong(Problem::Data { what: "its data run into the next folder" }).into());
        }
        match self.method {
            Method::Stored => self.block = data,
            Method::Mszip => self.inflate(&data, raw.into()).map_err(wrong)?,
        }
        if self.block.len() != usize::from(raw) {
            return Err(wrong(Problem::Mismatch { what: "the block's length and its data" }).into());
        }
        self.at = next;
        self.used = 0;
        Ok(true)
    }

    /// MS-MCI §2: `CK`, then deflate with the block before as its window.
    fn inflate(&mut self, data: &[u8], raw_len: usize) -> Result<(), Problem> {
        let packed = data.strip_prefix(b"CK").ok_or(Problem::Missing { what: "the mark of an MSZIP block" })?;
        let damaged = Problem::Data { what: "the deflate stream is damaged" };
        self.inflate.reset(false);
        if !self.block.is_empty() {
            self.inflate.set_dictionary(&self.block).map_err(|_| damaged.clone())?;
        }
        let mut out = Vec::with_capacity(raw_len + 1);
        let done = self.inflate.decompress_vec(packed, &mut out, FlushDecompress::Finish);
        if done.map_err(|_| damaged.clone())? != Status::StreamEnd {
            return Err(damaged);
        }
        self.block = out;
        Ok(())
    }

    fn skip_to(&mut self, file: &File) -> Result<(), Error> {
        if file.start < self.position {
            let problem = Problem::Twice { what: "a stretch of a folder" };
            return Err(Malformed { structure: "CFFILE", offset: file.start, problem }.into());
        }
        self.skip_by(file.start)
    }

    /// Goes on to `position` of the folder, which must be there.
    fn skip_by(&mut self, position: u64) -> Result<(), Error> {
        while self.position < position {
            if self.used == self.block.len() && !self.next_block()? {
                let problem = Problem::Truncated { needed: position, found: self.position };
                return Err(Malformed { structure: "folder", offset: self.at, problem }.into());
            }
            let left = (self.block.len() - self.used) as u64;
            let step = left.min(position - self.position);
            self.used += usize::try_from(step).unwrap_or(0);
            self.position += step;
        }
        Ok(())
    }

    /// Reads on to the end, so that all of it has been checked.
    fn finish(mut self) -> Result<(), Error> {
        while self.next_block()? {}
        Ok(())
    }
}

impl<R: ReadAt> Read for FolderReader<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.used == self.block.len() {
            match self.next_block() {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(Error::Io { source, .. }) => return Err(source),
                Err(Error::Malformed(malformed)) => {
                    self.failed = Some(malformed.clone());
                    return Err(io::Error::new(io::ErrorKind::InvalidData, malformed));
                }
            }
        }
        let rest = self.block.get(self.used..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        self.used += n;
        self.position += n as u64;
        Ok(n)
    }
}

/// §3.1: words are folded together; a rest of one to three bytes is read from its high end.
fn sum_of(bytes: &[u8]) -> u32 {
    let mut sum = 0_u32;
    for word in bytes.chunks(4) {
        sum ^= match *word {
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
            [a, b, c] => u32::from_be_bytes([0, a, b, c]),
            [a, b] => u32::from_be_bytes([0, 0, a, b]),
            [a] => u32::from(a),
            _ => 0,
        };
    }
    sum
}
