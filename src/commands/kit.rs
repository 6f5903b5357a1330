//! `stampwright kit`: what an admin uploads to a management system, as a folder that appears whole or not at all.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};
use container::at::FileAt;
use installer::format::{Format, Inspection, TokenSummary};
use installer::{Epoch, Kind, Report, Severity, Token, formats};
use kit::intune::intunewin::Keys;
use kit::macos::Macos;
use kit::windows::Windows;
use kit::{Folder, KitError};
use serde::Serialize;

use super::profile::Around;
use crate::cli::Profile;
use crate::doors;
use crate::failure::Failure;
use crate::issued::Issued;
use crate::once::Once;
use crate::output::{PendingFolder, Readers};
use crate::receipt::{self, FileDigest, TOOL};
use crate::source;

#[derive(Debug, Args)]
pub struct Kit {
    /// The installer, stamped or a base
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The management systems
    #[arg(long = "for", value_name = "SYSTEM", value_delimiter = ',', required = true)]
    pub systems: Vec<System>,
    /// The folder to write; it must not be there yet, or be empty
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// For a base: the token, which then comes in a transform or a profile; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "token_env")]
    pub token_file: Option<PathBuf>,
    /// For a base: the environment variable with the token
    #[arg(long, value_name = "NAME")]
    pub token_env: Option<String>,
    /// Whose devices: profiles of one tenant keep their identifiers from kit to kit. Default: the token's tenant, if it names one
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
    /// Where the package will be, for Apple's manifest and Jamf's deploy-package
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub package_url: Option<String>,
    /// Print the kit's receipt on standard output
    #[arg(long)]
    pub json: bool,
}

/// A management system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Microsoft Intune: an msi or a pkg
    Intune,
    /// Group Policy: an msi
    Gpo,
    /// Jamf Pro: a pkg
    Jamf,
}

impl System {
    /// Whether it takes such an installer.
    pub const fn takes(self, kind: Kind) -> bool {
        matches!((self, kind), (Self::Intune, Kind::Msi | Kind::Pkg) | (Self::Gpo, Kind::Msi) | (Self::Jamf, Kind::Pkg))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Intune => "intune",
            Self::Gpo => "gpo",
            Self::Jamf => "jamf",
        }
    }
}

pub fn run(args: &Kit) -> Result<(), Failure> {
    let token = match (&args.token_file, &args.token_env) {
        (None, None) => None,
        (Some(path), _) => Some(source::token_file(path)?),
        (None, Some(name)) => Some(source::token_env(name)?),
    };
    let pending = PendingFolder::create(&args.output, false)?;
    let order = Order {
        systems: &args.systems,
        token: token.as_ref(),
        tenant: args.tenant.as_deref(),
        package_url: args.package_url.as_deref(),
        epoch: doors::epoch()?,
    };
    let receipt = order.write(pending, &args.file)?;
    if args.json {
        return receipt::print(&receipt);
    }
    // The receipt itself is one more.
    eprintln!("wrote {}: {} files; start with README.md", args.output.display(), receipt.files.len() + 1);
    Ok(())
}

/// Refuses systems that take none of the installers, and places where something other than a kit lies: before anything is made.
pub fn check_places<'a>(
    systems: &[System],
    installers: impl Iterator<Item = (&'a Path, Kind)> + Clone,
) -> Result<(), Failure> {
    for system in systems {
        let mut fitting = installers.clone().filter(|(_, kind)| system.takes(*kind)).peekable();
        if fitting.peek().is_none() {
            return Err(Failure::usage(format!("{} takes none of these installers", system.name())));
        }
        for (path, _) in fitting {
            // Only looks: what it would fill is gone at once.
            drop(place(path)?);
        }
    }
    Ok(())
}

/// Beside an installer: `Agent.msi.kit`. Only a kit gives way to a kit.
fn place(installer: &Path) -> Result<PendingFolder, Failure> {
    let mut name = installer.as_os_str().to_owned();
    name.push(".kit");
    let folder = PathBuf::from(name);
    PendingFolder::create(&folder, folder.join(RECEIPT).is_file())
}

/// The kit of an installer that was just made, beside it: `Agent.msi.kit`. Replaces the one of an earlier run.
pub fn beside(path: &Path, kind: Kind, systems: &[System], epoch: Epoch) -> Result<Option<Receipt>, Failure> {
    let systems: Vec<System> = systems.iter().copied().filter(|system| system.takes(kind)).collect();
    if systems.is_empty() {
        return Ok(None);
    }
    let order = Order { systems: &systems, token: None, tenant: None, package_url: None, epoch };
    let receipt = order.write(place(path)?, path)?;
    eprintln!("made {}.kit", path.display());
    Ok(Some(receipt))
}

/// The receipt's name in its kit.
const RECEIPT: &str = "kit.json";

/// `kit.json`.
#[derive(Debug, Serialize)]
pub struct Receipt {
    tool: &'static str,
    /// The installer that the kit was made of.
    installer: String,
    #[serde(flatten)]
    digest: FileDigest,
    #[serde(flatten)]
    inspection: Inspection,
    #[serde(rename = "for")]
    systems: Vec<System>,
    /// The token that came with the kit, where the installer has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    kit_token: Option<TokenSummary>,
    /// Whether somebody who reads the kit can enroll a device.
    secret: bool,
    files: Vec<KitFile>,
}

#[derive(Debug, Serialize)]
struct KitFile {
    path: String,
    #[serde(flatten)]
    digest: FileDigest,
}

/// What kits are made of, beside the installer.
pub struct Order<'a> {
    pub systems: &'a [System],
    pub token: Option<&'a Token>,
    pub tenant: Option<&'a str>,
    pub package_url: Option<&'a str>,
    pub epoch: Epoch,
}

impl Order<'_> {
    /// Makes a kit and puts it in its place.
    pub fn write(&self, pending: PendingFolder, path: &Path) -> Result<Receipt, Failure> {
        let about = |failure: Failure| failure.about(path);
        let file = source::installer(path)?;
        let format = formats::recognise(&file).map_err(|error| about(error.into()))?;
        let mut systems = self.systems.to_vec();
        systems.sort_unstable();
        systems.dedup();
        if let Some(wrong) = systems.iter().find(|system| !system.takes(format.kind())) {
            let message = format!("{} takes no {}", wrong.name(), format.kind().extension());
            return Err(about(Failure::usage(message)));
        }
        check(format, &file, path, &systems)?;
        let inspection = format.inspect(&file).map_err(|error| about(error.into()))?;
        let own = format.token(&file).map_err(|error| about(error.into()))?;
        // A kit with a token that nobody can use is found on the devices, days later.
        let claims = match self.token.or(own.as_ref()) {
            Some(token) => {
                Issued::for_file(format, &file).map_err(about)?.check(token).map_err(|error| about(error.into()))?
            }
            None => None,
        };
        let tenant = self.tenant.map(str::to_owned).or(claims.map(|claims| claims.tenant)).unwrap_or_default();
        let mut folder = Folder::new(pending.root().to_path_buf());
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let written = match format.kind() {
            Kind::Msi => self.windows(&systems, &file, &name, &mut folder),
            Kind::Pkg => self.macos(&systems, &file, &name, &tenant, &mut folder),
            Kind::Deb => Ok(()),
        };
        written.map_err(|error| about(error.into()))?;
        let secret = inspection.token.is_some() || self.token.is_some();
        let names: Vec<&str> = systems.iter().map(|system| system.name()).collect();
        let index = Index { product: &inspection.product, version: &inspection.version, systems: names, secret };
        folder.page("README.md", "kit/index.md.hbs", include_str!("../../templates/kit/index.md.hbs"), &index)?;
        let receipt = Receipt {
            tool: TOOL,
            installer: name.into_owned(),
            digest: receipt::digest(&file, path)?,
            inspection,
            systems,
            kit_token: self.token.map(TokenSummary::from),
            secret,
            files: digests(&folder)?,
        };
        folder.json(RECEIPT, &serde_json::to_value(&receipt).map_err(Failure::wrong)?)?;
        pending.finish(if secret { Readers::Owner } else { Readers::All })?;
        Ok(receipt)
    }

    fn windows(&self, systems: &[System], file: &FileAt, name: &str, folder: &mut Folder) -> Result<(), KitError> {
        let msi = Windows::read(file, name)?;
        for system in systems {
            match system {
                System::Gpo => kit::gpo::write(folder, &msi, file, self.token)?,
                System::Intune => {
                    kit::intune::windows::write(folder, &msi, file, self.token, &keys()?, self.epoch)?;
                }
                System::Jamf => {}
            }
        }
        Ok(())
    }

    fn macos(
        &self,
        systems: &[System],
        file: &FileAt,
        name: &str,
        tenant: &str,
        folder: &mut Folder,
    ) -> Result<(), KitError> {
        let pkg = Macos::read(file, name, folder)?;
        for system in systems {
            match system {
                System::Jamf => kit::jamf::write(folder, &pkg, file, self.token, tenant, self.package_url)?,
                System::Intune => {
                    kit::intune::macos::write(folder, &pkg, file, self.token, tenant, self.epoch)?;
                }
                System::Gpo => {}
            }
        }
        Ok(())
    }
}

fn digests(folder: &Folder) -> Result<Vec<KitFile>, Failure> {
    let digest = |name: &String| {
        let file = source::installer(&folder.root().join(name))?;
        Ok(KitFile { path: name.clone(), digest: receipt::digest(&file, Path::new(name))? })
    };
    folder.files().iter().map(digest).collect()
}

#[derive(Serialize)]
struct Index<'a> {
    product: &'a str,
    version: &'a str,
    systems: Vec<&'static str>,
    secret: bool,
}

/// Everything that the format and the systems' own rules know must hold: a kit is checked before the upload.
fn check(format: &dyn Format, file: &FileAt, path: &Path, systems: &[System]) -> Result<(), Failure> {
    let mut report = Report::new();
    format.verify(file, &mut report).map_err(|error| Failure::from(error).about(path))?;
    for system in systems {
        let profile = match (system, format.kind()) {
            (System::Intune, Kind::Pkg) => Profile::IntuneMacos,
            (System::Intune, _) => Profile::IntuneWindows,
            (System::Gpo, _) => Profile::Gpo,
            (System::Jamf, _) => Profile::Jamf,
        };
        if kit::rules::Profile::from(profile).kind() == format.kind() {
            super::profile::check(profile, format, file, (path, Around::Kit), &mut report)?;
        }
    }
    let is_worth_saying = report.count(Severity::Error) + report.count(Severity::Warning) > 0;
    if is_worth_saying {
        super::verify::print(&report, path);
    }
    if report.is_ok() {
        Ok(())
    } else {
        Err(Failure::wrong("the installer does not verify; no kit was made").about(path))
    }
}

fn keys() -> Result<Keys, KitError> {
    let mut random = zeroize::Zeroizing::new([0; Keys::BYTES]);
    doors::fill(&mut *random)
        .map_err(|problem| KitError::Document { path: "keys".to_owned(), problem: problem.to_string() })?;
    Ok(Keys::new(&random))
}
