//! The prepare record: what `prepare` made, for those who stamp and verify later.

use container::digest::hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::claims::{ClaimsError, IssuerKeys};
use crate::format::Kind;
use crate::slot::Slot;

/// Where a base's issuer keys come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeySource {
    /// They are in the part of the installer that its signature covers.
    Seen,
    /// Somebody says that they are in the agent.
    Asserted,
}

/// The issuer keys of a base, as a JWKS, and whether they were seen in its signed part.
#[derive(Debug, Clone)]
pub struct PinnedKeys {
    /// The keys as they were given.
    pub(crate) jwks: Vec<u8>,
    /// Where they come from.
    pub source: KeySource,
}

/// The record's document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrepareRecord {
    /// The layout of this document.
    version: u32,
    /// What prepared the installer, e.g. `stampwright 0.1.0`.
    pub(crate) tool: String,
    /// Its format: `msi` or `pkg`.
    pub format: String,
    /// The SHA-256 of the prepared installer with its slot empty, 64 hexadecimal digits.
    pub sha256: String,
    /// Its length in bytes.
    pub size: u64,
    /// Where its slot is.
    pub slot: Extent,
    /// The keys that a token must be signed with.
    pub issuer_keys: Keys,
}

/// A stretch of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extent {
    /// Where it starts.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// Issuer keys and where they come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// `seen` in the signed part, or `asserted`.
    pub source: KeySource,
    /// The JSON Web Key Set.
    pub(crate) jwks: Value,
}

/// Why some bytes are not a prepare record, or not that of this installer.
#[derive(Debug, thiserror::Error)]
pub enum PrepareRecordError {
    /// It is too long.
    #[error("the prepare record is {0} bytes, must be {max} at most", max = PrepareRecord::MAX_BYTES)]
    TooLong(usize),
    /// It is not such a document.
    #[error("the prepare record is wrong: {0}")]
    Document(#[from] serde_json::Error),
    /// A field does not have a value that it can have.
    #[error("the prepare record's {field} is {found}, must be {expected}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What was found.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// Its keys are no keys.
    #[error("the prepare record: {0}")]
    Keys(#[from] ClaimsError),
}

impl PrepareRecord {
    /// The longest record that is read, in bytes.
    pub const MAX_BYTES: usize = 1 << 17;
    const VERSION: u32 = 1;

    /// What is to be said of a prepared installer.
    pub fn new(
        kind: Kind,
        sha256: [u8; 32],
        size: u64,
        slot: &Slot,
        keys: &PinnedKeys,
    ) -> Result<Self, PrepareRecordError> {
        let record = Self {
            version: Self::VERSION,
            tool: concat!("stampwright ", env!("CARGO_PKG_VERSION")).to_owned(),
            format: kind.extension().to_owned(),
            sha256: hex(&sha256),
            size,
            slot: Extent { offset: slot.offset, length: slot.empty.len() as u64 },
            issuer_keys: Keys { source: keys.source, jwks: serde_json::from_slice(&keys.jwks)? },
        };
        record.check()?;
        Ok(record)
    }

    /// Reads a record. Unknown fields and versions are refused, and so are keys that are none.
    pub fn parse(bytes: &[u8]) -> Result<Self, PrepareRecordError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(PrepareRecordError::TooLong(bytes.len()));
        }
        let record: Self = serde_json::from_slice(bytes)?;
        record.check()?;
        Ok(record)
    }

    fn check(&self) -> Result<(), PrepareRecordError> {
        let wrong = |field, found: String, expected: &str| PrepareRecordError::Field {
            field,
            found,
            expected: expected.to_owned(),
        };
        if self.version != Self::VERSION {
            return Err(wrong("version", self.version.to_string(), "1"));
        }
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(wrong(
                "sha256",
                format!("{} characters", self.sha256.len()),
                "64 lower-case hexadecimal digits",
            ));
        }
        let end = self.slot.offset.checked_add(self.slot.length);
        if end.is_none_or(|end| end > self.size) {
            return Err(wrong("slot", "outside of the file".to_owned(), "inside of it"));
        }
        self.keys()?;
        Ok(())
    }

    /// The keys.
    pub fn keys(&self) -> Result<IssuerKeys, PrepareRecordError> {
        Ok(IssuerKeys::parse(&serde_json::to_vec(&self.issuer_keys.jwks)?)?)
    }

    /// Whether this is the record of an installer of this format and length with its slot there. The digest is for [`super::emptied`].
    pub fn fits(&self, kind: Kind, size: u64, slot: &Slot) -> Result<(), PrepareRecordError> {
        let wrong = |field, found: String, expected: String| Err(PrepareRecordError::Field { field, found, expected });
        let here = Extent { offset: slot.offset, length: slot.empty.len() as u64 };
        if self.format != kind.extension() {
            return wrong("format", self.format.escape_debug().to_string(), kind.extension().to_owned());
        }
        if self.size != size {
            return wrong("size", self.size.to_string(), format!("{size}, the installer's"));
        }
        if self.slot != here {
            return wrong("slot", format!("at {}", self.slot.offset), format!("at {}, where it is", here.offset));
        }
        Ok(())
    }
}
