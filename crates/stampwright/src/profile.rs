//! The rules of management systems, for an installer where it lies.

use std::io::Read;
use std::path::Path;

use container::ReadAt;
use installer::{Platform, Report, formats};
use kit::rules::{self, Beside, Outcome, Subject};

use crate::error::{Error, Result};
use crate::input;

/// More than any profile that is assigned by hand.
const MAX_PROFILE_BYTES: u64 = 1 << 20;
/// More profiles than any kit has.
const MAX_PROFILES: usize = 64;

/// What is around an installer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Around<'a> {
    /// Its folder; perhaps its base is known.
    Folder(Option<&'a Path>),
    /// The kit that is made of it.
    Kit,
}

/// Checks an installer against the rules of a profile.
pub(crate) fn check(
    profile: rules::Profile,
    file: &dyn ReadAt,
    path: &Path,
    around: Around<'_>,
    now: u64,
    report: &mut Report,
) -> Result<Vec<Outcome>> {
    let kind = formats::recognise(file)?.kind();
    if profile.kind() != kind {
        let (wanted, found) = (profile.kind().extension(), kind.extension());
        let message = format!("the profile {} is for {wanted}, this is {found}", profile.name());
        return Err(Error::usage(message));
    }
    let mut subject = Subject::read(file, &name_of(path), now)?;
    match around {
        Around::Folder(base) => {
            subject.base = base.map(base_of).transpose()?;
            if kind.platform() == Platform::Macos {
                subject.beside = beside(path);
            }
        }
        // A kit brings the profiles along, and the token where the installer has none.
        Around::Kit => {
            let payload_types = rules::PROFILE_PAYLOADS.map(str::to_owned).to_vec();
            (subject.beside, subject.has_token) = (Beside { payload_types }, true);
        }
    }
    Ok(rules::check(profile, &subject, report))
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn base_of(path: &Path) -> Result<rules::Base> {
    let file = input::installer(path)?;
    let package_code = formats::open(&file)?.inspect()?.details.remove("PackageCode").unwrap_or_default();
    Ok(rules::Base { name: name_of(path), package_code })
}

/// The payload types of the profiles in the installer's folder. What cannot be read there is not there.
fn beside(path: &Path) -> Beside {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut payload_types = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return Beside { payload_types } };
    let profiles = entries.filter_map(Result::ok).map(|entry| entry.path());
    for profile in profiles.filter(|path| path.extension().is_some_and(|end| end == "mobileconfig")).take(MAX_PROFILES)
    {
        let mut text = Vec::new();
        let read = std::fs::File::open(&profile).map(|file| file.take(MAX_PROFILE_BYTES).read_to_end(&mut text));
        if read.is_err() {
            continue;
        }
        // A signed profile has its text in the clear as well.
        let text = String::from_utf8_lossy(&text);
        let types = text.split("<key>PayloadType</key>").skip(1).filter_map(|rest| {
            let value = rest.trim_start().strip_prefix("<string>")?;
            value.split("</string>").next().map(str::to_owned)
        });
        payload_types.extend(types);
    }
    Beside { payload_types }
}
