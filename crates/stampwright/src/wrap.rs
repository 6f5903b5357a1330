//! The Intune-ready archive that `make` puts beside a package.

use std::path::{Path, PathBuf};

use container::read_at::FileAt;
use installer::product::InstallLocation;
use installer::proof::hex;
use installer::{Epoch, Kind, Platform, Product};
use kit::intune::intunemac;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::output::Pending;
use crate::receipt::FileDigest;

/// An archive that was made.
#[derive(Debug, Clone, Serialize)]
pub struct Wrapped {
    /// Where it was written.
    pub file: String,
    /// Its length and digest.
    #[serde(flatten)]
    pub digest: FileDigest,
    /// `intunemac`.
    pub kind: &'static str,
    /// The application's identifier.
    #[serde(rename = "bundle-id")]
    pub bundle_id: String,
}

/// Whether packages of a product are wrapped: the archive is for Intune's line-of-business type, which asks for `/Applications`.
pub(crate) fn wraps(product: &Product, kind: Kind) -> bool {
    kind.platform() == Platform::Macos && product.install_location() == InstallLocation::Applications
}

/// Where the archive of a package goes.
pub(crate) fn path(package: &Path) -> PathBuf {
    package.with_extension("intunemac")
}

/// Wraps a package that is not in its place yet, and reads it back out of the archive.
pub(crate) fn wrap(package: &Pending, package_path: &Path, epoch: Epoch) -> Result<(Pending, Wrapped)> {
    let path = path(package_path);
    let package = FileAt::new(package.reopen()?).map_err(Error::io("read back", package_path))?;
    let name = package_path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let facts = installer::pkg::facts(&package)?;
    let mut pending = Pending::create(&path)?;
    intunemac::write(&package, &facts, &name, epoch, pending.file()).map_err(|error| match error {
        intunemac::WrapError::Read(error) => Error::io("read back", package_path)(error),
        intunemac::WrapError::Write(error) => Error::io("write", &path)(error),
        other => Error::wrong(other).about(&path),
    })?;

    let written = FileAt::new(pending.reopen()?).map_err(Error::io("read back", &path))?;
    let mut unwrapped = Sha256::new();
    let inside = intunemac::read(&written, &mut unwrapped)
        .map_err(|error| Error::from(installer::format::ReadError::from(error)).about(&path))?;
    if hex(&unwrapped.finalize()) != FileDigest::read(&package, package_path)?.sha256 {
        return Err(Error::wrong("the package does not come out as it went in; it was not written").about(&path));
    }
    let wrapped = Wrapped {
        file: path.display().to_string(),
        digest: FileDigest::read(&written, &path)?,
        kind: "intunemac",
        bundle_id: inside.bundle_id,
    };
    Ok((pending, wrapped))
}
