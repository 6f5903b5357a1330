//! The rules of management systems, for `verify --profile`.

use std::path::Path;

use container::ReadAt;
use installer::format::Format;
use installer::{Kind, Report};

use crate::cli::Profile;
use crate::failure::Failure;

pub fn check(
    profile: Profile,
    format: &dyn Format,
    file: &dyn ReadAt,
    path: &Path,
    report: &mut Report,
) -> Result<(), Failure> {
    match (profile, format.kind()) {
        (Profile::IntuneMacos, Kind::Pkg) => Ok(kit::intune::rules::check(file, report)?),
        (Profile::IntuneMacos, kind) => {
            let message =
                format!("{}: the profile intune-macos is for a pkg, not for a {}", path.display(), kind.extension());
            Err(Failure::usage(message))
        }
    }
}
