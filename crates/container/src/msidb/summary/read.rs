//! Reading.

use std::collections::BTreeMap;
use std::ops::Range;

use super::property::{FORMAT, Value, pid};
use crate::msidb::Codepage;
use crate::reader::{Malformed, Problem, Reader};

const STRUCTURE: &str = "summary information";
/// Windows Installer knows 19 properties; Office adds a few.
const MAX_PROPERTIES: u32 = 64;

/// A summary information, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    codepage: Codepage,
    values: BTreeMap<u32, (Value, Range<usize>)>,
}

impl Summary {
    /// Reads the stream. Properties of other types than Windows Installer's are passed over.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(STRUCTURE, 0, bytes);
        let expect = |r: &Reader<'_>, field, found: u64, expected| r.wrong(Problem::Value { field, found, expected });
        match r.u16_le()? {
            0xfffe => {}
            found => return Err(expect(&r, "byte order", found.into(), "0xfffe")),
        }
        match r.u16_le()? {
            0 | 1 => {}
            found => return Err(expect(&r, "version", found.into(), "0 or 1")),
        }
        r.skip(4 + 16)?; // the system that wrote it, a class id
        match r.u32_le()? {
            1 => {}
            found => return Err(expect(&r, "section count", found.into(), "1")),
        }
        if r.array::<16>()? != FORMAT {
            return Err(r.wrong(Problem::Missing { what: "the format id of a summary information" }));
        }
        let start = r.u32_le()? as usize;
        Self::read_section(bytes, start)
    }

    fn read_section(bytes: &[u8], start: usize) -> Result<Self, Malformed> {
        let section = bytes.get(start..).unwrap_or_default();
        let mut r = Reader::new(STRUCTURE, start as u64, section);
        let size = r.u32_le()?;
        let section = section
            .get(..size as usize)
            .ok_or_else(|| r.wrong(Problem::Truncated { needed: size.into(), found: section.len() as u64 }))?;
        let count = r.u32_le()?;
        if count > MAX_PROPERTIES {
            let problem = Problem::Value { field: "properties", found: count.into(), expected: "64 at most" };
            return Err(r.wrong(problem));
        }
        let mut places = BTreeMap::new();
        for _ in 0..count {
            let (id, offset) = (r.u32_le()?, r.u32_le()? as usize);
            if places.insert(id, offset).is_some() {
                return Err(r.wrong(Problem::Twice { what: "a property" }));
            }
        }
        let at = |offset: usize| {
            let structure = "summary property";
            Reader::new(structure, (start + offset) as u64, section.get(offset..).unwrap_or_default())
        };
        let codepage = match places.get(&pid::CODEPAGE) {
            None => Codepage::NEUTRAL,
            Some(offset) => read_codepage(at(*offset))?,
        };
        let mut values = BTreeMap::new();
        for (id, offset) in places {
            if let Some((value, len)) = read_value(at(offset), codepage)? {
                let begin = start + offset + if matches!(value, Value::Text(_)) { 8 } else { 4 };
                values.insert(id, (value, begin..begin + len));
            }
        }
        Ok(Self { codepage, values })
    }

    /// The codepage of its strings.
    #[must_use]
    pub const fn codepage(&self) -> Codepage {
        self.codepage
    }

    /// A string.
    #[must_use]
    pub fn text(&self, pid: u32) -> Option<&str> {
        match self.values.get(&pid) {
            Some((Value::Text(text), _)) => Some(text),
            _ => None,
        }
    }

    /// A number of either width.
    #[must_use]
    pub fn int(&self, pid: u32) -> Option<i32> {
        match self.values.get(&pid) {
            Some((Value::Short(n), _)) => Some((*n).into()),
            Some((Value::Long(n), _)) => Some(*n),
            _ => None,
        }
    }

    /// Where in the stream the bytes of a value are: a string without its length and final NUL.
    #[must_use]
    pub fn place(&self, pid: u32) -> Option<Range<usize>> {
        self.values.get(&pid).map(|(_, place)| place.clone())
    }

    /// All properties, by number.
    pub fn values(&self) -> impl Iterator<Item = (u32, &Value)> {
        self.values.iter().map(|(id, (value, _))| (*id, value))
    }
}

fn read_codepage(mut r: Reader<'_>) -> Result<Codepage, Malformed> {
    let (kind, number) = (r.u32_le()?, r.u16_le()?);
    let known = if kind == 2 { Codepage::from_number(number.into()) } else { None };
    known.ok_or_else(|| r.wrong(Problem::Value { field: "type of the codepage", found: kind.into(), expected: "2" }))
}

/// A typed value and its length; none for types that Windows Installer does not use.
fn read_value(mut r: Reader<'_>, codepage: Codepage) -> Result<Option<(Value, usize)>, Malformed> {
    Ok(Some(match r.u32_le()? {
        2 => (Value::Short(r.u16_le()?.cast_signed()), 2),
        3 => (Value::Long(r.u32_le()?.cast_signed()), 4),
        30 => {
            let size = r.u32_le()? as usize;
            let bytes = r.take(size)?;
            // The size counts the final NUL; some writers pad inside the size.
            let end = bytes
                .iter()
                .position(|b| *b == 0)
                .ok_or_else(|| r.wrong(Problem::Text { what: "the string does not end in NUL" }))?;
            let text = bytes.get(..end).unwrap_or_default();
            (Value::Text(codepage.decode(text).into_owned()), end)
        }
        64 => (Value::Time(r.u64_le()?), 8),
        _ => return Ok(None),
    }))
}
