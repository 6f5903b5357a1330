//! The JSON that says what was made and what was proven: digests, sizes, product, the token's fingerprint; never the token.

use std::path::Path;

use container::ReadAt;
use container::read_at::Cursor;
use installer::agent::Agent;
use installer::format::{Inspection, Installer};
use installer::proof::{hex, sha256};
use serde::Serialize;

use crate::base::Base;
use crate::description::Description;
use crate::error::{Error, Result};

/// A file's length and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileDigest {
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256, 64 hexadecimal digits.
    pub sha256: String,
}

/// One installer that was made.
#[derive(Debug, Clone, Serialize)]
pub struct Receipt {
    /// Name and version of what made it.
    pub tool: &'static str,
    /// Where it was written; `-` for standard output.
    pub file: String,
    /// Its length and digest.
    #[serde(flatten)]
    pub digest: FileDigest,
    /// Those of the base that it is a stamp of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<FileDigest>,
    /// What it says of itself.
    #[serde(flatten)]
    pub described: Description,
    /// The agent, where one was packed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Packed>,
    /// How many checks it passed when it was read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<u32>,
}

/// An agent that was packed.
#[derive(Debug, Clone, Serialize)]
pub struct Packed {
    /// What its file says.
    #[serde(flatten)]
    pub agent: Agent,
    /// The SHA-256 of its executable, as it came out of the installer again.
    pub sha256: String,
}

/// The name and version that receipts carry.
pub const TOOL: &str = concat!("stampwright ", env!("CARGO_PKG_VERSION"));

impl Receipt {
    /// Of a stamp of `base`, or of what a command has signed of it. Reads both whole.
    pub(crate) fn from_stamp(base: &Base, stamped: &dyn ReadAt) -> Result<Self> {
        let opened = base.format().open(stamped)?;
        let mut inspection = opened.inspect()?;
        note_keys(&*opened, &mut inspection)?;
        let name = base.path().and_then(Path::file_name).unwrap_or_default();
        Ok(Self {
            tool: TOOL,
            file: name.to_string_lossy().into_owned(),
            digest: FileDigest::read(stamped, base.name())?,
            base: Some(FileDigest { size: base.len(), sha256: hex(&base.sha256()?) }),
            described: inspection.into(),
            agent: None,
            checks: None,
        })
    }

    /// With the name that the file was given.
    #[must_use]
    pub fn named(mut self, file: &Path) -> Self {
        self.file = file.display().to_string();
        self
    }
}

impl FileDigest {
    /// Reads and hashes something whole; `path` is its name for messages.
    pub fn read(file: &dyn ReadAt, path: &Path) -> Result<Self> {
        let (size, digest) = sha256(&mut Cursor::new(file)).map_err(Error::io("read", path))?;
        Ok(Self { size, sha256: hex(&digest) })
    }
}

/// Says where the keys come from that a slot's token was checked with.
fn note_keys(installer: &dyn Installer, inspection: &mut Inspection) -> Result<()> {
    let slot = installer.signable().map(|file| file.slot()).transpose()?.flatten();
    if slot.is_some() {
        let seen = installer.issuer_keys()?.is_some();
        let source = if seen { "seen in the signed part" } else { "asserted, not seen" };
        inspection.details.insert("issuer-keys", source.to_owned());
    }
    Ok(())
}
