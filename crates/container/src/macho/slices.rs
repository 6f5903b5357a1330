//! The universal header and the thin files in it.

use super::commands::{self, Commands, OsVersion};
use super::cpu::Cpu;
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

const FAT: &str = "universal header";
const FAT_MAGIC: u32 = 0xcafe_babe;
const FAT_MAGIC_64: u32 = 0xcafe_babf;
const FAT_HEADER_BYTES: u64 = 8;
/// A Java class has its version here, 43 or more; no universal file has that many slices.
const MAX_SLICES: u32 = 16;

/// A Mach-O file: one slice, or several behind a universal header.
#[derive(Debug, Clone)]
pub struct MachO {
    universal: bool,
    slices: Vec<Slice>,
}

/// One thin file.
#[derive(Debug, Clone)]
pub struct Slice {
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) commands: Commands,
}

impl MachO {
    /// Reads the headers of `file`.
    pub fn open(file: &dyn ReadAt) -> Result<Self, Error> {
        let head = read_vec(file, "mach-o header", 0, 4, 4)?;
        let entry_bytes = match Reader::new("mach-o header", 0, &head).u32_be()? {
            FAT_MAGIC => 20,
            FAT_MAGIC_64 => 32,
            _ => return Ok(Self { universal: false, slices: vec![Slice::open(file, 0, file.len())?] }),
        };
        let slices = fat_entries(file, entry_bytes)?
            .into_iter()
            .map(|entry| {
                let slice = Slice::open(file, entry.offset, entry.len)?;
                if slice.cpu() != entry.cpu {
                    return Err(wrong(entry.offset, Problem::Mismatch { what: "its cputype and the slice's" }).into());
                }
                Ok(slice)
            })
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(Self { universal: true, slices })
    }

    /// Whether there is a universal header, be it around a single slice.
    #[must_use]
    pub const fn is_universal(&self) -> bool {
        self.universal
    }

    /// The slices, in the order of the file; at least one.
    #[must_use]
    pub fn slices(&self) -> &[Slice] {
        &self.slices
    }
}

impl Slice {
    fn open(file: &dyn ReadAt, offset: u64, len: u64) -> Result<Self, Error> {
        Ok(Self { offset, len, commands: commands::read(file, offset, len)? })
    }

    /// The processor.
    #[must_use]
    pub const fn cpu(&self) -> Cpu {
        self.commands.cpu
    }

    /// Whether it is a program (`MH_EXECUTE`), not a library, bundle or object.
    #[must_use]
    pub const fn is_program(&self) -> bool {
        self.commands.is_program
    }

    /// The oldest macOS that it says it runs on; `None` when it says nothing, or is for another platform.
    #[must_use]
    pub const fn minimum_os(&self) -> Option<OsVersion> {
        self.commands.minimum_os
    }

    /// Where the slice starts in the file.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }
}

struct FatEntry {
    cpu: Cpu,
    offset: u64,
    len: u64,
}

fn fat_entries(file: &dyn ReadAt, entry_bytes: u64) -> Result<Vec<FatEntry>, Error> {
    let head = read_vec(file, FAT, 0, FAT_HEADER_BYTES, FAT_HEADER_BYTES as usize)?;
    let mut r = Reader::new(FAT, 0, &head);
    r.skip(4)?;
    let count = r.u32_be()?;
    if !(1..=MAX_SLICES).contains(&count) {
        return Err(wrong(4, Problem::Value { field: "nfat_arch", found: count.into(), expected: "1 to 16" }).into());
    }
    let table_bytes = u64::from(count) * entry_bytes;
    let table = read_vec(file, FAT, FAT_HEADER_BYTES, table_bytes, table_bytes as usize)?;
    let mut r = Reader::new(FAT, FAT_HEADER_BYTES, &table);
    let mut entries = Vec::new();
    while !r.is_empty() {
        let mut entry = r.sub(FAT, entry_bytes as usize)?;
        let cpu = Cpu::from(entry.u32_be()?);
        entry.skip(4)?; // cpusubtype
        let (offset, len) = match entry_bytes {
            20 => (entry.u32_be()?.into(), entry.u32_be()?.into()),
            _ => (entry.u64_be()?, entry.u64_be()?),
        };
        entries.push(FatEntry { cpu, offset, len });
    }
    in_order(&entries, FAT_HEADER_BYTES + table_bytes, file.len())?;
    Ok(entries)
}

/// Slices lie one after the other, and the last ends with the file.
fn in_order(entries: &[FatEntry], first: u64, file_len: u64) -> Result<(), Malformed> {
    let mut end = first;
    for entry in entries {
        if entry.offset < end {
            return Err(wrong(entry.offset, Problem::Twice { what: "a byte of a slice" }));
        }
        end = entry.offset.saturating_add(entry.len);
        if end > file_len {
            let (needed, found) = (entry.len, file_len.saturating_sub(entry.offset));
            return Err(wrong(entry.offset, Problem::Truncated { needed, found }));
        }
    }
    if end < file_len {
        return Err(wrong(end, Problem::Trailing { bytes: file_len - end }));
    }
    Ok(())
}

const fn wrong(offset: u64, problem: Problem) -> Malformed {
    Malformed { structure: FAT, offset, problem }
}

/// Whether the file starts like a Mach-O or universal file. The universal magic is that of Java classes too;
/// [`MachO::open`] tells them apart.
#[must_use]
pub const fn is_macho(head: &[u8]) -> bool {
    matches!(
        head,
        [0xcf, 0xfa, 0xed, 0xfe, ..] | [0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe | 0xbf, 0, 0, 0, ..]
    )
}
