//! Writing, in an ANSI codepage.

use std::collections::BTreeMap;

use super::property::{FORMAT, Value, pid};
use crate::msidb::codepage::{Codepage, Inexpressible};

/// A value that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("summary property {pid}: {source}")]
pub struct Unwritable {
    /// The property's number.
    pub(crate) pid: u32,
    /// What is wrong with it.
    pub source: Inexpressible,
}

/// The stream with these properties; the codepage is added. It must be an ANSI one: Windows Installer takes no other here.
pub fn write(codepage: Codepage, values: &BTreeMap<u32, Value>) -> Result<Vec<u8>, Unwritable> {
    let mut values = values.clone();
    let [low, high, ..] = codepage.number().to_le_bytes();
    values.insert(pid::CODEPAGE, Value::Short(i16::from_le_bytes([low, high])));
    let mut bodies = Vec::new();
    for (id, value) in &values {
        bodies.push((*id, body(codepage, value).map_err(|source| Unwritable { pid: *id, source })?));
    }
    let mut out = header();
    let directory = 8 + 8 * bodies.len();
    let size = directory + bodies.iter().map(|(_, body)| body.len()).sum::<usize>();
    push(&mut out, size);
    push(&mut out, bodies.len());
    let mut offset = directory;
    for (id, body) in &bodies {
        out.extend(id.to_le_bytes());
        push(&mut out, offset);
        offset += body.len();
    }
    for (_, body) in &bodies {
        out.extend(body);
    }
    Ok(out)
}

/// \[MS-OLEPS\] 2.21: byte order, version 0, system (Windows 10, as a constant), no class, one section at 48.
fn header() -> Vec<u8> {
    let mut out = vec![0xfe, 0xff, 0, 0, 10, 0, 2, 0];
    out.extend([0; 16]);
    out.extend(1_u32.to_le_bytes());
    out.extend(FORMAT);
    out.extend(48_u32.to_le_bytes());
    out
}

/// Type, value, zeros up to a multiple of four. A string's size counts its NUL and is taken after encoding.
fn body(codepage: Codepage, value: &Value) -> Result<Vec<u8>, Inexpressible> {
    let mut out = Vec::new();
    match value {
        Value::Short(n) => {
            out.extend(2_u32.to_le_bytes());
            out.extend(n.to_le_bytes());
        }
        Value::Long(n) => {
            out.extend(3_u32.to_le_bytes());
            out.extend(n.to_le_bytes());
        }
        Value::Text(text) => {
            let bytes = codepage.encode(text)?;
            out.extend(30_u32.to_le_bytes());
            push(&mut out, bytes.len() + 1);
            out.extend(bytes);
            out.push(0);
        }
        Value::Time(t) => {
            out.extend(64_u32.to_le_bytes());
            out.extend(t.to_le_bytes());
        }
    }
    out.resize(out.len().next_multiple_of(4), 0);
    Ok(out)
}

/// Sizes here are a few hundred bytes.
fn push(out: &mut Vec<u8>, n: usize) {
    out.extend(u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes());
}
