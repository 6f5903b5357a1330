//! What an admin uploads to a management system, as a folder that appears whole or not at all.

use std::path::{Path, PathBuf};

use container::read_at::FileAt;
use installer::format::{Installer, TokenSummary};
use installer::{Epoch, Kind, Platform, Report, Severity, Token, formats};
use kit::Folder;
use kit::intune::intunewin::Keys;
use kit::macos::Macos;
use kit::windows::Windows;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::description::Description;
use crate::error::{Error, Result};
use crate::input;
use crate::observer::{Entropy, Event, Observer};
use crate::output::{PendingFolder, Readers};
use crate::policy;
use crate::profile::{self, Around};
use crate::receipt::{FileDigest, TOOL};
use crate::system::System;

/// Refuses systems that take none of the installers, and places where something other than a kit lies: before anything is made.
pub(crate) fn check_places<'a>(
    systems: &[System],
    installers: impl Iterator<Item = (&'a Path, Kind)> + Clone,
) -> Result<()> {
    for system in systems {
        let mut fitting = installers.clone().filter(|(_, kind)| system.takes(*kind)).peekable();
        if fitting.peek().is_none() {
            return Err(Error::usage(format!("{} takes none of these installers", system.name())));
        }
        for (path, _) in fitting {
            // Only looks: what it would fill is gone at once.
            drop(place(path)?);
        }
    }
    Ok(())
}

/// Only a kit gives way to a kit.
fn place(installer: &Path) -> Result<PendingFolder> {
    let folder = kit_of(installer);
    if folder.join(RECEIPT).is_file() { PendingFolder::replace(&folder) } else { PendingFolder::create(&folder) }
}

/// Beside an installer: `Agent.msi.kit`.
fn kit_of(installer: &Path) -> PathBuf {
    let mut name = installer.as_os_str().to_owned();
    name.push(".kit");
    PathBuf::from(name)
}

/// The kit of an installer that was just made, beside it: `Agent.msi.kit`. Replaces the one of an earlier run.
pub(crate) fn beside(
    path: &Path,
    kind: Kind,
    options: &KitOptions<'_>,
    observer: &dyn Observer,
) -> Result<Option<KitReceipt>> {
    let systems: Vec<System> = options.systems.iter().copied().filter(|system| system.takes(kind)).collect();
    if systems.is_empty() {
        return Ok(None);
    }
    let receipt = KitOptions { systems: &systems, ..*options }.write(place(path)?, path, observer)?;
    observer.notice(&Event::Made { verb: "made", path: &kit_of(path) });
    Ok(Some(receipt))
}

/// The receipt's name in its kit.
const RECEIPT: &str = "kit.json";

/// What a kit is, and what is in it: `kit.json`.
#[derive(Debug, Serialize)]
pub struct KitReceipt {
    tool: &'static str,
    /// The installer that the kit was made of.
    installer: String,
    #[serde(flatten)]
    digest: FileDigest,
    #[serde(flatten)]
    described: Description,
    #[serde(rename = "for")]
    systems: Vec<System>,
    /// The token that came with the kit, where the installer has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    kit_token: Option<TokenSummary>,
    /// Whether somebody who reads the kit can enroll a device.
    secret: bool,
    files: Vec<KitFile>,
}

impl KitReceipt {
    /// How many files the kit has, its receipt included.
    #[must_use]
    pub const fn files(&self) -> usize {
        self.files.len() + 1
    }
}

#[derive(Debug, Serialize)]
struct KitFile {
    path: String,
    #[serde(flatten)]
    digest: FileDigest,
}

/// Makes the kit of an installer into a folder, which must not be there yet or be empty.
///
/// # Errors
/// The installer does not verify, is not what a system takes, or there is not exactly one token; the token cannot be used.
pub fn kit(installer: &Path, options: &KitOptions<'_>, output: &Path, observer: &dyn Observer) -> Result<KitReceipt> {
    let pending = PendingFolder::create(output)?;
    options.write(pending, installer, observer)
}

/// What kits are made of, beside the installer.
#[derive(Clone, Copy)]
pub struct KitOptions<'a> {
    /// The management systems.
    pub systems: &'a [System],
    /// For a base: the token, which then comes in a transform or a profile.
    pub token: Option<&'a Token>,
    /// Whose devices. Default: the token's tenant, if it names one.
    pub tenant: Option<&'a str>,
    /// Where the package will be, for Apple's manifest, Jamf's deploy-package and dnf's `.repo` file.
    pub package_url: Option<&'a str>,
    /// The date of everything that is built.
    pub epoch: Epoch,
    /// Seconds since 1970.
    pub now: u64,
    /// For the keys of an `.intunewin`.
    pub entropy: &'a dyn Entropy,
}

impl KitOptions<'_> {
    /// Makes a kit and puts it in its place.
    fn write(&self, pending: PendingFolder, path: &Path, observer: &dyn Observer) -> Result<KitReceipt> {
        let about = |error: Error| error.about(path);
        let file = input::installer(path)?;
        let opened = formats::open(&file).map_err(|error| about(error.into()))?;
        let kind = opened.format().kind();
        let mut systems = self.systems.to_vec();
        systems.sort_unstable();
        systems.dedup();
        if let Some(wrong) = systems.iter().find(|system| !system.takes(kind)) {
            let message = format!("{} takes no {}", wrong.name(), kind.extension());
            return Err(about(Error::usage(message)));
        }
        self.check(&*opened, &file, path, &systems, observer)?;
        let described = Description::from(opened.inspect().map_err(|error| about(error.into()))?);
        let own = opened.token().map_err(|error| about(error.into()))?;
        // A kit with a token that is of no use is found on the devices, days later.
        let claims = match self.token.or(own.as_ref()) {
            Some(token) => policy::for_installer(&*opened)
                .map_err(about)?
                .check(token, self.now)
                .map_err(|error| about(error.into()))?,
            None => None,
        };
        let tenant = self.tenant.map(str::to_owned).or(claims.map(|claims| claims.tenant)).unwrap_or_default();
        let mut folder = Folder::new(pending.root().to_path_buf());
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let written = match kind.platform() {
            Platform::Windows => self.windows(&systems, &file, &name, &mut folder),
            Platform::Macos => self.macos(&systems, &file, &name, &tenant, &mut folder),
            Platform::Linux => self.linux(&systems, &file, &described, &mut folder),
        };
        written.map_err(about)?;
        let secret = described.token.is_some() || self.token.is_some();
        let names: Vec<&str> = systems.iter().map(|system| system.name()).collect();
        let index = Index { product: &described.product, version: &described.version, systems: names, secret };
        folder.page("README.md", "kit/index.md.hbs", include_str!("../../../templates/kit/index.md.hbs"), &index)?;
        let receipt = KitReceipt {
            tool: TOOL,
            installer: name.into_owned(),
            digest: FileDigest::read(&file, path)?,
            described,
            systems,
            kit_token: self.token.map(TokenSummary::from),
            secret,
            files: digests(&folder)?,
        };
        folder.json(RECEIPT, &serde_json::to_value(&receipt).map_err(Error::wrong)?)?;
        pending.finish(if secret { Readers::Owner } else { Readers::All })?;
        Ok(receipt)
    }

    fn windows(&self, systems: &[System], file: &FileAt, name: &str, folder: &mut Folder) -> Result<()> {
        let msi = Windows::read(file, name)?;
        for system in systems {
            match system {
                System::Gpo => kit::gpo::write(folder, &msi, file, self.token)?,
                System::Intune => {
                    let keys = keys(self.entropy)?;
                    kit::intune::windows::write(folder, &msi, file, self.token, &keys, self.epoch)?;
                }
                System::Jamf | System::Dnf => {}
            }
        }
        Ok(())
    }

    fn macos(&self, systems: &[System], file: &FileAt, name: &str, tenant: &str, folder: &mut Folder) -> Result<()> {
        let pkg = Macos::read(file, name, folder)?;
        for system in systems {
            match system {
                System::Jamf => kit::jamf::write(folder, &pkg, file, self.token, tenant, self.package_url)?,
                System::Intune => {
                    kit::intune::macos::write(folder, &pkg, file, self.token, tenant, self.epoch)?;
                }
                System::Gpo | System::Dnf => {}
            }
        }
        Ok(())
    }

    fn linux(&self, systems: &[System], file: &FileAt, described: &Description, folder: &mut Folder) -> Result<()> {
        let is_base = described.is_ours && described.token.is_none();
        for system in systems {
            match system {
                System::Dnf => {
                    kit::dnf::write(folder, file, &described.product, is_base, self.token, self.package_url)?;
                }
                System::Intune | System::Gpo | System::Jamf => {}
            }
        }
        Ok(())
    }

    /// Everything that the format and the systems' own rules know must hold: a kit is checked before the upload.
    fn check(
        &self,
        installer: &dyn Installer,
        file: &FileAt,
        path: &Path,
        systems: &[System],
        observer: &dyn Observer,
    ) -> Result<()> {
        let mut report = Report::new();
        installer.verify(&mut report).map_err(|error| Error::from(error).about(path))?;
        let is_good = report.is_ok();
        for system in systems {
            let kind = installer.format().kind();
            let profile = system.profile(kind);
            if profile.kind() == kind {
                profile::check(profile, file, path, Around::Kit, self.now, &mut report)?;
            }
        }
        let is_worth_saying = report.count(Severity::Error) + report.count(Severity::Warning) > 0;
        if is_worth_saying {
            observer.notice(&Event::Verified { path, report: &report });
        }
        if report.is_ok() {
            return Ok(());
        }
        let message = match is_good {
            true => {
                let names: Vec<&str> = systems.iter().map(|system| system.name()).collect();
                format!("the installer does not meet the rules of {}; no kit was made", names.join(" and "))
            }
            false => "the installer does not verify; no kit was made".to_owned(),
        };
        Err(Error::wrong(message).about(path))
    }
}

fn digests(folder: &Folder) -> Result<Vec<KitFile>> {
    let digest = |name: &String| {
        let file = input::installer(&folder.root().join(name))?;
        Ok(KitFile { path: name.clone(), digest: FileDigest::read(&file, Path::new(name))? })
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

/// Keys of an `.intunewin`.
fn keys(entropy: &dyn Entropy) -> Result<Keys> {
    let mut random = Zeroizing::new([0; Keys::BYTES]);
    entropy.fill(&mut *random)?;
    Ok(Keys::new(&random))
}
