//! Writes a lead and a header.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::layout::{ENTRY_BYTES, HEADER_MAGIC, INTRO_BYTES, LEAD_BYTES, LEAD_MAGIC, LEAD_SIGNATURE};
use super::tag;

/// The name field, with its final NUL.
const LEAD_NAME_BYTES: usize = 66;
/// rpm takes no more entries (`HEADER_TAGS_MAX`).
const MAX_ENTRIES: usize = 0xffff;
/// rpm takes no more data (`HEADER_DATA_MAX`).
const MAX_DATA: usize = 0x0fff_ffff;
/// Type 7, binary data, in a region's two entries.
const BINARY: u32 = 7;

/// What a package is for, as the lead says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeadKind {
    /// To be installed.
    Binary,
    /// To be built.
    Source,
}

/// The lead: kept for `file` and its like; rpm looks at the magic only. A long name is cut.
#[must_use]
pub fn lead(kind: LeadKind, name: &str) -> [u8; LEAD_BYTES as usize] {
    let mut name_field = [0; LEAD_NAME_BYTES];
    for (to, from) in name_field.iter_mut().take(LEAD_NAME_BYTES - 1).zip(name.bytes()) {
        *to = from;
    }
    let kind: u16 = if kind == LeadKind::Binary { 0 } else { 1 };
    let mut out = [0; LEAD_BYTES as usize];
    let fields = [
        LEAD_MAGIC.as_slice(),
        &[3, 0],
        &kind.to_be_bytes(),
        // archnum 1: i386 and x86_64; nothing reads it.
        &1_u16.to_be_bytes(),
        &name_field,
        // osnum 1: Linux.
        &1_u16.to_be_bytes(),
        &LEAD_SIGNATURE.to_be_bytes(),
    ];
    for (to, from) in out.iter_mut().zip(fields.concat()) {
        *to = from;
    }
    out
}

/// A tag's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Numbers of 16 bits (type 3).
    U16(Vec<u16>),
    /// Numbers of 32 bits (type 4).
    U32(Vec<u32>),
    /// Numbers of 64 bits (type 5).
    U64(Vec<u64>),
    /// One text (type 6).
    Text(String),
    /// Bytes (type 7).
    Bytes(Vec<u8>),
    /// Several texts (type 8).
    Texts(Vec<String>),
    /// A text that could have translations (type 9), in the one locale that `HEADERI18NTABLE` must name.
    Translated(String),
}

impl Value {
    /// One number.
    #[must_use]
    pub fn number(number: u32) -> Self {
        Self::U32(vec![number])
    }

    /// One text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    const fn kind(&self) -> u32 {
        match self {
            Self::U16(_) => 3,
            Self::U32(_) => 4,
            Self::U64(_) => 5,
            Self::Text(_) => 6,
            Self::Bytes(_) => BINARY,
            Self::Texts(_) => 8,
            Self::Translated(_) => 9,
        }
    }

    const fn align(&self) -> usize {
        match self {
            Self::U16(_) => 2,
            Self::U32(_) => 4,
            Self::U64(_) => 8,
            _ => 1,
        }
    }

    const fn count(&self) -> usize {
        match self {
            Self::U16(numbers) => numbers.len(),
            Self::U32(numbers) => numbers.len(),
            Self::U64(numbers) => numbers.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Texts(texts) => texts.len(),
            Self::Text(_) | Self::Translated(_) => 1,
        }
    }

    fn has_nul(&self) -> bool {
        match self {
            Self::Text(text) | Self::Translated(text) => text.contains('\0'),
            Self::Texts(texts) => texts.iter().any(|text| text.contains('\0')),
            _ => false,
        }
    }

    fn write(&self, data: &mut Vec<u8>) {
        let mut text = |text: &str| {
            data.extend_from_slice(text.as_bytes());
            data.push(0);
        };
        match self {
            Self::Text(one) | Self::Translated(one) => text(one),
            Self::Texts(texts) => texts.iter().for_each(|one| text(one)),
            Self::Bytes(bytes) => data.extend_from_slice(bytes),
            Self::U16(numbers) => numbers.iter().for_each(|number| data.extend_from_slice(&number.to_be_bytes())),
            Self::U32(numbers) => numbers.iter().for_each(|number| data.extend_from_slice(&number.to_be_bytes())),
            Self::U64(numbers) => numbers.iter().for_each(|number| data.extend_from_slice(&number.to_be_bytes())),
        }
    }
}

/// A header in the making. Its entries are written in the order of their tags, whatever order they came in. A clone shares their
/// values: a stamp clones the header of its base and replaces the few that change.
#[derive(Debug, Clone)]
pub struct Writer {
    region: u32,
    entries: BTreeMap<u32, Arc<Value>>,
}

impl Writer {
    /// An empty header.
    #[must_use]
    pub const fn header() -> Self {
        Self { region: tag::HEADERIMMUTABLE, entries: BTreeMap::new() }
    }

    /// An empty signature header.
    #[must_use]
    pub const fn signature() -> Self {
        Self { region: tag::signature::HEADERSIGNATURES, entries: BTreeMap::new() }
    }

    /// Gives a tag a value; one that it has is replaced.
    pub fn put(&mut self, tag: u32, value: Value) -> &mut Self {
        self.entries.insert(tag, Arc::new(value));
        self
    }

    /// What a tag has.
    #[must_use]
    pub fn get(&self, tag: u32) -> Option<&Value> {
        self.entries.get(&tag).map(Arc::as_ref)
    }

    /// The header: from its magic to the last byte of its data, which is what digests and signatures are over. A signature
    /// header has the zeros behind it as well.
    pub fn finish(&self) -> io::Result<Vec<u8>> {
        let count = self.entries.len() + 1;
        if count > MAX_ENTRIES {
            return Err(refused("a header has more entries than rpm takes"));
        }
        let mut index = Vec::with_capacity(count * ENTRY_BYTES);
        let mut data = Vec::with_capacity(16 << 10);
        for (tag, value) in &self.entries {
            if *tag < tag::HEADERI18NTABLE || value.count() == 0 || value.has_nul() {
                return Err(refused("a header's entry has a region's tag, nothing in it, or a text with a NUL"));
            }
            data.resize(data.len().next_multiple_of(value.align()), 0);
            entry(&mut index, *tag, value.kind(), number(data.len())?, number(value.count())?);
            value.write(&mut data);
        }
        let at = number(data.len())?;
        // As an index entry, whose offset goes back over the whole index.
        let back = number(count * ENTRY_BYTES)?.wrapping_neg();
        entry(&mut data, self.region, BINARY, back, ENTRY_BYTES as u32);
        if data.len() > MAX_DATA {
            return Err(refused("a header has more data than rpm takes"));
        }
        let mut out = Vec::with_capacity(INTRO_BYTES + ENTRY_BYTES + index.len() + data.len() + 8);
        out.extend(HEADER_MAGIC);
        out.extend(number(count)?.to_be_bytes());
        out.extend(number(data.len())?.to_be_bytes());
        entry(&mut out, self.region, BINARY, at, ENTRY_BYTES as u32);
        out.extend(index);
        out.extend(data);
        if self.region == tag::signature::HEADERSIGNATURES {
            out.resize(out.len().next_multiple_of(8), 0);
        }
        Ok(out)
    }
}

fn entry(out: &mut Vec<u8>, tag: u32, kind: u32, offset: u32, count: u32) {
    for field in [tag, kind, offset, count] {
        out.extend_from_slice(&field.to_be_bytes());
    }
}

fn number(number: usize) -> io::Result<u32> {
    u32::try_from(number).map_err(|_| refused("a header has more data than rpm takes"))
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
