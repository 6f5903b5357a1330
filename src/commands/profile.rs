//! The rules of management systems, for `verify --profile` and `rules`.

use std::io::{Read, Write};
use std::path::Path;

use clap::Args;
use container::ReadAt;
use installer::format::Format;
use installer::{Kind, Report, msi};
use kit::rules::{self, Base, Beside, Outcome, Subject};
use serde::Serialize;

use crate::cli::Profile;
use crate::doors;
use crate::failure::Failure;
use crate::receipt;
use crate::source;

/// More than any profile that is assigned by hand.
const PROFILE_LIMIT_BYTES: u64 = 1 << 20;
/// More profiles than any kit has.
const PROFILES_LIMIT: usize = 64;

#[derive(Debug, Args)]
pub struct Rules {
    /// Only the rules of this management system
    pub profile: Option<Profile>,
    /// Print them as one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

/// Prints the rules themselves.
pub fn list(args: &Rules) -> Result<(), Failure> {
    let profiles = args.profile.map_or_else(|| rules::Profile::ALL.to_vec(), |profile| vec![profile.into()]);
    if args.json {
        let documents: Vec<Listed> = profiles.iter().flat_map(|profile| rules::of(*profile).map(listed)).collect();
        return receipt::print(&documents);
    }
    let page = rules::page(&profiles);
    std::io::stdout().lock().write_all(page.as_bytes()).map_err(Failure::io("write", Path::new("standard output")))
}

#[derive(Debug, Serialize)]
struct Listed {
    id: &'static str,
    severity: installer::Severity,
    profiles: &'static [rules::Profile],
    what: &'static str,
    why: &'static str,
    remedy: &'static str,
    source: &'static str,
}

fn listed(rule: &rules::Rule) -> Listed {
    let rules::Rule { id, severity, profiles, what, why, remedy, source, .. } = *rule;
    Listed { id, severity, profiles, what, why, remedy, source }
}

/// What is around an installer.
#[derive(Debug, Clone, Copy)]
pub enum Around<'a> {
    /// Its folder; perhaps its base is known.
    Folder(Option<&'a Path>),
    /// The kit that is made of it.
    Kit,
}

/// Checks an installer against the rules of a profile.
pub fn check(
    profile: Profile,
    format: &dyn Format,
    file: &dyn ReadAt,
    (path, around): (&Path, Around<'_>),
    report: &mut Report,
) -> Result<Vec<Outcome>, Failure> {
    let profile = rules::Profile::from(profile);
    if profile.kind() != format.kind() {
        let (wanted, found) = (profile.kind().extension(), format.kind().extension());
        let message = format!("the profile {} is for {wanted}, this is {found}", profile.name());
        return Err(Failure::usage(message));
    }
    let mut subject = Subject::read(file, &name_of(path), doors::now())?;
    match around {
        Around::Folder(base) => {
            subject.base = base.map(base_of).transpose()?;
            if profile.kind() == Kind::Pkg {
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

fn base_of(path: &Path) -> Result<Base, Failure> {
    let file = source::installer(path)?;
    let format = installer::formats::recognise(&file)?;
    let package_code = match format.kind() {
        Kind::Msi => msi::contents(&file)?.package_code,
        Kind::Pkg | Kind::Deb => String::new(),
    };
    Ok(Base { name: name_of(path), package_code })
}

/// The payload types of the profiles in the installer's folder. What cannot be read there is not there.
fn beside(path: &Path) -> Beside {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut payload_types = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return Beside { payload_types } };
    let profiles = entries.filter_map(Result::ok).map(|entry| entry.path());
    for profile in
        profiles.filter(|path| path.extension().is_some_and(|end| end == "mobileconfig")).take(PROFILES_LIMIT)
    {
        let mut text = Vec::new();
        let read = std::fs::File::open(&profile).map(|file| file.take(PROFILE_LIMIT_BYTES).read_to_end(&mut text));
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

impl From<Profile> for rules::Profile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Gpo => Self::Gpo,
            Profile::IntuneWindows => Self::IntuneWindows,
            Profile::IntuneMacos => Self::IntuneMacos,
            Profile::Jamf => Self::Jamf,
            Profile::Debian => Self::Debian,
        }
    }
}
