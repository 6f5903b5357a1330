//! Apple's property lists, in XML and in the binary form, read whole into values within limits.
//!
//! ```text
//! <plist><dict><key>…</key><string>…</string> …     UTF-8; names and texts keep their white space and line ends
//!
//! bplist00        objects, an offset table, a trailer of 32 bytes (CFBinaryPList.c), big-endian
//!   object          marker (kind and length in four bits each), then its bytes, or numbers of other objects
//!   offset table    where each object lies
//!   trailer         bytes of an offset and of a number, how many objects, which is the root, where the table is
//! ```
//!
//! The `plist` crate judges the tests and does not read here: its `Value` is built and dropped by recursion without a limit, so
//! that 20,000 arrays in arrays (180 kB) overflow a thread's stack; objects that many others refer to are copied each time, so that a
//! file of 198 bytes keeps it busy for more than half a minute; and text in CDATA is left out (all measured with 1.10.3). Of a key that
//! is there twice the last value counts, as in CoreFoundation.

mod binary;
mod xml;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::bytes::{Malformed, Problem};

/// Values may not lie deeper than this. Real lists have eight levels.
const MAX_DEPTH: usize = 64;
/// A list may not have more values and keys than this; each file of an application takes seven.
const MAX_VALUES: usize = 1_000_000;
/// The bytes of all texts and data together. Only objects that are referred to more than once can come near to it.
const MAX_CONTENT_BYTES: usize = 32 << 20;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A dictionary.
    Dictionary(BTreeMap<String, Value>),
    /// An array, or a set.
    Array(Vec<Value>),
    /// A text.
    Text(String),
    /// Bytes.
    Data(Vec<u8>),
    /// A whole number; larger ones than 64 bits hold are [`Value::Other`].
    Integer(i64),
    /// A number.
    Real(f64),
    /// True or false.
    Boolean(bool),
    /// A date, a UID or a null: nothing that is asked for here.
    Other,
}

impl Value {
    /// The value of a key, if this is a dictionary that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_dictionary()?.get(key)
    }

    /// The entries, if it is a dictionary.
    #[must_use]
    pub const fn as_dictionary(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Dictionary(entries) => Some(entries),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub const fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The bytes, if it is data.
    #[must_use]
    pub const fn as_data(&self) -> Option<&[u8]> {
        match self {
            Self::Data(bytes) => Some(bytes.as_slice()),
            _ => None,
        }
    }

    /// Whether it is `true`.
    #[must_use]
    pub const fn is_true(&self) -> bool {
        matches!(self, Self::Boolean(true))
    }

    /// The number, whole or not.
    #[must_use]
    pub const fn as_number(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "numbers are compared here, not counted with")]
            Self::Integer(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            _ => None,
        }
    }
}

/// Whether it starts like a binary list.
#[must_use]
pub fn is_binary(bytes: &[u8]) -> bool {
    bytes.starts_with(b"bplist")
}

/// The value of a list, which is a `structure`. Offsets in errors count from its start.
pub fn parse(structure: &'static str, bytes: &[u8]) -> Result<Value, Malformed> {
    if is_binary(bytes) { binary::parse(structure, bytes) } else { xml::parse(structure, bytes) }
}

/// What a list may still take.
struct Budget {
    structure: &'static str,
    values: usize,
    content_bytes: usize,
}

impl Budget {
    const fn new(structure: &'static str) -> Self {
        Self { structure, values: MAX_VALUES, content_bytes: MAX_CONTENT_BYTES }
    }

    const fn wrong(&self, offset: u64, what: &'static str) -> Malformed {
        Malformed { structure: self.structure, offset, problem: Problem::Text { what } }
    }

    /// Takes one value with so many bytes of its own.
    fn take(&mut self, offset: u64, bytes: usize) -> Result<(), Malformed> {
        let (values, content) = (self.values.checked_sub(1), self.content_bytes.checked_sub(bytes));
        let (Some(values), Some(content)) = (values, content) else {
            return Err(self.wrong(offset, "there are too many values"));
        };
        (self.values, self.content_bytes) = (values, content);
        Ok(())
    }
}
