//! Reading a cpio archive from start to end, strictly.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::header::{DIRECTORY, MAGIC, REGULAR, SPECIAL, SYMLINK, TRAILER, TYPE_MASK};
use super::newc;
use crate::reader::{Error, Malformed, Problem};

/// A header without its name, in the portable ASCII form.
const HEADER_BYTES: usize = 76;
/// Zeros after the trailer beyond this are not padding.
const MAX_PADDING_BYTES: u64 = 1 << 16;
/// The room that is made for an entry's data before any of it was read.
const MAX_ROOM_BYTES: usize = 64 << 10;

/// How much a [`Reader`] takes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most entries.
    pub entries: usize,
    /// The longest name, in bytes.
    pub name_bytes: u64,
    /// The most bytes of all data together.
    pub total_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 100_000, name_bytes: 1024, total_bytes: 16 << 30 }
    }
}

/// Which form an archive has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Portable ASCII, `070707`.
    Odc,
    /// New ASCII, `070701`: [`newc`].
    Newc,
}

/// What an entry's header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name without a leading `./`; the root is `.`.
    pub path: String,
    /// The number that several names of one file share.
    pub(crate) inode: u64,
    /// File type and permissions.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The number of links.
    pub links: u32,
    /// The modification time, in seconds since 1970.
    pub mtime: u64,
    /// How many bytes of data it has.
    pub size: u64,
    /// Where its data start in the archive.
    pub offset: u64,
}

impl Entry {
    /// Whether it is a folder.
    #[must_use]
    pub const fn is_directory(&self) -> bool {
        self.mode & TYPE_MASK == DIRECTORY
    }

    /// Whether it is a symbolic link; its target is its data.
    #[must_use]
    pub const fn is_symlink(&self) -> bool {
        self.mode & TYPE_MASK == SYMLINK
    }
}

/// Reads an archive: [`Reader::next_entry`], then the entry's data through [`Read`] (what is not read is skipped).
#[derive(Debug)]
pub struct Reader<R> {
    inner: R,
    form: Form,
    offset: u64,
    data_left: u64,
    /// The paths so far, and whether each is a folder.
    seen: BTreeMap<String, bool>,
    seen_bytes: usize,
    total: u64,
    limits: Limits,
    ended: bool,
    /// What the archive's owner knows of its entries, for those that have a number in place of a header.
    listed: Vec<Entry>,
}

/// The names of all entries together may not take more than this.
const MAX_NAMES_BYTES: usize = 16 << 20;

impl<R: Read> Reader<R> {
    /// A reader with the usual [`Limits`].
    pub fn new(inner: R) -> Self {
        Self::with_limits(inner, Limits::default())
    }

    /// A reader with limits of its own.
    pub const fn with_limits(inner: R, limits: Limits) -> Self {
        let seen = BTreeMap::new();
        Self {
            inner,
            form: Form::Odc,
            offset: 0,
            data_left: 0,
            seen,
            seen_bytes: 0,
            total: 0,
            limits,
            ended: false,
            listed: Vec::new(),
        }
    }

    /// A reader of the new ASCII form, which is inside an rpm, with the usual [`Limits`].
    pub fn newc(inner: R) -> Self {
        Self { form: Form::Newc, ..Self::new(inner) }
    }

    /// Takes entries of rpm's stripped form as well (`07070X`), which have a number in place of a header: what `listed` has at that number.
    #[must_use]
    pub(crate) fn with_listed(self, listed: Vec<Entry>) -> Self {
        Self { listed, ..self }
    }

    /// The next entry, or `None` after the trailer, whose padding is then checked to the end of the input.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, Error> {
        if self.ended {
            return Ok(None);
        }
        self.skip_data()?;
        self.align()?;
        let start = self.offset;
        let header = match self.form {
            Form::Odc => {
                let mut head = [0; HEADER_BYTES];
                self.fill(&mut head)?;
                Fields::odc(start, &head)?
            }
            Form::Newc => {
                let mut head = [0; newc::HEADER_BYTES];
                let (first, rest) = head.split_at_mut(newc::STRIPPED_BYTES);
                self.fill(first)?;
                if first.starts_with(newc::STRIPPED_MAGIC) && !self.listed.is_empty() {
                    return self.stripped(start, first).map(Some);
                }
                self.fill(rest)?;
                Fields::newc(start, &head)?
            }
        };
        let name = self.name(start, header.name_bytes)?;
        self.align()?;
        if name == TRAILER {
            if header.size != 0 {
                return Err(wrong(start, Problem::Value { field: "trailer size", found: header.size, expected: "0" }));
            }
            self.padding()?;
            self.ended = true;
            return Ok(None);
        }
        let entry = header.entry(start, &name, self.offset, self.form)?;
        self.admit(start, &entry)?;
        self.data_left = entry.size;
        Ok(Some(entry))
    }

    /// An entry that has only its number.
    fn stripped(&mut self, start: u64, head: &[u8]) -> Result<Entry, Error> {
        let mut r = crate::reader::Reader::new("cpio header", start, head);
        r.take(newc::STRIPPED_MAGIC.len())?;
        let number = hexadecimal(&mut r)?;
        self.align()?;
        let listed = usize::try_from(number).ok().and_then(|number| self.listed.get(number));
        let expected = "the number of a listed file";
        let mut entry = listed
            .cloned()
            .ok_or_else(|| wrong(start, Problem::Value { field: "number", found: number.into(), expected }))?;
        entry.offset = self.offset;
        self.admit(start, &entry)?;
        self.data_left = entry.size;
        Ok(entry)
    }

    /// The data of the current entry, at most `limit` bytes of them.
    pub fn data(&mut self, limit: u64) -> Result<Vec<u8>, Error> {
        if self.data_left > limit {
            let problem =
                Problem::Value { field: "size", found: self.data_left, expected: "within this reader's limit" };
            return Err(wrong(self.offset, problem));
        }
        let offset = self.offset;
        let mut out = Vec::with_capacity(usize::try_from(self.data_left).unwrap_or(0).min(MAX_ROOM_BYTES));
        self.read_to_end(&mut out).map_err(|e| failed(offset, e))?;
        Ok(out)
    }

    fn admit(&mut self, start: u64, entry: &Entry) -> Result<(), Error> {
        self.total = self.total.saturating_add(entry.size);
        self.seen_bytes += entry.path.len();
        let too_much = |field, found| Problem::Value { field, found, expected: "within this reader's limit" };
        if self.total > self.limits.total_bytes {
            return Err(wrong(start, too_much("data of all entries", self.total)));
        }
        if self.seen.len() >= self.limits.entries || self.seen_bytes > MAX_NAMES_BYTES {
            return Err(wrong(start, too_much("number of entries", self.seen.len() as u64 + 1)));
        }
        // what lies below a link would be written where the link points
        let leaf_above = entry.path.match_indices('/').any(|(at, _)| {
            let (above, _) = entry.path.split_at(at);
            self.seen.get(above) == Some(&false)
        });
        let below = format!("{}/", entry.path);
        let below_leaf = !entry.is_directory()
            && self.seen.range(below.clone()..).next().is_some_and(|(path, _)| path.starts_with(&below));
        if leaf_above || below_leaf {
            return Err(wrong(start, Problem::Text { what: "something lies below a name that is no folder" }));
        }
        if self.seen.insert(entry.path.clone(), entry.is_directory()).is_some() {
            return Err(wrong(start, Problem::Twice { what: "a name" }));
        }
        Ok(())
    }

    fn name(&mut self, start: u64, bytes: u64) -> Result<String, Error> {
        let size = usize::try_from(bytes).ok().filter(|_| (2..=self.limits.name_bytes + 1).contains(&bytes));
        let expected = "2 or more and within this reader's limit";
        let size = size.ok_or_else(|| wrong(start, Problem::Value { field: "namesize", found: bytes, expected }))?;
        let mut name = vec![0; size];
        self.fill(&mut name)?;
        if name.pop() != Some(0) || name.contains(&0) {
            return Err(wrong(start, Problem::Text { what: "the name does not end with its only NUL" }));
        }
        String::from_utf8(name).map_err(|_| wrong(start, Problem::Text { what: "the name is not UTF-8" }))
    }

    fn skip_data(&mut self) -> Result<(), Error> {
        if self.data_left == 0 {
            return Ok(());
        }
        let offset = self.offset;
        io::copy(self, &mut io::sink()).map_err(|e| failed(offset, e)).map(drop)
    }

    /// In the new ASCII form, names and data are followed by zeros up to a multiple of four.
    fn align(&mut self) -> Result<(), Error> {
        let mut zeros = [0; newc::ALIGN];
        let over = if self.form == Form::Newc { (self.offset % newc::ALIGN as u64) as usize } else { 0 };
        let at = self.offset;
        let padding = zeros.get_mut(over..).filter(|_| over > 0).unwrap_or_default();
        self.fill(padding)?;
        if zeros == [0; newc::ALIGN] {
            return Ok(());
        }
        Err(wrong(at, Problem::Data { what: "the padding is not zero" }))
    }

    fn padding(&mut self) -> Result<(), Error> {
        let (start, mut buf) = (self.offset, [0; 4096]);
        loop {
            let n = self.inner.read(&mut buf).map_err(|e| failed(start, e))?;
            let some = buf.get(..n).ok_or_else(|| failed(start, io::ErrorKind::InvalidData.into()))?;
            self.offset += n as u64;
            let found = self.offset - start;
            if some.iter().any(|b| *b != 0) || found > MAX_PADDING_BYTES {
                return Err(wrong(start, Problem::Trailing { bytes: found }));
            }
            if n == 0 {
                return Ok(());
            }
        }
    }

    fn fill(&mut self, buf: &mut [u8]) -> Result<(), Error> {
        self.inner.read_exact(buf).map_err(|e| failed(self.offset, e))?;
        self.offset += buf.len() as u64;
        Ok(())
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = buf.len().min(usize::try_from(self.data_left).unwrap_or(usize::MAX));
        let Some(part) = buf.get_mut(..most).filter(|part| !part.is_empty()) else { return Ok(0) };
        let n = self.inner.read(part)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.data_left -= n as u64;
        self.offset += n as u64;
        Ok(n)
    }
}

/// The numbers of a header.
struct Fields {
    inode: u64,
    mode: u32,
    uid: u32,
    gid: u32,
    links: u32,
    mtime: u64,
    name_bytes: u64,
    size: u64,
}

impl Fields {
    fn odc(start: u64, head: &[u8; HEADER_BYTES]) -> Result<Self, Error> {
        let mut r = crate::reader::Reader::new("cpio header", start, head);
        if r.take(MAGIC.len())? != MAGIC {
            return Err(wrong(start, Problem::Text { what: "the magic is not 070707" }));
        }
        let mut octal = |digits: usize| -> Result<u64, Error> {
            let at = r.offset();
            r.take(digits)?.iter().try_fold(0, |sum, digit| match digit {
                b'0'..=b'7' => Ok(sum * 8 + u64::from(digit - b'0')),
                _ => Err(wrong(at, Problem::Text { what: "a number has a character that is no octal digit" })),
            })
        };
        let mut short = || octal(6).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        let (_dev, inode, mode, uid, gid, links, _rdev) =
            (short()?, short()?, short()?, short()?, short()?, short()?, short()?);
        let inode = inode.into();
        Ok(Self { inode, mode, uid, gid, links, mtime: octal(11)?, name_bytes: octal(6)?, size: octal(11)? })
    }

    fn newc(start: u64, head: &[u8; newc::HEADER_BYTES]) -> Result<Self, Error> {
        let mut r = crate::reader::Reader::new("cpio header", start, head);
        if r.take(newc::MAGIC.len())? != newc::MAGIC {
            return Err(wrong(start, Problem::Text { what: "the magic is not 070701" }));
        }
        let mut number = || hexadecimal(&mut r);
        let (inode, mode, uid, gid, links) = (number()?, number()?, number()?, number()?, number()?);
        let (mtime, size) = (number()?, number()?);
        for _device in 0..4 {
            number()?;
        }
        let (name_bytes, _check) = (number()?, number()?);
        let (inode, mtime, name_bytes, size) = (inode.into(), mtime.into(), name_bytes.into(), size.into());
        Ok(Self { inode, mode, uid, gid, links, mtime, name_bytes, size })
    }

    fn entry(&self, start: u64, name: &str, offset: u64, form: Form) -> Result<Entry, Error> {
        let path = plain_path(name).map_err(|what| wrong(start, Problem::Text { what }))?;
        let no_data = match self.mode & TYPE_MASK {
            DIRECTORY => true,
            REGULAR | SYMLINK => false,
            kind if form == Form::Newc && SPECIAL.contains(&kind) => true,
            _ => return Err(wrong(start, Problem::Text { what: "the entry is no file, folder or symbolic link" })),
        };
        if no_data && self.size != 0 {
            return Err(wrong(
                start,
                Problem::Value { field: "size of a folder or device", found: self.size, expected: "0" },
            ));
        }
        let Self { inode, mode, uid, gid, links, mtime, size, .. } = *self;
        Ok(Entry { path, inode, mode, uid, gid, links, mtime, size, offset })
    }
}

/// Eight hexadecimal digits.
fn hexadecimal(r: &mut crate::reader::Reader<'_>) -> Result<u32, Error> {
    let at = r.offset();
    r.take(8)?.iter().try_fold(0, |sum, digit| match char::from(*digit).to_digit(16) {
        Some(digit) => Ok(sum << 4 | digit),
        None => Err(wrong(at, Problem::Text { what: "a number has a character that is no hexadecimal digit" })),
    })
}

/// The name without its leading `./`, if it stays inside the folder it is unpacked in.
fn plain_path(name: &str) -> Result<String, &'static str> {
    if name == "." {
        return Ok(name.to_owned());
    }
    let plain = name.strip_prefix("./").unwrap_or(name);
    for part in plain.split('/') {
        match part {
            "" => return Err("the name is absolute or has an empty part"),
            "." | ".." => return Err("the name has a . or .. in it"),
            _ => {}
        }
    }
    Ok(plain.to_owned())
}

fn wrong(offset: u64, problem: Problem) -> Error {
    Malformed { structure: "cpio entry", offset, problem }.into()
}

/// What a decompressor under the archive says is about the bytes, not about the machine.
fn failed(offset: u64, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => wrong(offset, Problem::Data { what: "the archive ends in the middle" }),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            wrong(offset, Problem::Data { what: "the compressed stream under the archive is damaged" })
        }
        _ => Error::Io { verb: "read the cpio archive", source: error },
    }
}
