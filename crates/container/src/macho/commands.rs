//! One slice's header and load commands (`<mach-o/loader.h>`).

use std::fmt;

use super::cpu::Cpu;
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

const HEADER: &str = "mach-o header";
const COMMAND: &str = "load command";
const MAGIC_64: u32 = 0xfeed_facf;
const HEADER_BYTES: u64 = 32;
/// `MH_EXECUTE`.
const EXECUTE: u32 = 2;
/// The largest programs have some 20 kB of load commands.
const MAX_COMMANDS_BYTES: usize = 1 << 20;

const LC_SEGMENT_64: u32 = 0x19;
const LC_CODE_SIGNATURE: u32 = 0x1d;
const LC_VERSION_MIN_MACOSX: u32 = 0x24;
const LC_BUILD_VERSION: u32 = 0x32;
const PLATFORM_MACOS: u32 = 1;

/// A macOS version, `11.0` or `10.15.4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OsVersion {
    /// `10` or `11` and up.
    pub(crate) major: u16,
    /// The second number.
    pub(crate) minor: u8,
    /// The third number, mostly 0.
    pub(crate) patch: u8,
}

impl OsVersion {
    /// From the nibbles `xxxx.yy.zz` that load commands hold.
    fn from_nibbles(packed: u32) -> Self {
        let [patch, minor, low, high] = packed.to_le_bytes();
        Self { major: u16::from_le_bytes([low, high]), minor, patch }
    }
}

impl fmt::Display for OsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch == 0 { Ok(()) } else { write!(f, ".{}", self.patch) }
    }
}

/// What the header and the load commands say, as far as it matters here. Offsets count from the slice's start.
#[derive(Debug, Clone)]
pub(super) struct Commands {
    pub(super) cpu: Cpu,
    pub(super) is_program: bool,
    pub(super) minimum_os: Option<OsVersion>,
    /// Offset and length of what `LC_CODE_SIGNATURE` names.
    pub(super) signature: Option<(u64, u64)>,
}

/// Reads the slice of `len` bytes at `offset`.
pub(super) fn read(file: &dyn ReadAt, offset: u64, len: u64) -> Result<Commands, Error> {
    if len < HEADER_BYTES {
        let problem = Problem::Truncated { needed: HEADER_BYTES, found: len };
        return Err(Malformed { structure: HEADER, offset, problem }.into());
    }
    let head = read_vec(file, HEADER, offset, HEADER_BYTES, HEADER_BYTES as usize)?;
    let mut r = Reader::new(HEADER, offset, &head);
    let magic = r.u32_le()?;
    if magic != MAGIC_64 {
        let expected = "0xfeedfacf, a 64-bit little-endian file";
        return Err(r.wrong(Problem::Value { field: "the magic", found: magic.into(), expected }).into());
    }
    let cpu = Cpu::from(r.u32_le()?);
    r.skip(4)?; // cpusubtype
    let is_program = r.u32_le()? == EXECUTE;
    let (count, size) = (r.u32_le()?, u64::from(r.u32_le()?));
    if size > len - HEADER_BYTES {
        return Err(r.wrong(Problem::Truncated { needed: size, found: len - HEADER_BYTES }).into());
    }
    let bytes = read_vec(file, COMMAND, offset + HEADER_BYTES, size, MAX_COMMANDS_BYTES)?;
    let mut commands = Commands { cpu, is_program, minimum_os: None, signature: None };
    walk(&mut commands, Reader::new(COMMAND, offset + HEADER_BYTES, &bytes), count, len)?;
    Ok(commands)
}

fn walk(out: &mut Commands, mut r: Reader<'_>, count: u32, slice_len: u64) -> Result<(), Malformed> {
    // Each command has at least 8 bytes, so `count` cannot make this loop longer than the bytes are.
    for _ in 0..count {
        let mut ahead = r.clone();
        let (command, size) = (ahead.u32_le()?, ahead.u32_le()?);
        if size < 8 || size % 4 != 0 {
            let problem = Problem::Value { field: "cmdsize", found: size.into(), expected: "8 or more, in fours" };
            return Err(r.wrong(problem));
        }
        let mut body = r.sub(COMMAND, usize::try_from(size).unwrap_or(usize::MAX))?;
        body.skip(8)?;
        match command {
            LC_SEGMENT_64 => segment(body, slice_len)?,
            LC_CODE_SIGNATURE if out.signature.is_some() => {
                return Err(body.wrong(Problem::Twice { what: "LC_CODE_SIGNATURE" }));
            }
            LC_CODE_SIGNATURE => out.signature = Some((body.u32_le()?.into(), body.u32_le()?.into())),
            LC_VERSION_MIN_MACOSX => out.minimum_os = Some(OsVersion::from_nibbles(body.u32_le()?)),
            LC_BUILD_VERSION if body.u32_le()? == PLATFORM_MACOS => {
                out.minimum_os = Some(OsVersion::from_nibbles(body.u32_le()?));
            }
            _ => {}
        }
    }
    r.finish()
}

/// A segment must lie within its slice.
fn segment(mut body: Reader<'_>, slice_len: u64) -> Result<(), Malformed> {
    body.skip(16 + 16)?; // segname, vmaddr, vmsize
    let (offset, size) = (body.u64_le()?, body.u64_le()?);
    if offset.checked_add(size).is_none_or(|end| end > slice_len) {
        let found = slice_len.saturating_sub(offset);
        return Err(body.wrong(Problem::Truncated { needed: size, found }));
    }
    Ok(())
}
