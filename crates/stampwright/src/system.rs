//! The management systems that kits are for.

use installer::Kind;
use kit::rules::Profile;
use serde::Serialize;

/// A management system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Microsoft Intune: an msi or a pkg.
    Intune,
    /// Group Policy: an msi.
    Gpo,
    /// Jamf Pro: a pkg.
    Jamf,
    /// dnf and zypper: an rpm.
    Dnf,
}

impl System {
    /// Whether it takes such an installer.
    #[must_use]
    pub const fn takes(self, kind: Kind) -> bool {
        match self {
            Self::Intune => matches!(kind, Kind::Msi | Kind::Pkg),
            Self::Gpo => matches!(kind, Kind::Msi),
            Self::Jamf => matches!(kind, Kind::Pkg),
            Self::Dnf => matches!(kind, Kind::Rpm),
        }
    }

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intune => "intune",
            Self::Gpo => "gpo",
            Self::Jamf => "jamf",
            Self::Dnf => "dnf",
        }
    }

    /// Whose rules it has for such an installer.
    #[must_use]
    pub const fn profile(self, kind: Kind) -> Profile {
        match (self, kind) {
            (Self::Intune, Kind::Pkg) => Profile::IntuneMacos,
            (Self::Intune, _) => Profile::IntuneWindows,
            (Self::Gpo, _) => Profile::Gpo,
            (Self::Jamf, _) => Profile::Jamf,
            (Self::Dnf, _) => Profile::Rhel,
        }
    }
}
