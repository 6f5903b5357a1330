//! Names that can be typed: of formats and profiles, out of the library's tables, and of management systems.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use installer::formats;
use stampwright::s3::AddressStyle;
use stampwright::{Kind, Profile, System};

/// The formats, by their files' endings.
pub fn format_names() -> impl TypedValueParser<Value = Kind> {
    let kinds = formats::FORMATS.map(|format| format.kind());
    PossibleValuesParser::new(kinds.map(Kind::extension))
        .try_map(move |name| kinds.into_iter().find(|kind| kind.extension() == name).ok_or("is no format"))
}

/// Whose rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileName {
    One(Profile),
    /// Intune's for the file's format.
    Intune,
}

impl ProfileName {
    /// The profiles that are meant.
    pub fn all(self) -> Vec<Profile> {
        match self {
            Self::One(profile) => vec![profile],
            Self::Intune => [Kind::Msi, Kind::Pkg].map(|kind| System::Intune.profile(kind)).to_vec(),
        }
    }

    /// The profile for files of a format.
    pub fn of(self, kind: Kind) -> Profile {
        match self {
            Self::One(profile) => profile,
            Self::Intune => System::Intune.profile(kind),
        }
    }
}

/// The management systems whose rules can be checked.
pub fn profile_names() -> impl TypedValueParser<Value = ProfileName> {
    const INTUNE: &str = "intune";
    let intune = PossibleValue::new(INTUNE).help("Microsoft Intune, by the file's format");
    let names = Profile::ALL.map(|profile| PossibleValue::new(profile.name()).help(profile.title()));
    PossibleValuesParser::new(names.into_iter().chain([intune])).try_map(|name| {
        let one = Profile::ALL.into_iter().find(|profile| profile.name() == name).map(ProfileName::One);
        one.or((name == INTUNE).then_some(ProfileName::Intune)).ok_or("is no profile")
    })
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
    /// dnf and zypper: an rpm
    Dnf,
}

impl From<SystemName> for System {
    fn from(name: SystemName) -> Self {
        match name {
            SystemName::Intune => Self::Intune,
            SystemName::Gpo => Self::Gpo,
            SystemName::Jamf => Self::Jamf,
            SystemName::Dnf => Self::Dnf,
        }
    }
}

/// Where an address of an object store has the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AddressStyleName {
    /// <https://HOST/BUCKET/KEY>
    Path,
    /// <https://BUCKET.HOST/KEY>
    Virtual,
}

impl From<AddressStyleName> for AddressStyle {
    fn from(name: AddressStyleName) -> Self {
        match name {
            AddressStyleName::Path => Self::Path,
            AddressStyleName::Virtual => Self::Virtual,
        }
    }
}
