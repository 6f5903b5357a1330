//! The header of .NET (ECMA-335 §II.25.3.3), of which only the flags matter here.

use super::Image;
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

const HEADER: &str = "clr header";
const HEADER_BYTES: u32 = 72;
/// `COMIMAGE_FLAGS_ILONLY`: no native code.
const IL_ONLY: u32 = 0x1;
/// `COMIMAGE_FLAGS_32BITREQUIRED`; also set in images that only prefer to run in 32 bits.
const REQUIRES_32_BIT: u32 = 0x2;

impl Image {
    /// Whether it is a .NET image that runs on any processor (`AnyCPU`): a 32-bit image by its headers, of pure IL by its `CorFlags`, and not
    /// asking for 32 bits. Windows then starts it as a program of the machine's own kind.
    pub fn is_any_cpu(&self, file: &dyn ReadAt) -> Result<bool, Error> {
        if self.is_plus() {
            return Ok(false);
        }
        let Some(directory) = self.clr() else { return Ok(false) };
        let at = self.file_offset(directory.address, HEADER_BYTES).ok_or(Malformed {
            structure: HEADER,
            offset: directory.address.into(),
            problem: Problem::Missing { what: "the section that it lies in" },
        })?;
        let bytes = read_vec(file, HEADER, at, HEADER_BYTES.into(), HEADER_BYTES as usize)?;
        let mut r = Reader::new(HEADER, at, &bytes);
        r.skip(16)?; // cb, the runtime's version, MetaData
        let flags = r.u32_le()?;
        Ok(flags & IL_ONLY != 0 && flags & REQUIRES_32_BIT == 0)
    }
}
