//! What goes into statements and comes out of rows.

use super::error::{LedgerError, Result};

/// A value. Times and counts are integers, digests are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// The parameters of a statement, in their order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$(crate::ledger::values::Value::from($value)),*] };
}
pub(super) use values;

impl Value {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Integer(_) => "a number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        }
    }
}

/// Refuses what one of the databases cannot hold, in both of them: such a text came with a request.
pub(super) fn check(values: &[Value]) -> Result<()> {
    let is_wrong = values.iter().any(|value| matches!(value, Value::Text(text) if text.contains('\0')));
    if is_wrong { Err(LedgerError::Nul) } else { Ok(()) }
}

impl From<u64> for Value {
    /// Later than any time and more than any count is what an integer cannot hold.
    fn from(value: u64) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&Vec<u8>> for Value {
    fn from(value: &Vec<u8>) -> Self {
        Self::Bytes(value.clone())
    }
}

impl From<[u8; 32]> for Value {
    fn from(value: [u8; 32]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<T: Clone> From<&Option<T>> for Value
where
    Self: From<T>,
{
    fn from(value: &Option<T>) -> Self {
        value.clone().map_or(Self::Null, Self::from)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

/// A row, whose cells are taken one after another in the order of the statement.
#[derive(Debug)]
pub(super) struct Cells(std::vec::IntoIter<Value>);

impl Cells {
    pub(super) fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    fn next(&mut self) -> Value {
        self.0.next().unwrap_or(Value::Null)
    }

    pub(super) fn integer(&mut self) -> Result<i64> {
        self.optional_integer()?.ok_or(LedgerError::Row { found: "nothing", expected: "a number" })
    }

    /// A time or a count.
    pub(super) fn number(&mut self) -> Result<u64> {
        not_negative(self.integer()?)
    }

    pub(super) fn optional_number(&mut self) -> Result<Option<u64>> {
        self.optional_integer()?.map(not_negative).transpose()
    }

    fn optional_integer(&mut self) -> Result<Option<i64>> {
        match self.next() {
            Value::Null => Ok(None),
            Value::Integer(value) => Ok(Some(value)),
            other => Err(LedgerError::Row { found: other.kind(), expected: "a number" }),
        }
    }

    pub(super) fn text(&mut self) -> Result<String> {
        self.optional_text()?.ok_or(LedgerError::Row { found: "nothing", expected: "text" })
    }

    pub(super) fn optional_text(&mut self) -> Result<Option<String>> {
        match self.next() {
            Value::Null => Ok(None),
            Value::Text(value) => Ok(Some(value)),
            other => Err(LedgerError::Row { found: other.kind(), expected: "text" }),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>> {
        self.optional_bytes()?.ok_or(LedgerError::Row { found: "nothing", expected: "bytes" })
    }

    pub(super) fn optional_bytes(&mut self) -> Result<Option<Vec<u8>>> {
        match self.next() {
            Value::Null => Ok(None),
            Value::Bytes(value) => Ok(Some(value)),
            other => Err(LedgerError::Row { found: other.kind(), expected: "bytes" }),
        }
    }

    /// A SHA-256.
    pub(super) fn digest(&mut self) -> Result<[u8; 32]> {
        let wrong = |_| LedgerError::Row { found: "bytes of another length", expected: "32 bytes" };
        self.bytes()?.try_into().map_err(wrong)
    }
}

fn not_negative(value: i64) -> Result<u64> {
    u64::try_from(value).map_err(|_| LedgerError::Row { found: "a negative number", expected: "a time or a count" })
}
