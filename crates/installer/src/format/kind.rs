//! Which installer format a file is of.

use serde::Serialize;

use crate::product::Platform;

/// An installer format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Windows Installer database.
    Msi,
    /// macOS flat package, a product archive.
    Pkg,
    /// Debian package.
    Deb,
    /// RPM package.
    Rpm,
}

impl Kind {
    /// The file name's ending, which is also the name on the command line.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Msi => "msi",
            Self::Pkg => "pkg",
            Self::Deb => "deb",
            Self::Rpm => "rpm",
        }
    }

    /// What a web server calls it. Apple has registered nothing for a flat package.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Msi => "application/x-msi",
            Self::Pkg => "application/octet-stream",
            Self::Deb => "application/vnd.debian.binary-package",
            Self::Rpm => "application/x-rpm",
        }
    }

    /// The platform that it installs on.
    #[must_use]
    pub const fn platform(self) -> Platform {
        match self {
            Self::Msi => Platform::Windows,
            Self::Pkg => Platform::Macos,
            Self::Deb | Self::Rpm => Platform::Linux,
        }
    }
}
