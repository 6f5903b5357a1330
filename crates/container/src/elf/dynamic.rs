//! The dynamic section: needed libraries and the symbol versions wanted of each.

use super::headers::Elf;
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

const DYNAMIC: &str = "dynamic section";
const VERSION_NEED: &str = "version needs";
const MAX_DYNAMIC_BYTES: usize = 64 << 10;
/// A name is read with this much of what follows it.
const MAX_NAME_BYTES: u64 = 512;
const MAX_LIBRARIES: usize = 256;
const MAX_VERSIONS: usize = 1024;

const DT_NULL: u64 = 0;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_FLAGS_1: u64 = 0x6fff_fffb;
const DF_1_PIE: u64 = 0x0800_0000;
const DT_VERNEED: u64 = 0x6fff_fffe;
const DT_VERNEEDNUM: u64 = 0x6fff_ffff;
/// `VER_FLG_WEAK`: a missing version is only worth a warning.
const WEAK: u16 = 0x2;

/// A library that the dynamic linker will look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Its soname, `libc.so.6`.
    pub name: String,
    /// The symbol versions wanted of it, `GLIBC_2.28`, in the order of the file; weak ones are left out.
    pub versions: Vec<String>,
}

/// The needed libraries, in the order of the file.
pub type Libraries = Vec<Library>;

/// The dynamic section's entries that matter here.
#[derive(Default)]
pub(super) struct Entries {
    needed: Vec<u64>,
    strings: Option<u64>,
    strings_bytes: u64,
    version_needs: Option<u64>,
    version_need_count: u64,
    flags_1: u64,
}

impl Entries {
    pub(super) const fn is_pie(&self) -> bool {
        self.flags_1 & DF_1_PIE != 0
    }
}

impl Elf {
    /// The libraries that the program needs; none when it is static.
    pub fn libraries(&self, file: &dyn ReadAt) -> Result<Libraries, Error> {
        let entries = self.entries(file)?;
        if entries.needed.is_empty() {
            return Ok(Vec::new());
        }
        let strings = self.strings(&entries)?;
        let mut libraries = Vec::new();
        for &name in &entries.needed {
            libraries.push(Library { name: strings.name(file, name)?, versions: Vec::new() });
        }
        if let Some(address) = entries.version_needs {
            self.version_needs(file, address, entries.version_need_count, &strings, &mut libraries)?;
        }
        Ok(libraries)
    }

    /// The dynamic section's entries; none of a file without one.
    pub(super) fn entries(&self, file: &dyn ReadAt) -> Result<Entries, Error> {
        let Some((at, len)) = self.dynamic() else { return Ok(Entries::default()) };
        let bytes = read_vec(file, DYNAMIC, at, len, MAX_DYNAMIC_BYTES)?;
        Ok(entries(&bytes, at)?)
    }

    fn strings(&self, entries: &Entries) -> Result<Strings, Malformed> {
        let at = self.dynamic().map_or(0, |(at, _)| at);
        let missing = || Malformed { structure: DYNAMIC, offset: at, problem: Problem::Missing { what: "DT_STRTAB" } };
        let (offset, found) = entries.strings.and_then(|address| self.file_offset(address)).ok_or_else(missing)?;
        if entries.strings_bytes > found {
            let problem = Problem::Truncated { needed: entries.strings_bytes, found };
            return Err(Malformed { structure: "string table", offset, problem });
        }
        Ok(Strings { offset, len: entries.strings_bytes })
    }

    /// Follows the chain of `Elf64_Verneed`, and from each the chain of `Elf64_Vernaux`. Both links only lead
    /// forward, so no chain runs in a circle.
    fn version_needs(
        &self,
        file: &dyn ReadAt,
        address: u64,
        count: u64,
        strings: &Strings,
        libraries: &mut Libraries,
    ) -> Result<(), Error> {
        let missing = |what| Malformed { structure: VERSION_NEED, offset: address, problem: Problem::Missing { what } };
        let (start, found) = self.file_offset(address).ok_or_else(|| missing("the segment that they lie in"))?;
        let mut at = 0;
        let mut left = MAX_VERSIONS;
        for _ in 0..count.min(MAX_LIBRARIES as u64) {
            let need = read_within(file, start, found, at)?;
            let mut r = Reader::new(VERSION_NEED, start + at, &need);
            r.skip(2)?; // vn_version
            let versions = r.u16_le()?;
            let (name, first, next) = (r.u32_le()?, r.u32_le()?, r.u32_le()?);
            let name = strings.name(file, name.into())?;
            let mut aux_at = at + u64::from(first);
            for _ in 0..versions {
                left = left.checked_sub(1).ok_or_else(|| missing("their end"))?;
                let aux = read_within(file, start, found, aux_at)?;
                let mut r = Reader::new(VERSION_NEED, start + aux_at, &aux);
                r.skip(4)?; // vna_hash
                let flags = r.u16_le()?;
                r.skip(2)?; // vna_other
                let (version, aux_next) = (r.u32_le()?, r.u32_le()?);
                let version = strings.name(file, version.into())?;
                if let Some(library) = libraries.iter_mut().find(|library| library.name == name && flags & WEAK == 0) {
                    library.versions.push(version);
                }
                if aux_next == 0 {
                    break;
                }
                aux_at += u64::from(aux_next);
            }
            if next == 0 {
                break;
            }
            at += u64::from(next);
        }
        Ok(())
    }
}

/// Both structures of the chains have 16 bytes.
fn read_within(file: &dyn ReadAt, start: u64, found: u64, at: u64) -> Result<Vec<u8>, Error> {
    const BYTES: u64 = 16;
    if at.checked_add(BYTES).is_none_or(|end| end > found) {
        let problem = Problem::Truncated { needed: BYTES, found: found.saturating_sub(at) };
        return Err(Malformed { structure: VERSION_NEED, offset: start.saturating_add(at), problem }.into());
    }
    read_vec(file, VERSION_NEED, start + at, BYTES, BYTES as usize)
}

fn entries(bytes: &[u8], at: u64) -> Result<Entries, Malformed> {
    let mut r = Reader::new(DYNAMIC, at, bytes);
    let mut entries = Entries::default();
    while r.len() >= 16 {
        let (tag, value) = (r.u64_le()?, r.u64_le()?);
        match tag {
            DT_NULL => break,
            DT_NEEDED if entries.needed.len() >= MAX_LIBRARIES => {
                return Err(r.wrong(Problem::Value {
                    field: "DT_NEEDED",
                    found: value,
                    expected: "there at most 256 times",
                }));
            }
            DT_NEEDED => entries.needed.push(value),
            DT_STRTAB => entries.strings = Some(value),
            DT_STRSZ => entries.strings_bytes = value,
            DT_FLAGS_1 => entries.flags_1 = value,
            DT_VERNEED => entries.version_needs = Some(value),
            DT_VERNEEDNUM => entries.version_need_count = value,
            _ => {}
        }
    }
    Ok(entries)
}

/// The dynamic string table, of which only names that are asked for are read: it can have megabytes.
struct Strings {
    offset: u64,
    len: u64,
}

impl Strings {
    fn name(&self, file: &dyn ReadAt, index: u64) -> Result<String, Error> {
        let offset = self.offset.saturating_add(index);
        let wrong = |problem| Malformed { structure: "string table", offset, problem };
        let left = self.len.saturating_sub(index).min(MAX_NAME_BYTES);
        let bytes = read_vec(file, "string table", offset, left, MAX_NAME_BYTES as usize)?;
        let name = bytes.iter().position(|&b| b == 0).and_then(|end| bytes.get(..end));
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        let name = name.filter(|name| !name.is_empty() && !name.chars().any(char::is_control));
        name.map(str::to_owned)
            .ok_or_else(|| wrong(Problem::Text { what: "a name is not text with a zero at its end" }).into())
    }
}
