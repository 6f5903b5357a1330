//! What an installer is, and whose.

use std::path::Path;

use installer::formats;
use serde::Serialize;
use signing::verify::Trust;

use crate::description::Description;
use crate::error::Result;
use crate::input;
use crate::receipt::FileDigest;
use crate::signature::{self, Judged};

/// What an installer says of itself, and what its signature says.
#[derive(Debug, Serialize)]
pub struct Inspected {
    /// The file.
    pub file: String,
    /// Its length and digest.
    #[serde(flatten)]
    pub digest: FileDigest,
    /// What it says of itself.
    #[serde(flatten)]
    pub described: Description,
    /// Its signature, judged; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Judged>,
}

/// Reads an installer whole.
pub fn inspect(path: &Path, trust: Trust<'_>) -> Result<Inspected> {
    let file = input::installer(path)?;
    let read = || -> Result<_> {
        let opened = formats::open(&file)?;
        Ok((opened.inspect()?.into(), signature::judge(&*opened, trust)?))
    };
    let (described, signature) = read().map_err(|error| error.about(path))?;
    Ok(Inspected { file: path.display().to_string(), digest: FileDigest::read(&file, path)?, described, signature })
}
