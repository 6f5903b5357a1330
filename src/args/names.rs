//! Names that can be typed.

use clap::ValueEnum;
use stampwright::{Kind, Profile, System};

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    Msi,
    Pkg,
    Deb,
}

impl From<FormatName> for Kind {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Msi => Self::Msi,
            FormatName::Pkg => Self::Pkg,
            FormatName::Deb => Self::Deb,
        }
    }
}

/// A management system that kits are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SystemName {
    /// Microsoft Intune: an msi or a pkg
    Intune,
    /// Group Policy: an msi
    Gpo,
    /// Jamf Pro: a pkg
    Jamf,
}

impl From<SystemName> for System {
    fn from(name: SystemName) -> Self {
        match name {
            SystemName::Intune => Self::Intune,
            SystemName::Gpo => Self::Gpo,
            SystemName::Jamf => Self::Jamf,
        }
    }
}

/// A management system whose rules can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProfileName {
    /// Group Policy, software installation
    Gpo,
    /// Microsoft Intune, Win32 and line-of-business apps
    IntuneWindows,
    /// Microsoft Intune, macOS line-of-business and PKG apps
    IntuneMacos,
    /// Jamf Pro
    Jamf,
    /// Debian and its relatives
    Debian,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Gpo => Self::Gpo,
            ProfileName::IntuneWindows => Self::IntuneWindows,
            ProfileName::IntuneMacos => Self::IntuneMacos,
            ProfileName::Jamf => Self::Jamf,
            ProfileName::Debian => Self::Debian,
        }
    }
}
