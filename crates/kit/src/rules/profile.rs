//! The management systems that are known.

use installer::Kind;
use serde::Serialize;

/// A management system, and the way that an installer takes into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Group Policy, software installation.
    Gpo,
    /// Microsoft Intune, Win32 and line-of-business apps.
    IntuneWindows,
    /// Microsoft Intune, macOS line-of-business and PKG apps.
    IntuneMacos,
    /// Jamf Pro, packages, PreStage and the deployment of packages by MDM.
    Jamf,
    /// Debian and its relatives, apt repositories.
    Debian,
    /// Red Hat Enterprise Linux, Fedora, SUSE and their relatives; dnf and zypper repositories.
    Rhel,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Gpo, Self::IntuneWindows, Self::IntuneMacos, Self::Jamf, Self::Debian, Self::Rhel];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gpo => "gpo",
            Self::IntuneWindows => "intune-windows",
            Self::IntuneMacos => "intune-macos",
            Self::Jamf => "jamf",
            Self::Debian => "debian",
            Self::Rhel => "rhel",
        }
    }

    /// What it is, for a heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Gpo => "Group Policy, software installation",
            Self::IntuneWindows => "Microsoft Intune, Windows",
            Self::IntuneMacos => "Microsoft Intune, macOS",
            Self::Jamf => "Jamf Pro",
            Self::Debian => "Debian",
            Self::Rhel => "Red Hat Enterprise Linux, Fedora, SUSE",
        }
    }

    /// The format that it takes.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Gpo | Self::IntuneWindows => Kind::Msi,
            Self::IntuneMacos | Self::Jamf => Kind::Pkg,
            Self::Debian => Kind::Deb,
            Self::Rhel => Kind::Rpm,
        }
    }
}

pub(super) const WINDOWS: &[Profile] = &[Profile::Gpo, Profile::IntuneWindows];
pub(super) const MACOS: &[Profile] = &[Profile::IntuneMacos, Profile::Jamf];
pub(super) const EVERYWHERE: &[Profile] = &Profile::ALL;

/// The payloads of profiles that rules look for beside a flat package.
pub const PROFILE_PAYLOADS: [&str; 2] = ["com.apple.servicemanagement", "com.apple.TCC.configuration-profile-policy"];
