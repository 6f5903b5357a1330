//! The JSON that says what was made and what was proven: digests, sizes, product, the token's fingerprint; never the
//! token.

use std::io::Write;
use std::path::Path;

use container::ReadAt;
use container::at::Cursor;
use installer::agent::Agent;
use installer::format::Inspection;
use installer::proof::{hex, sha256};
use serde::Serialize;

use crate::failure::Failure;

/// A file and its digest.
#[derive(Debug, Serialize)]
pub struct FileDigest {
    pub size: u64,
    pub sha256: String,
}

/// One installer that was made.
#[derive(Debug, Serialize)]
pub struct Receipt {
    pub tool: &'static str,
    /// Where it was written; `-` for standard output.
    pub file: String,
    #[serde(flatten)]
    pub digest: FileDigest,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<FileDigest>,
    #[serde(flatten)]
    pub inspection: Inspection,
    /// The agent, where one was packed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Packed>,
    /// How many checks the installer passed when it was read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<u32>,
}

/// An agent that was packed.
#[derive(Debug, Clone, Serialize)]
pub struct Packed {
    #[serde(flatten)]
    pub agent: Agent,
    /// Of its executable, as it came out of the installer again.
    pub sha256: String,
}

/// The name and version that receipts carry.
pub const TOOL: &str = concat!("stampwright ", env!("CARGO_PKG_VERSION"));

/// Reads and hashes something whole.
pub fn digest(file: &dyn ReadAt, path: &Path) -> Result<FileDigest, Failure> {
    let (size, digest) = sha256(&mut Cursor::new(file)).map_err(Failure::io("read", path))?;
    Ok(FileDigest { size, sha256: hex(&digest) })
}

/// One document on standard output. A reader that went away (`| head`) is an error like any other, not a panic.
pub fn print(document: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(document).map_err(Failure::wrong)?;
    text.push('\n');
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Failure::io("write", Path::new("standard output")))
}
