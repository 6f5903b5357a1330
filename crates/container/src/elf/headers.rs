//! The ELF header, program headers, and the section types.

use std::fmt;

use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

const HEADER: &str = "elf header";
const PROGRAM_HEADER: &str = "program header";
const HEADER_64_BYTES: u64 = 64;
const PROGRAM_HEADER_BYTES: u16 = 56;
const SECTION_HEADER_BYTES: u16 = 64;
/// Linkers make about a dozen.
const MAX_PROGRAM_HEADERS: u16 = 128;
const MAX_INTERPRETER_BYTES: usize = 4096;

const CLASS_64: u8 = 2;
const DATA_LITTLE: u8 = 1;
const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const SHT_SYMTAB: u32 = 2;

/// The processor (`e_machine`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// `EM_X86_64`, 62.
    X64,
    /// `EM_AARCH64`, 183.
    Arm64,
    /// Any other number.
    Other(u16),
}

impl From<u16> for Machine {
    fn from(number: u16) -> Self {
        match number {
            62 => Self::X64,
            183 => Self::Arm64,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X64 => "x64",
            Self::Arm64 => "arm64",
            Self::Other(3) => "x86 (32-bit)",
            Self::Other(8) => "MIPS",
            Self::Other(20 | 21) => "PowerPC",
            Self::Other(22) => "s390x",
            Self::Other(40) => "arm (32-bit)",
            Self::Other(243) => "RISC-V",
            Self::Other(258) => "LoongArch",
            Self::Other(number) => return write!(f, "the processor with the number {number}"),
        })
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    file_bytes: u64,
}

/// An ELF file's headers.
#[derive(Debug, Clone)]
pub struct Elf {
    is_64: bool,
    machine: Machine,
    kind: u16,
    segments: Vec<Segment>,
    interpreter: Option<String>,
    stripped: bool,
    marked_pie: bool,
}

impl Elf {
    /// Reads the headers of `file`. Of a file that is not 64-bit and little-endian only the identity is read.
    pub fn open(file: &dyn ReadAt) -> Result<Self, Error> {
        let ident = read_vec(file, HEADER, 0, 20, 20)?;
        let mut r = Reader::new(HEADER, 0, &ident);
        if r.take(4)? != b"\x7fELF" {
            let problem = Problem::Missing { what: "the mark 0x7f ELF" };
            return Err(Malformed { structure: HEADER, offset: 0, problem }.into());
        }
        let (class, data) = (r.u8()?, r.u8()?);
        r.skip(10)?;
        let (kind, machine) = match data {
            DATA_LITTLE => (r.u16_le()?, r.u16_le()?),
            _ => (r.u16_be()?, r.u16_be()?),
        };
        let is_64 = class == CLASS_64 && data == DATA_LITTLE;
        let machine = Machine::from(machine);
        let mut elf =
            Self { is_64, machine, kind, segments: Vec::new(), interpreter: None, stripped: false, marked_pie: false };
        if is_64 {
            elf.read_tables(file)?;
        }
        Ok(elf)
    }

    fn read_tables(&mut self, file: &dyn ReadAt) -> Result<(), Error> {
        let header = read_vec(file, HEADER, 0, HEADER_64_BYTES, HEADER_64_BYTES as usize)?;
        let mut r = Reader::new(HEADER, 0, &header);
        r.skip(32)?;
        let (programs_at, sections_at) = (r.u64_le()?, r.u64_le()?);
        r.skip(6)?; // e_flags, e_ehsize
        let (program_bytes, programs) = (r.u16_le()?, r.u16_le()?);
        let (section_bytes, sections) = (r.u16_le()?, r.u16_le()?);
        if programs > MAX_PROGRAM_HEADERS {
            return Err(value("e_phnum", programs.into(), "at most 128").into());
        }
        if programs > 0 && program_bytes != PROGRAM_HEADER_BYTES {
            return Err(value("e_phentsize", program_bytes.into(), "56").into());
        }
        if sections > 0 && section_bytes != SECTION_HEADER_BYTES {
            return Err(value("e_shentsize", section_bytes.into(), "64").into());
        }
        let size = u64::from(programs) * u64::from(PROGRAM_HEADER_BYTES);
        let table = read_vec(file, PROGRAM_HEADER, programs_at, size, size as usize)?;
        self.segments = segments(&table, programs_at, file.len())?;
        self.interpreter = self.read_interpreter(file)?;
        self.marked_pie = self.entries(file)?.is_pie();
        self.stripped = !has_symbol_table(file, sections_at, sections)?;
        Ok(())
    }

    fn read_interpreter(&self, file: &dyn ReadAt) -> Result<Option<String>, Error> {
        let Some(segment) = self.segments.iter().find(|s| s.kind == PT_INTERP) else { return Ok(None) };
        let bytes = read_vec(file, "interpreter", segment.offset, segment.file_bytes, MAX_INTERPRETER_BYTES)?;
        let text = bytes.split_last().filter(|(last, _)| **last == 0).map(|(_, path)| path);
        text.and_then(|path| std::str::from_utf8(path).ok())
            .filter(|path| path.starts_with('/') && !path.chars().any(char::is_control))
            .map(|path| Some(path.to_owned()))
            .ok_or_else(|| {
                let problem = Problem::Text { what: "it is not an absolute path with a zero at its end" };
                Malformed { structure: "interpreter", offset: segment.offset, problem }.into()
            })
    }

    /// The processor.
    #[must_use]
    pub const fn machine(&self) -> Machine {
        self.machine
    }

    /// Whether it is a 64-bit little-endian file, the only kind of which more than the identity is read.
    #[must_use]
    pub const fn is_64_bit_little_endian(&self) -> bool {
        self.is_64
    }

    /// Whether it is a program: EXEC, or DYN with an interpreter or the linker's mark `DF_1_PIE`.
    ///
    /// A shared library is DYN as well and may even have an entry point; a static position-independent program
    /// has no interpreter, hence the mark.
    #[must_use]
    pub fn is_program(&self) -> bool {
        let is_program = match self.kind {
            ET_EXEC => true,
            ET_DYN => self.interpreter.is_some() || self.marked_pie,
            _ => false,
        };
        is_program && self.segments.iter().any(|s| s.kind == PT_LOAD)
    }

    /// Whether it is position-independent (`ET_DYN`).
    #[must_use]
    pub const fn is_position_independent(&self) -> bool {
        self.kind == ET_DYN
    }

    /// The dynamic linker; `None` in a static program.
    #[must_use]
    pub fn interpreter(&self) -> Option<&str> {
        self.interpreter.as_deref()
    }

    /// Whether there is no symbol table.
    #[must_use]
    pub const fn is_stripped(&self) -> bool {
        self.stripped
    }

    /// Offset and length of the dynamic section.
    pub(super) fn dynamic(&self) -> Option<(u64, u64)> {
        self.segments.iter().find(|s| s.kind == PT_DYNAMIC).map(|s| (s.offset, s.file_bytes))
    }

    /// The file offset of a virtual address, and how many bytes of its segment follow in the file.
    pub(super) fn file_offset(&self, address: u64) -> Option<(u64, u64)> {
        self.segments.iter().filter(|s| s.kind == PT_LOAD).find_map(|s| {
            let within = address.checked_sub(s.address)?;
            (within < s.file_bytes).then(|| (s.offset + within, s.file_bytes - within))
        })
    }
}

fn segments(table: &[u8], at: u64, file_len: u64) -> Result<Vec<Segment>, Malformed> {
    let mut r = Reader::new(PROGRAM_HEADER, at, table);
    let mut segments = Vec::new();
    while !r.is_empty() {
        let kind = r.u32_le()?;
        r.skip(4)?; // p_flags
        let (offset, address) = (r.u64_le()?, r.u64_le()?);
        r.skip(8)?; // p_paddr
        let file_bytes = r.u64_le()?;
        r.skip(16)?; // p_memsz, p_align
        if matches!(kind, PT_LOAD | PT_DYNAMIC | PT_INTERP)
            && offset.checked_add(file_bytes).is_none_or(|end| end > file_len)
        {
            let found = file_len.saturating_sub(offset);
            return Err(r.wrong(Problem::Truncated { needed: file_bytes, found }));
        }
        segments.push(Segment { kind, offset, address, file_bytes });
    }
    Ok(segments)
}

fn has_symbol_table(file: &dyn ReadAt, at: u64, count: u16) -> Result<bool, Error> {
    let size = u64::from(count) * u64::from(SECTION_HEADER_BYTES);
    let table = read_vec(file, "section header", at, size, size as usize)?;
    let mut r = Reader::new("section header", at, &table);
    while !r.is_empty() {
        let mut section = r.sub("section header", usize::from(SECTION_HEADER_BYTES))?;
        section.skip(4)?; // sh_name
        if section.u32_le()? == SHT_SYMTAB {
            return Ok(true);
        }
    }
    Ok(false)
}

const fn value(field: &'static str, found: u64, expected: &'static str) -> Malformed {
    Malformed { structure: HEADER, offset: 0, problem: Problem::Value { field, found, expected } }
}

/// Whether the file starts like an ELF file.
#[must_use]
pub const fn is_elf(head: &[u8]) -> bool {
    matches!(head, [0x7f, b'E', b'L', b'F', ..])
}
