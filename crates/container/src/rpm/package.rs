//! Reads a package as far as its payload.

use super::header::Header;
use super::layout::{LEAD_BYTES, LEAD_MAGIC, LEAD_SIGNATURE};
use super::tag;
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Problem, Reader};

/// What the lead says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    /// Whether it calls itself a source package.
    pub is_source: bool,
    /// Its name; the header has the real one.
    pub name: String,
}

/// A package whose headers have been read.
pub struct Package<'a> {
    pub(super) file: &'a dyn ReadAt,
    /// The lead.
    pub lead: Lead,
    /// The signature header.
    pub signature: Header,
    /// The header.
    pub header: Header,
}

impl std::fmt::Debug for Package<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Package").field("lead", &self.lead).field("payload_offset", &self.payload_offset()).finish()
    }
}

impl<'a> Package<'a> {
    /// Whether a file that starts with these bytes is a package.
    #[must_use]
    pub fn recognises(head: &[u8]) -> bool {
        head.starts_with(&LEAD_MAGIC)
    }

    /// Reads the lead and both headers. The payload is everything after them.
    pub fn open(file: &'a dyn ReadAt) -> Result<Self, Error> {
        let lead = Lead::read(file)?;
        let region = tag::signature::HEADERSIGNATURES;
        let signature = Header::read(file, "rpm signature header", region, LEAD_BYTES)?;
        let end = signature.end();
        let padding = end.next_multiple_of(8) - end;
        if read_vec(file, "rpm signature header", end, padding, 8)?.iter().any(|byte| *byte != 0) {
            let mut at = Reader::new("rpm signature header", end, &[]);
            return Err(at.take(0).map_or_else(|wrong| wrong, |_| at.wrong(PADDING)).into());
        }
        let header = Header::read(file, "rpm header", tag::HEADERIMMUTABLE, end + padding)?;
        Ok(Self { file, lead, signature, header })
    }

    /// Where the payload starts.
    #[must_use]
    pub fn payload_offset(&self) -> u64 {
        self.header.end()
    }

    /// How long the payload is, in the file.
    #[must_use]
    pub fn payload_len(&self) -> u64 {
        self.file.len().saturating_sub(self.payload_offset())
    }
}

/// What lies between the two headers.
const PADDING: Problem = Problem::Data { what: "the padding after it is not zero" };

impl Lead {
    fn read(file: &dyn ReadAt) -> Result<Self, Error> {
        let bytes = read_vec(file, "rpm lead", 0, LEAD_BYTES, LEAD_BYTES as usize)?;
        let mut reader = Reader::new("rpm lead", 0, &bytes);
        let at = reader.clone();
        if reader.array::<4>()? != LEAD_MAGIC {
            return Err(at.wrong(Problem::Missing { what: "the magic edabeedb" }).into());
        }
        let at = reader.clone();
        let [major, _minor] = reader.array()?;
        // rpm takes 3 and 4, and writes 3.
        if !(3..=4).contains(&major) {
            return Err(at.wrong(Problem::Value { field: "major", found: major.into(), expected: "3 or 4" }).into());
        }
        let kind = reader.u16_be()?;
        reader.skip(2)?;
        let name = reader.take(66)?.split(|byte| *byte == 0).next().unwrap_or_default();
        reader.skip(2)?;
        let at = reader.clone();
        let found = reader.u16_be()?;
        if found != LEAD_SIGNATURE {
            return Err(at
                .wrong(Problem::Value { field: "signature type", found: found.into(), expected: "5" })
                .into());
        }
        reader.skip(16)?;
        reader.finish()?;
        Ok(Self { is_source: kind == 1, name: String::from_utf8_lossy(name).into_owned() })
    }
}
