//! Microsoft Intune.
//!
//! For Windows it takes an installer wrapped as [`intunewin`], or an MSI as it is; [`windows`] makes the kit.
//!
//! For macOS it takes a flat package itself, in one of two types: *line-of-business* (installed by Apple's MDM, with strict
//! rules) and *macOS app (PKG)* (installed by Intune's agent, with few). [`crate::rules`] says what each of them will make of a
//! package. Until August 2022 the package had to be wrapped in a `.intunemac`, which [`intunemac`] still writes and
//! reads.

pub mod graph;
pub mod intunemac;
pub mod intunewin;
pub mod macos;
pub mod windows;

use container::{ReadAt, read_at};
use installer::format::ReadError;

/// Intune's own archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapper {
    /// [`intunewin`].
    Intunewin,
    /// [`intunemac`].
    Intunemac,
}

/// Which of them a file is, by the name of its first entry; none for anything else.
pub fn wrapper(file: &dyn ReadAt) -> Result<Option<Wrapper>, ReadError> {
    /// A local header, and the part of the name that tells them apart.
    const HEAD_BYTES: usize = 30 + 17;
    if file.len() < HEAD_BYTES as u64 {
        return Ok(None);
    }
    let head = read_at::read_vec(file, "zip archive", 0, HEAD_BYTES as u64, HEAD_BYTES)?;
    Ok(match (head.starts_with(b"PK\x03\x04"), head.get(30..)) {
        (true, Some(b"IntuneWinPackage/")) => Some(Wrapper::Intunewin),
        (true, Some(b"IntuneMacPackage/")) => Some(Wrapper::Intunemac),
        _ => None,
    })
}
