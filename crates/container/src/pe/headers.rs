//! DOS, COFF and optional headers, the section table, and addresses to file offsets.

use std::fmt;

use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

const DOS_HEADER_BYTES: u64 = 64;
/// Where the DOS header says the PE header is.
const E_LFANEW: usize = 0x3c;
const COFF_HEADER_BYTES: usize = 24;
/// The Windows loader takes no more sections ("PE Format", COFF File Header).
const MAX_SECTIONS: u16 = 96;
const SECTION_BYTES: usize = 40;
/// Real PE headers start within the first kilobytes; a limit keeps a lying `e_lfanew` from leading far away.
const MAX_E_LFANEW: u32 = 1 << 20;
/// Sixteen directories are defined; the count field may name fewer.
const MAX_DIRECTORIES: u32 = 16;

const DIRECTORY_RESOURCE: usize = 2;
const DIRECTORY_SECURITY: usize = 4;
/// The header of .NET ("PE Format", Optional Header Data Directories: CLR Runtime Header).
const DIRECTORY_CLR: usize = 14;
const CHARACTERISTIC_EXECUTABLE: u16 = 0x0002;
const CHARACTERISTIC_DLL: u16 = 0x2000;

/// The processor that an image is for ("PE Format", Machine Types).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// `IMAGE_FILE_MACHINE_AMD64`, 0x8664.
    X64,
    /// `IMAGE_FILE_MACHINE_ARM64`, 0xaa64.
    Arm64,
    /// `IMAGE_FILE_MACHINE_I386`, 0x14c.
    X86,
    /// Any other number.
    Other(u16),
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X64 => "x64",
            Self::Arm64 => "arm64",
            Self::X86 => "x86 (32-bit)",
            Self::Other(0x01c0 | 0x01c2 | 0x01c4) => "arm (32-bit)",
            Self::Other(0x0200) => "Itanium",
            Self::Other(0x0ebc) => "EFI byte code",
            Self::Other(0x5032 | 0x5064 | 0x5128) => "RISC-V",
            Self::Other(0x6232 | 0x6264) => "LoongArch",
            Self::Other(number) => return write!(f, "the processor with the number {number:#06x}"),
        })
    }
}

impl From<u16> for Machine {
    fn from(number: u16) -> Self {
        match number {
            0x8664 => Self::X64,
            0xaa64 => Self::Arm64,
            0x014c => Self::X86,
            other => Self::Other(other),
        }
    }
}

/// One data directory: an address and a size, both 0 when absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Directory {
    /// A virtual address; for the security directory alone a file offset.
    pub(super) address: u32,
    /// Its size in bytes.
    pub(super) size: u32,
}

#[derive(Debug, Clone, Copy)]
struct Section {
    virtual_address: u32,
    raw_size: u32,
    raw_offset: u32,
}

/// A Windows executable's headers.
#[derive(Debug, Clone)]
pub struct Image {
    machine: Machine,
    plus: bool,
    characteristics: u16,
    subsystem: u16,
    checksum_offset: u64,
    directories_offset: u64,
    directories: Vec<Directory>,
    sections: Vec<Section>,
    headers_end: u64,
}

impl Image {
    /// Reads the headers of `file`.
    pub fn open(file: &dyn ReadAt) -> Result<Self, Error> {
        let dos = read_vec(file, "dos header", 0, DOS_HEADER_BYTES, DOS_HEADER_BYTES as usize)?;
        let mut r = Reader::new("dos header", 0, &dos);
        if r.take(2)? != b"MZ" {
            return Err(Malformed { structure: "dos header", offset: 0, problem: missing("the mark MZ") }.into());
        }
        r.skip(E_LFANEW - 2)?;
        let at = r.u32_le()?;
        if at > MAX_E_LFANEW {
            let problem = Problem::Value { field: "e_lfanew", found: at.into(), expected: "at most 1048576" };
            return Err(Malformed { structure: "dos header", offset: E_LFANEW as u64, problem }.into());
        }
        Self::read_from(file, u64::from(at))
    }

    fn read_from(file: &dyn ReadAt, at: u64) -> Result<Self, Error> {
        let coff = read_vec(file, "pe header", at, COFF_HEADER_BYTES as u64, COFF_HEADER_BYTES)?;
        let mut r = Reader::new("pe header", at, &coff);
        if r.take(4)? != b"PE\0\0" {
            return Err(Malformed { structure: "pe header", offset: at, problem: missing("the mark PE") }.into());
        }
        let machine = Machine::from(r.u16_le()?);
        let section_count = r.u16_le()?;
        if section_count > MAX_SECTIONS {
            return Err(r.wrong(value("NumberOfSections", section_count.into(), "at most 96")).into());
        }
        r.skip(12)?;
        let optional_size = r.u16_le()?;
        let characteristics = r.u16_le()?;

        let optional_at = at + COFF_HEADER_BYTES as u64;
        let optional =
            read_vec(file, "optional header", optional_at, optional_size.into(), usize::from(optional_size))?;
        let mut image = optional_header(&optional, optional_at)?;

        let table_at = optional_at + u64::from(optional_size);
        let table_size = usize::from(section_count) * SECTION_BYTES;
        let table = read_vec(file, "section table", table_at, table_size as u64, table_size)?;
        image.sections = section_table(&table, table_at)?;
        Ok(Self { machine, characteristics, headers_end: table_at + table_size as u64, ..image })
    }

    /// The processor.
    #[must_use]
    pub const fn machine(&self) -> Machine {
        self.machine
    }

    /// Whether the optional header is PE32+, the 64-bit form.
    #[must_use]
    pub const fn is_plus(&self) -> bool {
        self.plus
    }

    /// Whether the image is a program: executable, and not a library.
    #[must_use]
    pub const fn is_program(&self) -> bool {
        self.characteristics & CHARACTERISTIC_EXECUTABLE != 0 && self.characteristics & CHARACTERISTIC_DLL == 0
    }

    /// The subsystem's number: 2 is a program with windows, 3 one for a console.
    #[must_use]
    pub const fn subsystem(&self) -> u16 {
        self.subsystem
    }

    pub(super) const fn checksum_offset(&self) -> u64 {
        self.checksum_offset
    }

    /// Where in the file the security directory's own entry lies, if the header has that many.
    pub(super) fn security_entry_offset(&self) -> Option<u64> {
        self.directories.get(DIRECTORY_SECURITY).map(|_| self.directories_offset + 8 * DIRECTORY_SECURITY as u64)
    }

    pub(super) fn security(&self) -> Option<Directory> {
        self.directory(DIRECTORY_SECURITY)
    }

    pub(super) fn clr(&self) -> Option<Directory> {
        self.directory(DIRECTORY_CLR)
    }

    pub(super) fn resources(&self) -> Option<Directory> {
        self.directory(DIRECTORY_RESOURCE)
    }

    fn directory(&self, index: usize) -> Option<Directory> {
        self.directories.get(index).copied().filter(|d| d.address != 0 && d.size != 0)
    }

    /// The first byte after the headers and everything that a section keeps in the file.
    pub(super) fn sections_end(&self) -> u64 {
        let end = |s: &Section| if s.raw_size == 0 { 0 } else { u64::from(s.raw_offset) + u64::from(s.raw_size) };
        self.sections.iter().map(end).max().unwrap_or(0).max(self.headers_end)
    }

    /// The file offset of `size` bytes at a virtual address, if one section holds them all.
    pub(super) fn file_offset(&self, address: u32, size: u32) -> Option<u64> {
        self.sections.iter().find_map(|s| {
            let within = address.checked_sub(s.virtual_address)?;
            let end = within.checked_add(size)?;
            (end <= s.raw_size).then(|| u64::from(s.raw_offset) + u64::from(within))
        })
    }
}

/// Reads the optional header ("PE Format", Optional Header); sections and COFF fields are filled in later.
fn optional_header(bytes: &[u8], at: u64) -> Result<Image, Malformed> {
    let mut r = Reader::new("optional header", at, bytes);
    let plus = match r.u16_le()? {
        0x20b => true,
        0x10b => false,
        magic => return Err(r.wrong(value("the magic", magic.into(), "0x10b or 0x20b"))),
    };
    r.skip(62)?;
    let checksum_offset = r.offset();
    r.skip(4)?;
    let subsystem = r.u16_le()?;
    // DllCharacteristics, four sizes of stack and heap (4 or 8 bytes each), LoaderFlags
    r.skip(if plus { 2 + 32 + 4 } else { 2 + 16 + 4 })?;
    let count = r.u32_le()?;
    if count > MAX_DIRECTORIES {
        return Err(r.wrong(value("NumberOfRvaAndSizes", count.into(), "at most 16")));
    }
    let directories_offset = r.offset();
    let mut directories = Vec::new();
    for _ in 0..count {
        directories.push(Directory { address: r.u32_le()?, size: r.u32_le()? });
    }
    Ok(Image {
        machine: Machine::Other(0),
        plus,
        characteristics: 0,
        subsystem,
        checksum_offset,
        directories_offset,
        directories,
        sections: Vec::new(),
        headers_end: 0,
    })
}

fn section_table(bytes: &[u8], at: u64) -> Result<Vec<Section>, Malformed> {
    let mut r = Reader::new("section table", at, bytes);
    let mut sections = Vec::new();
    while !r.is_empty() {
        let mut entry = r.sub("section table", SECTION_BYTES)?;
        entry.skip(12)?; // Name, VirtualSize
        let (virtual_address, raw_size, raw_offset) = (entry.u32_le()?, entry.u32_le()?, entry.u32_le()?);
        sections.push(Section { virtual_address, raw_size, raw_offset });
    }
    Ok(sections)
}

const fn missing(what: &'static str) -> Problem {
    Problem::Missing { what }
}

const fn value(field: &'static str, found: u64, expected: &'static str) -> Problem {
    Problem::Value { field, found, expected }
}

/// Whether the file starts like a DOS program, which each Windows executable does.
#[must_use]
pub const fn is_pe(head: &[u8]) -> bool {
    matches!(head, [b'M', b'Z', ..])
}
