//! The resource tree, walked down to one version resource ("PE Format", The .rsrc Section).
//!
//! Three levels: type, name, language; each a directory of 8-byte entries. Only one path is followed, so a tree
//! whose offsets run in a circle costs three reads.

use super::{Image, Version, version};
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

const DIRECTORY: &str = "resource directory";
const DIRECTORY_BYTES: u32 = 16;
const ENTRY_BYTES: u32 = 8;
const DATA_ENTRY_BYTES: u32 = 16;
/// `RT_VERSION`.
const TYPE_VERSION: u32 = 16;
/// `VS_VERSION_INFO`, the only name that Windows looks under.
const NAME_VERSION: u32 = 1;
/// In an entry's name: it is a string. In its offset: it leads to a directory.
const HIGH_BIT: u32 = 1 << 31;
const MAX_ENTRIES: u32 = 4096;
/// Version resources have 1–2 kB.
const MAX_VERSION_BYTES: u32 = 64 << 10;

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: u32,
    offset: u32,
}

impl Image {
    /// The version resource, or `None` when the image has none.
    pub fn version(&self, file: &dyn ReadAt) -> Result<Option<Version>, Error> {
        let Some(root) = self.resources() else { return Ok(None) };
        let types = self.entries(file, root.address, 0)?;
        let Some(kind) = types.iter().find(|e| e.name == TYPE_VERSION) else { return Ok(None) };
        let names = self.entries(file, root.address, subdirectory(kind)?)?;
        let Some(name) = names.iter().find(|e| e.name == NAME_VERSION).or_else(|| names.first()) else {
            return Ok(None);
        };
        let languages = self.entries(file, root.address, subdirectory(name)?)?;
        let Some(language) = languages.first() else { return Ok(None) };
        if language.offset & HIGH_BIT != 0 {
            return Err(too_deep(language.offset).into());
        }
        let (offset, bytes) = self.data(file, root.address, language.offset)?;
        version::parse(&bytes, offset, u16::try_from(language.name).unwrap_or(0)).map(Some).map_err(Error::from)
    }

    fn entries(&self, file: &dyn ReadAt, root: u32, offset: u32) -> Result<Vec<Entry>, Error> {
        let (at, head) = self.at(file, root, offset, DIRECTORY_BYTES)?;
        let mut r = Reader::new(DIRECTORY, at, &head);
        r.skip(12)?;
        let count = u32::from(r.u16_le()?) + u32::from(r.u16_le()?);
        if count > MAX_ENTRIES {
            let problem = Problem::Value { field: "its entry count", found: count.into(), expected: "at most 4096" };
            return Err(Malformed { structure: DIRECTORY, offset: at, problem }.into());
        }
        let (at, body) = self.at(file, root, offset.saturating_add(DIRECTORY_BYTES), count * ENTRY_BYTES)?;
        let mut r = Reader::new(DIRECTORY, at, &body);
        let mut entries = Vec::new();
        while !r.is_empty() {
            entries.push(Entry { name: r.u32_le()?, offset: r.u32_le()? });
        }
        Ok(entries)
    }

    /// The bytes that a data entry names; its address is the image's, not the tree's.
    fn data(&self, file: &dyn ReadAt, root: u32, offset: u32) -> Result<(u64, Vec<u8>), Error> {
        let (at, entry) = self.at(file, root, offset, DATA_ENTRY_BYTES)?;
        let mut r = Reader::new("resource data entry", at, &entry);
        let (address, size) = (r.u32_le()?, r.u32_le()?);
        if size > MAX_VERSION_BYTES {
            return Err(r
                .wrong(Problem::Value { field: "Size", found: size.into(), expected: "at most 65536" })
                .into());
        }
        self.at(file, address, 0, size)
    }

    /// `size` bytes at `offset` from a virtual address, and where they lie in the file.
    fn at(&self, file: &dyn ReadAt, base: u32, offset: u32, size: u32) -> Result<(u64, Vec<u8>), Error> {
        let at = base.checked_add(offset).and_then(|address| self.file_offset(address, size)).ok_or(Malformed {
            structure: DIRECTORY,
            offset: offset.into(),
            problem: Problem::Missing { what: "the section that it points into" },
        })?;
        Ok((at, read_vec(file, DIRECTORY, at, size.into(), MAX_VERSION_BYTES as usize)?))
    }
}

fn subdirectory(entry: &Entry) -> Result<u32, Malformed> {
    if entry.offset & HIGH_BIT == 0 {
        let problem = Problem::Missing { what: "a level of directories" };
        return Err(Malformed { structure: DIRECTORY, offset: entry.offset.into(), problem });
    }
    Ok(entry.offset & !HIGH_BIT)
}

fn too_deep(offset: u32) -> Malformed {
    let problem = Problem::Data { what: "a fourth level of directories is not allowed" };
    Malformed { structure: DIRECTORY, offset: (offset & !HIGH_BIT).into(), problem }
}
