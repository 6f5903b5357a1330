//! The binary form (CFBinaryPList.c). Objects refer to others by number, so that the same one can be in many places: what they
//! would come to is counted, not what the file holds.

use std::collections::BTreeMap;

use super::value::{Budget, MAX_DEPTH, Value};
use crate::reader::{Malformed, Reader};

const TRAILER_BYTES: usize = 32;

pub(super) fn parse(structure: &'static str, bytes: &[u8]) -> Result<Value, Malformed> {
    let mut budget = Budget::new(structure);
    if !bytes.starts_with(b"bplist00") {
        return Err(budget.wrong(0, "it is a binary property list of another version than 00"));
    }
    let Some((_, trailer)) = bytes.split_at_checked(bytes.len().saturating_sub(TRAILER_BYTES)) else {
        return Err(budget.wrong(0, "it has no trailer"));
    };
    let trailer_at = (bytes.len() - trailer.len()) as u64;
    let mut r = Reader::new(structure, trailer_at, trailer);
    r.skip(6)?;
    let (offset_bytes, number_bytes) = (r.u8()?, r.u8()?);
    if !(1..=8).contains(&offset_bytes) || !(1..=8).contains(&number_bytes) {
        return Err(budget.wrong(trailer_at, "its offsets or numbers do not have 1 to 8 bytes"));
    }
    let (objects, root, table_at) = (r.u64_be()?, r.u64_be()?, r.u64_be()?);
    let list = List { bytes, structure, offset_bytes, number_bytes, objects, table_at };
    list.value(root, 0, &mut budget)
}

struct List<'a> {
    bytes: &'a [u8],
    structure: &'static str,
    /// Bytes of an entry of the offset table.
    offset_bytes: u8,
    /// Bytes of an object's number.
    number_bytes: u8,
    objects: u64,
    table_at: u64,
}

impl<'a> List<'a> {
    fn reader(&self, offset: u64) -> Reader<'a> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.bytes.get(at..)).unwrap_or_default();
        Reader::new(self.structure, offset, rest)
    }

    /// Where an object lies.
    fn object(&self, number: u64, budget: &Budget) -> Result<Reader<'a>, Malformed> {
        if number >= self.objects {
            return Err(budget.wrong(self.table_at, "an object is named that is not there"));
        }
        let entry = number.checked_mul(self.offset_bytes.into()).and_then(|at| at.checked_add(self.table_at));
        let entry = entry.ok_or_else(|| budget.wrong(self.table_at, "the offset table lies outside of the file"))?;
        Ok(self.reader(unsigned(&mut self.reader(entry), self.offset_bytes)?))
    }

    fn value(&self, number: u64, depth: usize, budget: &mut Budget) -> Result<Value, Malformed> {
        let mut r = self.object(number, budget)?;
        let at = r.offset();
        if depth > MAX_DEPTH {
            return Err(budget.wrong(at, "the values are nested too deeply"));
        }
        let marker = r.u8()?;
        let (kind, low) = (marker >> 4, marker & 0xF);
        if !matches!(kind, 0x4..=0x7) {
            budget.take(at, 0)?;
        }
        Ok(match (kind, low) {
            (0, 8) => Value::Boolean(false),
            (0, 9) => Value::Boolean(true),
            (0, 0) | (3, 3) | (8, 0..=7) => Value::Other,
            (1, 0..=3) => Value::Integer(integer(&mut r, low)?),
            (1, 4) => Value::Other,
            (2, 2) => Value::Real(f32::from_bits(r.u32_be()?).into()),
            (2, 3) => Value::Real(f64::from_bits(r.u64_be()?)),
            (4..=7, _) => content(&mut r, kind, low, budget)?,
            (0xA | 0xC, _) => {
                let mut numbers = self.numbers(&mut r, low, 1, budget)?;
                let mut values = Vec::new();
                while !numbers.is_empty() {
                    values.push(self.value(unsigned(&mut numbers, self.number_bytes)?, depth + 1, budget)?);
                }
                Value::Array(values)
            }
            (0xD, _) => {
                let all = self.numbers(&mut r, low, 2, budget)?;
                let (mut keys, mut values) = (all.clone(), all);
                values.skip(values.len() / 2)?;
                let mut entries = BTreeMap::new();
                while !values.is_empty() {
                    let key = self.value(unsigned(&mut keys, self.number_bytes)?, depth + 1, budget)?;
                    let value = self.value(unsigned(&mut values, self.number_bytes)?, depth + 1, budget)?;
                    let Value::Text(key) = key else { return Err(budget.wrong(at, "a key is not a text")) };
                    entries.insert(key, value);
                }
                Value::Dictionary(entries)
            }
            _ => return Err(budget.wrong(at, "an object is of an unknown kind")),
        })
    }

    /// The numbers of an array's objects, or (`times` 2) of a dictionary's keys and values.
    fn numbers(&self, r: &mut Reader<'a>, low: u8, times: usize, budget: &Budget) -> Result<Reader<'a>, Malformed> {
        let count = length(r, low, budget)?;
        let bytes = count.saturating_mul(times).saturating_mul(self.number_bytes.into());
        r.sub(self.structure, bytes)
    }
}

/// Data, or a text: ASCII, UTF-16 or UTF-8.
fn content(r: &mut Reader<'_>, kind: u8, low: u8, budget: &mut Budget) -> Result<Value, Malformed> {
    let at = r.offset();
    let length = length(r, low, budget)?;
    let length = if kind == 6 { length.saturating_mul(2) } else { length };
    // A text of 16-bit units takes half as many bytes again in UTF-8.
    budget.take(at, length.saturating_mul(2))?;
    let bytes = r.take(length)?;
    if kind == 4 {
        return Ok(Value::Data(bytes.to_vec()));
    }
    let text = if kind == 6 {
        let units: Vec<u16> =
            bytes.chunks_exact(2).map(|pair| pair.iter().fold(0, |unit, &byte| unit << 8 | u16::from(byte))).collect();
        String::from_utf16(&units).ok()
    } else {
        String::from_utf8(bytes.to_vec()).ok()
    };
    text.map(Value::Text).ok_or_else(|| budget.wrong(at, "a text has bytes that are none"))
}

/// A length: in the marker, or in the whole number behind it.
fn length(r: &mut Reader<'_>, low: u8, budget: &Budget) -> Result<usize, Malformed> {
    if low < 0xF {
        return Ok(low.into());
    }
    let at = r.offset();
    let wrong = || budget.wrong(at, "a length is not a whole number");
    let marker = r.u8()?;
    if marker & 0xF0 != 0x10 || marker & 0xF > 3 {
        return Err(wrong());
    }
    usize::try_from(integer(r, marker & 0xF)?).map_err(|_| wrong())
}

/// A whole number of 2^`power` bytes. Only eight bytes have a sign.
fn integer(r: &mut Reader<'_>, power: u8) -> Result<i64, Malformed> {
    Ok(unsigned(r, 1 << power.min(3))?.cast_signed())
}

fn unsigned(r: &mut Reader<'_>, bytes: u8) -> Result<u64, Malformed> {
    Ok(r.take(bytes.into())?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}
