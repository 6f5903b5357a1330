//! The Intune-ready archive that `make` puts beside a package.

use std::io;
use std::path::Path;

use container::at::FileAt;
use installer::Epoch;
use installer::proof::hex;
use kit::intune::intunemac;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::output::Pending;
use crate::receipt::{self, FileDigest};

/// An archive that was made.
#[derive(Debug, Serialize)]
pub struct Receipt {
    pub file: String,
    #[serde(flatten)]
    pub digest: FileDigest,
    pub kind: &'static str,
    #[serde(rename = "bundle-id")]
    pub bundle_id: String,
}

/// Wraps a package that is not in its place yet, and reads it back out of the archive.
pub fn wrap(package: &Pending, package_path: &Path, epoch: Epoch) -> Result<(Pending, Receipt), Failure> {
    let path = package_path.with_extension("intunemac");
    let package = FileAt::new(package.reopen()?).map_err(Failure::io("read back", package_path))?;
    let name = package_path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let facts = installer::pkg::facts(&package)?;
    let mut pending = Pending::create(&path)?;
    intunemac::write(&package, &facts, &name, epoch, pending.file()).map_err(|error| match error {
        intunemac::WrapError::Read(error) => Failure::io("read back", package_path)(error),
        intunemac::WrapError::Write(error) => Failure::io("write", &path)(error),
        other => Failure::wrong(other).about(&path),
    })?;

    let written = FileAt::new(pending.reopen()?).map_err(Failure::io("read back", &path))?;
    let mut unwrapped = Hashing(Sha256::new());
    let wrapped = intunemac::read(&written, &mut unwrapped)
        .map_err(|error| Failure::from(installer::format::ReadError::from(error)).about(&path))?;
    if hex(&unwrapped.0.finalize()) != receipt::digest(&package, package_path)?.sha256 {
        return Err(Failure::wrong("the package does not come out as it went in; it was not written").about(&path));
    }
    let receipt = Receipt {
        file: path.display().to_string(),
        digest: receipt::digest(&written, &path)?,
        kind: "intunemac",
        bundle_id: wrapped.bundle_id,
    };
    Ok((pending, receipt))
}

/// Hashes what is written to it.
struct Hashing(Sha256);

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
