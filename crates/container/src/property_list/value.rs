//! The values of a list, and how many there may be.

use std::collections::BTreeMap;

use crate::reader::{Malformed, Problem};

/// Values may not lie deeper than this. Real lists have eight levels.
pub(super) const MAX_DEPTH: usize = 64;
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
    pub(crate) const fn as_data(&self) -> Option<&[u8]> {
        match self {
            Self::Data(bytes) => Some(bytes.as_slice()),
            _ => None,
        }
    }

    /// Whether it is `true`.
    #[must_use]
    pub(crate) const fn is_true(&self) -> bool {
        matches!(self, Self::Boolean(true))
    }

    /// The number, whole or not.
    #[must_use]
    pub(crate) const fn as_number(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "numbers are compared here, not counted with")]
            Self::Integer(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            _ => None,
        }
    }
}

/// What a list may still take.
pub(super) struct Budget {
    structure: &'static str,
    values: usize,
    content_bytes: usize,
}

impl Budget {
    pub(super) const fn new(structure: &'static str) -> Self {
        Self { structure, values: MAX_VALUES, content_bytes: MAX_CONTENT_BYTES }
    }

    pub(super) const fn wrong(&self, offset: u64, what: &'static str) -> Malformed {
        Malformed { structure: self.structure, offset, problem: Problem::Text { what } }
    }

    /// Takes one value with so many bytes of its own.
    pub(super) fn take(&mut self, offset: u64, bytes: usize) -> Result<(), Malformed> {
        let (values, content) = (self.values.checked_sub(1), self.content_bytes.checked_sub(bytes));
        let (Some(values), Some(content)) = (values, content) else {
            return Err(self.wrong(offset, "there are too many values"));
        };
        (self.values, self.content_bytes) = (values, content);
        Ok(())
    }
}
