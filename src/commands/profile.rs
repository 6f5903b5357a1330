//! The rules of management systems, for `verify --profile`.

use std::path::Path;

use container::ReadAt;
use installer::Report;
use installer::format::Format;

use crate::cli::Profile;
use crate::failure::Failure;

pub fn check(
    profile: Profile,
    format: &dyn Format,
    file: &dyn ReadAt,
    path: &Path,
    report: &mut Report,
) -> Result<(), Failure> {
    let _ = (profile, format, file, path, report);
    Err(Failure::usage("no profile is known yet"))
}
