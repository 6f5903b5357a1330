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
}

impl System {
    /// Whether it takes such an installer.
    #[must_use]
    pub const fn takes(self, kind: Kind) -> bool {
        matches!((self, kind), (Self::Intune, Kind::Msi | Kind::Pkg) | (Self::Gpo, Kind::Msi) | (Self::Jamf, Kind::Pkg))
    }

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intune => "intune",
            Self::Gpo => "gpo",
            Self::Jamf => "jamf",
        }
    }

    /// Whose rules it has for such an installer.
    pub(crate) const fn profile(self, kind: Kind) -> Profile {
        match (self, kind) {
            (Self::Intune, Kind::Pkg) => Profile::IntuneMacos,
            (Self::Intune, _) => Profile::IntuneWindows,
            (Self::Gpo, _) => Profile::Gpo,
            (Self::Jamf, _) => Profile::Jamf,
        }
    }
}
